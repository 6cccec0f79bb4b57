// Short runs from an empty system, which tell the loads and deployments that miss an objective by far.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/experiment/verdict.hpp"

namespace foretoken {

// The scenario in few replications. Empty when this load has no short form: without a steady state, with prefixes to be
// found in a cache (a cold one is slower), or when no objective grows worse with the length of the run.
[[nodiscard]] std::optional<Scenario> short_form(const Scenario& scenario);

struct ShortRuns {
  Verdict verdict;                     // of the longest of them
  std::int64_t requests = 0;           // of all
  std::optional<std::size_t> far_off;  // the objective that is missed, however long the run would be
};
// Longer and longer ones, until an objective is missed by far. They never confirm anything. Errors: a workload that
// cannot be read.
[[nodiscard]] Result<ShortRuns> run_briefly(const Scenario& brief, const RunOptions& options,
                                            const std::vector<std::string>& also);

}  // namespace foretoken
