// Single kernel launches priced by one coefficient set, to be held against kernel tables.
#pragma once

#include <optional>
#include <string>

#include "foretoken/cost/calibration.hpp"

namespace foretoken {

// One launch; only the fields of its operation count. Shapes are of one device.
struct KernelQuery {
  std::string operation;  // as in calibrated_operations()
  std::string gpu;        // catalog id
  std::string engine;
  std::string version;
  std::string format;     // bf16, fp16, fp8, fp8_block, int8_wo, int4_wo, nvfp4, w4a16_mxfp4 or any
  bool resident = false;  // kernels timed back to back find small operands in L2
  double m = 0, n = 0, k = 0;
  double batch = 0, new_tokens = 0, history = 0, context = 0, decodes = 0;
  double query_heads = 0, kv_heads = 0, head_size = 0, window = 0;
  double kv_bytes = 2;
  double experts = 0, active_experts = 0, hidden = 0, expert_width = 0, expert_parallel = 1, tokens = 0;
  double power_law = 0;  // exponent of the experts' popularity, 0 = balanced
  double message_bytes = 0, ranks = 0;
  double bytes = 0;
};

struct KernelPrediction {
  double seconds = 0;
  std::string served_by;
};

// By exactly the set of the query's key, calibrated level; nothing where there is none.
[[nodiscard]] std::optional<KernelPrediction> predict_kernel(const CalibrationTable& table, const KernelQuery& query);

}  // namespace foretoken
