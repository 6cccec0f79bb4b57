// What a calibration found: for people, for programs (schema foretoken.calibration/1), and as the file that
// a scenario names.
#pragma once

#include <string>

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "measurement/calibration/calibrate.hpp"

namespace foretoken {

[[nodiscard]] Json to_json(const CalibrationResult& result);
[[nodiscard]] std::string to_text(const CalibrationResult& result, const TextStyle& style = {});
// YAML, read by cost.calibration. `date` is written as given; empty = none.
[[nodiscard]] std::string to_calibration_file(const CalibrationResult& result, const std::string& date);

}  // namespace foretoken
