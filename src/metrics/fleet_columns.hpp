// The figures of replicas that come and go, and of clients that try again.
#pragma once

#include "foretoken/metrics/summary.hpp"

namespace foretoken {

[[nodiscard]] std::span<const Column> fleet_columns();

// Of the time of all places, in which a replica was paid for; 1 where replicas stay.
[[nodiscard]] double paid_share(const RunMeasures& run);

}  // namespace foretoken
