// The figures of replicas that come and go, and of clients that try again.
#pragma once

#include "foretoken/metrics/summary.hpp"

namespace foretoken {

[[nodiscard]] std::span<const Column> fleet_columns();

// Of the time of all places, in which a replica was paid for; 1 where replicas stay.
[[nodiscard]] double paid_share(const FleetTotals& fleet);
// Seconds in which all ranks together could have worked, and the price of an hour: of what was paid for.
[[nodiscard]] double paid_rank_seconds(const RunMeasures& run);
[[nodiscard]] double paid_usd_per_hour(const MeasureView& v);

}  // namespace foretoken
