// Service-level objectives: one-line comparisons on the summary's own keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/result.hpp"

namespace foretoken {

enum class Comparison { at_most, below, at_least, above };

// `p99_ttft <= 500 ms`, `p99_ttft_ms <= 500`, `output_throughput >= 2000`.
struct SloLine {
  std::string expression;  // as written
  std::string metric;      // key of the summary: p99_ttft_ms
  Comparison comparison = Comparison::at_most;
  double limit = 0;  // in the key's unit
  bool operator==(const SloLine&) const = default;
};

// Any percentile of ttft, tpot, itl, e2el (p50, p99, p99.9), mean, median, std, min, max,
// and every plain key of the summary. Errors name the keys allowed.
[[nodiscard]] Result<SloLine> parse_slo_line(const std::string& text, const SourceLocation& where);

// `p99_ttft +- 3 %`: how closely a study must know a figure before it may stop.
struct PrecisionGoal {
  std::string expression;  // as written
  std::string metric;      // key of the summary
  double share = 0;        // half width of the interval over the figure
  bool operator==(const PrecisionGoal&) const = default;
};

// `p99_ttft ± 3 %`, `mean_tpot_ms +- 0.5 %`: the metrics of parse_slo_line, a share in percent.
[[nodiscard]] Result<PrecisionGoal> parse_precision_goal(const std::string& text, const SourceLocation& where);

struct SloVerdict {
  SloLine line;
  double value = 0;  // NaN when the metric does not exist in this run
  bool ok = false;
  double margin = 0;  // distance to the limit over the limit, positive = room; NaN when there is none
};

[[nodiscard]] SloVerdict judge(const SloLine& line, double value);
[[nodiscard]] std::string_view to_string(Comparison comparison);
[[nodiscard]] inline bool is_upper_limit(Comparison c) {
  return c == Comparison::at_most || c == Comparison::below;
}

}  // namespace foretoken
