// Sixteen collectors beside the run's own, each for the requests of its part.
#include "experiment/steady/trace_parts.hpp"

#include <algorithm>
#include <cmath>

#include "experiment/replication.hpp"
#include "experiment/steady/pooled_figures.hpp"

namespace foretoken {
namespace {

// Enough for Student's t, few enough for parts of many requests.
constexpr std::int64_t kParts = 16;

// From the first arrival of a part to that of the next; of the last to the end of the run.
void measure_rates(TraceRun& run) {
  for (std::size_t i = 0; i < run.parts.size(); ++i) {
    RunMeasures& part = run.parts[i];
    const TimePoint end = i + 1 < run.parts.size() ? run.parts[i + 1].all.first_arrival
                                                   : std::max(run.whole.all.last_finish, part.all.last_arrival);
    WindowRates rates;
    rates.seconds = to_seconds(end - part.all.first_arrival);
    rates.completed = static_cast<double>(part.all.completed);
    rates.input_tokens = static_cast<double>(part.all.input_tokens);
    rates.output_tokens = static_cast<double>(part.all.output_tokens);
    if (rates.seconds > 0) part.window = rates;
    part.steady = part.all;
    part.steady_itl = part.itl;
    part.steady_classes.clear();
    for (const ClassMeasures& c : part.classes) part.steady_classes.push_back(c.measures);
  }
}

}  // namespace

Result<TraceRun> run_trace(const Scenario& scenario, std::int64_t requests, const RunOptions& run) {
  const std::int64_t parts = std::clamp<std::int64_t>(requests, 1, kParts);
  std::vector<MetricsCollector> collectors;
  for (std::int64_t i = 0; i < parts; ++i)
    collectors.emplace_back(collector_config(scenario.workload, scenario.warmup_fraction, std::nullopt));
  const auto part_of = [&](std::int64_t index) {
    return static_cast<std::size_t>(std::min(parts - 1, index * parts / requests));
  };
  std::int64_t latest = 0;
  ReplicationOptions options;
  options.requests = requests;
  options.stop = run.stop;
  options.cost_models = run.cost_models;
  options.step_by_step = run.step_by_step;
  options.on_request = [&](const RequestRecord& r) {
    latest = std::max(latest, r.request.index);
    collectors[part_of(r.request.index)].on_request(r);
  };
  // Gaps between tokens are of the part whose requests are leaving.
  options.on_steps = [&](const StepSpan& span) { collectors[part_of(latest)].on_steps(span); };
  if (run.progress) options.report = [&](std::int64_t) { run.progress({latest, requests}); };
  Result<ReplicationResult> result = simulate_replication(scenario, 0, options);
  if (!result) return result.error();
  TraceRun trace{std::move(result->measures), {}, std::move(result->outcome)};
  for (MetricsCollector& c : collectors) {
    RunMeasures part = c.take(trace.outcome);
    if (part.all.offered() > 0) trace.parts.push_back(std::move(part));
  }
  measure_rates(trace);
  return trace;
}

Interval interval_of(const TraceRun& run, const Scenario& scenario, const DeviceFigures& device,
                     const std::string& metric, double confidence) {
  const double whole =
      metric_value(view_of(scenario, device, run.whole, run.whole.all, Scope::run), metric, Population::offered)
          .value_or(std::nan(""));
  Interval interval;
  interval.confidence = confidence;
  interval.value = whole;
  if (!has_steady_value(metric) || std::isnan(whole)) {
    interval.low = interval.high = whole;
    return interval;
  }
  PooledFigures pooled(scenario, device, metric);
  for (const RunMeasures& part : run.parts) pooled.add(part);
  const Interval of_parts = pooled.interval(confidence);
  if (std::isnan(of_parts.value) || !std::isfinite(whole)) return interval;
  // Around the run's own figure, which parts of unequal length do not average to.
  const double scale = of_parts.value > 0 ? whole / of_parts.value : 1;
  interval.low = scale * of_parts.low;
  interval.high = scale * of_parts.high;
  return interval;
}

}  // namespace foretoken
