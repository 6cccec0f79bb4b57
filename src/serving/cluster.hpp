// Pools of replicas: arrivals go through a router to replicas, hand-overs from one pool to another, departures back
// to the source.
#pragma once

#include <atomic>
#include <memory>
#include <variant>
#include <vector>

#include "engine/run_loop.hpp"
#include "foretoken/serving/simulation.hpp"
#include "serving/replica.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {

// What can be put into a cluster in place of what its configuration names. Null: that.
struct ClusterSeams {
  std::unique_ptr<RoutingPolicy> entry_router;   // among the replicas where requests enter
  std::unique_ptr<RoutingPolicy> decode_router;  // among those of role decode
  std::unique_ptr<Transport> transport;          // null: all ways take no time
  EnginePolicyMaker make_policy = make_engine_policy;
};

class Cluster final : public DepartureListener {
 public:
  Cluster(PoolsConfig config, RequestSource& source, Observer& observer, const std::atomic<bool>* stop,
          ClusterSeams seams = {});

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
  [[nodiscard]] bool stopped();

 private:
  using Way = std::variant<Request, HandOver>;
  struct OnTheWay {
    TimePoint at;
    std::int64_t order;
    Way what;
  };
  static bool later(const OnTheWay& a, const OnTheWay& b) { return std::tie(a.at, a.order) > std::tie(b.at, b.order); }

  struct Member {
    std::unique_ptr<Replica> replica;
    RoutingPolicy* router = nullptr;  // that chooses it
    int candidate = 0;                // its number there
    bool waits_for_call = false;
    EventQueue<Event>::Handle boundary = 0, inbound = 0, timeout = 0;
    std::vector<OnTheWay> on_the_way;  // to it; a heap, the earliest first
  };

  void add_pool(const PoolConfig& pool, const PrefixTable* prefixes, const EnginePolicyMaker& make_policy);
  void make_routers();
  [[nodiscard]] Member& member(int replica) { return members_[static_cast<std::size_t>(replica)]; }
  [[nodiscard]] int replica_of(int rank) const { return replica_of_rank_[static_cast<std::size_t>(rank)]; }
  void send(int replica, Way what, Duration takes, TimePoint now);
  void reach(int replica, const Request& request, TimePoint now);
  void reach(int replica, const HandOver& what, TimePoint now);
  void call_later(int replica);
  void touched(int replica);
  void refresh(int replica);
  void abandon();

  const PoolsConfig config_;
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
  std::int64_t ways_ = 0;             // begun
  std::int64_t in_system_ = 0;
  SimulationOutcome outcome_;
};

}  // namespace foretoken
