// Runs that keep all objectives, counted.
#include "experiment/run/objectives_held.hpp"

#include <algorithm>
#include <cmath>

#include "experiment/replication.hpp"

namespace foretoken {

Interval wilson_interval(std::int64_t held, std::int64_t of) {
  constexpr double kZ = 1.959964;
  const auto n = static_cast<double>(of);
  const double p = static_cast<double>(held) / n;
  const double centre = p + kZ * kZ / (2 * n), spread = kZ * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
  const double whole = 1 + kZ * kZ / n;
  return {p, std::max(0.0, (centre - spread) / whole), std::min(1.0, (centre + spread) / whole)};
}

ObjectivesHeld objectives_held(const RunResult& result) {
  ObjectivesHeld held;
  for (const ReplicationResult& r : result.replications) {
    const MeasureView view = view_of(result.scenario, result.device, r.measures, r.measures.all, Scope::run);
    bool all = true;
    for (const SloLine& line : result.scenario.slo)
      all = all && judge(line, metric_value(view, line.metric, Population::offered).value_or(std::nan(""))).ok;
    held.runs += all ? 1 : 0;
    ++held.of;
  }
  if (held.of > 0) held.share = wilson_interval(held.runs, held.of);
  return held;
}

}  // namespace foretoken
