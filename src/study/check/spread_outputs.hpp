// How much of a verdict hangs on outputs that are all equally long.
#pragma once

#include "foretoken/study/check.hpp"

namespace foretoken {

// Empty: it hangs on nothing of the kind. Errors: a workload that cannot be read.
[[nodiscard]] Result<std::optional<SpreadOutputs>> spread_outputs(const Scenario& scenario, const Verdict& verdict,
                                                                  const RunOptions& run);

}  // namespace foretoken
