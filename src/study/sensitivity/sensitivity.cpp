// Every lever a step down and a step up, on the random numbers and the window of the base.
#include "study/sensitivity/sensitivity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "experiment/explain/what_fits.hpp"
#include "experiment/latency_key.hpp"
#include "experiment/parallel.hpp"
#include "experiment/steady/sampler.hpp"
#include "foretoken/metrics/summary.hpp"
#include "study/sensitivity/levers.hpp"

namespace foretoken {
namespace {

constexpr int kFewestReplications = 5;
constexpr int kMostReplications = 10;
constexpr std::int64_t kRequests = 1'000'000;  // about, over all steps

Diagnostics refuse(std::string what, std::string hint) {
  Diagnostics problems;
  problems.error({"--metric", 0, 0}, std::move(what), std::move(hint));
  return problems;
}

bool smaller_is_better(const Scenario& s, std::string_view metric) {
  for (const SloLine& line : s.slo) {
    if (line.metric == metric) return is_upper_limit(line.comparison);
  }
  return latency_key_parts(metric).has_value() || metric == "duration" || metric == "preemption_count";
}

// Memory follows what was moved; empty when it fits.
std::string plan_again(const Deployment& deployment, const MemorySettings& memory, EngineConfig& engine) {
  if (deployment.level == CostLevel::affine) return {};
  const MemoryPlan plan = plan_memory(deployment, memory);
  if (!plan.fits) return "does not fit";
  engine.num_gpu_blocks = plan.num_gpu_blocks;
  return {};
}

std::string plan_again(Scenario& s) {
  for (PoolPlan& pool : s.pools) {
    if (std::string why = plan_again(pool.deployment, pool.memory, pool.engine); !why.empty()) return why;
  }
  return plan_again(s.deployment, s.memory, s.engine);
}

class LeverSteps {
 public:
  LeverSteps(SensitivityStudy& result, const RunOptions& options) : result_(result), options_(options) {
    options_.threads = 1;
    options_.progress = nullptr;
  }

  void set_base(const SteadyState& steady, std::vector<double> values) {
    steady_ = steady;
    base_ = std::move(values);
  }

  [[nodiscard]] LeverStep step(const Lever& lever, double factor) const {
    LeverStep step;
    if (options_.stop != nullptr && options_.stop->load()) {
      step.why_not = "interrupted";
      return step;
    }
    Scenario s = result_.scenario;
    step.factor = lever.scale(s, factor);
    if (step.factor == 1) {
      step.why_not = "no smaller step is possible";
      return step;
    }
    if (step.why_not = plan_again(s); !step.why_not.empty()) return step;
    if (const Diagnostics wrong = check_workload(s.workload); wrong.has_errors()) {
      step.why_not = wrong.items().front().message;
      return step;
    }
    ReplicationSampler sampler(s, {result_.metric}, options_);
    sampler.take_steady_state(steady_);
    const Diagnostics problems = sampler.extend_to(static_cast<int>(base_.size()));
    if (problems.has_errors() || sampler.interrupted()) {
      step.why_not = problems.has_errors() ? problems.items().front().message : "interrupted";
      return step;
    }
    const std::vector<double> values = sampler.values(0);
    step.paired = paired_difference(base_, values, result_.scenario.study.confidence);
    step.after = result_.base.value + step.paired.difference.value;
    step.possible = !std::isnan(step.paired.difference.value);
    if (!step.possible) step.why_not = "the metric has no finite value";
    return step;
  }

 private:
  SensitivityStudy& result_;
  RunOptions options_;
  SteadyState steady_;
  std::vector<double> base_;
};

void measure_effect(LeverEffect& lever, double base) {
  double slope = 0, doubt = 0, span = 0;
  for (const LeverStep* step : {&lever.down, &lever.up}) {
    if (!step->possible) continue;
    const Interval& d = step->paired.difference;
    if (step->moves()) lever.effect = std::max(lever.effect, std::abs(d.value));
    // Both steps together: (up - down) over the distance between them.
    const double side = step->factor > 1 ? 1 : -1;
    slope += side * d.value;
    doubt += d.half_width();
    span += std::abs(step->factor - 1);
  }
  lever.certain = std::abs(slope) > doubt;
  lever.elasticity = span > 0 && base != 0 ? slope / span / base : std::nan("");
}

std::string per_percent(double elasticity) {
  return fmt::format("{}{:.2f} %", elasticity > 0 ? "+" : "", elasticity);
}

// Better is a negative elasticity where smaller is better.
std::string worth_paying_for(const SensitivityStudy& s) {
  const LeverEffect* best = nullptr;
  std::string others;
  const double sign = s.smaller_is_better ? -1 : 1;
  for (const LeverEffect& l : s.levers) {
    if (l.group != LeverGroup::hardware || !l.certain || std::isnan(l.elasticity)) continue;
    if (best == nullptr || sign * l.elasticity > sign * best->elasticity) best = &l;
  }
  if (best == nullptr || !(sign * best->elasticity > 0))
    return "no hardware figure moves " + s.metric + " for the better beyond the noise: change knobs or load";
  for (const LeverEffect& l : s.levers) {
    if (&l == best || l.group != LeverGroup::hardware) continue;
    others += fmt::format("{}{} {}", others.empty() ? "; " : ", ", l.name,
                          l.certain ? per_percent(l.elasticity) : std::string("nothing"));
  }
  return fmt::format("of the hardware, {} is worth most: each percent more of it moves {} by {}{}", best->name,
                     s.metric, per_percent(best->elasticity), others);
}

// The objective with the least room, by a first look at all of them.
Result<std::size_t> least_room(const Scenario& s, const RunOptions& options) {
  std::vector<std::string> metrics;
  for (const SloLine& line : s.slo) metrics.push_back(line.metric);
  ReplicationSampler sampler(s, metrics, options);
  if (Diagnostics problems = sampler.extend_to(1); problems.has_errors()) return problems;
  std::size_t least = 0;
  double room = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < s.slo.size() && sampler.replications() > 0; ++i) {
    const double margin = judge(s.slo[i], sampler.values(i).front()).margin;
    if (margin < room) room = margin, least = i;
  }
  return least;
}

Diagnostics choose_metric(SensitivityStudy& study, const SensitivityOptions& options) {
  const Scenario& s = study.scenario;
  if (!options.metric.empty()) {
    study.metric = canonical_metric(options.metric);
    study.why_this_metric = "as asked";
    if (!study.metric.empty()) return {};
    const std::string close = closest_match(options.metric, metric_names());
    return refuse(fmt::format("'{}' is no metric", options.metric),
                  close.empty() ? "`foretoken catalog metrics` lists them" : fmt::format("did you mean '{}'?", close));
  }
  if (s.slo.empty()) {
    study.metric = "p99_ttft_ms";
    study.why_this_metric = "the default without objectives";
    return {};
  }
  const Result<std::size_t> least = least_room(s, options.run);
  if (!least) return least.error();
  study.metric = s.slo[*least].metric;
  study.why_this_metric = fmt::format("of {}, the objective with the least room", s.slo[*least].expression);
  return {};
}

int replications_of(const Scenario& s, std::size_t levers, const std::optional<std::int64_t>& requests) {
  const std::int64_t each = std::max<std::int64_t>(1, requests.value_or(1)) * static_cast<std::int64_t>(2 * levers + 1);
  return static_cast<int>(std::clamp<std::int64_t>(kRequests / each, std::max(kFewestReplications, s.replications),
                                                   std::max(kMostReplications, s.replications)));
}

}  // namespace

std::string_view to_string(LeverGroup group) {
  switch (group) {
    case LeverGroup::hardware:
      return "hardware";
    case LeverGroup::cost:
      return "cost";
    case LeverGroup::knob:
      return "knob";
    case LeverGroup::fleet:
      return "fleet";
    case LeverGroup::load:
      return "load";
  }
  return "unknown";
}

Result<SensitivityStudy> study_sensitivity(const Scenario& scenario, const SensitivityOptions& options) {
  SensitivityStudy study;
  study.scenario = scenario;
  study.by = options.by;
  const Fit fit = fit_of(scenario);
  study.memory = fit.memory;
  study.feasible = fit.feasible;
  if (!study.feasible) return study;
  const Result<WorkloadSummary> workload = workload_summary(scenario);
  if (!workload) return workload.error();
  if (Diagnostics problems = choose_metric(study, options); problems.has_errors()) return problems;
  study.smaller_is_better = smaller_is_better(scenario, study.metric);
  const std::vector<Lever> levers = levers_of(scenario);
  study.replications = replications_of(scenario, levers.size(), workload->requests);
  RunOptions quiet = options.run;
  quiet.progress = nullptr;
  ReplicationSampler base(study.scenario, {study.metric}, quiet);
  if (Diagnostics problems = base.extend_to(study.replications); problems.has_errors()) return problems;
  study.interrupted = base.interrupted();
  if (study.interrupted) return study;
  const std::vector<double> values = base.values(0);
  study.base = mean_interval(values, scenario.study.confidence);
  if (!std::isfinite(study.base.value)) {
    return refuse(fmt::format("{} has no finite value in this scenario", study.metric),
                  "choose another with --metric: `foretoken catalog metrics` lists them");
  }
  LeverSteps steps(study, options.run);
  steps.set_base(base.steady_state(), values);
  for (const Lever& lever : levers) {
    LeverEffect effect;
    effect.name = lever.name;
    effect.group = lever.group;
    effect.now = lever.now;
    effect.unit = lever.unit;
    study.levers.push_back(std::move(effect));
  }
  std::mutex mutex;
  std::int64_t done = 0;
  parallel_for(2 * levers.size(), options.run.threads, [&](std::size_t i) {
    LeverEffect& effect = study.levers[i / 2];
    (i % 2 == 0 ? effect.down : effect.up) = steps.step(levers[i / 2], i % 2 == 0 ? 1 - study.by : 1 + study.by);
    if (!options.run.progress) return;
    const std::lock_guard lock(mutex);
    options.run.progress({++done, static_cast<std::int64_t>(2 * levers.size())});
  });
  for (LeverEffect& lever : study.levers) measure_effect(lever, study.base.value);
  std::stable_sort(study.levers.begin(), study.levers.end(),
                   [](const LeverEffect& a, const LeverEffect& b) { return a.effect > b.effect; });
  study.interrupted = options.run.stop != nullptr && options.run.stop->load();
  study.worth = scenario.deployment.level == CostLevel::affine ? "affine step times have no hardware to pay for"
                                                               : worth_paying_for(study);
  return study;
}

}  // namespace foretoken
