// What to change so that a model fits the memory: the smallest split, a format, a context.
#pragma once

#include <string>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

// Of one change each where that is enough, else of a format and a split together; "nothing ..." when none is.
[[nodiscard]] std::string what_would_fit(const Scenario& scenario);

}  // namespace foretoken
