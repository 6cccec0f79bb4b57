// Two readings of the points of a sweep: the Pareto front of two figures, and how latency follows the load.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/experiment/sweep.hpp"
#include "foretoken/study/capacity.hpp"

namespace foretoken {

struct FrontFigure {
  std::string metric;  // a key of the summary
  bool smaller_is_better = false;
};

// Points that no other beats: better in one figure and no worse in the other.
struct SweepFront {
  FrontFigure x;
  FrontFigure y;
  std::vector<std::size_t> points;  // indices, from the best x on; points with the same two figures are all there
  std::size_t compared = 0;         // points that have both figures
  [[nodiscard]] bool holds(std::size_t point) const;
};

// `p99_ttft,output_throughput`; which sense is better follows from the metric, or from `:min` or `:max` behind it.
// Errors, all at once: not two, no metric of a sweep's points, one without a sense of its own.
[[nodiscard]] Result<SweepFront> parse_front(const std::string& text);
// Fills points and compared; figures that do not exist or are infinite keep a point out.
void find_front(SweepFront& front, const std::vector<SweepPoint>& points);

// The points of one combination of the other axes, by rising load.
struct LoadCurve {
  std::size_t axis = 0;                     // of the axes: workload.request_rate or workload.max_concurrency
  std::vector<std::string> values;          // of the other axes, in their order
  std::vector<std::size_t> points;          // indices of those with figures
  std::optional<std::size_t> last_met;      // index of the largest load below the first that misses
  std::optional<std::size_t> first_missed;  // index; both empty without objectives
  std::optional<Knee> knee;                 // of mean_e2el_ms, among points that serve nine tenths of what arrives
};

// Empty where no axis is a load, or none of its combinations has three points with figures.
[[nodiscard]] std::vector<LoadCurve> load_curves(const std::vector<SweepAxis>& axes,
                                                 const std::vector<SweepPoint>& points);

}  // namespace foretoken
