// What a measured run says of itself, under the keys of the summary.
#pragma once

#include <vector>

#include "measurement/calibration/measured_run.hpp"

namespace foretoken {

// The figures that the tool printed and, where single requests are known, those that it left out: mean and percentiles
// of TTFT, TPOT and E2E, and throughput where the sends are known too. In the order of the summary, each once.
[[nodiscard]] std::vector<ReportedFigure> measured_figures(const MeasuredRun& run);

}  // namespace foretoken
