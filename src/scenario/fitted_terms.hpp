// The terms that a fit to measurements may move, and the scenario keys they stand for.
#pragma once

#include <span>
#include <string_view>

namespace foretoken {

struct FittedTerm {
  std::string_view name;  // in a calibration file
  std::string_view path;  // in a scenario
  std::string_view unit;  // of people; empty = a factor or a count
  double unit_in_si = 1;
  std::string_view meaning;
};
[[nodiscard]] std::span<const FittedTerm> fitted_terms();

// Version of the calibration file's format.
inline constexpr int kCalibrationFormat = 1;

}  // namespace foretoken
