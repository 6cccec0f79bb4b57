// The stream of requests of a measured run.
#pragma once

#include <memory>

#include "foretoken/scenario/scenario.hpp"
#include "measurement/calibration/measured_run.hpp"

namespace foretoken {

// Recorded sends where they do not depend on the answers; otherwise the scenario's arrivals, with the
// measured lengths in the order of sending where the file has them.
[[nodiscard]] Result<std::unique_ptr<RequestSource>> make_measured_source(const MeasuredRun& run,
                                                                          const Scenario& scenario,
                                                                          int replication = 0);
// Whether the recorded sends are used.
[[nodiscard]] bool replays_arrivals(const MeasuredRun& run, const Scenario& scenario);

}  // namespace foretoken
