// How likely the objectives hold at a load when the model errs as measured, and the load at which that is likely
// enough.
#pragma once

#include "study/capacity/look.hpp"
#include "study/load/load_knob.hpp"

namespace foretoken {

// Fills `confidence` and `promised` below the capacity, with a few more looks where those there are lie too far apart.
[[nodiscard]] Diagnostics add_confidence(CapacityResult& result, LoadJudge& judge, const LoadKnob& knob);

}  // namespace foretoken
