// Replicas that know nothing of each other, simulated on several threads; the answer has the bytes of one thread.
#pragma once

#include <atomic>
#include <optional>
#include <span>

#include "foretoken/serving/simulation.hpp"

namespace foretoken {

// Requests go to replicas by their number alone, and come whatever becomes of others. `requests`: in all, when known.
[[nodiscard]] bool are_independent(const SimulationConfig& config, const RequestSource& source,
                                   const Observer& observer, std::optional<std::int64_t> requests);

struct IndependentRun {
  const SimulationConfig& config;
  std::span<const CostModel* const> costs;  // of each shard of the replicas, so not more than there are of these
  int threads = 2;
  const std::atomic<bool>* stop = nullptr;
  std::int64_t window = 384;  // requests of a shard that are simulated before what happened is told
};
// As simulate(), which tells the observer the same in the same order. Precondition: are_independent(). Only where
// there is a stop_reason, the outcome is not that of one thread.
[[nodiscard]] SimulationOutcome simulate_independent(const IndependentRun& run, RequestSource& source,
                                                     Observer& observer);

}  // namespace foretoken
