// The order in which a formula reads its coefficients, and the search for the set
// that serves an operator (src/cost/README.md, "Choice of coefficients").
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "cost/operators/operator.hpp"

namespace foretoken {

struct SetQuery {
  std::string_view operation;
  std::vector<std::string> formats;       // the first that has a set anywhere near wins
  std::vector<std::string_view> engines;  // in order of preference
  std::string_view version;               // of the first engine; empty = the newest
  double link_bandwidth = 0;              // collectives: only sets from a comparable link
};

// The calibrated set that describes the operator on this GPU best, or none. Sets of
// NVIDIA GPUs serve their neighbours; other vendors' GPUs only what was measured on them.
[[nodiscard]] std::optional<ServedSet> find_calibrated(const CalibrationTable& table, const GpuSpec& gpu,
                                                       const SetQuery& query);
// The measured roofline of the same GPU, or none.
[[nodiscard]] std::optional<ServedSet> find_roofline(const CalibrationTable& table, const GpuSpec& gpu,
                                                     const SetQuery& query);

// The calibrated set of exactly this key, even one that is kept as a record only.
[[nodiscard]] std::optional<ServedSet> find_exact(const CalibrationTable& table, std::string_view gpu,
                                                  std::string_view engine, std::string_view version,
                                                  std::string_view format, std::string_view operation);

}  // namespace foretoken
