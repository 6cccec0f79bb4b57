// From an empty system, each longer than the last; what is found must lie beyond the limit by a margin.
#include "experiment/steady/short_runs.hpp"

#include <algorithm>
#include <cmath>

#include "experiment/latency_key.hpp"
#include "experiment/steady/sampler.hpp"

namespace foretoken {
namespace {

// A dismissal after a short run errs at most this often, and lies at least so far beyond the limit.
constexpr double kShortConfidence = 0.995;
constexpr double kFar = 0.1;

// A system that starts empty and is watched for a while sees no more load than one that has run for long: a
// latency found in it is no overestimate, nor is a share of requests that were too late. Rates are no such figures:
// filling and emptying take their share of a short run.
bool grows_with_length(const SloLine& line) {
  if (split_metric(line.metric).key == "slo_attainment") return !is_upper_limit(line.comparison);
  return latency_key_parts(line.metric).has_value() && is_upper_limit(line.comparison);
}

// The end of the interval that speaks for the candidate, brought nearer to the limit by the margin.
bool is_far_off(const ObjectiveVerdict& o) {
  if (!grows_with_length(o.line) || std::isnan(o.interval.value)) return false;
  if (split_metric(o.line.metric).key == "slo_attainment") {
    const double too_late = 1 - o.interval.high;
    return too_late > 0 && !judge(o.line, 1 - too_late * (1 - kFar)).ok;
  }
  return !judge(o.line, o.interval.low * (1 - kFar)).ok;
}

// Longer and longer runs from an empty system: most candidates that miss do so by far, and soon.
constexpr std::int64_t kBriefly[] = {250, 1500, 9000};
// The first requests of an empty system; a closed loop turns a few times.
SteadyState from_empty(const WorkloadConfig& workload, std::int64_t requests) {
  SteadyState steady;
  steady.exists = true;
  steady.settled = false;
  steady.measured = std::max(requests, 4 * workload.max_concurrency.value_or(0));
  return steady;
}

}  // namespace

std::optional<Scenario> short_form(const Scenario& scenario) {
  if (!has_steady_state(scenario) || may_find_prefixes(scenario)) return std::nullopt;
  if (std::none_of(scenario.slo.begin(), scenario.slo.end(), grows_with_length)) return std::nullopt;
  Scenario brief = scenario;
  brief.replications = 1;
  brief.study.until.clear();
  brief.study.confidence = std::max(kShortConfidence, scenario.study.confidence);
  brief.study.max_replications = 5;
  return brief;
}

Result<ShortRuns> run_briefly(const Scenario& brief, const RunOptions& options, const std::vector<std::string>& also) {
  ShortRuns runs;
  for (const std::int64_t length : kBriefly) {
    VerdictHints hints;
    hints.steady = from_empty(brief.workload, length);
    Result<Verdict> verdict = reach_verdict(brief, options, also, hints);
    if (!verdict) return verdict.error();
    runs.verdict = std::move(*verdict);
    runs.requests += runs.verdict.requests;
    if (runs.verdict.interrupted) break;
    const auto& objectives = runs.verdict.objectives;
    const auto far_off = std::find_if(objectives.begin(), objectives.end(), is_far_off);
    if (far_off == objectives.end()) continue;
    runs.far_off = static_cast<std::size_t>(far_off - objectives.begin());
    break;
  }
  return runs;
}

}  // namespace foretoken
