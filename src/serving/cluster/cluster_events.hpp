// The cluster as its parts see it: events, and what replicas and hand-overs call. A part of cluster.cpp, in its
// anonymous namespace, so that what every event passes through is compiled as one.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "engine/run_loop.hpp"
#include "serving/admission/admission.hpp"
#include "serving/admission/flow_control.hpp"
#include "serving/clients/clients.hpp"
#include "serving/cluster/cluster.hpp"
#include "serving/cluster/hand_overs.hpp"
#include "serving/cluster/ingress.hpp"
#include "serving/cluster/replica.hpp"
#include "serving/encoders/encoder_stage.hpp"
#include "serving/fan_out/fan_out.hpp"
#include "serving/fleet/autoscaler.hpp"
#include "serving/fleet/held_times.hpp"
#include "serving/fleet/lobby.hpp"
#include "serving/fleet/priced_profile.hpp"
#include "serving/fleet/replica_lives.hpp"
#include "serving/fleet/schedule.hpp"
#include "serving/fleet/takers.hpp"
#include "serving/routing/signal_board.hpp"

namespace foretoken {
namespace {

// At one instant: what has ended frees its seats first; who goes on elsewhere is routed when all that ended is known;
// then replicas come and go (who is ready takes who comes now); then those who come (a finish may send its successor at
// once), then those who give up; the schedule calls see it all.
enum EventPriority { kBoundaryFirst, kThenHandOvers, kThenReplicas, kThenArrivals, kThenTimeouts };

class Cluster final : public ClusterRun, public DepartureListener, public HandOverPort {
 public:
  Cluster(const PoolsConfig& config, RequestSource& source, Observer& observer, const std::atomic<bool>* stop,
          ClusterSeams seams);

  bool advance(TimePoint until) override;
  SimulationOutcome finish() override;

  // ---- what replicas call ----
  void departed(int rank, const Request& request, Outcome outcome, TimePoint now) override;
  void handed_over(const HandOver& what) override;
  void load_begins(int rank, RequestId id, const Request& request, std::int64_t blocks, Duration waited,
                   TimePoint now) override {
    hand_over_->load_begins(rank, id, request, blocks, waited, now);
  }
  void computed(int rank, const Request& request, std::int64_t tokens, bool last, TimePoint now) override {
    hand_over_->computed(rank, request, tokens, last, now);
  }
  void computes(int rank, const Request& request, std::int64_t tokens, bool last, TimePoint from,
                TimePoint now) override {
    hand_over_->computes(rank, request, tokens, last, from, now);
  }
  void sends(int rank, const Request& request, LayersSent layers, TimePoint from, TimePoint now) override;
  void fetches(int rank, const Request& request, TimePoint now) override {
    hand_over_->fetch_within_step(rank, request, now);
  }
  void not_needed(int /*rank*/, const Request& request, TimePoint now) override {
    (void)hand_over_->gone(request, now);
  }
  void step_too_long(int rank) override;

  // ---- what hand-overs call ----
  void reach_decode(const HandOver& what, TimePoint now) override;
  void begin_prefill(const Request& request, Duration waited_for_blocks, TimePoint now) override;
  void take_over(int rank, RequestId id, const HandOver& what, TimePoint now) override;
  void loaded(int rank, RequestId id, TimePoint now) override;
  void lost(int rank, RequestId id, TimePoint now) override;
  void release(int rank, RequestId pinned, TimePoint now) override;
  void within_step(int rank, TimePoint now) override;

  // ---- events, and what run_events calls ----
  struct Boundary {
    int replica;
  };                       // running steps end, or an idle engine wakes
  struct HandOversDue {};  // requests leave their prefill replicas now
  struct TransfersDue {};  // KV caches arrive, or requests where they go on
  struct Arrival {};       // the source's next request
  struct Inbound {
    int replica;
  };  // a request on its way reaches it
  struct QueueTimeout {
    int replica;
  };                      // someone has waited too long
  struct FleetDue {};     // replicas come and go, or requests have waited too long for one
  struct ClientsDue {};   // attempts are given up
  struct FlowDue {};      // one more who waits before the router may go, or has waited too long
  struct EncodersDue {};  // images and sounds are encoded, or their embeddings arrive
  using Event = std::variant<Boundary, HandOversDue, TransfersDue, Arrival, Inbound, QueueTimeout, FleetDue, ClientsDue,
                             FlowDue, EncodersDue>;

  void operator()(const Boundary& event, TimePoint now);
  void operator()(const HandOversDue&, TimePoint now);
  void operator()(const TransfersDue&, TimePoint now) { hand_over_->due(now); }
  void operator()(const Arrival&, TimePoint now);
  void operator()(const Inbound& event, TimePoint now);
  void operator()(const QueueTimeout& event, TimePoint now);
  void operator()(const FleetDue&, TimePoint now);
  void operator()(const ClientsDue&, TimePoint now);
  void operator()(const FlowDue&, TimePoint now);
  void operator()(const EncodersDue&, TimePoint now);
  void instant_over(TimePoint now);
  [[nodiscard]] bool stopped(TimePoint next);

 private:
  // Of requests that are given their places before they are handed over: replicas, -1 = none (any more).
  struct Places {
    Request request;
    int prefill = -1;
    int decode = -1;
    // Where blocks come first:
    bool has_blocks = false;  // there
    bool is_through = false;  // the front end where its prompt will be computed, which took so long
    Duration on_the_way{};
    bool decode_died = false;  // while its prompt is computed, which comes to nothing
  };
  struct Fleet;

  struct Member {
    explicit Member(const EngineConfig& engine) : ways(engine) {}
    std::unique_ptr<Replica> replica;
    RoutingPolicy* router = nullptr;  // that chooses it
    int candidate = 0;                // its number there
    Fleet* fleet = nullptr;           // that it comes and goes with; null: it is there for ever
    const PoolConfig* pool = nullptr;
    PoolRole role = PoolRole::both;
    bool waits_for_call = false;
    bool times_out = false;            // who waits, in its queue
    std::optional<SignalBoard> board;  // none: the router sees it as it is
    EventQueue<Event>::Handle boundary = 0, inbound = 0, timeout = 0;
    Ingress ways;  // to it
  };

  // Replicas among which a router chooses: where requests for one model enter, or where they decode.
  struct Side {
    std::vector<int> candidates;  // replicas
    std::unique_ptr<RoutingPolicy> router;
    const RoutingConfig* routing = nullptr;
    Takers takers;
    std::optional<Lobby> lobby;  // where requests enter and replicas come and go
    // Requests that it sent by signals that were too old; empty: it looks at none that are published.
    std::optional<std::int64_t> stale_choices;
  };

  // Replicas of a pool that come and go.
  struct Fleet {
    Fleet(const PoolConfig& pool, int first_replica, Side& to, std::uint64_t seed)
        : lives(pool.cluster.fleet, pool.cluster.replicas, seed, to.takers, static_cast<int>(to.candidates.size())),
          schedule(pool.cluster.fleet),
          first(first_replica),
          side(&to),
          engine(&pool.engine),
          in_flight(static_cast<std::size_t>(pool.cluster.replicas), 0),
          pinned(static_cast<std::size_t>(pool.cluster.replicas), 0) {
      const AutoscalerConfig& scaling = pool.cluster.fleet.autoscaler;
      if (scaling.policy == AutoscalerPolicy::dynamo && scaling.aim == PlannerAim::sla)
        profile = std::make_unique<PricedProfile>(pool);
      if (scaling.policy != AutoscalerPolicy::none) autoscaler = make_autoscaler(scaling, profile.get());
    }
    [[nodiscard]] std::size_t place(int replica) const { return static_cast<std::size_t>(replica - first); }
    [[nodiscard]] ReplicaState state(int replica) const { return lives.state(replica - first); }
    [[nodiscard]] bool has_work(int replica) const { return in_flight[place(replica)] + pinned[place(replica)] > 0; }
    ReplicaLives lives;
    FleetSchedule schedule;
    std::unique_ptr<ReplicaProfile> profile;  // null: nobody plans by latencies
    std::unique_ptr<Autoscaler> autoscaler;   // null: none
    std::vector<FleetTotals::Decision> decisions;
    int first;  // its replicas are numbered from there
    const Side* side;
    const EngineConfig* engine;
    std::vector<std::int64_t> in_flight;  // by place: requests that were sent there and have not left
    std::vector<std::int64_t> pinned;     // ... that were handed over, and whose blocks are still there
    std::int64_t inside = 0, came = 0;    // of all places: those in flight, those that were ever sent there
    std::int64_t lost = 0, refused = 0;   // by replicas that have died
    bool drained = false;                 // somebody has nothing left to do
  };

  // Of the replicas among which a router chooses, and of a fleet for its autoscaler.
  class View;
  class Sight;

  void add_pool(const PoolConfig& pool);
  void make_routers(const PrefixTable* prefixes);
  [[nodiscard]] std::vector<double> weights_of(const std::vector<int>& candidates) const;
  void make_fleet(const PoolConfig& pool, Side& side);
  void make_lobbies();
  [[nodiscard]] Side& entry_of(const Request& request) {
    if (config_.model_of_class.empty()) [[likely]]
      return entries_.front();
    return entries_[static_cast<std::size_t>(config_.model_of_class[static_cast<std::size_t>(request.class_index)])];
  }
  [[nodiscard]] std::unique_ptr<Replica> make_replica(const PoolConfig& pool, int first_rank);
  [[nodiscard]] const Member& member(int replica) const { return members_[static_cast<std::size_t>(replica)]; }
  [[nodiscard]] Member& member(int replica) { return members_[static_cast<std::size_t>(replica)]; }
  [[nodiscard]] int replica_of(int rank) const { return replica_of_rank_[static_cast<std::size_t>(rank)]; }
  [[nodiscard]] int choose(Side& side, const Request& request, TimePoint now);
  [[nodiscard]] int choose_now(Side& side, const Request& request, TimePoint now);
  [[nodiscard]] int choose_by_signals(Side& side, const Request& request, TimePoint now);
  [[nodiscard]] int choose_of_fleet(Side& side, const Request& request, TimePoint now);
  [[nodiscard]] EngineRank& rank_of(int rank) { return member(replica_of(rank)).replica->rank(rank); }
  void enter(const Request& request, TimePoint now);
  [[nodiscard]] bool stays_with(int decode, const Request& request, TimePoint now) const;
  void leave_place(int replica, const Request& request, TimePoint now);
  void hand_over(TimePoint now);
  void leave_other_places(int rank, const Request& request, TimePoint now);
  void send(int replica, const Request& what, Duration takes, TimePoint now);
  void go(int replica, const Request& request, TimePoint now);
  void come(int replica, const Request& request, TimePoint now);
  void pass(int replica, const Request& request, TimePoint now);
  void reach(int replica, const Request& request, TimePoint now, Duration waited_for_blocks = {});
  void go_with_prefix(int replica, const Request& request, TimePoint now);
  void bring_prefix(int replica, const Request& request, TimePoint now);
  void changes(int replica, TimePoint now, bool after_all_at_now = false);
  void call_later(int replica);
  void touched(int replica, TimePoint now);
  void refresh(const Member& m, TimePoint now);
  void await_timeout(const Member& m, TimePoint now);
  void abandon();
  void left_system(const Request& request, Outcome outcome, TimePoint now);

  // ---- cluster_fleet.hpp ----
  void want(Fleet& fleet, int replicas, TimePoint now);
  void gone(Fleet& fleet, int replica, TimePoint now);
  void die(int replica, TimePoint now);
  void sent_to(int replica);
  void count_answered(const Request& request);
  void left_replica(int replica, TimePoint now);
  void may_be_drained(int replica, TimePoint now);
  void renew(int replica);
  void autoscale(Fleet& fleet, TimePoint now);
  void schedule_fleet(TimePoint now);
  [[nodiscard]] bool nobody_takes(const Side& entry) const {
    return entry.takers.count() == 0 || (hand_over_ && decode_.takers.count() == 0);
  }
  [[nodiscard]] bool is_dead(int replica, const Request& request, TimePoint now);
  [[nodiscard]] bool refuses(int replica, const Request& request, TimePoint now);
  void hold(Side& entry, const Request& request, TimePoint now);
  void serve_held(Side& entry, TimePoint now);
  template <class Ask>
  auto ask_admission(const Side& entry, TimePoint now, Ask ask);
  void admit(const Request& request, TimePoint now);
  void begin(const Request& request, TimePoint now);
  void dispatch_one(TimePoint now);
  void give_up_waiting(const Lobby::Held& held, Outcome outcome, TimePoint now);
  void not_held(const Request& request, Outcome outcome, TimePoint now);
  void turned_away(const Request& request, Outcome outcome, TimePoint now);
  void add_fleet_totals();
  void add_router_totals();
  void abort(std::int64_t attempt, TimePoint now);

  // ---- cluster_losses.hpp ----
  void lose_places(int replica, TimePoint now);
  void lose_expected(std::int64_t request, Outcome outcome, TimePoint now);
  void leave_the_way(const HandOver& what, Outcome outcome, TimePoint now);
  [[nodiscard]] bool abort_between(std::int64_t attempt, int replica, TimePoint now);
  void lose_prompt(const HandOver& what, TimePoint now);
  void lose_on_the_way(const HandOver& what, TimePoint now);

  const PoolsConfig& config_;
  RequestSource& source_;
  const bool source_is_open_;
  HeldTimes held_times_;
  Observer& observer_;  // where replicas come and go by way of held_times_
  const std::atomic<bool>* stop_;
  std::deque<Side> entries_;  // by model
  Side decode_;               // without a router nothing is handed over
  std::unique_ptr<Transport> transport_;
  EventQueue<Event> events_;
  EventQueue<Event>::Handle arrival_ = 0;
  EventQueue<Event>::Handle hand_overs_due_ = 0;
  EventQueue<Event>::Handle transfers_due_ = 0;
  EventQueue<Event>::Handle fleet_due_ = 0;
  EventQueue<Event>::Handle clients_due_ = 0;
  EventQueue<Event>::Handle flow_due_ = 0;
  EventQueue<Event>::Handle encoders_due_ = 0;
  EnginePolicyMaker make_policy_;
  std::optional<HandOvers> hand_over_;                                   // null: nothing is handed over
  std::optional<Admission> admission_;                                   // null: all are let in
  std::optional<FlowControl> flow_;                                      // null: nobody waits before the router
  std::deque<Fleet> fleets_;                                             // of pools whose replicas come and go
  std::optional<EncoderStage> encoders_;                                 // null: requests go to engines at once
  Clients* clients_;                                                     // null: nobody gives up
  FanOut* fan_out_;                                                      // null: requests come as they are
  std::map<std::pair<std::string, const PoolConfig*>, KvPlace> stores_;  // by name, or by the pool that has it alone
  std::unordered_map<std::int64_t, int> at_;         // with clients_: attempts' replicas, -1: between; never iterated
  std::int64_t not_held_ = 0;                        // requests that found no replica, in time or at all
  std::vector<ReplicaTotals> former_;                // by rank: of replicas that had its place before
  std::unordered_map<std::int64_t, Places> places_;  // by request; in the order of requests where all are visited
  int called_ = -1;                                  // the replica whose schedule call is made
  std::vector<Member> members_;                      // the replicas of all pools
  std::vector<int> replica_of_rank_;
  std::vector<HandOver> hand_overs_;                        // of this instant
  std::vector<int> to_call_;                                // replicas whose schedule call is due in this instant
  bool comes_and_goes_ = false;                             // some pool's replicas do
  bool publishes_ = false;                                  // some replica publishes its signals
  bool has_groups_ = false;                                 // some replica has several ranks
  bool fetches_ = false;                                    // prefixes may come from other replicas
  std::unordered_map<std::int64_t, std::int64_t> fetched_;  // by request on its way, tokens; never iterated
  std::int64_t in_system_ = 0;
  Traffic answered_;  // where replicas come and go
  SimulationOutcome outcome_;
};

class Cluster::View final : public ClusterView {
 public:
  View(const Cluster& cluster, const Side& side, TimePoint now) : View(cluster, side, now, side.takers.absent()) {}
  View(const Cluster& cluster, const Side& side, TimePoint now, const std::vector<std::uint8_t>* takes)
      : ClusterView(takes), cluster_(cluster), candidates_(side.candidates), now_(now) {}
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
  AdapterPlace adapter_place(int replica, const Request& request) const override {
    return of(replica).replica->adapter_place(request);
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

}  // namespace
}  // namespace foretoken
