// What a deployment lets through when there is always more to do: the stability limit of its load.
#pragma once

#include "foretoken/base/intervals.hpp"
#include "foretoken/experiment/run.hpp"

namespace foretoken {

struct Saturation {
  // Requests per second of the whole deployment: any open load above it piles up without end. Empty where there is no
  // such limit (requests are turned away, or give up), or none was found within `most_requests`.
  std::optional<Interval> limit;
  std::int64_t requests = 0;  // simulated
};

// One replica under a load beyond what it lets through, once its seats and its cache are full, times the number of
// replicas. By the saturation rule (Baccelli and Foss 1995) a queue is stable below that rate and unstable above it.
// `rate`: of the whole deployment, where to start. Errors: a workload that cannot be read.
[[nodiscard]] Result<Saturation> saturate(const Scenario& scenario, double rate, std::int64_t most_requests,
                                          const RunOptions& options);

}  // namespace foretoken
