// What a sweep keeps of a run.
#pragma once

#include <utility>

#include "foretoken/experiment/sweep.hpp"

namespace foretoken {

// `values` are those of the axes; none for a run by itself.
[[nodiscard]] inline SweepPoint point_of(const Scenario& scenario, RunResult result, std::vector<std::string> values) {
  SweepPoint point;
  point.values = std::move(values);
  if (!result.feasible) {
    point.status = PointStatus::does_not_fit;
    point.reason = result.memory.verdict;
    return point;
  }
  point.status = PointStatus::ok;
  point.figures.scenario_sha256 = scenario_sha256(scenario);
  point.figures.summary = std::move(result.summary);
  point.figures.half_widths = std::move(result.half_widths);
  point.figures.slo = std::move(result.slo);
  point.figures.prefill = result.prefill;
  point.figures.decode = result.decode;
  return point;
}

}  // namespace foretoken
