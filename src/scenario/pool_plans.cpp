// What is asked of the pools of a scenario.
#include <algorithm>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

const PoolPlan& main_pool(const std::vector<PoolPlan>& pools) {
  const auto at = std::find_if(pools.begin(), pools.end(), [](const PoolPlan& p) { return p.role == PoolRole::both; });
  const auto decode =
      std::find_if(pools.begin(), pools.end(), [](const PoolPlan& p) { return p.role == PoolRole::decode; });
  return decode != pools.end() ? *decode : at != pools.end() ? *at : pools.front();
}

const PoolPlan& entry_pool(const std::vector<PoolPlan>& pools) {
  const auto prefill =
      std::find_if(pools.begin(), pools.end(), [](const PoolPlan& p) { return p.role == PoolRole::prefill; });
  const auto all =
      std::find_if(pools.begin(), pools.end(), [](const PoolPlan& p) { return p.role != PoolRole::encoder; });
  return prefill != pools.end() ? *prefill : all != pools.end() ? *all : pools.front();
}

Scenario only_pool(const Scenario& scenario, const PoolPlan& pool) {
  Scenario one = scenario;
  one.pools.clear();
  one.deployment = pool.deployment;
  one.memory = pool.memory;
  one.engine = pool.engine;
  one.engine.per_request = scenario.engine.per_request;
  one.cluster = pool.cluster;
  one.num_gpus = pool.num_gpus;
  one.prices.gpu_hour = pool.gpu_hour;
  if (has_several_models(scenario)) one.workload = workload_of_model(scenario.workload, pool.served_model_name);
  return one;
}

std::vector<std::string> served_models(const std::vector<PoolPlan>& pools) {
  std::vector<std::string> names;
  for (const PoolPlan& pool : pools) {
    if (std::find(names.begin(), names.end(), pool.served_model_name) == names.end())
      names.push_back(pool.served_model_name);
  }
  return names;
}

}  // namespace foretoken
