// The events of a cluster, in the order of an instant.
#include "serving/cluster/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "serving/cluster/cluster_events.hpp"
#include "serving/cluster/cluster_fleet.hpp"
#include "serving/cluster/cluster_losses.hpp"
#include "serving/cluster/cluster_ways.hpp"

namespace foretoken {
namespace {

// Beyond 2^62 ns (146 years) sums of times would overflow.
constexpr TimePoint kHorizon{Duration{std::int64_t{1} << 62}};

bool any_fleet(const PoolsConfig& config) {
  return std::any_of(config.pools.begin(), config.pools.end(), [](const auto& p) { return p.cluster.fleet.on; });
}

Cluster::Cluster(const PoolsConfig& config, RequestSource& source, Observer& observer, const std::atomic<bool>* stop,
                 ClusterSeams seams)
    : config_(config),
      source_(source),
      source_is_open_(source.is_open()),
      held_times_(observer),
      observer_(any_fleet(config) ? held_times_ : observer),
      stop_(stop),
      entries_(1),
      transport_(std::move(seams.transport)),
      make_policy_(std::move(seams.make_policy)),
      clients_(seams.clients),
      fan_out_(seams.fan_out) {
  invariant(!config_.pools.empty(), "no pool where requests enter");
  entries_.front().router = std::move(seams.entry_router);
  decode_.router = std::move(seams.decode_router);
  arrival_ = events_.add(Arrival{}, kThenArrivals);
  hand_overs_due_ = events_.add(HandOversDue{}, kThenHandOvers);
  transfers_due_ = events_.add(TransfersDue{}, kThenHandOvers);
  if (std::any_of(config_.pools.begin(), config_.pools.end(), [](const auto& p) { return p.role == PoolRole::decode; }))
    hand_over_.emplace(config_, *this, transport_.get());
  comes_and_goes_ = any_fleet(config_);
  if (comes_and_goes_) fleet_due_ = events_.add(FleetDue{}, kThenReplicas);
  const ClusterConfig& first = config_.pools.front().cluster;
  if (first.admission.on) admission_.emplace(first.admission, first.routing.seed);
  if (config_.pools.front().cluster.admission.queues) {
    invariant(!comes_and_goes_, "flow control before replicas that come and go");
    flow_.emplace(config_.pools.front().cluster.admission);
    flow_due_ = events_.add(FlowDue{}, kThenTimeouts);
  }
  if (clients_ != nullptr) clients_due_ = events_.add(ClientsDue{}, kThenTimeouts);
  const auto encodes = [](const PoolConfig& p) { return p.role == PoolRole::encoder; };
  if (source.media() != nullptr && std::any_of(config_.pools.begin(), config_.pools.end(), encodes)) {
    encoders_.emplace(config_, *source.media());
    encoders_due_ = events_.add(EncodersDue{}, kThenHandOvers);
  }
  for (const PoolConfig& pool : config_.pools) add_pool(pool);
  make_lobbies();
  make_routers(source.prefixes());
  former_.resize(replica_of_rank_.size());
  if (comes_and_goes_) schedule_fleet(TimePoint{});
}

std::unique_ptr<Replica> Cluster::make_replica(const PoolConfig& pool, int first_rank) {
  Receiving receiving;
  if (pool.role != PoolRole::both) {
    const auto hands_over = [](const PoolConfig& p) { return p.role == PoolRole::prefill; };
    const auto from = std::find_if(config_.pools.begin(), config_.pools.end(), hands_over);
    if (from != config_.pools.end()) receiving = {&config_.hand_over, from->first_token};
  }
  for (const KvTierConfig& tier : pool.engine.kv_offload.tiers) {
    if (!tier.shared) continue;
    const std::pair key(tier.name, tier.name.empty() ? &pool : nullptr);
    receiving.store = &stores_.try_emplace(key, tier).first->second;
  }
  return std::make_unique<Replica>(first_rank, pool, config_, make_policy_,
                                   PromptContents{source_.prefixes(), source_.media()}, observer_, *this, receiving);
}

void Cluster::add_pool(const PoolConfig& pool) {
  if (pool.role == PoolRole::encoder) {  // its ranks have numbers, and no requests
    for (int i = 0; i < pool.cluster.replicas; ++i) {
      if (hand_over_) hand_over_->add_replica(static_cast<std::size_t>(&pool - config_.pools.data()), 1);
      replica_of_rank_.push_back(-1);
    }
    outcome_.pool_ends.push_back(replica_of_rank_.size());
    return;
  }
  if (entries_.size() <= static_cast<std::size_t>(pool.model))
    entries_.resize(static_cast<std::size_t>(pool.model) + 1);
  Side& side = pool.role == PoolRole::decode ? decode_ : entries_[static_cast<std::size_t>(pool.model)];
  std::vector<int>& candidates = side.candidates;
  side.takers.add(pool.cluster.replicas, !pool.cluster.fleet.on);
  if (pool.cluster.fleet.on) make_fleet(pool, side);
  for (int i = 0; i < pool.cluster.replicas; ++i) {
    const auto replica = static_cast<int>(members_.size());
    Member member(pool.engine);
    member.replica = make_replica(pool, static_cast<int>(replica_of_rank_.size()));
    member.pool = &pool;
    if (pool.cluster.fleet.on) member.fleet = &fleets_.back();
    if (hand_over_)
      hand_over_->add_replica(static_cast<std::size_t>(&pool - config_.pools.data()), pool.engine.data_parallel_size);
    member.candidate = static_cast<int>(candidates.size());
    member.role = pool.role;
    member.boundary = events_.add(Boundary{replica}, kBoundaryFirst);
    member.inbound = events_.add(Inbound{replica}, kThenArrivals);
    member.timeout = events_.add(QueueTimeout{replica}, kThenTimeouts);
    member.times_out = pool.engine.queue_timeout > Duration{};
    members_.push_back(std::move(member));
    has_groups_ = has_groups_ || pool.engine.data_parallel_size > 1;
    candidates.push_back(replica);
    for (int rank = 0; rank < pool.engine.data_parallel_size; ++rank) replica_of_rank_.push_back(replica);
  }
  outcome_.pool_ends.push_back(replica_of_rank_.size());
}

// Of replicas of pools that have a share of the requests; empty where none says so.
std::vector<double> Cluster::weights_of(const std::vector<int>& candidates) const {
  std::vector<double> weights;
  bool given = false;
  for (const int i : candidates) {
    const PoolConfig& pool = *member(i).pool;
    given = given || pool.weight > 0;
    weights.push_back(pool.weight > 0 ? pool.weight / pool.cluster.replicas : 1);
  }
  return given ? weights : std::vector<double>{};
}

void Cluster::make_routers(const PrefixTable* prefixes) {
  std::vector<const PoolConfig*> entry(entries_.size());
  const PoolConfig* decode = nullptr;
  bool hands_over = false;
  for (const PoolConfig& pool : config_.pools) {
    if (pool.role == PoolRole::encoder) continue;
    const PoolConfig*& first = pool.role == PoolRole::decode ? decode : entry[static_cast<std::size_t>(pool.model)];
    if (first == nullptr) first = &pool;
    hands_over = hands_over || pool.role == PoolRole::prefill;
  }
  for (const PoolConfig* first : entry) invariant(first != nullptr, "no pool where requests enter");
  for (const int model : config_.model_of_class)
    invariant(model >= 0 && static_cast<std::size_t>(model) < entries_.size(), "a model that no pool serves");
  invariant(hands_over == (decode != nullptr), "pools of role prefill and decode need each other");
  const auto make = [&](const PoolConfig& pool, Side& side) {
    const std::vector<int>& candidates = side.candidates;
    std::unique_ptr<RoutingPolicy>& router = side.router;
    const auto n = static_cast<int>(candidates.size());
    side.routing = &pool.cluster.routing;
    if (!router) {
      ClusterConfig among{n, pool.cluster.router, pool.cluster.routing};
      if (std::vector<double> weights = weights_of(candidates); !weights.empty())
        among.routing.weights = std::move(weights);
      router = make_routing_policy(among, prefixes);
    }
    if (comes_and_goes_ && side.routing->slow_start > Duration{})
      side.takers.start_slowly(SlowStart(*side.routing, weights_of(candidates)));
    for (const int i : candidates) {
      member(i).board = SignalBoard::of(pool.cluster.routing, member(i).candidate, n);
      publishes_ = publishes_ || member(i).board.has_value();
      member(i).router = router.get();
    }
    if (member(candidates.front()).board && reads_signals(find_router(pool.cluster.router))) side.stale_choices = 0;
  };
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    make(*entry[i], entries_[i]);
    fetches_ = fetches_ || find_router(entry[i]->cluster.router).fetches;
  }
  if (hands_over) make(*decode, decode_);
}

bool Cluster::advance(TimePoint until) {
  events_.schedule(arrival_, source_.next_arrival());
  return run_events(events_, *this, until);
}

SimulationOutcome Cluster::finish() {
  if (advance(kNever)) {
    invariant(in_system_ == 0, [&] {
      return fmt::format("{} requests are left at {} s and nothing will happen", in_system_, to_seconds(outcome_.end));
    });
  } else {
    outcome_.unfinished = in_system_;
    outcome_.interrupted = outcome_.stop_reason.empty();
    abandon();
  }
  outcome_.replicas.resize(replica_of_rank_.size());
  for (const Member& member : members_) {
    for (const auto& rank : member.replica->ranks()) {
      const auto place = static_cast<std::size_t>(rank->index());
      ReplicaTotals& totals = outcome_.replicas[place] = rank->all_totals();
      totals.kv_blocks_at_end = rank->state().used_blocks();
      if (member.fleet != nullptr) totals += former_[place];
    }
  }
  for (std::size_t pool = 0, begin = 0; encoders_ && pool < config_.pools.size(); begin = outcome_.pool_ends[pool++])
    std::ranges::copy(encoders_->totals(pool), outcome_.replicas.begin() + static_cast<std::ptrdiff_t>(begin));
  if (comes_and_goes_) add_fleet_totals();
  add_router_totals();
  if (hand_over_) outcome_.transfers = hand_over_->totals();
  return std::move(outcome_);
}

void Cluster::abandon() {
  if (encoders_) {
    for (const Request& request : encoders_->inside())
      observer_.on_request(record_of(request, 0, Outcome::unfinished, outcome_.end));
  }
  for (Member& member : members_) {
    member.replica->abandon(outcome_.end);
    member.ways.abandon([&](const Request& way) {
      // On two ways, or gone, or waiting for blocks: it is told of elsewhere.
      const auto place = places_.find(way.index);
      const bool blocks_first = member.role == PoolRole::prefill && hand_over_ &&
                                config_.hand_over.reserve == HandOverRules::Reserve::before_prefill;
      if (blocks_first && (place == places_.end() || !place->second.has_blocks)) return;
      observer_.on_request(record_of(way, member.replica->first_rank(), Outcome::unfinished, outcome_.end));
    });
  }
  while (flow_ && !flow_->empty()) observer_.on_request(record_of(flow_->take(), 0, Outcome::unfinished, outcome_.end));
  for (Side& entry : entries_) {
    while (entry.lobby && !entry.lobby->empty())
      observer_.on_request(record_of(entry.lobby->take().request, 0, Outcome::unfinished, outcome_.end));
  }
  if (!hand_over_) return;
  hand_over_->for_each_on_the_way([&](const HandOver& what) {
    RequestRecord record = record_of(what.request, what.rank, Outcome::unfinished, outcome_.end);
    record.scheduled = what.kv.scheduled;
    record.first_token = what.kv.first_token;
    record.preemptions = what.kv.preemptions;
    record.cached_tokens = static_cast<std::int32_t>(what.kv.prefix_hit);
    observer_.on_request(record);
  });
}

// ---- events ----

void Cluster::operator()(const Boundary& event, TimePoint now) {
  Replica& replica = *member(event.replica).replica;
  changes(event.replica, now);
  if (!replica.idle()) replica.end_steps(now);
  call_later(event.replica);
  if (!hand_overs_.empty()) [[unlikely]]
    hand_over(now);
}

// Others may end at this instant too.
[[gnu::noinline]] void Cluster::hand_over(TimePoint now) {
  if (events_.next_time() == now) return events_.schedule(hand_overs_due_, now);
  (*this)(HandOversDue{}, now);
}

void Cluster::operator()(const HandOversDue&, TimePoint now) {
  for (const HandOver& what : hand_overs_) {
    const auto place = places_.find(what.request.index);
    if (place != places_.end() && place->second.decode_died)
      lose_prompt(what, now);
    else
      hand_over_->handed_over(what, now);
  }
  hand_overs_.clear();
}

void Cluster::operator()(const Arrival&, TimePoint now) {
  const Request request = source_.take();
  ++outcome_.arrived;
  ++in_system_;
  outcome_.peak_in_system = std::max(outcome_.peak_in_system, in_system_);
  if (admission_)
    admit(request, now);
  else
    begin(request, now);
  events_.schedule(arrival_, source_.next_arrival());
  if (clients_ != nullptr) events_.schedule(clients_due_, clients_->next_deadline());
}

// To those who encode what is in it, or to a router.
void Cluster::begin(const Request& request, TimePoint now) {
  if (encoders_ && encoders_->enter(request, now))
    events_.schedule(encoders_due_, encoders_->next());
  else
    enter(request, now);
}

void Cluster::operator()(const EncodersDue&, TimePoint now) {
  encoders_->due(now, [&](Request request) {
    request.on_the_way = now - request.arrival;
    enter(request, now);
  });
  events_.schedule(encoders_due_, encoders_->next());
}

void Cluster::operator()(const Inbound& event, TimePoint now) {
  Member& to = member(event.replica);
  to.ways.deliver(now, [&](const Request& request) { pass(event.replica, request, now); });
  events_.schedule(to.inbound, to.ways.next());
}

void Cluster::operator()(const QueueTimeout& event, TimePoint now) {
  changes(event.replica, now);
  member(event.replica).replica->expire(now);
  touched(event.replica, now);
}

void Cluster::instant_over(TimePoint now) {
  outcome_.end = now;
  if (to_call_.size() > 1) std::sort(to_call_.begin(), to_call_.end());
  // A call may let go what others wait for: they are called after it.
  for (std::size_t k = 0; k < to_call_.size(); ++k) {
    called_ = to_call_[k];
    Member& m = member(called_);
    m.waits_for_call = false;
    changes(called_, now, true);
    m.replica->schedule(now);
    refresh(m, now);
  }
  called_ = -1;
  to_call_.clear();
  if (encoders_) {
    encoders_->begin_steps(now);
    events_.schedule(encoders_due_, encoders_->next());
  }
  if (hand_over_ && hand_over_->changed()) events_.schedule(transfers_due_, hand_over_->next_time());
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
  if (replica == called_) return;  // it looks again itself
  const Member& m = member(replica);
  if (m.replica->idle())
    call_later(replica);  // which says what comes next
  else
    events_.schedule(m.boundary, m.replica->next_boundary());
  if (m.times_out) await_timeout(m, now);
}

void Cluster::refresh(const Member& m, TimePoint now) {
  events_.schedule(m.boundary, m.replica->next_boundary());
  if (m.times_out) await_timeout(m, now);
}

// A request may have been on its way for longer than it waits.
[[gnu::noinline]] void Cluster::await_timeout(const Member& m, TimePoint now) {
  events_.schedule(m.timeout, std::max(now, m.replica->next_timeout()));
}

}  // namespace

std::unique_ptr<ClusterRun> start_cluster(const PoolsConfig& config, RequestSource& source, Observer& observer,
                                          const std::atomic<bool>* stop, ClusterSeams seams) {
  return std::make_unique<Cluster>(config, source, observer, stop, std::move(seams));
}

SimulationOutcome run_cluster(const PoolsConfig& config, RequestSource& source, Observer& observer,
                              const std::atomic<bool>* stop, ClusterSeams seams) {
  return Cluster(config, source, observer, stop, std::move(seams)).finish();
}

}  // namespace foretoken
