// The events of a cluster, in the order of an instant.
#include "serving/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>
#include <vector>

#include "engine/run_loop.hpp"
#include "serving/replica.hpp"
#include "serving/routing/signal_board.hpp"
#include "serving/ways.hpp"

namespace foretoken {
namespace {

// At one instant: what has ended frees its seats first; who goes on elsewhere is routed when all that ended is known;
// then those who come (a finish may send its successor at once), then those who give up; the schedule calls see it all.
enum EventPriority { kBoundaryFirst, kThenHandOvers, kThenArrivals, kThenTimeouts };

// Beyond 2^62 ns (146 years) sums of times would overflow.
constexpr TimePoint kHorizon{Duration{std::int64_t{1} << 62}};

class Cluster final : public DepartureListener {
 public:
  Cluster(const PoolsConfig& config, RequestSource& source, Observer& observer, const std::atomic<bool>* stop,
          ClusterSeams seams);

  SimulationOutcome run();

  // ---- what replicas call ----
  void departed(int rank, const Request& request, Outcome outcome, TimePoint now) override;
  void handed_over(const HandOver& what) override;
  void step_too_long(int rank) override;

  // ---- events, and what run_events calls ----
  struct Boundary {
    int replica;
  };                       // running steps end, or an idle engine wakes
  struct HandOversDue {};  // requests that leave their prefill replicas now are routed on
  struct Arrival {};       // the source's next request
  struct Inbound {
    int replica;
  };  // a request on its way reaches it
  struct QueueTimeout {
    int replica;
  };  // someone has waited too long
  using Event = std::variant<Boundary, HandOversDue, Arrival, Inbound, QueueTimeout>;

  void operator()(const Boundary& event, TimePoint now);
  void operator()(const HandOversDue&, TimePoint now);
  void operator()(const Arrival&, TimePoint now);
  void operator()(const Inbound& event, TimePoint now);
  void operator()(const QueueTimeout& event, TimePoint now);
  void instant_over(TimePoint now);
  [[nodiscard]] bool stopped(TimePoint next);

 private:
  struct Member {
    std::unique_ptr<Replica> replica;
    RoutingPolicy* router = nullptr;  // that chooses it
    int candidate = 0;                // its number there
    PoolRole role = PoolRole::both;
    bool waits_for_call = false;
    std::optional<SignalBoard> board;  // none: the router sees it as it is
    EventQueue<Event>::Handle boundary = 0, inbound = 0, timeout = 0;
    Ways ways;  // to it
  };

  // Of the replicas among which a router chooses.
  class View;

  void add_pool(const PoolConfig& pool, const PrefixTable* prefixes, const EnginePolicyMaker& make_policy);
  void make_routers(const PrefixTable* prefixes);
  [[nodiscard]] const Member& member(int replica) const { return members_[static_cast<std::size_t>(replica)]; }
  [[nodiscard]] Member& member(int replica) { return members_[static_cast<std::size_t>(replica)]; }
  [[nodiscard]] int replica_of(int rank) const { return replica_of_rank_[static_cast<std::size_t>(rank)]; }
  [[nodiscard]] int choose(RoutingPolicy& router, const std::vector<int>& candidates, const Request& request,
                           TimePoint now);
  void send(int replica, OnTheWay what, Duration takes, TimePoint now);
  void reach(int replica, const Request& request, TimePoint now);
  void reach(int replica, const HandOver& what, TimePoint now);
  void changes(int replica, TimePoint now, bool after_all_at_now = false);
  void call_later(int replica);
  void touched(int replica, TimePoint now);
  void refresh(int replica, TimePoint now);
  void abandon();

  const PoolsConfig& config_;
  RequestSource& source_;
  Observer& observer_;
  const std::atomic<bool>* stop_;
  std::unique_ptr<RoutingPolicy> entry_router_;
  std::unique_ptr<RoutingPolicy> decode_router_;  // null: nothing is handed over
  std::unique_ptr<Transport> transport_;
  EventQueue<Event> events_;
  EventQueue<Event>::Handle arrival_ = 0;
  EventQueue<Event>::Handle hand_overs_due_ = 0;
  std::vector<Member> members_;  // the replicas of all pools
  std::vector<int> replica_of_rank_;
  std::vector<int> entry_;  // candidates of the routers: replicas
  std::vector<int> decode_;
  std::vector<HandOver> hand_overs_;  // of this instant
  std::vector<int> to_call_;          // replicas whose schedule call is due in this instant
  std::int64_t in_system_ = 0;
  SimulationOutcome outcome_;
};

class Cluster::View final : public ClusterView {
 public:
  View(const Cluster& cluster, const std::vector<int>& candidates, TimePoint now)
      : cluster_(cluster), candidates_(candidates), now_(now) {}
  int size() const override { return static_cast<int>(candidates_.size()); }
  TimePoint now() const override { return now_; }
  ReplicaSignals signals(int replica) const override {
    ReplicaSignals signals = seen(of(replica));
    signals.role = of(replica).role;
    return signals;
  }
  std::int64_t cached_tokens(int replica, const Request& request) const override {
    return of(replica).replica->cached_tokens(request, now_);
  }

 private:
  [[nodiscard]] ReplicaSignals seen(const Member& member) const {
    if (!member.board) return member.replica->signals(now_);
    return member.board->seen(now_);
  }
  [[nodiscard]] const Member& of(int replica) const {
    return cluster_.member(candidates_[static_cast<std::size_t>(replica)]);
  }

  const Cluster& cluster_;
  const std::vector<int>& candidates_;
  TimePoint now_;
};

Cluster::Cluster(const PoolsConfig& config, RequestSource& source, Observer& observer, const std::atomic<bool>* stop,
                 ClusterSeams seams)
    : config_(config),
      source_(source),
      observer_(observer),
      stop_(stop),
      entry_router_(std::move(seams.entry_router)),
      decode_router_(std::move(seams.decode_router)),
      transport_(std::move(seams.transport)) {
  arrival_ = events_.add(Arrival{}, kThenArrivals);
  hand_overs_due_ = events_.add(HandOversDue{}, kThenHandOvers);
  for (const PoolConfig& pool : config_.pools) add_pool(pool, source.prefixes(), seams.make_policy);
  make_routers(source.prefixes());
}

void Cluster::add_pool(const PoolConfig& pool, const PrefixTable* prefixes, const EnginePolicyMaker& make_policy) {
  std::vector<int>& candidates = pool.role == PoolRole::decode ? decode_ : entry_;
  for (int i = 0; i < pool.cluster.replicas; ++i) {
    const auto replica = static_cast<int>(members_.size());
    Member member;
    member.replica = std::make_unique<Replica>(static_cast<int>(replica_of_rank_.size()), pool, config_, make_policy,
                                               prefixes, observer_, *this);
    member.candidate = static_cast<int>(candidates.size());
    member.role = pool.role;
    member.boundary = events_.add(Boundary{replica}, kBoundaryFirst);
    member.inbound = events_.add(Inbound{replica}, kThenArrivals);
    member.timeout = events_.add(QueueTimeout{replica}, kThenTimeouts);
    members_.push_back(std::move(member));
    candidates.push_back(replica);
    for (int rank = 0; rank < pool.engine.data_parallel_size; ++rank) replica_of_rank_.push_back(replica);
  }
  outcome_.pool_ends.push_back(replica_of_rank_.size());
}

void Cluster::make_routers(const PrefixTable* prefixes) {
  const PoolConfig* entry = nullptr;
  const PoolConfig* decode = nullptr;
  bool hands_over = false;
  for (const PoolConfig& pool : config_.pools) {
    const PoolConfig*& first = pool.role == PoolRole::decode ? decode : entry;
    if (first == nullptr) first = &pool;
    hands_over = hands_over || pool.role == PoolRole::prefill;
  }
  invariant(entry != nullptr, "no pool where requests enter");
  invariant(hands_over == (decode != nullptr), "pools of role prefill and decode need each other");
  const auto make = [&](const PoolConfig& pool, const std::vector<int>& candidates, auto& router) {
    const auto n = static_cast<int>(candidates.size());
    if (!router) router = make_routing_policy({n, pool.cluster.router, pool.cluster.routing}, prefixes);
    for (const int i : candidates) {
      member(i).board = SignalBoard::of(pool.cluster.routing, member(i).candidate, n);
      member(i).router = router.get();
    }
  };
  make(*entry, entry_, entry_router_);
  if (hands_over) make(*decode, decode_, decode_router_);
}

SimulationOutcome Cluster::run() {
  events_.schedule(arrival_, source_.next_arrival());
  if (run_events(events_, *this)) {
    invariant(in_system_ == 0, [&] {
      return fmt::format("{} requests are left at {} s and nothing will happen", in_system_, to_seconds(outcome_.end));
    });
  } else {
    outcome_.unfinished = in_system_;
    outcome_.interrupted = outcome_.stop_reason.empty();
    abandon();
  }
  for (const Member& member : members_) {
    for (const auto& rank : member.replica->ranks()) {
      outcome_.replicas.push_back(rank->totals());
      outcome_.replicas.back().kv_blocks_at_end = rank->state().used_blocks();
    }
  }
  return std::move(outcome_);
}

void Cluster::abandon() {
  for (const Member& member : members_) {
    member.replica->abandon(outcome_.end);
    member.ways.visit([&](const OnTheWay& way) {
      const HandOver* what = std::get_if<HandOver>(&way);
      RequestRecord record = record_of(what == nullptr ? std::get<Request>(way) : what->request,
                                       member.replica->first_rank(), Outcome::unfinished, outcome_.end);
      if (what != nullptr) {
        record.scheduled = what->kv.scheduled;
        record.first_token = what->kv.first_token;
        record.preemptions = what->kv.preemptions;
        record.cached_tokens = static_cast<std::int32_t>(what->kv.prefix_hit);
      }
      observer_.on_request(record);
    });
  }
}

// ---- events ----

void Cluster::operator()(const Boundary& event, TimePoint now) {
  Replica& replica = *member(event.replica).replica;
  changes(event.replica, now);
  if (!replica.idle()) replica.end_steps(now);
  call_later(event.replica);
}

void Cluster::operator()(const HandOversDue&, TimePoint now) {
  for (HandOver& what : hand_overs_) {
    const int chosen = choose(*decode_router_, decode_, what.request, now);
    const Duration takes = transport_ ? transport_->of_kv(what, chosen) : Duration{};
    if (takes == Duration{})
      reach(chosen, what, now);
    else
      send(chosen, std::move(what), takes, now);
  }
  hand_overs_.clear();
}

void Cluster::operator()(const Arrival&, TimePoint now) {
  const Request request = source_.take();
  ++outcome_.arrived;
  ++in_system_;
  const int chosen = choose(*entry_router_, entry_, request, now);
  const Duration takes = transport_ ? transport_->to_replica(request, chosen) : Duration{};
  if (takes == Duration{})
    reach(chosen, request, now);
  else
    send(chosen, request, takes, now);
  outcome_.peak_in_system = std::max(outcome_.peak_in_system, in_system_);
  events_.schedule(arrival_, source_.next_arrival());
}

void Cluster::operator()(const Inbound& event, TimePoint now) {
  Ways& ways = member(event.replica).ways;
  while (ways.next() == now) {
    const OnTheWay what = ways.take();
    std::visit([&](const auto& arrival) { reach(event.replica, arrival, now); }, what);
  }
  events_.schedule(member(event.replica).inbound, ways.next());
}

void Cluster::operator()(const QueueTimeout& event, TimePoint now) {
  changes(event.replica, now);
  member(event.replica).replica->expire(now);
  touched(event.replica, now);
}

void Cluster::instant_over(TimePoint now) {
  outcome_.end = now;
  if (to_call_.size() > 1) std::sort(to_call_.begin(), to_call_.end());
  for (const int i : to_call_) {
    member(i).waits_for_call = false;
    changes(i, now, true);
    member(i).replica->schedule(now);
    refresh(i, now);
  }
  to_call_.clear();
}

bool Cluster::stopped(TimePoint next) {
  if (in_system_ > config_.max_requests_in_system) {
    outcome_.stop_reason =
        fmt::format("more than {} requests in the system at {:.3f} s: the load is far above capacity",
                    config_.max_requests_in_system, to_seconds(outcome_.end));
  } else if (next > kHorizon) {
    outcome_.stop_reason = "simulated time passed 146 years";
  }
  return !outcome_.stop_reason.empty() || (stop_ != nullptr && stop_->load(std::memory_order_relaxed));
}

// ---- ways ----

int Cluster::choose(RoutingPolicy& router, const std::vector<int>& candidates, const Request& request, TimePoint now) {
  for (const int i : candidates) changes(i, now);
  return candidates[static_cast<std::size_t>(router.choose(request, View(*this, candidates, now)))];
}

void Cluster::send(int replica, OnTheWay what, Duration takes, TimePoint now) {
  Member& to = member(replica);
  to.ways.set_out(std::move(what), now + takes);
  events_.schedule(to.inbound, to.ways.next());
}

void Cluster::reach(int replica, const Request& request, TimePoint now) {
  changes(replica, now);
  member(replica).replica->arrive(request, now);
  touched(replica, now);
}

void Cluster::reach(int replica, const HandOver& what, TimePoint now) {
  changes(replica, now);
  member(replica).replica->arrive(what, now);
  const int from = replica_of(what.rank);
  changes(from, now);
  member(from).replica->release_pinned(what.rank, what.pinned, now);
  touched(replica, now);
  touched(from, now);
}

// ---- what replicas call ----

void Cluster::departed(int rank, const Request& request, Outcome outcome, TimePoint now) {
  --in_system_;
  switch (outcome) {
    case Outcome::finished:
      ++outcome_.finished;
      break;
    case Outcome::rejected:
      ++outcome_.rejected;
      break;
    case Outcome::timed_out:
      ++outcome_.timed_out;
      break;
    case Outcome::unfinished:
      break;
  }
  const Member& from = member(replica_of(rank));
  from.router->left(from.candidate, request);
  source_.completed(request, now);
  events_.schedule(arrival_, source_.next_arrival());
}

void Cluster::handed_over(const HandOver& what) {
  const Member& from = member(replica_of(what.rank));
  from.router->left(from.candidate, what.request);
  hand_overs_.push_back(what);
  events_.schedule(hand_overs_due_, what.since);
}

void Cluster::step_too_long(int rank) {
  if (!outcome_.stop_reason.empty()) return;
  outcome_.stop_reason = fmt::format(
      "a step of replica {} would take more than {:.0f} s: are the figures of the GPU, "
      "the model and `cost` right?",
      replica_of(rank), to_seconds(kLongestStep));
}

// ---- schedule calls ----

// Before a replica changes, what it has published until then is taken down.
void Cluster::changes(int replica, TimePoint now, bool after_all_at_now) {
  Member& m = member(replica);
  if (m.board) m.board->catch_up(now, after_all_at_now, [&](TimePoint at) { return m.replica->signals(at); });
}

void Cluster::call_later(int replica) {
  if (member(replica).waits_for_call) return;
  member(replica).waits_for_call = true;
  to_call_.push_back(replica);
}

void Cluster::touched(int replica, TimePoint now) {
  if (member(replica).replica->idle()) call_later(replica);
  refresh(replica, now);
}

void Cluster::refresh(int replica, TimePoint now) {
  const Member& m = member(replica);
  events_.schedule(m.boundary, m.replica->next_boundary());
  // A request may have been on its way for longer than it waits.
  events_.schedule(m.timeout, std::max(now, m.replica->next_timeout()));
}

}  // namespace

SimulationOutcome run_cluster(const PoolsConfig& config, RequestSource& source, Observer& observer,
                              const std::atomic<bool>* stop, ClusterSeams seams) {
  return Cluster(config, source, observer, stop, std::move(seams)).run();
}

}  // namespace foretoken
