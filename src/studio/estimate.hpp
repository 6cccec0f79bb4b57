// What needs no simulation: memory, a request alone, the load on average, bounds. Milliseconds of work.
#pragma once

#include <string>
#include <vector>

#include "studio/configurations.hpp"

namespace foretoken {

// {"rows": [{"key", "label", "cells": [{"text", "value", "tone"}]}], "configs": [{"problems", "deployment", "warnings",
// "charts", "values" of the controls}], "tradeoff": chart}
[[nodiscard]] Json estimate(const std::vector<Configuration>& configurations, const Controls& controls);

}  // namespace foretoken
