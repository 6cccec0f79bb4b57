// One calibration file's YAML: either the constants of a device or the coefficient
// sets of one engine on it.
#pragma once

#include "foretoken/base/result.hpp"
#include "foretoken/cost/calibration.hpp"
#include "foretoken/scenario/catalog.hpp"

namespace foretoken {

// Adds to `table`; empty = no problem found.
[[nodiscard]] Diagnostics read_calibration(const Catalog::File& file, CalibrationTable& table);

}  // namespace foretoken
