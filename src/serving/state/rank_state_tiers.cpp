// KV tiers: what of a request lies elsewhere, and what of it is stored when its blocks go.
#include <algorithm>
#include <utility>

#include "serving/state/rank_state.hpp"

namespace foretoken {

void RankState::passed_by_for(const Request& request, const TierMatch& match, TimePoint at) {
  tiers->ask_again = std::min(tiers->ask_again, match.ready);
  tiers->waits_for_copy(request.index, at, match.ready);
}

// What tiers have of a prompt that was computed elsewhere, beyond what the prefix cache has.
TierMatch RankState::look_up_received(RequestId id, TimePoint at) {
  RankTiers& t = *tiers;
  const Request& request = table[id].request;
  const PrefixMatch found = prefix_cache.match(request, request.prompt_tokens, false);
  const TierMatch match = t.store.look_up(request, request.prompt_tokens, false, found.tokens, at);
  if (match.pending) passed_by_for(request, match, at);
  return match;
}

// What loads within a step bring counts as found at once; what is loaded beside the steps only once it is there.
void RankState::look_into_tiers(const Request& request, std::int64_t known_tokens, bool was_preempted,
                                PrefixMatch& found) {
  RankTiers& t = *tiers;
  if (!t.store.config.on()) return;
  t.match = t.store.look_up(request, known_tokens, was_preempted, found.tokens, t.known);
  if (t.match.pending) passed_by_for(request, t.match, t.known);
  if (!t.match.pending && t.match.any() && !t.store.loads_aside()) found.tokens = t.match.tokens;
}

void RankState::admitted_with_tiers(RequestId id, const PrefixMatch& match, bool first) {
  RankTiers& t = *tiers;
  if (!t.store.config.on()) return;
  InFlight& r = table[id];
  if (const Duration copies = t.waited_for_copies(r.request.index, t.now); !r.recovering)
    r.account.waited_for_copies(copies);
  t.store.starts_anew(id);
  t.store.touch(r.request, match.tokens, t.known);
  t.unsaved.taken(pool.free());
  if (r.phase == Phase::reached)
    t.owed_blocks -= blocks_to_come(r);
  else
    t.unsaved.free_is(pool.free() - match.free_blocks);
  if (first) {
    for (std::size_t i = 0; i < t.totals.hits.size(); ++i) t.totals.hits[i] += t.match.found[i];
  }
  if (t.match.any() && !t.store.loads_aside()) t.step_loads.push_back({id, t.match});
  t.match = {};
}

void RankState::load_head(TimePoint begin, TimePoint now, const KvWaitClock& kv_wait, const PrefixMatch& match) {
  RankTiers& t = *tiers;
  const Waiting head = *waiting.head();
  waiting.queue().pop();
  const bool first = head.resumed == kNoRequest;
  const RequestId id = first ? table.add(head.request) : head.resumed;
  InFlight& r = table[id];
  const bool computed_elsewhere = r.phase == Phase::computed_elsewhere;
  const Duration copies = t.waited_for_copies(r.request.index, begin);
  if (!r.recovering) {
    const TimePoint since = computed_elsewhere ? r.reached_at : r.request.known_at();
    begin = std::max(begin, since);
    const Duration waited = begin - since;
    r.account.scheduled(waited, std::clamp(kv_wait.at(now) - head.kv_wait_mark, Duration{}, waited));
    r.account.waited_for_copies(std::min(copies, waited));
  }
  t.unsaved.taken(pool.free());
  if (match.tokens > 0) prefix_cache.hold_match(id);
  t.unsaved.free_is(pool.free());
  r.blocks = match.blocks;
  r.window_first = 0;
  r.phase = Phase::reached;
  r.not_admitted = first;
  take_blocks(id, t.match.tokens);
  r.cached = r.carried = t.match.tokens;
  counts_.committed_blocks += committed_blocks(r.request);
  t.owed_blocks += blocks_to_come(r);
  ++pinned_;
  if (computed_elsewhere) brought.push_back(id);
  if (first) {
    for (std::size_t i = 0; i < t.totals.hits.size(); ++i) t.totals.hits[i] += t.match.found[i];
  }
  t.loads.push_back({id, begin, t.store.load(r.request, t.match, begin)});
  t.match = {};
  if (tells()) tell(LifecycleEdge::loading, id, now);
}

void RankState::loaded(const RankTiers::Load& load, TimePoint known, TimePoint now, const KvWaitClock& kv_wait) {
  InFlight& r = table[load.id];
  r.reached_at = std::max(known, load.end);
  if (!r.recovering) {
    r.account.transferred(load.end - load.begin);
    r.account.handed_over(r.reached_at - load.end);
  }
  publish(load.id, r.cached);
  Waiting here{r.request, kv_wait.at(now), load.id};
  here.first = true;
  waiting.queue().push(here);
}

// Outputs are stored when they are complete; engines store each block when it is full, so the bytes are the same.
void RankState::release_with_tiers(RequestId id, bool preempted, std::int64_t full) {
  RankTiers& t = *tiers;
  if (!t.store.config.on()) return release_blocks(id, preempted, full);
  const InFlight& r = table[id];
  const bool loading = r.phase == Phase::reached;
  if (loading) t.owed_blocks -= blocks_to_come(r);
  if (!loading) (void)t.store.store(id, r.request, full, t.now);
  const KvTiers::Unsaved last = t.store.unsaved(id);
  const bool waits = t.store.loads_aside() && !loading && last.units > 0 && last.end > t.now;
  t.unsaved.taken(pool.free());
  if (waits) t.unsaved.let_go(last.end);
  if (waits && preempted) t.unsaved.flush(last.end);
  release_blocks(id, preempted, full);
  t.unsaved.free_is(pool.free());
}

// ---- swapping (vLLM V0, core/block_manager_v1.py) ----

std::int64_t RankState::swap_blocks(RequestId id) const {
  const InFlight& r = table[id];
  return blocks_for(r.phase == Phase::decoding ? decodes.context_of(r) : r.cached, config.block_size);
}

void RankState::swap_out(RequestId id, TimePoint now, const DecodeTotals& totals) {
  InFlight& r = table[id];
  decodes.leave(id);
  r.account.left_decode(totals);
  (void)gaps.leave(id);
  release(id, false, r.cached);
  running.remove(id);
  if (tells()) tell(LifecycleEdge::preempted, id, now);
  if (!r.recovering) r.preempted_at = now;
  r.recovering = true;
  r.phase = Phase::preempted;
  ++r.preemptions;
  ++counts_.preemptions;
  ++counts_.evictions;
  const std::int64_t blocks = swap_blocks(id);
  tiers->swapped.push_back(id);
  tiers->swap_free -= blocks;
  tiers->going_out += blocks;
}

void RankState::swap_in(TimePoint now, const DecodeTotals& totals) {
  const RequestId id = tiers->swapped.front();
  InFlight& r = table[id];
  tiers->coming_in += swap_blocks(id);
  drop_swapped(id);
  r.blocks = 0;
  take_blocks(id, r.cached);
  counts_.committed_blocks += committed_blocks(r.request);
  running.add(id);
  running.prefilled(id);
  if (tells()) tell(LifecycleEdge::resumed, id, now);
  if (std::exchange(r.recovering, false)) r.account.recovered(now - r.preempted_at);
  if (r.last_token != now) gaps.joins_late(id);
  r.account.joined_decode(totals);
  start_decoding(id);
}

void RankState::drop_swapped(RequestId id) {
  tiers->swap_free += swap_blocks(id);
  std::erase(tiers->swapped, id);
}

}  // namespace foretoken
