// The bounds behind objective_bounds(), by where they come from.
#pragma once

#include "foretoken/study/check.hpp"
#include "study/idle.hpp"

namespace foretoken {

// A step never falls when work is added, but for the calibrated decode kernel (below 1 %).
inline constexpr double kBoundSlack = 0.02;

// Empty when the objective has no such bound.
[[nodiscard]] std::optional<Bound> latency_bound(const Scenario& scenario, std::size_t objective,
                                                 const std::vector<LoneRequest>& requests);
[[nodiscard]] std::optional<Bound> attainment_bound(const Scenario& scenario, std::size_t objective,
                                                    const std::vector<LoneRequest>& requests);
// What is offered, and what the roofline lets through.
[[nodiscard]] std::optional<Bound> load_bound(const Scenario& scenario, std::size_t objective,
                                              const WorkloadSummary& workload);

}  // namespace foretoken
