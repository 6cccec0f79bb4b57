// Measured files as runs of a scenario: read, described, and checked against what they are taken for.
#pragma once

#include <string>
#include <vector>

#include "measurement/calibration/check_measured.hpp"
#include "measurement/calibration/measured_file.hpp"

namespace foretoken {

// Every run of every file, each with the scenario of its own load: what the file says of it, then `--set`, then what
// was given for this file. `base` is the scenario without any file. Files that cannot be read, loads that make no
// scenario and models that do not fit are `problems`; what the file says otherwise is `doubts`.
[[nodiscard]] std::vector<RunToFit> read_runs(const Question& question, const Scenario& base,
                                              const std::vector<MeasuredFile>& files, Diagnostics& problems,
                                              MeasuredDoubts& doubts);

// 8 requests/s, at most 16 at once.
[[nodiscard]] std::string load_of(const RunToFit& run);

}  // namespace foretoken
