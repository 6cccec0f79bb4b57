// Changes that might rescue a missed objective.
#pragma once

#include "foretoken/study/check.hpp"

namespace foretoken {

// Every change worth trying on this scenario, most of them a factor of two in one knob.
[[nodiscard]] std::vector<Fix> candidate_fixes(const Scenario& scenario, const std::string& catalog_dir);

// Tries each on the same random numbers as `base` and ranks them. `base.verdict` or an impossible bound
// must be there.
void try_fixes(CheckResult& base, const Question& question, const RunOptions& options);

}  // namespace foretoken
