// Fitted coefficients of the cost model, as data: one set per (GPU, engine,
// version, number format, operator), with what it was fitted on and how well.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/shared.hpp"

namespace foretoken {

// Which physics prices an operator.
enum class CostLevel {
  datasheet,   // max(FLOPs/peak, bytes/bandwidth): the lower bound
  roofline,    // one efficiency per bound and one fixed cost per operator (M1)
  calibrated,  // fitted sets where measurements exist (M3), roofline elsewhere
  affine,      // no hardware: the user's own a + b*tokens (teaching, queueing theory)
};

// A coefficient in SI units (seconds, byte/s, FLOP/s) or without unit.
struct Coefficient {
  std::string name;
  double value = 0;
  bool operator==(const Coefficient&) const = default;
};

// Values of one shape column the set was fitted on.
struct FittedRange {
  std::string dimension;  // m, n, k, seqlen_new, context, tokens ...
  double low = 0;
  double high = 0;
  bool operator==(const FittedRange&) const = default;
};

struct CoefficientSet {
  std::string gpu;     // id of a CalibrationDevice
  std::string engine;  // vllm, trtllm, sglang, nccl, vidur ...
  std::string version;
  std::string format;                       // bf16, fp8, fp8_block, nvfp4, int4_wo ...; "any" for collectives
  std::string operation;                    // gemm, attention_prefill, moe, allreduce_custom ...
  CostLevel level = CostLevel::calibrated;  // roofline: t0, ec, em; calibrated: see calibrated_operations()
  std::vector<Coefficient> coefficients;
  std::vector<FittedRange> ranges;
  int fitted_rows = 0;
  double held_out_error = 0;  // mean absolute relative error on held-out shapes, 0 = not known
  std::string fitted_by = {};
  std::string note = {};
  bool unusable = false;     // kept as a record only
  bool transferable = true;  // may describe another GPU that has no set of its own
  bool of_a_user = false;    // of a catalog of one's own: what is known of the built-in set of this key is not of it
  bool operator==(const CoefficientSet&) const = default;
};

// The GPU constants a device's sets were fitted with. They stay with the sets even
// where another source disagrees: changing one silently rescales every efficiency.
struct CalibrationDevice {
  std::string gpu;         // catalog id
  std::string generation;  // sm80, sm86, sm90, sm100, sm120: sets serve their own generation first
  double flops_bf16 = 0;
  double flops_fp8 = 0;  // 0 = not in hardware
  double flops_fp4 = 0;
  double bandwidth = 0;
  double compute_units = 0;
  double l2_bytes = 0;        // decimal
  double link_bandwidth = 0;  // per GPU and direction
  bool operator==(const CalibrationDevice&) const = default;
};

struct CalibrationTable {
  std::vector<CalibrationDevice> devices;
  std::vector<CoefficientSet> sets;
  bool operator==(const CalibrationTable&) const = default;
};
// A table is some 100 kB and stands in every deployment: they share it.
using SharedCalibration = Shared<CalibrationTable>;

// The coefficients of one operation's calibrated formula, in its order; the last
// `optional` of them may be missing.
struct CoefficientName {
  std::string_view name;
  enum class Unit { none, seconds, bytes_per_second } unit = Unit::none;
};
struct OperationCoefficients {
  std::string_view operation;
  std::vector<CoefficientName> names;
  std::size_t optional = 0;
};
[[nodiscard]] const std::vector<OperationCoefficients>& calibrated_operations();
// Of the roofline: t0, ec, em.
[[nodiscard]] const std::vector<CoefficientName>& roofline_coefficients();

// What is wrong with a table: a set without device, a missing or unknown
// coefficient, a value that is not a positive finite number. Empty = fine.
[[nodiscard]] std::vector<std::string> calibration_problems(const CalibrationTable& table);

}  // namespace foretoken
