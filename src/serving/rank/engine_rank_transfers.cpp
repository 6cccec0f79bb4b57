// Steps that last until KV caches have gone out, or that begin to compute when some have come (vLLM's P2pNcclConnector;
// src/serving/README.md, "Hand-overs").
#include <algorithm>

#include "serving/rank/engine_rank.hpp"

namespace foretoken {

// A prompt was computed elsewhere and is found whole, but for its last token, when it is admitted: it waits as any
// other request.
void EngineRank::wait_with_prompt(RequestId id, const HandOver& what, TimePoint now) {
  InFlight& r = rank_.table[id];
  r.phase = Phase::computed_elsewhere;
  r.cached = r.carried = 0;
  r.reached_at = now;
  r.account.handed_over(now - what.since);
  if (rank_.tells()) rank_.tell(LifecycleEdge::reached, id, now);
  Waiting waiting{r.request, kv_wait_.at(now), id};
  waiting.last = true;
  wait(waiting, now);
}

void EngineRank::begin_what_may_wait(TimePoint now) {
  if (rank_.tiers) add_tier_time(now);
  begin_steps(now);
  if (transfers_) begin_transfers(now);
  if (sent_layers_ > 0) send_layers(now);
}

void EngineRank::settle_chunks_beside(TimePoint now) {
  if (rank_.tiers)
    settle_chunks_with_tiers(now);
  else if (transfers_)
    settle_chunks_that_waited(transfers_->waited, transfers_->of);
  else
    accounts_.prefilled(plan_.chunks, rank_.running.prefilling(), steps_.first(), steps_.elapsed());
}

// Beside the step: all layers but the last of each chunk go as they are computed, from the first one on.
void EngineRank::send_layers(TimePoint now) {
  const TimePoint from = clock_.after(FineDuration{steps_.first().total().units / sent_layers_});
  for (const StepPlan::Chunk& chunk : plan_.chunks) {
    const InFlight& r = rank_.table[chunk.id];
    const std::int64_t computed = r.cached + chunk.tokens;
    departures_.computes(r.request, computed, computed == r.known_tokens(), from, now);
  }
}

// What the step that begins has to send or to fetch. A prompt's layers go out as they are computed, or all after it.
void EngineRank::begin_transfers(TimePoint now) {
  StepTransfers& t = *transfers_;
  t.begin();
  if (!hands_over_) return fetch_prompts(now);
  if (t.send == HandOverRules::Send::get) return;
  for (const StepPlan::Chunk& chunk : plan_.chunks) {
    const InFlight& r = rank_.table[chunk.id];
    if (r.cached + chunk.tokens == r.known_tokens()) t.of.push_back(chunk.id);
  }
  if (t.send != HandOverRules::Send::put_async || t.layers == 1) return;
  const TimePoint from = clock_.after(FineDuration{steps_.first().total().units / t.layers});
  for (const RequestId id : t.of) departures_.sends(rank_.table[id].request, LayersSent::all_but_last, from, now);
}

// One after the other, before the step computes anything (start_load_kv).
void EngineRank::fetch_prompts(TimePoint now) {
  StepTransfers& t = *transfers_;
  if (t.send != HandOverRules::Send::get) return rank_.brought.clear();
  t.of.swap(rank_.brought);
  rank_.brought.clear();
  std::erase_if(t.of, [&](RequestId id) {
    return std::ranges::none_of(plan_.chunks, [&](const StepPlan::Chunk& chunk) { return chunk.id == id; });
  });
  if (!t.any()) return;
  t.waits_from = now;
  t.under_way = static_cast<std::int64_t>(t.of.size());
  end_ = kNever;
  for (const RequestId id : t.of) departures_.fetches(rank_.table[id].request, now);
}

// The prompts of the step are computed: it ends when their last layers have gone too. True: they have.
bool EngineRank::transfers_are_over(TimePoint now) {
  StepTransfers& t = *transfers_;
  if (!hands_over_ || !t.any() || t.computed) return true;
  t.computed = true;
  t.waits_from = now;
  t.under_way = static_cast<std::int64_t>(t.of.size());
  end_ = kNever;
  const bool layers_went = t.send == HandOverRules::Send::put_async && t.layers > 1;
  for (const RequestId id : t.of)
    departures_.sends(rank_.table[id].request, layers_went ? LayersSent::last : LayersSent::all, now, now);
  return t.under_way == 0;
}

void EngineRank::transferred_within_step(TimePoint now) {
  StepTransfers& t = *transfers_;
  if (--t.under_way > 0) return;
  t.waited = fine_from(now - t.waits_from);
  StepTime step = steps_.first();
  step[TimePart::network] += t.waited;
  const StepTime decode_only = steps_.decode_only();
  steps_.set_one(step, decode_only);
  end_ = clock_.after(steps_.elapsed());
}

// What a step was longer for KV caches that went or came is transfer to those whose they were, and to the others
// interference.
void EngineRank::settle_chunks_that_waited(FineDuration waited, std::span<const RequestId> concerned) {
  StepTime step = steps_.first();
  step[TimePart::network] -= waited;
  const FineDuration elapsed = steps_.steps() == 1 ? step.total() : steps_.elapsed();
  accounts_.prefilled(plan_.chunks, rank_.running.prefilling(), step, elapsed);
  for (const RequestId id : rank_.running.prefilling()) {
    InFlight& r = rank_.table[id];
    if (waited.units == 0 || r.recovering) continue;
    if (std::ranges::find(concerned, id) != concerned.end())
      r.account.transferred(Duration{waited.units >> FineDuration::kFractionBits});
    else
      r.account.left_out(waited);
  }
}

}  // namespace foretoken
