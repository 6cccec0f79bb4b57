// What is asked of the pools of a scenario.
#include <algorithm>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {
namespace {

// `pools[2].`, whose numbers count pools that are left out too.
std::string path_of_pool(const Scenario& s, const PoolPlan& pool) {
  for (const ResolvedField& field : s.fields) {
    const std::string* name = field.value.if_string();
    if (name == nullptr || *name != pool.name || !field.path.starts_with("pools[")) continue;
    if (field.path.ends_with("].name")) return field.path.substr(0, field.path.size() - 4);
  }
  return {};
}

// Those of all pools, and the pool's own by the names that they have at the top.
std::vector<ResolvedField> fields_of_pool(const Scenario& s, const PoolPlan& pool) {
  const std::string own = path_of_pool(s, pool);
  if (own.empty()) return s.fields;
  std::vector<ResolvedField> fields;
  for (const bool of_pool : {true, false}) {
    for (const ResolvedField& field : s.fields) {
      if (field.path.starts_with("pools[") != of_pool || (of_pool && !field.path.starts_with(own))) continue;
      ResolvedField one = field;
      if (of_pool) one.path.erase(0, own.size());
      const bool known = std::any_of(fields.begin(), fields.end(), [&](const auto& f) { return f.path == one.path; });
      if (!known) fields.push_back(std::move(one));
    }
  }
  return fields;
}

}  // namespace

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
  one.fields = fields_of_pool(scenario, pool);
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

std::vector<const PoolPlan*> pools_by_rank(const Scenario& scenario) {
  std::vector<const PoolPlan*> pools;
  const auto add = [&](const ClusterConfig& cluster, int ranks_each, const PoolPlan* pool) {
    pools.insert(pools.end(), static_cast<std::size_t>(cluster.replicas) * static_cast<std::size_t>(ranks_each), pool);
  };
  if (scenario.pools.empty()) add(scenario.cluster, scenario.engine.data_parallel_size, nullptr);
  for (const PoolPlan& pool : scenario.pools)
    add(pool.cluster, pool.role == PoolRole::encoder ? 1 : pool.engine.data_parallel_size, &pool);
  return pools;
}

std::vector<std::int64_t> kv_blocks_by_rank(const Scenario& scenario) {
  std::vector<std::int64_t> blocks;
  for (const PoolPlan* pool : pools_by_rank(scenario)) {
    const bool encodes = pool != nullptr && pool->role == PoolRole::encoder;
    blocks.push_back(encodes ? 0 : (pool == nullptr ? scenario.engine : pool->engine).usable_blocks());
  }
  return blocks;
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
