// A run of one pool or of several.
#include "foretoken/serving/simulation.hpp"

#include "serving/cluster/cluster.hpp"

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
  return run_cluster(config, source, observer, stop);
}

}  // namespace foretoken
