// A rank that is lost with all it has.
#include <algorithm>
#include <utility>
#include <vector>

#include "serving/rank/engine_rank.hpp"

namespace foretoken {

// Steps that have ended count, and their tokens are out; the step under way comes to nothing.
void EngineRank::crash(TimePoint now) {
  usage_.hold(0, now);
  if (const std::int64_t ended = progress(now).ended; ended > 0) {
    const std::int64_t most = most_blocks(ended);
    steps_.shorten_to(ended);
    end_steps(clock_.after(steps_.elapsed()));
    usage_.peaks_at(most);
  }
  forget_leading_prompts();
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
  if (receiver_) lose_received(now);
  rank_.waiting.deliver(now);
  while (const Waiting* head = rank_.waiting.head()) {
    const Waiting waiting = *head;
    rank_.waiting.queue().pop();
    lose_waiting(waiting, now);
  }
}

// The most in use in the first `ended` steps. What was taken at the boundary behind them no step has held.
std::int64_t EngineRank::most_blocks(std::int64_t ended) const {
  const std::int64_t beyond = receiver_ && ended == looked_after_ ? receiver_->taken_last : 0;
  const std::int64_t used = rank_.pool.used() - beyond;
  const DecodeGroup& decodes = rank_.decodes;
  const std::int64_t grown = ended > 1 ? decodes.growth().most_over(decodes.clock(), ended) : first_blocks_.net();
  return std::max(usage_.totals().peak_kv_blocks, used + grown);
}

// Those that came from elsewhere and are not seated, in the order in which they got on.
void EngineRank::lose_received(TimePoint now) {
  for (const Receiver::Gone& gone : std::exchange(receiver_->gone, {})) {
    if (!gone.cancelled) continue;  // it waits until a call knows, and is lost with the others
    receiver_->lost(gone.id);
    rank_.drop(gone.id);
  }
  std::vector<RequestId> received;
  receiver_->for_each([&](RequestId id) { received.push_back(id); });
  received.insert(received.end(), rank_.retracted.begin(), rank_.retracted.end());
  rank_.retracted.clear();
  for (const RequestId id : received) {
    const InFlight lost = rank_.table[id];
    rank_.drop(id);
    departures_.lost(lost, now);
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
