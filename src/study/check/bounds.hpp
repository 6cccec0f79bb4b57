// The bounds behind objective_bounds(), by where they come from.
#pragma once

#include <limits>
#include <string>

#include "foretoken/study/check.hpp"
#include "study/check/idle.hpp"

namespace foretoken {

// A step never falls when work is added, but for the calibrated decode kernel (below 1 %).
inline constexpr double kBoundSlack = 0.02;

// Empty when the objective has no such bound.
[[nodiscard]] std::optional<Bound> latency_bound(const Scenario& scenario, std::size_t objective,
                                                 const std::vector<LoneRequest>& requests);
[[nodiscard]] std::optional<Bound> attainment_bound(const Scenario& scenario, std::size_t objective,
                                                    const std::vector<LoneRequest>& requests);
// What no batching can exceed, and why; infinite where the cost model has no roofline.
struct RooflineCapacity {
  double requests_per_second = std::numeric_limits<double>::infinity();
  std::string binds;
};
[[nodiscard]] RooflineCapacity roofline_capacity(const Scenario& scenario, const WorkloadSummary& workload);
// What is offered, and what the roofline lets through.
[[nodiscard]] std::optional<Bound> load_bound(const Scenario& scenario, std::size_t objective,
                                              const WorkloadSummary& workload);
// objective_bounds() when the lone requests are known. They depend on all of the scenario but its cluster.
[[nodiscard]] Result<std::vector<Bound>> bounds_with(const Scenario& scenario, const std::vector<LoneRequest>& lone);
// Enough for a p99 with ten requests beyond it; a few milliseconds.
inline constexpr std::int64_t kLoneRequests = 1000;
// Steps with drafts are simulated one by one, and the turns of conversations grow: fewer then.
[[nodiscard]] inline std::int64_t lone_requests_of(const Scenario& s) {
  if (s.engine.speculation.on() || s.engine.kv_offload.on()) return kLoneRequests / 8;
  return s.workload.sessions ? kLoneRequests / 4 : kLoneRequests;
}

}  // namespace foretoken
