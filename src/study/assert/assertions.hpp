// Do the scenario's assertions hold? For pipelines: the answer is an exit code.
#pragma once

#include <optional>

#include "foretoken/experiment/uncertainty.hpp"
#include "foretoken/experiment/verdict.hpp"

namespace foretoken {

struct AssertionsResult {
  Scenario scenario;
  MemoryPlan memory;
  bool feasible = true;                         // false: does not fit, nothing was simulated
  std::optional<Verdict> verdict;               // its objectives are the assertions, in their order
  std::optional<ModelUncertainty> uncertainty;  // with the verdict, in the same order
  Decision overall = Decision::not_decided;
  bool interrupted = false;
};

// As check() judges objectives: on replications, until each is decided or the study's budget ends.
// Errors: no assertions, a workload that cannot be read.
[[nodiscard]] Result<AssertionsResult> judge_assertions(const Scenario& scenario, const RunOptions& options = {});

}  // namespace foretoken
