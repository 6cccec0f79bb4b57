// Requests come to a rank, and those that it refuses or that give up waiting go.
#include <algorithm>

#include "serving/rank/engine_rank.hpp"

namespace foretoken {

// An engine ends a sequence at max_model_len whatever was asked. False: it refuses the request.
bool EngineRank::fits(Request& request) const {
  const EngineConfig& engine = rank_.config;
  const auto room = static_cast<std::int32_t>(std::max<std::int64_t>(0, engine.max_model_len - request.prompt_tokens));
  request.output_tokens = std::min(request.output_tokens, room);
  request.max_tokens = std::min(request.max_tokens, room);
  request.stop_string = request.ends_by_stop_string();
  // What it may need: nobody knows yet what it will need.
  std::int64_t last_cached = request.prompt_tokens + request.max_tokens - 1;
  if (speculates_) last_cached = rank_.with_drafts(last_cached);
  if (receiver_ && !receiver_->could_take(request)) return false;
  return room > 0 && engine.most_blocks_of(last_cached) <= engine.usable_blocks() &&
         policy_->can_serve(state_, request);
}

void EngineRank::refuse(const Request& sent, TimePoint now) {
  Attribution parts{};
  parts[static_cast<std::size_t>(AttributionPart::queue)] = now - sent.known_at();
  parts[static_cast<std::size_t>(AttributionPart::engine_overhead)] = sent.on_the_way;
  departures_.refused(sent, Outcome::rejected, now, parts);
}

void EngineRank::arrive(const Request& sent, TimePoint now, Duration waited_for_blocks) {
  Request request = sent;
  const std::int64_t most = rank_.config.max_waiting_requests;
  if ((most > 0 && waiting_requests() >= most) || !fits(request)) return refuse(sent, now);
  if (rank_.tells()) rank_.tell_queued(request, now);
  if (rank_.tiers && rank_.tiers->store.prefetches())
    rank_.tiers->store.prefetch(request, cached_tokens(request, now), now);
  wait({request, kv_wait_.at(now) - waited_for_blocks, kNoRequest, false, false, now}, now);
}

void EngineRank::wait(const Waiting& waiting, TimePoint now) {
  if (has_extras_ && rank_.waiting.counts_service()) count_service(progress(now).ended);
  if (async_.enabled()) {
    // The step after the running one is planned already.
    rank_.waiting.to_inbox(waiting, now);
    // Where it begins in the order hangs on what was served when the queue takes it in.
    // Who waits for blocks of its KV cache has another reason to wait as soon as the queue has it.
    if (has_extras_ && (rank_.waiting.counts_service() || (receiver_ && receiver_->head() != nullptr)))
      end_after(steps_to_boundary(now));
    if (rank_.waiting.head() == nullptr || !rank_.first_come_first_served || rank_.adapters) cut(now, 1);
  } else if (rank_.waiting.push(waiting) || rank_.waiting.counts_service()) {
    cut(now);
  }
}

void EngineRank::fetched(const Request& request, std::int64_t tokens, TimePoint now) {
  fetched_.push_back({request, tokens});
  note_news();
  end_after(steps_to_boundary(now));
}

void EngineRank::settle_fetched() {
  for (const Fetched& f : fetched_) rank_.prefix_cache.bring(f.request, f.tokens);
  fetched_.clear();
}

// Of the steps that run the first `steps` have put out their tokens.
void EngineRank::count_service(std::int64_t steps) {
  const std::int64_t more = steps - counted_steps_;
  counted_steps_ = steps;
  if (more <= 0 || plan_.hold_decodes) return;
  for (RequestId id = rank_.running.first(); id != kNoRequest; id = rank_.table[id].next) {
    const InFlight& r = rank_.table[id];
    const bool sits_out = std::find(plan_.skipped.begin(), plan_.skipped.end(), id) != plan_.skipped.end();
    if (r.phase == Phase::decoding && !sits_out) rank_.waiting.queue().put_out(r.request.class_index, more);
  }
}

bool EngineRank::release_pinned(RequestId id, TimePoint now) {
  rank_.release_pinned(id, now);
  note_held(now);
  if (rank_.waiting.head() != nullptr) cut(now, async_.enabled() ? 1 : 0);
  return rank_.waiting.size() > 0 || rank_.running.size() > 0 || rank_.tiers != nullptr;
}

// It leaves the queue: what was to come for it, and how long it has waited for that.
Duration EngineRank::forget_copies(const Request& request, TimePoint now) {
  if (!rank_.tiers) return {};
  rank_.tiers->store.forget_prefetch(request.index);
  return rank_.tiers->waited_for_copies(request.index, now);
}

void EngineRank::expire(TimePoint now) {
  while (next_timeout() <= now) {
    const Waiting gone = *rank_.waiting.longest_waiting();
    const bool was_head = rank_.waiting.pop_longest_waiting();
    const Duration waited = now - gone.request.known_at(), copies = forget_copies(gone.request, now);
    Attribution parts{};
    const Duration blocked = std::min(kv_wait_.at(now) - gone.kv_wait_mark, waited - copies);
    parts[static_cast<std::size_t>(AttributionPart::kv_wait)] = blocked;
    parts[static_cast<std::size_t>(AttributionPart::kv_transfer)] = copies;
    parts[static_cast<std::size_t>(AttributionPart::queue)] = waited - blocked - copies;
    parts[static_cast<std::size_t>(AttributionPart::engine_overhead)] = gone.request.on_the_way;
    departures_.refused(gone.request, Outcome::timed_out, now, parts);
    // Behind a head that is passed over for its adapter it may have been what others waited behind.
    if (was_head || rank_.adapters) cut(now);
  }
}

void EngineRank::abandon(TimePoint now) {
  usage_.hold(0, now);
  if (prompts_lead_) abandon_leading_prompts(now);
  const auto give_up = [&](RequestId id) {
    if (rank_.tells()) rank_.tell(LifecycleEdge::abandoned, id, now);
    departures_.abandoned(rank_.table[id], now);
  };
  for (RequestId id = rank_.running.first(); id != kNoRequest; id = rank_.table[id].next) {
    if (!rank_.table[id].request.stop_string || !rank_.table[id].finished) give_up(id);
  }
  if (receiver_) {
    receiver_->for_each([&](RequestId id) {
      // One whose prompt is being computed is reported from there.
      if (rank_.table[id].carried > 0 || rank_.table[id].blocks == 0) give_up(id);
    });
  }
  // What is loaded for it, or was, is in no step yet.
  const auto give_up_load = [&](RequestId id) {
    InFlight& r = rank_.table[id];
    r.cached = 0;
    if (r.not_admitted)
      departures_.abandoned(r, now);
    else
      give_up(id);
  };
  if (rank_.tiers) {
    for (const RankTiers::Load& load : rank_.tiers->loads) give_up_load(load.id);
    for (const RequestId id : rank_.tiers->swapped) give_up_load(id);
  }
  rank_.waiting.deliver(now);
  while (const Waiting* head = rank_.waiting.head()) {
    if (head->resumed != kNoRequest && rank_.tiers && rank_.table[head->resumed].phase == Phase::reached)
      give_up_load(head->resumed);
    else if (head->resumed != kNoRequest)
      give_up(head->resumed);
    else
      departures_.abandoned(head->request, now);
    rank_.waiting.queue().pop();
  }
}

}  // namespace foretoken
