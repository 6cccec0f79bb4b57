// Pools of replicas: arrivals go through a router to replicas, hand-overs from one pool to another, departures back
// to the source.
#pragma once

#include <atomic>
#include <memory>

#include "foretoken/serving/simulation.hpp"
#include "serving/batching/engine_policy.hpp"
#include "serving/requests/hand_over.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {

class Clients;
class FanOut;

// What can be put into a cluster in place of what its configuration names. Null: that.
struct ClusterSeams {
  std::unique_ptr<RoutingPolicy> entry_router;   // among the replicas where requests enter
  std::unique_ptr<RoutingPolicy> decode_router;  // among those of role decode
  std::unique_ptr<Transport> transport;          // null: all ways take no time
  EnginePolicyMaker make_policy = make_engine_policy;
  Clients* clients = nullptr;  // the source and the observer, where attempts are given up
  FanOut* fan_out = nullptr;   // where requests become several: before clients
};

// A run in parts of simulated time. See simulate().
class ClusterRun {
 public:
  virtual ~ClusterRun() = default;
  // What happens before `until`, with the requests that the source has by now. False: the run was stopped.
  virtual bool advance(TimePoint until) = 0;
  // All that is left. Nothing may follow.
  virtual SimulationOutcome finish() = 0;
};
// What it is given lives as long as the run.
[[nodiscard]] std::unique_ptr<ClusterRun> start_cluster(const PoolsConfig& config, RequestSource& source,
                                                        Observer& observer, const std::atomic<bool>* stop,
                                                        ClusterSeams seams = {});

// A run at once.
[[nodiscard]] SimulationOutcome run_cluster(const PoolsConfig& config, RequestSource& source, Observer& observer,
                                            const std::atomic<bool>* stop, ClusterSeams seams = {});

}  // namespace foretoken
