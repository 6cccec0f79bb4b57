// Assertions are objectives of a study of their own.
#include "foretoken/study/assertions.hpp"

namespace foretoken {

Result<AssertionsResult> judge_assertions(const Scenario& scenario, const RunOptions& options) {
  if (scenario.assertions.empty()) {
    Diagnostics problems;
    problems.error({scenario.name, 0, 0}, "there is nothing to judge: 'assert' is empty",
                   "write what must hold, such as assert: [p99_ttft <= 500 ms]");
    return problems;
  }
  AssertionsResult result;
  result.scenario = scenario;
  result.memory = plan_memory(scenario.deployment, scenario.memory);
  result.feasible = result.memory.fits || scenario.deployment.level == CostLevel::affine;
  if (!result.feasible) return result;
  Scenario question = scenario;
  question.slo.clear();
  for (const Assertion& a : scenario.assertions) question.slo.push_back(a.line);
  question.study.until.clear();
  Result<Verdict> verdict = reach_verdict(question, options);
  if (!verdict) return verdict.error();
  result.overall = verdict->overall;
  result.interrupted = verdict->interrupted;
  result.verdict = std::move(*verdict);
  return result;
}

}  // namespace foretoken
