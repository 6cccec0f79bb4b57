// A recorded engine run as a measured one.
#pragma once

#include "measurement/calibration/measured_run.hpp"

namespace foretoken {

[[nodiscard]] Result<MeasuredRun> read_recorded_run(const std::string& folder);

}  // namespace foretoken
