// The constants of one accelerator that the formulas use, and what a weight format
// means on it.
#pragma once

#include <string_view>

#include "foretoken/cost/deployment.hpp"

namespace foretoken {

struct Device {
  double flops_bf16 = 0;  // FLOP/s, dense
  double flops_fp8 = 0;   // 0 = not in hardware
  double flops_int8 = 0;
  double flops_fp4 = 0;
  double bandwidth = 0;      // byte/s
  double compute_units = 0;  // SMs
  double l2_bytes = 0;       // decimal
};

[[nodiscard]] Device datasheet_device(const GpuSpec& gpu);
[[nodiscard]] Device calibration_device(const CalibrationDevice& device);

// A weight format on a device (src/cost/README.md, "Number formats"). Without hardware support the
// matrix unit computes in bf16 and only the weight bytes shrink.
struct MatrixFormat {
  double weight_bytes = 2;      // per element, with scales
  double activation_bytes = 2;  // inside the matrix unit
  double peak = 0;              // FLOP/s
  bool quantises = false;       // activations need a quantisation kernel
  std::string_view set_format;  // the coefficient sets that describe it
};
[[nodiscard]] MatrixFormat matrix_format(WeightFormat format, const Device& device);

// Generations whose coefficient sets describe each other: sm80, sm86, sm90, sm100,
// sm120; other architectures by name.
[[nodiscard]] std::string gpu_generation(const GpuSpec& gpu);

}  // namespace foretoken
