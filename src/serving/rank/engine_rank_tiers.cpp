// KV caches that come from other tiers and go there: beside the steps, or within them.
#include <algorithm>
#include <utility>

#include "serving/rank/engine_rank.hpp"

namespace foretoken {
namespace {

// As for what comes from another rank: polled when a step is launched, heard of with its output, and by an engine that
// plans a step ahead two calls later (src/serving/README.md, "Hand-overs").
std::int64_t steps_until_seen(bool async) {
  return async ? 3 : 1;
}

// A prefill that begins with the first layer's KV cache and goes on as the others come.
FineDuration under_each_other(FineDuration load, FineDuration step, std::int64_t layers) {
  const FineDuration first_layer{load.units / layers}, last_layer{step.units / layers};
  return std::max(first_layer + step, load + last_layer);
}

}  // namespace

void EngineRank::tiers_before_call(TimePoint now) {
  RankTiers& t = *rank_.tiers;
  t.now = now;
  t.known_until(async_.known_until(now));
  t.store.advance(t.known);
  t.step_loads.clear();
  (void)take_loaded(now, false);
}

// At a boundary: of the loads that have ended since the last one it is known when the scheduler sees them.
void EngineRank::note_loads(TimePoint now) {
  for (RankTiers::Load& load : rank_.tiers->loads) {
    if (load.seen_after < 0 && load.end <= now)
      load.seen_after = usage_.totals().steps + steps_until_seen(async_.enabled());
  }
}

// True when a KV cache came to be known. At all: an engine without a step to run looks until there is one.
bool EngineRank::take_loaded(TimePoint now, bool at_all) {
  RankTiers& t = *rank_.tiers;
  const std::int64_t steps = usage_.totals().steps;
  const TimePoint known = at_all ? now : async_.known_until(now);
  bool any = false;
  note_loads(now);
  std::erase_if(t.loads, [&](const RankTiers::Load& load) {
    if (load.seen_after < 0 || (!at_all && load.seen_after > steps)) return false;
    rank_.loaded(load, known, now, kv_wait_);
    return any = true;
  });
  return any;
}

bool EngineRank::tiers_when_idle(TimePoint now) {
  rank_.tiers->store.advance(now);
  if (!take_loaded(now, true)) return false;
  rank_.tiers->known_until(now);
  return true;
}

TimePoint EngineRank::next_of_tiers() const {
  return std::min(rank_.tiers->next_end(), rank_.tiers->ask_again);
}

// A stretch of `steps` steps ends before one that waits for a copy, and before the call that sees a load. While
// somebody is passed over every call may find more, and whoever comes may go before it; so it may of what others store.
std::int64_t EngineRank::stretch_beside_tiers(std::int64_t steps) {
  RankTiers& t = *rank_.tiers;
  const DecodeGroup& decodes = rank_.decodes;
  t.unsaved.taken(rank_.pool.free());
  const bool somebody_asks = rank_.waiting.size() > 0 || (receiver_ && receiver_->head() != nullptr);
  const bool others_store = t.store.config.shares_store() && somebody_asks;
  if (t.ask_again != kNever || others_store || !t.evicted.empty() || t.coming_in + t.going_out > 0 ||
      t.unsaved.begin(first_blocks_.taken, t.now) > t.now)
    return 1;
  std::int64_t free = t.unsaved.room(rank_.pool.free());
  if (t.store.writes_back()) free = std::min(free, rank_.pool.free_before_content());
  steps = std::max<std::int64_t>(1, decodes.growth().steps_within(decodes.clock(), free, steps));
  if (const std::int64_t next = t.next_seen_after(); next >= 0)
    steps = std::min(steps, std::max<std::int64_t>(1, next - usage_.totals().steps));
  return steps;
}

// It ends at the boundary at which the next load is there.
void EngineRank::cut_beside_tiers() {
  const TimePoint end = rank_.tiers->next_end();
  if (end == kNever || steps_.steps() == 1) return;
  const std::int64_t steps = steps_.steps_to_reach(clock_.to_reach(end));
  if (steps < steps_.steps()) steps_.shorten_to(steps);
}

// The step that is about to begin loads what it found in tiers, stores what it completes, and waits for blocks whose
// content is still being stored.
void EngineRank::add_tier_time(TimePoint now) {
  RankTiers& t = *rank_.tiers;
  t.now = now;
  t.unsaved.taken(rank_.pool.free());
  const FineDuration forward = steps_.first().total();
  TimePoint begin = t.unsaved.begin(first_blocks_.taken, now);
  if (!t.evicted.empty()) begin = std::max(begin, t.store.write_back(t.evicted, now));
  t.evicted.clear();
  // One after the other, before the step (vLLM V0, worker/worker.py).
  begin = t.store.swap(CopyLink::kRead, std::exchange(t.coming_in, 0), begin);
  begin = t.store.swap(CopyLink::kWrite, std::exchange(t.going_out, 0), begin);
  TimePoint there = begin;
  for (const RankTiers::StepLoad& load : t.step_loads)
    there = std::max(there, t.store.load(rank_.table[load.id].request, load.match, begin));
  const FineDuration waited = fine_from(begin - now), load = fine_from(there - begin);
  const bool by_layer = t.store.config.backend == KvOffload::hicache || t.store.config.layerwise;
  const std::int64_t layers = by_layer ? t.store.config.layers : 1;
  FineDuration extra = waited + (by_layer ? under_each_other(load, forward, layers) - forward : load);
  if (t.store.config.backend == KvOffload::lmcache) {
    const TimePoint computed = now + ceil_to_nanoseconds(extra + forward);
    TimePoint stored = computed;
    for (const StepPlan::Chunk& chunk : plan_.chunks) {
      const InFlight& r = rank_.table[chunk.id];
      stored = std::max(stored, t.store.store(chunk.id, r.request, r.cached + chunk.tokens, computed));
    }
    extra += FineDuration{fine_from(stored - computed).units / layers};
  }
  t.step_time = extra;
  if (extra.units == 0) return;
  invariant(steps_.steps() == 1, "a stretch waits for a KV tier");
  StepTime step = steps_.first();
  step[TimePart::network] += extra;
  const StepTime decode_only = steps_.decode_only();
  steps_.set_one(step, decode_only);
  t.totals.step_time += ceil_to_nanoseconds(extra).count();
}

void EngineRank::settle_chunks_with_tiers(TimePoint now) {
  RankTiers& t = *rank_.tiers;
  std::vector<RequestId> loaded;
  for (const RankTiers::StepLoad& load : t.step_loads) loaded.push_back(load.id);
  settle_chunks_that_waited(t.step_time, loaded);
  if (t.store.config.backend == KvOffload::lmcache || !t.store.config.on()) return;
  for (const StepPlan::Chunk& chunk : plan_.chunks) {
    const InFlight& r = rank_.table[chunk.id];
    (void)t.store.store(chunk.id, r.request, r.cached + chunk.tokens, now);
  }
}

// ---- beside hand-overs (vLLM's MultiConnector) ----

// All connectors are asked, in their order: the first that has tokens of the prompt brings them, and nobody does while
// one says "not yet". True: the head of those who wait for blocks was passed over, or stands in the queue instead.
bool EngineRank::head_turns_to_tiers(TimePoint now) {
  const KvOffloadConfig& kv = rank_.config.kv_offload;
  if (!kv.before_hand_overs && kv.backend != KvOffload::native) return false;  // who asks LMCache gets an answer
  const TierMatch match = rank_.look_up_received(receiver_->head()->id, now);
  if (!kv.before_hand_overs) {
    if (match.pending) receiver_->set_head_aside();
    return match.pending;
  }
  if (!match.pending && !match.any()) return false;
  const Receiver::Begun waited = receiver_->release_head(now);
  InFlight& r = rank_.table[waited.id];
  const Duration in_line = waited.for_blocks + waited.for_seats;
  r.account.handed_over(now - receiver_->stamps(waited.id).computed - in_line);
  r.account.scheduled(in_line, waited.for_blocks);
  r.phase = Phase::computed_elsewhere;
  r.cached = r.carried = 0;
  r.reached_at = now;
  if (rank_.tells()) rank_.tell(LifecycleEdge::reached, waited.id, now);
  Waiting waiting{r.request, kv_wait_.at(now), waited.id};
  waiting.last = true;
  if (async_.enabled())
    rank_.waiting.to_inbox(waiting, now);
  else
    rank_.waiting.queue().push(waiting);
  next_call_differs_ = true;
  return true;
}

// Before a call: those of whom it can know. An engine that plans a step ahead has asked after the call before.
void EngineRank::turn_to_tiers(TimePoint now) {
  if (async_.enabled() || !rank_.config.kv_offload.before_hand_overs) return;
  while (receiver_->head() != nullptr && head_turns_to_tiers(now)) {
  }
}

// Where their prompts were computed their blocks are free when they have blocks here: nobody will read them.
void EngineRank::tell_not_needed(TimePoint now) {
  for (const RequestId id : std::exchange(rank_.brought, {})) departures_.not_needed(rank_.table[id].request, now);
}

// ---- requests that leave while they load ----

bool EngineRank::is_loading(std::int64_t request) const {
  return rank_.tiers && std::ranges::any_of(rank_.tiers->loads, [&](const RankTiers::Load& load) {
           return rank_.table[load.id].request.index == request;
         });
}

RequestId EngineRank::swapped_request(std::int64_t request) const {
  if (!rank_.tiers) return kNoRequest;
  for (const RequestId id : rank_.tiers->swapped) {
    if (rank_.table[id].request.index == request) return id;
  }
  return kNoRequest;
}

ReplicaTotals EngineRank::all_totals() const {
  ReplicaTotals all = totals();
  all.decode_parts = accounts_.decode_totals().parts;
  if (rank_.tiers) all.kv_tiers += rank_.tiers->totals;
  if (rank_.adapters) all.adapters = rank_.adapters->totals();
  return all;
}

}  // namespace foretoken
