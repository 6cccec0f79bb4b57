// Whether a measured run is one of the scenario's deployment and load: a contradiction is an error, a doubt a warning.
#pragma once

#include <string>
#include <vector>

#include "foretoken/experiment/sweep.hpp"
#include "measurement/calibration/prediction.hpp"

namespace foretoken {

struct MeasuredDoubts {
  Diagnostics errors;
  std::vector<std::string> warnings;
};

// What the file says of its model, engine and load against what the scenario, `--set` and the overrides of this file
// say. `given` are the assignments that users gave for this run; `base` is the scenario without those of the file.
void check_origin(const RunToFit& run, const Scenario& base, const Question& question,
                  const std::vector<std::string>& given, MeasuredDoubts& doubts);
// Lengths that the simulation drew against those that were measured.
void check_lengths(const RunToFit& run, const PredictedRun& predicted, MeasuredDoubts& doubts);

}  // namespace foretoken
