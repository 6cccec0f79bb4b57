// Bounds first, then the verdict, then fixes.
#include "foretoken/study/check.hpp"

#include <algorithm>

#include "experiment/explain/what_fits.hpp"
#include "experiment/slots/slot_series.hpp"
#include "study/check/fixes.hpp"
#include "study/check/spread_outputs.hpp"

namespace foretoken {
namespace {

// What the model's own error does to the verdict.
Diagnostics add_uncertainty(CheckResult& result, const CheckOptions& options) {
  UncertaintyOptions how;
  how.run = options.run;
  how.run.progress = nullptr;
  how.enabled = options.model_error && !result.interrupted;
  std::vector<PredictedFigure> predicted;
  for (const ObjectiveVerdict& o : result.verdict->objectives) predicted.push_back({o.line.metric, o.interval});
  const Result<ModelUncertainty> found =
      model_uncertainty(result.scenario, result.band, predicted, result.verdict->steady, how);
  if (!found) return found.error();
  result.uncertainty = *found;
  result.interrupted = result.interrupted || found->interrupted;
  return {};
}

}  // namespace

Result<CheckResult> check(const Question& question, const Scenario& scenario, const CheckOptions& options) {
  Diagnostics problems;
  if (scenario.slo.empty()) {
    problems.error(question.whole(), "there is nothing to check: 'slo' is empty",
                   "write what is wanted, such as slo: [p99_ttft <= 500 ms]");
    return problems;
  }
  problems = contradictions(scenario);
  if (problems.has_errors()) return problems;
  CheckResult result;
  result.scenario = scenario;
  result.price = price_per_hour(scenario);
  const Fit fit = fit_of(scenario);
  result.memory = fit.memory;
  result.feasible = fit.feasible;
  if (!result.feasible) return result;
  Result<std::vector<Bound>> bounds = objective_bounds(scenario);
  if (!bounds) return bounds.error();
  result.bounds = std::move(*bounds);
  const Result<Explanation> explanation = explain(scenario);
  if (!explanation) return explanation.error();
  result.band = model_band(*explanation);
  result.impossible =
      std::any_of(result.bounds.begin(), result.bounds.end(), [](const Bound& b) { return b.impossible; });
  if (result.impossible) {
    result.overall = Decision::misses;
  } else {
    Result<Verdict> verdict = reach_verdict(scenario, options.run);
    if (!verdict) return verdict.error();
    result.overall = verdict->overall;
    result.interrupted = verdict->interrupted;
    result.verdict = std::move(*verdict);
    Result<std::optional<SpreadOutputs>> spread = spread_outputs(scenario, *result.verdict, options.run);
    if (!spread) return spread.error();
    result.spread_outputs = std::move(*spread);
    if (changes_with_time(scenario.workload) && !result.interrupted) {
      Result<LoadSlots> slots = simulate_slots(scenario, result.verdict->replications, options.run);
      if (!slots) return slots.error();
      result.load_slots = std::move(*slots);
    }
    if (Diagnostics broken = add_uncertainty(result, options); broken.has_errors()) return broken;
  }
  if (options.fixes && result.overall == Decision::misses && !result.interrupted) {
    try_fixes(result, question, options.run);
    result.interrupted = std::any_of(result.fixes.begin(), result.fixes.end(),
                                     [](const Fix& f) { return f.status == PointStatus::skipped; });
  }
  return result;
}

}  // namespace foretoken
