// Assertions are objectives of a study of their own.
#include "study/assert/assertions.hpp"

#include "experiment/explain/what_fits.hpp"

namespace foretoken {

Result<AssertionsResult> judge_assertions(const Scenario& scenario, const RunOptions& options) {
  AssertionsResult result;
  result.scenario = scenario;
  std::vector<Assertion>& assertions = result.scenario.assertions;
  if (assertions.empty()) {
    for (const SloLine& line : scenario.slo) assertions.push_back({line.expression, line});
  }
  if (assertions.empty()) {
    Diagnostics problems;
    problems.error({scenario.name, 0, 0}, "there is nothing to judge: 'assert' is empty, and so is 'slo'",
                   "write what must hold, such as assert: [p99_ttft <= 500 ms]");
    return problems;
  }
  const Fit fit = fit_of(scenario);
  result.memory = fit.memory;
  result.feasible = fit.feasible;
  if (!result.feasible) return result;
  Scenario question = scenario;
  question.slo.clear();
  for (const Assertion& a : assertions) question.slo.push_back(a.line);
  question.study.until.clear();
  Result<Verdict> verdict = reach_verdict(question, options);
  if (!verdict) return verdict.error();
  result.overall = verdict->overall;
  result.interrupted = verdict->interrupted;
  result.verdict = std::move(*verdict);
  UncertaintyOptions how;
  how.run = options;
  how.run.progress = nullptr;
  how.enabled = !result.interrupted;
  Result<ModelUncertainty> uncertainty = model_uncertainty(question, *result.verdict, how);
  if (!uncertainty) return uncertainty.error();
  result.interrupted = result.interrupted || uncertainty->interrupted;
  result.uncertainty = std::move(*uncertainty);
  return result;
}

}  // namespace foretoken
