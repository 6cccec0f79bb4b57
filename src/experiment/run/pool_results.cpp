// A pool is seen as a run of its own: the columns of the whole that are of engines and devices hold for it too.
#include "experiment/run/pool_results.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "experiment/replication.hpp"
#include "foretoken/cost/memory_plan.hpp"

namespace foretoken {
namespace {

constexpr std::string_view kKeys[] = {"max_num_requests_running",
                                      "mean_kv_cache_usage_perc",
                                      "max_kv_cache_usage_perc",
                                      "prefix_cache_queries",
                                      "prefix_cache_hits",
                                      "engine_steps",
                                      "mean_decode_batch",
                                      "engine_busy",
                                      "encoder_items",
                                      "encoder_tokens",
                                      "encoder_cache_hit_rate",
                                      "mfu",
                                      "mbu",
                                      "arithmetic_intensity",
                                      "cost_per_hour",
                                      "mean_power_w",
                                      "gpu_hours",
                                      "mean_replicas_paid",
                                      "mean_replicas_ready",
                                      "max_replicas_ready",
                                      "cold_starts",
                                      "cold_start_gpu_hours",
                                      "replicas_stopped",
                                      "scale_events",
                                      "replica_failures",
                                      "lost_requests",
                                      "refused_requests"};

// The pools of `members` in one run, with what they have in common.
RunMeasures measures_of(const RunMeasures& whole, const std::vector<std::size_t>& members) {
  RunMeasures run;
  std::vector<ReplicaTotals> totals;
  for (const std::size_t i : members) {
    totals.push_back(whole.pools[i].engine);
    run.replicas += whole.pools[i].ranks;
    run.pools.push_back(whole.pools[i]);
  }
  run.engine = sum_of(totals);
  std::vector<FleetTotals> fleets;
  for (const PoolMeasures& pool : run.pools) fleets.push_back(pool.fleet);
  const bool any = std::any_of(fleets.begin(), fleets.end(), [](const FleetTotals& f) { return f.on; });
  if (any) run.fleet = FleetTotals::of_all(fleets);
  run.all.completed = whole.all.completed;
  run.all.first_arrival = whole.all.first_arrival;
  run.all.last_finish = whole.all.last_finish;
  run.end = whole.end;
  return run;
}

DeviceFigures device_of(const DeviceFigures& whole, const std::vector<std::size_t>& members) {
  DeviceFigures device;
  device.num_gpus = 0;
  for (const std::size_t i : members) {
    device.pools.push_back(whole.pools[i]);
    device.usd_per_hour += whole.pools[i].usd_per_hour;
  }
  return device;
}

Summary figures_of(const RunMeasures& run, const DeviceFigures& device) {
  const MeasureView view{run, run.all, Scope::run, TpotConvention::per_output_token, device};
  Summary summary;
  for (const std::string_view key : kKeys) {
    const double value = metric_value(view, key, Population::completed).value_or(kMissing);
    const auto all = columns();
    const auto column = std::find_if(all.begin(), all.end(), [&](const Column& c) { return c.key == key; });
    if (!std::isnan(value)) summary.entries.push_back({std::string(key), value, column->integer});
  }
  const double seconds = run.engine_duration();
  const auto count = [&](const char* key, std::int64_t value) {
    summary.entries.push_back({key, static_cast<double>(value), true});
  };
  if (seconds > 0) {
    summary.entries.push_back({"prefill_throughput", static_cast<double>(run.engine.prefill_tokens) / seconds, false});
    summary.entries.push_back({"decode_throughput", static_cast<double>(run.engine.decode_tokens) / seconds, false});
  }
  count("preemption_count", run.engine.preemptions);
  return summary;
}

PoolResult result_of(const RunResult& result, std::string name, const std::vector<std::size_t>& members) {
  PoolResult pool;
  pool.name = std::move(name);
  pool.role = result.scenario.pools[members.front()].role;
  for (const std::size_t i : members) {
    pool.replicas += result.scenario.pools[i].cluster.replicas;
    pool.gpus += result.scenario.pools[i].num_gpus;
  }
  const DeviceFigures device = device_of(result.device, members);
  std::vector<Summary> summaries;
  std::array<FineTotal, kTimeParts> prefill{}, decode{};
  for (const ReplicationResult& replication : result.replications) {
    const RunMeasures run = measures_of(replication.measures, members);
    summaries.push_back(figures_of(run, device));
    for (std::size_t part = 0; part < kTimeParts; ++part) {
      prefill[part] += run.engine.prefill_parts[part];
      decode[part] += run.engine.decode_parts[part];
    }
  }
  average(summaries, pool.summary, nullptr);
  pool.prefill = bottleneck(prefill);
  pool.decode = bottleneck(decode);
  return pool;
}

}  // namespace

ModelShare share_of_model(const Scenario& scenario, const DeviceFigures& device, const RunMeasures& whole,
                          const std::string& model) {
  std::vector<std::size_t> members;
  for (std::size_t i = 0; i < scenario.pools.size(); ++i) {
    if (scenario.pools[i].served_model_name == model) members.push_back(i);
  }
  ModelShare share{measures_of(whole, members), device_of(device, members)};
  for (std::size_t c = 0; c < scenario.workload.classes.size(); ++c) {
    if (scenario.workload.classes[c].model != model) continue;
    const Measures& own = whole.classes[c].measures;
    share.run.all.input_tokens += own.input_tokens;
    share.run.all.cached_tokens += own.cached_tokens;
    share.run.all.output_tokens += own.output_tokens;
  }
  return share;
}

std::span<const std::string_view> columns_of_pools() {
  return kKeys;
}

void summarise_pools(RunResult& result) {
  const std::vector<PoolPlan>& pools = result.scenario.pools;
  // One pool is the whole.
  if (pools.size() < 2) return;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    result.pools.push_back(result_of(result, pools[i].name, {i}));
    const Scenario alone = only_pool(result.scenario, pools[i]);
    result.pools.back().memory = plan_memory(alone.deployment, alone.memory);
  }
  bool several = false;
  for (const PoolRole role : {PoolRole::both, PoolRole::prefill, PoolRole::decode, PoolRole::encoder}) {
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < pools.size(); ++i) {
      if (pools[i].role == role) members.push_back(i);
    }
    several = several || members.size() > 1;
    if (!members.empty()) result.roles.push_back(result_of(result, std::string(to_string(role)), members));
  }
  if (!several) result.roles.clear();
}

}  // namespace foretoken
