// The files of the catalog, and the starters, that are part of the binary.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "foretoken/cost/calibration.hpp"

namespace foretoken {

struct EmbeddedFile {
  std::string_view folder;  // gpus, models, links, calibration, starters
  std::string_view stem;    // file name without .yaml
  std::string_view text;
};

// Sorted by folder and stem.
[[nodiscard]] std::span<const EmbeddedFile> embedded_catalog();

// The calibration files as read when the program was built: reading them at every start
// would take longer than a small simulation. The members are those of CalibrationTable.
struct EmbeddedDevice {
  std::string_view gpu, generation;
  double flops_bf16, flops_fp8, flops_fp4, bandwidth, compute_units, l2_bytes, link_bandwidth;
};
struct EmbeddedCoefficient {
  std::string_view name;
  double value;
};
struct EmbeddedRange {
  std::string_view dimension;
  double low, high;
};
struct EmbeddedSet {
  std::string_view gpu, engine, version, format, operation;
  CostLevel level;
  std::size_t first_coefficient, coefficients, first_range, ranges;
  int fitted_rows;
  double held_out_error;
  std::string_view fitted_by, note;
  bool unusable, transferable;
};
struct EmbeddedCalibration {
  std::span<const EmbeddedDevice> devices;
  std::span<const EmbeddedSet> sets;
  std::span<const EmbeddedCoefficient> coefficients;  // of all sets
  std::span<const EmbeddedRange> ranges;
};
[[nodiscard]] EmbeddedCalibration embedded_calibration();

}  // namespace foretoken
