// Single kernel launches priced by one coefficient set, to be held against kernel tables.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "foretoken/cost/calibration.hpp"
#include "foretoken/hardware/gpu_spec.hpp"

namespace foretoken {

// One launch; only the fields of its operation count. Shapes are of one device.
struct KernelQuery {
  std::string operation;  // as in calibrated_operations()
  std::string gpu;        // catalog id
  std::string engine;
  std::string version;
  std::string format;   // bf16, fp16, fp8, fp8_block, int8_wo, int4_wo, nvfp4, w4a16_mxfp4, w4a8_mxfp4_mxfp8 or any
  std::string library;  // experts: whose kernel, where several serve a format; the set's format is then FORMAT.LIBRARY
  bool resident = false;  // kernels timed back to back find small operands in L2
  double m = 0, n = 0, k = 0;
  double batch = 0, new_tokens = 0, history = 0, context = 0, decodes = 0;
  double query_heads = 0, kv_heads = 0, head_size = 0, window = 0;
  double value_size = 0;  // linear attention: of a value; query_heads are its values', kv_heads its keys'
  double kv_bytes = 2;
  double experts = 0, active_experts = 0, hidden = 0, expert_width = 0, expert_parallel = 1, tokens = 0;
  double expert_matrices = 3;
  double power_law = 0;       // exponent of the experts' popularity, 0 = balanced
  std::vector<double> loads;  // tokens of each expert of the device; empty = as these two say
  double message_bytes = 0, ranks = 0;
  double bytes = 0;
};

// The figures of its datasheet as constants of coefficient sets.
[[nodiscard]] CalibrationDevice datasheet_calibration_device(const GpuSpec& gpu);

struct KernelPrediction {
  double seconds = 0;
  std::string served_by;
};

// The tokens of each expert, once for all calls of a query.
[[nodiscard]] std::vector<double> expert_loads_of(const KernelQuery& query);
// By the calibrated formula of its operation with these coefficients, in the formula's order; nothing where there is no
// such formula. As predict_kernel() the time as it is, whatever the datasheet says.
[[nodiscard]] std::optional<double> kernel_seconds(const CalibrationDevice& device, const KernelQuery& query,
                                                   std::span<const double> coefficients);
// By exactly the set of the query's key, calibrated level; nothing where there is none.
[[nodiscard]] std::optional<KernelPrediction> predict_kernel(const CalibrationTable& table, const KernelQuery& query);

}  // namespace foretoken
