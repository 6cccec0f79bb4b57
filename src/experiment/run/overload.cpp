// The trend of the number in the system, against its noise.
#include "experiment/run/overload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/figures.hpp"
#include "experiment/steady/sampler.hpp"

namespace foretoken {
namespace {

// Less of the arrivals than this may be a batch that still fills, or a queue at the top of a long wave.
constexpr double kSystemShare = 0.1, kQueueShare = 0.2;
// The number in a system in balance wanders by its square root; a trend must stand out from that.
constexpr double kNoise = 4;

// Does a count that grows by so many a second stand out from what a carried load shows?
bool stands_out(double growth, double least, double window, double at_end) {
  return growth > least && growth * window > kNoise * std::sqrt(std::max(1.0, at_end));
}

constexpr const char* kRest =
    "latencies depend on how long this lasts. `foretoken capacity` finds the load that is carried";

// Of the time with arrivals the last part, which a trigger at its beginning does not reach.
constexpr double kTail = 0.25;
// A service that is well answers more than this; one that finishes this much of what comes could answer it.
constexpr double kWell = 0.9, kCarries = 0.9;
// From one half of that time to the other the share grows by this much where it is about to be well.
constexpr double kRecovers = 0.1;

}  // namespace

std::string metastable_sentence(const ClientTotals& clients) {
  std::size_t last = clients.slots.size();
  while (last > 0 && clients.slots[last - 1].offered == 0) --last;
  // Too short to tell a storm from its trigger; and without retries a backlog is worked off.
  if (last < 16 || clients.attempts == clients.requests) return {};
  const auto begin = static_cast<std::size_t>(std::ceil(static_cast<double>(last) * (1 - kTail)));
  const std::size_t middle = (begin + last) / 2;
  ClientTotals::Slot tail;
  std::int64_t first_answered = 0, first_offered = 0;
  for (std::size_t i = begin; i + 1 < last; ++i) {  // the last one is cut
    tail.offered += clients.slots[i].offered;
    tail.answered += clients.slots[i].answered;
    tail.served += clients.slots[i].served;
    if (i + 1 != middle) continue;
    first_answered = tail.answered;
    first_offered = tail.offered;
  }
  const auto share = [](std::int64_t of, std::int64_t all) {
    return static_cast<double>(of) / static_cast<double>(std::max<std::int64_t>(1, all));
  };
  const double before = share(first_answered, first_offered);
  const double after = share(tail.answered - first_answered, tail.offered - first_offered);
  if (after > before + kRecovers) return {};
  const auto offered = static_cast<double>(tail.offered);
  const double answered = share(tail.answered, tail.offered), served = share(tail.served, tail.offered);
  if (tail.offered == 0 || answered >= kWell || served < kCarries || clients.late == 0) return {};
  const double seconds = to_seconds(clients.slot) * static_cast<double>(last - 1 - begin);
  return fmt::format(
      "METASTABLE (retry storm): in the last {} s {} requests/s came and {} were finished, enough for each once, but "
      "only {} of them were answered in time: the server works for clients that have given up. Less load alone may not "
      "end it: abort what nobody waits for, a retry budget, or shedding do",
      plain_figure(seconds, 3), plain_figure(offered / seconds, 3),
      plain_figure(static_cast<double>(tail.served) / seconds, 3), fmt::format("{:.1f} %", 100 * answered));
}

bool may_overload(const Scenario& s) {
  return has_steady_state(s) && !s.workload.max_concurrency && !s.workload.sessions &&
         !std::holds_alternative<AllAtOnceArrivals>(s.workload.arrivals);
}

std::string overload_sentence(const BacklogSeries& backlog) {
  const BacklogGrowth g = backlog.growth(backlog.early_residence());
  if (g.filled && stands_out(g.in_system, kSystemShare * g.arrival_rate, g.window, g.in_system_at_end))
    return fmt::format(
        "OVERLOADED: {} requests/s come and {} leave, so the backlog grows by {} requests/s (in the system "
        "at the last arrival: {:.0f}); {}",
        plain_figure(g.arrival_rate, 3), plain_figure(std::max(0.0, g.arrival_rate - g.in_system), 3),
        plain_figure(g.in_system, 3), g.in_system_at_end, kRest);
  // Before the first have left the number in the system says nothing, but a queue in front of full seats does.
  if (stands_out(g.waiting, kQueueShare * g.arrival_rate, g.waiting_window, g.waiting_at_end))
    return fmt::format(
        "OVERLOADED: {} requests/s come and {} are taken in, so the queue grows by {} requests/s (waiting "
        "at the last arrival: {:.0f}); {}",
        plain_figure(g.arrival_rate, 3), plain_figure(std::max(0.0, g.arrival_rate - g.waiting), 3),
        plain_figure(g.waiting, 3), g.waiting_at_end, kRest);
  return {};
}

}  // namespace foretoken
