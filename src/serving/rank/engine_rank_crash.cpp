// A rank that is lost with all it has.
#include <utility>
#include <vector>

#include "serving/rank/engine_rank.hpp"

namespace foretoken {

// Steps that have ended count, and their tokens are out; the step under way comes to nothing.
void EngineRank::crash(TimePoint now) {
  if (const std::int64_t ended = progress(now).ended; ended > 0) {
    steps_.shorten_to(ended);
    end_steps(clock_.after(steps_.elapsed()));
  }
  stepping_ = false;
  std::vector<RequestId> running;
  for (RequestId id = rank_.running.first(); id != kNoRequest; id = rank_.table[id].next) {
    if (!rank_.table[id].finished) running.push_back(id);
  }
  for (const RequestId id : running) {
    rank_.leave_unfinished(id, accounts_.decode_totals());
    const InFlight lost = rank_.table[id];
    rank_.table.remove(id);
    departures_.lost(lost, now);
  }
  if (rank_.tiers) {
    for (const RankTiers::Load& load : rank_.tiers->loads) {
      const InFlight lost = rank_.table[load.id];
      rank_.drop(load.id);
      departures_.lost(lost, now);
    }
    rank_.tiers->loads.clear();
    for (const RequestId id : rank_.tiers->swapped) departures_.lost(rank_.table[id], now);
    rank_.tiers->swapped.clear();
  }
  rank_.waiting.deliver(now);
  while (const Waiting* head = rank_.waiting.head()) {
    const Waiting waiting = *head;
    rank_.waiting.queue().pop();
    lose_waiting(waiting, now);
  }
}

void EngineRank::lose_waiting(const Waiting& waiting, TimePoint now) {
  if (waiting.resumed != kNoRequest) {
    const InFlight lost = rank_.table[waiting.resumed];
    rank_.table.remove(waiting.resumed);
    return departures_.lost(lost, now);
  }
  Attribution parts{};
  parts[static_cast<std::size_t>(AttributionPart::queue)] = now - waiting.request.arrival;
  departures_.refused(waiting.request, Outcome::failed, now, parts);
}

}  // namespace foretoken
