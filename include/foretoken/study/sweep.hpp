// A what-if table: the scenario at every point of the cross product of its sweep axes.
#pragma once

#include <string>
#include <vector>

#include "foretoken/study/run.hpp"

namespace foretoken {

// The text a scenario was read from, so that a point can be resolved anew.
struct ScenarioText {
  std::string text;
  std::string origin;  // names it in diagnostics
};

enum class PointStatus { ok, does_not_fit, invalid, skipped };
[[nodiscard]] std::string_view to_string(PointStatus status);

struct SweepPoint {
  std::vector<std::string> values;  // one per axis
  PointStatus status = PointStatus::skipped;
  std::string reason;  // when not ok
  // Filled when ok; without the replications' measures.
  RunResult result;
};

// Where the line between meeting and missing the objectives runs, for one
// combination of the axes other than the last.
struct SweepFrontier {
  std::vector<std::string> values;  // of the axes before the last
  std::string largest;              // value of the last axis; empty = no point meets them
};

struct SweepResult {
  Scenario base;
  std::vector<SweepAxis> axes;
  std::vector<SweepPoint> points;        // last axis fastest
  std::vector<SweepFrontier> frontiers;  // empty without objectives or when the last axis is not numeric
  bool interrupted = false;
};

// Precondition: base.sweep is not empty. Errors: a field or value that no point accepts.
[[nodiscard]] Result<SweepResult> run_sweep(const ScenarioText& source, const LoadOptions& load, const Scenario& base,
                                            const RunOptions& options = {});

}  // namespace foretoken
