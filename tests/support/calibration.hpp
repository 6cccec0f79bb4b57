// Coefficient sets for tests of the cost model.
#pragma once

#include "foretoken/cost/calibration.hpp"

namespace foretoken::test {

[[nodiscard]] CalibrationTable example_calibration();

}  // namespace foretoken::test
