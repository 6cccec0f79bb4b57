// A pilot finds how long to measure; replications of that length, or whole runs, fill the samples.
#include "experiment/steady/sampler.hpp"

#include <algorithm>
#include <cmath>

#include "experiment/parallel.hpp"
#include "experiment/replication.hpp"
#include "experiment/steady/trace_parts.hpp"

namespace foretoken {
namespace {

std::vector<double> existing(std::vector<double> values) {
  std::erase_if(values, [](double v) { return std::isnan(v); });
  return values;
}

}  // namespace

bool has_steady_state(const WorkloadConfig& w) {
  if (std::holds_alternative<RenewalArrivals>(w.arrivals) || std::holds_alternative<TwoStateArrivals>(w.arrivals)) {
    return true;
  }
  return std::holds_alternative<AllAtOnceArrivals>(w.arrivals) && w.max_concurrency.has_value();
}

bool may_find_prefixes(const Scenario& s) {
  return s.engine.enable_prefix_caching && may_share_prefixes(s.workload);
}

ReplicationSampler::ReplicationSampler(const Scenario& scenario, std::vector<std::string> metrics,
                                       const RunOptions& options, PilotHints hints)
    : scenario_(scenario),
      metrics_(std::move(metrics)),
      options_(options),
      device_(device_figures(scenario)),
      hints_(hints),
      whole_values_(metrics_.size()),
      whole_intervals_(metrics_.size()) {
  steady_.exists = has_steady_state(scenario);
  parts_of_one_run_ = std::holds_alternative<TraceConfig>(scenario.workload.arrivals);
  for (const std::string& metric : metrics_) {
    is_steady_.push_back(steady_.exists && has_steady_value(metric) ? 1 : 0);
    pooled_.emplace_back(scenario_, device_, metric);
    (is_steady_.back() != 0 ? some_steady_ : some_whole_) = true;
  }
}

void ReplicationSampler::take_steady_state(const SteadyState& steady) {
  const bool exists = steady_.exists;
  steady_ = steady;
  steady_.exists = exists;
}

Diagnostics ReplicationSampler::prepare() {
  if (prepared_) return {};
  prepared_ = true;
  const Result<WorkloadSummary> workload = workload_summary(scenario_);
  if (!workload) return workload.error();
  whole_requests_ = workload->requests;
  if (!some_steady_ || steady_.measured > 0) return {};
  const Result<PilotResult> pilot = fly_pilot(scenario_, options_, hints_);
  if (!pilot) return pilot.error();
  steady_ = pilot->steady;
  pilot_requests_ = pilot->requests;
  peak_running_ = pilot->peak_running;
  peak_kv_blocks_ = pilot->peak_kv_blocks;
  interrupted_ = pilot->interrupted;
  return {};
}

std::optional<std::int64_t> ReplicationSampler::requests_each() const {
  const std::int64_t steady = some_steady_ ? steady_.warmup + steady_.measured : 0;
  if (!some_whole_) return steady;
  if (!whole_requests_) return std::nullopt;
  return steady + *whole_requests_;
}

Result<ReplicationSampler::Run> ReplicationSampler::simulate(int index, bool endless) {
  ReplicationOptions options;
  if (endless) options.endless = EndlessRun{steady_.warmup, steady_.measured, nullptr};
  options.requests = whole_requests_;
  options.stop = options_.stop;
  options.cost_models = options_.cost_models;
  options.step_by_step = options_.step_by_step;
  if (options_.progress) options.report = [this](std::int64_t n) { advance(n); };
  Result<ReplicationResult> result = simulate_replication(scenario_, index, options);
  if (!result) return result.error();
  return Run{std::move(result->measures), std::move(result->outcome)};
}

void ReplicationSampler::count(const Run& run) {
  requests_ += run.outcome.arrived;
  peak_running_ = std::max(peak_running_, run.measures.engine.peak_running);
  peak_kv_blocks_ = std::max(peak_kv_blocks_, run.measures.engine.peak_kv_blocks);
}

double ReplicationSampler::whole_figure(const RunMeasures& run, std::size_t metric) const {
  return metric_value(view_of(scenario_, device_, run, run.all, Scope::run), metrics_[metric], Population::offered)
      .value_or(std::nan(""));
}

// A few at a time: a run's distributions are large, and only their order counts.
Diagnostics ReplicationSampler::add_runs(int begin, int end, bool endless) {
  constexpr int kTogether = 16;
  for (int first = begin; first < end && !interrupted_; first += kTogether) {
    std::vector<std::optional<Result<Run>>> fresh(static_cast<std::size_t>(std::min(kTogether, end - first)));
    parallel_for(fresh.size(), options_.threads, [&](std::size_t i) {
      if (options_.stop != nullptr && options_.stop->load()) return;
      fresh[i] = simulate(first + static_cast<int>(i), endless);
    });
    for (auto& run : fresh) {
      if (run && !*run) return run->error();
      // After an interrupt only whole replications count, and only those before the first that is missing.
      interrupted_ |= !run || (*run)->outcome.interrupted;
      if (interrupted_) break;
      count(**run);
      for (std::size_t m = 0; m < metrics_.size(); ++m) {
        if ((is_steady_[m] != 0) != endless) continue;
        if (endless)
          pooled_[m].add((*run)->measures);
        else
          whole_values_[m].push_back(whole_figure((*run)->measures, m));
      }
      if (endless || !some_steady_) ++replications_;
    }
  }
  return {};
}

Diagnostics ReplicationSampler::split_one_run() {
  Result<TraceRun> run = run_trace(scenario_, *whole_requests_, options_);
  if (!run) return run.error();
  interrupted_ = run->outcome.interrupted;
  if (interrupted_) return {};
  replications_ = 1;
  requests_ = run->outcome.arrived;
  peak_running_ = run->whole.engine.peak_running;
  peak_kv_blocks_ = run->whole.engine.peak_kv_blocks;
  for (std::size_t m = 0; m < metrics_.size(); ++m) {
    whole_values_[m] = {whole_figure(run->whole, m)};
    whole_intervals_[m] = interval_of(*run, scenario_, device_, metrics_[m], scenario_.study.confidence);
  }
  return {};
}

Diagnostics ReplicationSampler::extend_to(int replications) {
  if (Diagnostics problems = prepare(); problems.has_errors()) return problems;
  const int begin = replications_;
  if (interrupted_ || replications <= begin) return {};
  if (parts_of_one_run_) return begin > 0 ? Diagnostics{} : split_one_run();
  if (some_whole_ || !some_steady_) {
    if (Diagnostics problems = add_runs(begin, replications, false); problems.has_errors()) return problems;
  }
  return some_steady_ ? add_runs(begin, replications, true) : Diagnostics{};
}

std::vector<double> ReplicationSampler::values(std::size_t metric) const {
  return in_steady_state(metric) ? pooled_[metric].values() : whole_values_[metric];
}

Interval ReplicationSampler::interval(std::size_t metric, double confidence) const {
  if (in_steady_state(metric)) return pooled_[metric].interval(confidence);
  if (parts_of_one_run_ && replications_ > 0) return whole_intervals_[metric];
  return mean_interval(existing(whole_values_[metric]), confidence);
}

void ReplicationSampler::advance(std::int64_t requests) {
  const std::lock_guard lock(mutex_);
  reported_ += requests;
  options_.progress({reported_, std::nullopt});
}

}  // namespace foretoken
