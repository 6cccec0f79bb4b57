// A run: the cluster, and the way of requests from their clients to it.
#include "foretoken/serving/simulation.hpp"

#include "serving/cluster.hpp"
#include "serving/ingress.hpp"

namespace foretoken {

SimulationOutcome simulate(const SimulationConfig& config, RequestSource& source, const CostModel& cost,
                           Observer& observer, const std::atomic<bool>* stop) {
  PoolsConfig pools;
  static_cast<SimulationOptions&>(pools) = config;
  pools.pools.push_back({PoolRole::both, FirstToken::where_prefilled, config.engine, config.cluster, &cost});
  return simulate(pools, source, observer, stop);
}

SimulationOutcome simulate(const PoolsConfig& config, RequestSource& source, Observer& observer,
                           const std::atomic<bool>* stop) {
  // The way from the client is that to the first pool.
  const Duration per_request = config.pools.empty() ? Duration{} : config.pools.front().engine.per_request;
  if (per_request <= Duration{}) return run_cluster(config, source, observer, stop);
  DelayedSource delayed(source, per_request);
  DelayedObserver seen_by_client(observer, per_request);
  return run_cluster(config, delayed, seen_by_client, stop);
}

}  // namespace foretoken
