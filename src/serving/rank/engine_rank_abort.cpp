// Requests that nobody waits for any more: the client has closed the connection.
#include <algorithm>
#include <utility>

#include "serving/rank/engine_rank.hpp"

namespace foretoken {

// Who waits leaves at once; who runs at the next boundary, before the call (vLLM handles aborts before it schedules,
// v1/engine/core.py; PR #7111 frees the KV cache then). A call that was due before does not know of it.
void EngineRank::abort(std::int64_t request, TimePoint now) {
  if (const auto gone = rank_.waiting.remove(request)) {
    end_waiting(*gone, now);
    // Who stands behind it, in the inbox too, may be looked at now.
    return end_after(steps_to_boundary(now));
  }
  aborts_.push_back({request, now});
  note_news();
  end_after(steps_to_boundary(now) + (async_.enabled() ? 1 : 0));
}

void EngineRank::settle_news(TimePoint now) {
  settle_aborts(now);
  settle_fetched();
  rank_.tell_stopped();
  has_news_ = !aborts_.empty() || rank_.has_stopped();
}

void EngineRank::settle_aborts(TimePoint now) {
  const TimePoint known = async_.known_until(now);
  std::vector<Abort> later;
  for (const Abort& abort : std::exchange(aborts_, {})) {
    // One whose prefix is being loaded keeps its blocks until that is over (vLLM, _update_from_kv_xfer_finished).
    if (abort.since > known || is_loading(abort.request)) {
      later.push_back(abort);
      continue;
    }
    const RequestId id = running_request(abort.request);
    if (const RequestId swapped = swapped_request(abort.request); swapped != kNoRequest) {
      rank_.drop_swapped(swapped);
      end_aborted(swapped, now);
      continue;
    }
    if (id == kNoRequest) {  // evicted meanwhile, or it has finished
      if (const auto gone = rank_.waiting.remove(abort.request)) end_waiting(*gone, now);
      continue;
    }
    rank_.leave_unfinished(id, accounts_.decode_totals());
    end_aborted(id, now);
  }
  aborts_ = std::move(later);
}

// Of the running ones; those whose last token is out are gone already.
RequestId EngineRank::running_request(std::int64_t request) const {
  for (RequestId id = rank_.running.first(); id != kNoRequest; id = rank_.table[id].next) {
    const InFlight& r = rank_.table[id];
    if (r.request.index == request) return r.finished ? kNoRequest : id;
  }
  return kNoRequest;
}

void EngineRank::end_waiting(const Waiting& waiting, TimePoint now) {
  if (waiting.resumed != kNoRequest) return end_aborted(waiting.resumed, now);
  if (rank_.tiers) rank_.tiers->store.forget_prefetch(waiting.request.index);
  Attribution parts{};
  parts[static_cast<std::size_t>(AttributionPart::queue)] = now - waiting.request.arrival;
  departures_.refused(waiting.request, Outcome::timed_out, now, parts);
}

void EngineRank::end_aborted(RequestId id, TimePoint now) {
  const InFlight r = rank_.table[id];
  if (r.phase == Phase::reached)
    rank_.drop(id);
  else
    rank_.table.remove(id);
  departures_.aborted(r, now);
}

}  // namespace foretoken
