// Where a tool and the simulation do not measure the same.
#pragma once

#include <string>
#include <vector>

#include "measurement/calibration/prediction.hpp"

namespace foretoken {

// One sentence each: where the client's clock stands, warm-up, TPOT and ITL, percentiles, failed requests, load.
[[nodiscard]] std::vector<std::string> boundaries_of(const RunToFit& run);

}  // namespace foretoken
