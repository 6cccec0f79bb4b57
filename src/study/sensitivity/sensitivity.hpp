// Which hardware figure, cost term, knob or load moves a metric, and which hardware figure is worth paying for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/intervals.hpp"
#include "foretoken/experiment/run.hpp"

namespace foretoken {

enum class LeverGroup { hardware, cost, knob, fleet, load };
[[nodiscard]] std::string_view to_string(LeverGroup group);

// The metric after one step of a lever, against now, on the same random numbers.
struct LeverStep {
  bool possible = false;
  std::string why_not;
  double factor = 1;  // on the lever, after rounding
  double after = 0;
  PairedDifference paired;

  // The difference is beyond its interval.
  [[nodiscard]] bool moves() const { return possible && (paired.difference.low > 0 || paired.difference.high < 0); }
};

struct LeverEffect {
  std::string name;  // memory bandwidth, engine.max_num_seqs ...
  LeverGroup group = LeverGroup::hardware;
  double now = 0;
  std::string unit;
  LeverStep down;
  LeverStep up;
  // Percent of the metric per percent of the lever, over both steps; NaN when neither was possible.
  double elasticity = 0;
  double effect = 0;     // the larger of both differences that are beyond their intervals, absolute
  bool certain = false;  // what both steps together change is more than their intervals together
};

struct SensitivityStudy {
  Scenario scenario;
  MemoryPlan memory;
  bool feasible = true;
  std::string metric;
  std::string why_this_metric;
  double by = 0.1;
  bool smaller_is_better = true;
  Interval base;
  std::vector<LeverEffect> levers;  // the largest effect first
  std::string worth;                // which hardware figure moves the metric most, in words
  int replications = 0;
  bool interrupted = false;
};

struct SensitivityOptions {
  RunOptions run;
  std::string metric;  // empty: of the objective with the least room, p99_ttft_ms without objectives
  double by = 0.1;     // share, in (0, 0.5]
};

// Errors: an unknown metric, or one without a value in this workload; a workload that cannot be read.
[[nodiscard]] Result<SensitivityStudy> study_sensitivity(const Scenario& scenario,
                                                         const SensitivityOptions& options = {});

}  // namespace foretoken
