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
  if (receiver_ && abort_received(request, now)) return;
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
    if (abort.since > known || is_loading(abort.request) || is_coming(abort.request)) {
      later.push_back(abort);
      continue;
    }
    if (const RequestId ready = receiver_ ? receiver_->take_ready(abort.request) : kNoRequest; ready != kNoRequest) {
      --receiver_->seen;
      end_aborted(ready, now);
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

// One that came from another rank. Who waits for blocks leaves at once. Of one whose KV cache is coming SGLang's
// servers let go of all at the next call (disaggregation/decode.py: its receiver fails), the others when it is there.
bool EngineRank::abort_received(std::int64_t request, TimePoint now) {
  const RequestId id = received(request);
  if (id == kNoRequest) return false;
  if (std::erase(rank_.retracted, id) > 0) {
    end_aborted(id, now);
    return true;
  }
  if (receiver_->waits(id)) {
    if (rank_.table[id].recovering) --receiver_->seen;
    receiver_->lost(id);
    end_aborted(id, now);
  } else if (receiver_->loads(id) && rules_->reserve == HandOverRules::Reserve::before_prefill) {
    receiver_->goes_aborted(id, now);
  } else {
    return false;
  }
  end_after(steps_to_boundary(now));  // who waits behind it may have its blocks now
  return true;
}

RequestId EngineRank::received(std::int64_t request) const {
  for (const RequestId id : rank_.retracted) {
    if (rank_.table[id].request.index == request) return id;
  }
  return receiver_->find(request);
}

bool EngineRank::is_coming(std::int64_t request) const {
  if (!receiver_) return false;
  const RequestId id = receiver_->find(request);
  return id != kNoRequest && receiver_->loads(id);
}

// Its client left while its prompt was computed: it is not handed over (vLLM handles aborts before the output of a
// step, pull request 29987).
bool EngineRank::ends_with_its_prompt(RequestId id, TimePoint now) {
  const std::int64_t request = rank_.table[id].request.index;
  if (std::erase_if(aborts_, [&](const Abort& abort) { return abort.request == request; }) == 0) return false;
  const InFlight r = rank_.table[id];
  rank_.running.prefilled(id);
  if (async_.enabled())
    rank_.finish_unseen(id, false);
  else
    rank_.finish(id);
  departures_.aborted(r, now);
  return true;
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
  const Duration copies = forget_copies(waiting.request, now);
  if (waiting.resumed != kNoRequest) return end_aborted(waiting.resumed, now);
  Attribution parts{};
  parts[static_cast<std::size_t>(AttributionPart::kv_transfer)] = copies;
  parts[static_cast<std::size_t>(AttributionPart::queue)] = now - waiting.request.arrival - copies;
  departures_.refused(waiting.request, Outcome::timed_out, now, parts);
}

// In the midst of steps: those that have ended did hold its blocks.
void EngineRank::drop_within(RequestId id, TimePoint now) {
  const std::int64_t ended = progress(now).ended, used = rank_.pool.used();
  const std::int64_t most = ended > 0 ? most_blocks(ended) : 0;
  rank_.drop(id);
  note_held(now);
  if (ended == 0) return;
  usage_.peaks_at(most);
  usage_.add_block_time(static_cast<FineTotal>(used - rank_.pool.used()) * steps_.elapsed_until(ended).units);
}

void EngineRank::end_aborted(RequestId id, TimePoint now) {
  const InFlight r = rank_.table[id];
  if (r.phase == Phase::reached)
    drop_within(id, now);
  else
    rank_.table.remove(id);
  departures_.aborted(r, now);
}

}  // namespace foretoken
