// What to change so that a model fits the memory: the smallest split, a format, a context.
#pragma once

#include <string>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

// Of one change each where that is enough, else of a format and a split together; "nothing ..." when none is.
[[nodiscard]] std::string what_would_fit(const Scenario& scenario);

// Whether a deployment fits its GPUs' memory.
struct Fit {
  MemoryPlan memory;     // with pools: of the first that does not fit, else of main_pool()
  bool feasible = true;  // affine costs have no memory
};
// `advise`: the verdict also says what would fit.
[[nodiscard]] Fit fit_of(const Scenario& scenario, bool advise = false);

}  // namespace foretoken
