// The trend of the number in the system, against its noise.
#include "study/overload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "study/sampler.hpp"

namespace foretoken {
namespace {

// Less of the arrivals than this may be a batch that still fills.
constexpr double kOverloadShare = 0.1;
// The number in a system in balance wanders by its square root; a trend must stand out from that.
constexpr double kNoise = 4;

}  // namespace

bool may_overload(const Scenario& s) {
  return has_steady_state(s.workload) && !s.workload.max_concurrency && !s.workload.sessions &&
         !std::holds_alternative<AllAtOnceArrivals>(s.workload.arrivals);
}

std::string overload_sentence(const BacklogSeries& backlog) {
  const BacklogGrowth g = backlog.growth(backlog.early_residence());
  if (!g.filled || g.in_system <= kOverloadShare * g.arrival_rate) return {};
  if (g.in_system * g.window <= kNoise * std::sqrt(std::max(1.0, g.in_system_at_end))) return {};
  return fmt::format(
      "OVERLOADED: {:.3g} requests/s come and {:.3g} leave, so the backlog grows by {:.3g} requests/s (in the system "
      "at the "
      "last arrival: {:.0f}); latencies depend on how long this lasts. `foretoken capacity` finds the load that is "
      "carried",
      g.arrival_rate, std::max(0.0, g.arrival_rate - g.in_system), g.in_system, g.in_system_at_end);
}

}  // namespace foretoken
