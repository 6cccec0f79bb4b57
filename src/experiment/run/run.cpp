// Simulates the replications of a scenario and reduces them to one result.
#include "foretoken/experiment/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <tuple>

#include "cost/levels/matrix_peak.hpp"
#include "experiment/explain/what_fits.hpp"
#include "experiment/parallel.hpp"
#include "experiment/replication.hpp"
#include "experiment/run/overload.hpp"
#include "experiment/run/pool_results.hpp"
#include "experiment/run/request_limits.hpp"
#include "experiment/slots/slot_series.hpp"
#include "experiment/steady/equal_outputs.hpp"
#include "foretoken/base/intervals.hpp"
#include "metrics/latency_bands.hpp"

namespace foretoken {
namespace {

bool stopped(const RunOptions& options) {
  return options.stop != nullptr && options.stop->load();
}

constexpr double kSlowestShare = 0.01;

// The requests of one replication whose time is shown beside the mean.
struct SlowRequests {
  LatencyBands ttft, e2el;
  LatencyBands::Sums violators_ttft, violators_e2el;
  void add(const RequestRecord& r, const RequestLimits& limits) {
    if (r.outcome != Outcome::finished) return;
    ttft.add(r.first_token - r.request.arrival, r.ttft_parts);
    e2el.add(r.finish - r.request.arrival, r.e2e_parts);
    if (!limits.any() || !limits.misses(r)) return;
    violators_ttft.add(r.ttft_parts);
    violators_e2el.add(r.e2e_parts);
  }
  void merge(const SlowRequests& other) {
    ttft.merge(other.ttft);
    e2el.merge(other.e2el);
    violators_ttft.add(other.violators_ttft);
    violators_e2el.add(other.violators_e2el);
  }
};

class Replicator {
 public:
  Replicator(const Scenario& scenario, const RunOptions& options, std::optional<std::int64_t> requests,
             std::size_t replications)
      : scenario_(scenario),
        options_(options),
        requests_(requests),
        limits_(scenario),
        slow_(replications),
        groups_(replications, FinishGroups(0, std::max<std::int64_t>(1, requests.value_or(1)))),
        watch_groups_(requests && outputs_that_finish_together(scenario)) {}

  // Also measure by slot of the load.
  void watch_slots(Duration horizon) { slots_.assign(slow_.size(), SlotSeries(scenario_, horizon)); }

  // Diagnostics when the workload cannot be opened.
  Result<ReplicationResult> operator()(int index) {
    ReplicationOptions options;
    options.requests = requests_;
    options.stop = options_.stop;
    options.step_by_step = options_.step_by_step;
    options.cost_models = options_.cost_models;
    if (index == 0) options.watchers = options_.watchers;
    // Who is told of every request cannot be told that it was not so.
    if (slow_.size() == 1 && !options_.on_request && options_.watchers.empty()) {
      options.threads = threads_or_cores(options_.threads);
      options.begin_again = [this, before = std::tuple(slow_, groups_, slots_, backlog_)] {
        std::tie(slow_, groups_, slots_, backlog_) = before;
      };
    }
    const bool watch_backlog = index == 0 && may_overload(scenario_);
    if (options_.on_request || !slots_.empty() || options_.attribution_groups || watch_groups_ || watch_backlog) {
      SlowRequests& slow = slow_[static_cast<std::size_t>(index)];
      FinishGroups& groups = groups_[static_cast<std::size_t>(index)];
      options.on_request = [this, index, watch_backlog, &slow, &groups](const RequestRecord& record) {
        if (watch_backlog) backlog_.add(record);
        if (options_.attribution_groups) slow.add(record, limits_);
        if (watch_groups_) groups.add(record);
        if (!slots_.empty()) slots_[static_cast<std::size_t>(index)].add(record);
        if (options_.on_request) options_.on_request(index, record);
      };
    }
    if (options_.progress) options.report = [this](std::int64_t n) { advance(n); };
    return simulate_replication(scenario_, index, options);
  }

  [[nodiscard]] SlowRequests slow_requests() const {
    SlowRequests all;
    for (const SlowRequests& s : slow_) all.merge(s);
    return all;
  }
  // Of the replications that were simulated.
  [[nodiscard]] LoadSlots slots(int replications) const {
    if (slots_.empty()) return {};
    SlotSeries all = slots_.front();
    for (std::size_t i = 1; i < slots_.size(); ++i) all.merge(slots_[i]);
    return all.figures(scenario_, replications);
  }
  [[nodiscard]] std::string overload() const {
    return may_overload(scenario_) ? overload_sentence(backlog_) : std::string();
  }
  // Of the first replication: what holds for one holds for all.
  [[nodiscard]] const FinishGroups& groups() const { return groups_.front(); }

 private:
  void advance(std::int64_t requests) {
    const std::lock_guard lock(mutex_);
    done_ += requests;
    Progress progress{done_, std::nullopt};
    if (requests_) progress.expected = *requests_ * scenario_.replications;
    options_.progress(progress);
  }

  const Scenario& scenario_;
  const RunOptions& options_;
  std::optional<std::int64_t> requests_;
  RequestLimits limits_;
  std::vector<SlowRequests> slow_;  // by replication, as the next
  std::vector<FinishGroups> groups_;
  std::vector<SlotSeries> slots_;
  BacklogSeries backlog_;  // of the first replication
  bool watch_groups_;
  std::mutex mutex_;
  std::int64_t done_ = 0;
};

}  // namespace

void average(const std::vector<Summary>& summaries, Summary& means, Summary* half_widths) {
  if (summaries.empty()) return;
  std::vector<SummaryEntry> keys = summaries.front().entries;
  for (const Summary& s : summaries) {
    for (const SummaryEntry& e : s.entries) {
      if (std::none_of(keys.begin(), keys.end(), [&](const SummaryEntry& k) { return k.key == e.key; }))
        keys.push_back(e);
    }
  }
  for (const SummaryEntry& key : keys) {
    std::vector<double> values;
    for (const Summary& s : summaries) {
      if (const double v = s[key.key]; !std::isnan(v)) values.push_back(v);
    }
    double mean = 0;
    for (double v : values) mean += v;
    mean /= static_cast<double>(values.size());
    means.entries.push_back({key.key, mean, key.integer && values.size() == 1});
    if (half_widths == nullptr || values.size() < 2 || !std::isfinite(mean)) continue;
    half_widths->entries.push_back({key.key, mean_interval(values, 0.95).half_width(), false});
  }
}

namespace {

MeasureView view_of(const RunResult& result, const RunMeasures& run, const Measures& requests, Scope scope) {
  return view_of(result.scenario, result.device, run, requests, scope);
}

void summarise_replications(RunResult& result) {
  std::vector<Summary> all, steady;
  std::vector<std::vector<Summary>> classes, adapters;
  const bool several_models = has_several_models(result.scenario);
  for (const ReplicationResult& r : result.replications) {
    const RunMeasures& run = r.measures;
    all.push_back(summarise(view_of(result, run, run.all, Scope::run)));
    if (run.steady.completed > 0) steady.push_back(summarise(view_of(result, run, run.steady, Scope::steady)));
    classes.resize(run.classes.size());
    for (std::size_t c = 0; c < run.classes.size(); ++c) {
      const Measures& own = run.classes[c].measures;
      if (!several_models) {
        classes[c].push_back(summarise(view_of(result, run, own, Scope::request_class)));
        continue;
      }
      // A class pays for the replicas of its model.
      const Scenario& s = result.scenario;
      const ModelShare share = share_of_model(s, result.device, run, s.workload.classes[c].model);
      classes[c].push_back(summarise({share.run, own, Scope::request_class, s.tpot, share.device}));
    }
    adapters.resize(run.adapters.size());
    for (std::size_t a = 0; a < run.adapters.size(); ++a)
      adapters[a].push_back(summarise(view_of(result, run, run.adapters[a].measures, Scope::request_class)));
  }
  average(all, result.summary, &result.half_widths);
  average(steady, result.steady_state, nullptr);
  for (std::size_t c = 0; c < classes.size(); ++c) {
    result.classes.push_back({result.replications.front().measures.classes[c].name, {}});
    average(classes[c], result.classes.back().summary, nullptr);
  }
  for (std::size_t a = 0; a < adapters.size(); ++a) {
    result.adapters.push_back({result.replications.front().measures.adapters[a].name, {}});
    average(adapters[a], result.adapters.back().summary, nullptr);
  }
}

void name_sketches(RunResult& result) {
  for (const LatencyMetric& metric : latency_metrics()) {
    const auto is_sketch = [&](const ReplicationResult& r) {
      const Distribution* d = metric.of(view_of(result, r.measures, r.measures.all, Scope::run));
      return d != nullptr && !d->exact();
    };
    if (std::any_of(result.replications.begin(), result.replications.end(), is_sketch)) {
      result.sketched.push_back(metric.name);
    }
  }
}

// Over the requests offered: a rejected request has not met a latency objective.
void judge_objectives(RunResult& result) {
  for (const SloLine& line : result.scenario.slo) {
    double sum = 0;
    for (const ReplicationResult& r : result.replications) {
      const MeasureView view = view_of(result, r.measures, r.measures.all, Scope::run);
      sum += metric_value(view, line.metric, Population::offered).value_or(std::nan(""));
    }
    result.slo.push_back(judge(line, sum / static_cast<double>(result.replications.size())));
  }
}

void attribute(RunResult& result) {
  std::array<FineTotal, kTimeParts> prefill{}, decode{};
  double completed = 0;
  for (const ReplicationResult& r : result.replications) {
    for (std::size_t i = 0; i < kTimeParts; ++i) {
      prefill[i] += r.measures.engine.prefill_parts[i];
      decode[i] += r.measures.engine.decode_parts[i];
    }
    for (std::size_t i = 0; i < kAttributionParts; ++i) {
      result.attribution.ttft_ms[i] += static_cast<double>(r.measures.ttft_parts[i]) * 1e-6;
      result.attribution.e2e_ms[i] += static_cast<double>(r.measures.e2e_parts[i]) * 1e-6;
    }
    completed += static_cast<double>(r.measures.all.completed);
  }
  result.prefill = bottleneck(prefill);
  result.decode = bottleneck(decode);
  for (std::size_t i = 0; i < kAttributionParts && completed > 0; ++i) {
    result.attribution.ttft_ms[i] /= completed;
    result.attribution.e2e_ms[i] /= completed;
  }
}

AttributionGroup group_of(std::string name, const LatencyBands::Sums& ttft, const LatencyBands::Sums& e2el) {
  AttributionGroup group{std::move(name), ttft.requests, {}};
  for (std::size_t i = 0; i < kAttributionParts; ++i) {
    if (ttft.requests > 0)
      group.means.ttft_ms[i] = static_cast<double>(ttft.parts[i]) * 1e-6 / static_cast<double>(ttft.requests);
    if (e2el.requests > 0)
      group.means.e2e_ms[i] = static_cast<double>(e2el.parts[i]) * 1e-6 / static_cast<double>(e2el.requests);
  }
  return group;
}

void attribute_slow_requests(RunResult& result, const SlowRequests& slow) {
  result.attribution_groups.push_back(
      group_of("slowest 1 %", slow.ttft.slowest(kSlowestShare), slow.e2el.slowest(kSlowestShare)));
  if (slow.violators_ttft.requests > 0)
    result.attribution_groups.push_back(group_of("violators", slow.violators_ttft, slow.violators_e2el));
}

void collect_warnings(RunResult& result, const FinishGroups& groups) {
  if (!result.overload.empty()) result.warnings.push_back(result.overload);
  if (std::string warning = warning_of(result.scenario, groups); !warning.empty())
    result.warnings.push_back(std::move(warning));
  const Scenario& s = result.scenario;
  if (s.spare > 0 && s.replicas_down == 0)
    result.warnings.push_back(fmt::format(
        "spare: this run has all {} replicas; check, assert, recommend, capacity and promise judge with {} down",
        replicas_in_all(s), s.spare));
  for (const ReplicationResult& r : result.replications) {
    if (!r.outcome.stop_reason.empty()) {
      result.warnings.push_back(fmt::format("replication {} ended early: {}", r.index, r.outcome.stop_reason));
    }
    if (const std::string storm = metastable_sentence(r.outcome.clients); !storm.empty())
      result.warnings.push_back(r.index == 0 ? storm : fmt::format("replication {}: {}", r.index, storm));
    if (r.measures.all.rejected > 0) {
      result.warnings.push_back(
          fmt::format("replication {}: {} of {} requests were rejected; percentiles over offered "
                      "requests count them as never served",
                      r.index, r.measures.all.rejected, r.measures.all.offered()));
    }
    if (const TransferTotals& moved = r.outcome.transfers; moved.failed > 0) {
      result.warnings.push_back(
          fmt::format("replication {}: {} of {} transfers failed, {} because what was handed over "
                      "was kept no longer (disaggregation.pin_timeout)",
                      r.index, moved.failed, moved.requests, moved.expired));
    }
  }
}

DeviceFigures figures_of_one_kind(const Scenario& scenario) {
  DeviceFigures figures;
  figures.num_gpus = scenario.num_gpus;
  figures.usable_kv_blocks = scenario.engine.usable_blocks();
  const Deployment& d = scenario.deployment;
  if (const std::optional<HourlyPrice> price = price_per_hour(scenario)) {
    figures.usd_per_hour = price->usd;
    figures.example_price = price->example;
  }
  if (const std::optional<PowerFigures> power = power_of(d)) {
    figures.tdp_watts = power->tdp_watts;
    figures.idle_watts = power->idle_watts;
    figures.power = power_terms(d.gpu);
    figures.power_cap = d.power_cap;
    figures.host_per_step = d.overhead.per_step + d.overhead.per_layer * d.model.layers + d.draft.host_per_step +
                            d.draft.host_per_pass * d.draft.passes;
    figures.host_per_token = d.overhead.per_sequence;
  }
  // Micro-batches keep all stages at work, or nearly.
  figures.pipeline_stages = d.parallelism.micro_batches ? 1 : d.parallelism.pipeline;
  figures.usd_per_kwh = scenario.prices.kwh.value_or(0);
  figures.grid_g_per_kwh = scenario.prices.grid_g_per_kwh;
  if (d.level == CostLevel::affine) return figures;
  figures.peak_flops = matrix_peak(d);
  figures.memory_bandwidth = d.gpu.memory_bandwidth.value_or(Bandwidth{}).value;
  return figures;
}

}  // namespace

DeviceFigures device_figures(const Scenario& scenario) {
  DeviceFigures figures = figures_of_one_kind(scenario);
  if (scenario.pools.size() < 2) return figures;
  for (const PoolPlan& pool : scenario.pools) {
    const DeviceFigures one = figures_of_one_kind(only_pool(scenario, pool));
    const int ranks = pool.cluster.replicas * pool.engine.data_parallel_size;
    figures.pools.push_back({static_cast<double>(pool.num_gpus) / ranks, one.peak_flops, one.memory_bandwidth,
                             one.tdp_watts, one.idle_watts, one.pipeline_stages, one.usable_kv_blocks, one.usd_per_hour,
                             one.power, one.power_cap, one.host_per_step, one.host_per_token});
  }
  return figures;
}

Result<RunResult> run_scenario(const Scenario& scenario, const RunOptions& options) {
  RunResult result;
  result.scenario = scenario;
  result.device = device_figures(scenario);
  const Fit fit = fit_of(scenario, true);
  result.memory = fit.memory;
  result.feasible = fit.feasible;
  if (!result.feasible) return result;
  const Result<WorkloadSummary> workload = workload_summary(scenario);
  if (!workload) return workload.error();

  const auto count = static_cast<std::size_t>(std::max(1, scenario.replications));
  std::vector<std::optional<Result<ReplicationResult>>> finished(count);
  Replicator replicate(scenario, options, workload->requests, count);
  if (options.load_slots && changes_with_time(scenario.workload)) {
    const Result<Duration> horizon = expected_horizon(scenario);
    if (!horizon) return horizon.error();
    replicate.watch_slots(*horizon);
  }
  parallel_for(count, options.on_request ? 1 : options.threads, [&](std::size_t i) {
    if (i > 0 && stopped(options)) return;
    finished[i] = replicate(static_cast<int>(i));
  });
  for (auto& replication : finished) {
    if (!replication) {
      result.interrupted = true;
      continue;
    }
    if (!*replication) return replication->error();
    result.interrupted |= (*replication)->outcome.interrupted;
    result.replications.push_back(std::move(**replication));
  }
  if (options.model_band) {
    const Result<Explanation> explanation = explain(scenario);
    if (!explanation) return explanation.error();
    result.band = model_band(*explanation);
  }
  summarise_replications(result);
  name_sketches(result);
  judge_objectives(result);
  result.load_slots = replicate.slots(static_cast<int>(result.replications.size()));
  attribute(result);
  summarise_pools(result);
  if (options.attribution_groups) attribute_slow_requests(result, replicate.slow_requests());
  if (!result.interrupted) result.overload = replicate.overload();
  collect_warnings(result, replicate.groups());
  return result;
}

}  // namespace foretoken
