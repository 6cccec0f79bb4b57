// A request on its way from rank to rank: what it brings along, the blocks it gets and those it leaves behind.
#include <algorithm>

#include "serving/state/rank_state.hpp"

namespace foretoken {

RequestId RankState::expect(const Request& request) {
  const RequestId id = table.add(request);
  table[id].phase = Phase::reached;
  return id;
}

void RankState::take_over(RequestId id, const HandOver& what) {
  InFlight& r = table[id];
  r.request.on_the_way = what.request.on_the_way;
  r.cached = r.carried = what.kv.cached;
  r.emitted = what.kv.emitted;
  r.prefix_hit = what.kv.prefix_hit;
  r.preemptions = what.kv.preemptions;
  r.scheduled = what.kv.scheduled;
  r.first_token = what.kv.first_token;
  r.last_token = what.kv.last_token;
  r.account = what.kv.account;
}

std::int64_t RankState::blocks_to_load(const PrefixMatch& found, std::int64_t tokens) const {
  const KvLayout& layout = config.kv_layout;
  const std::int64_t all = blocks_for(tokens, config.block_size), end = found.tokens / config.block_size;
  if (layout.windowed == 0) return layout.full * (all - end) + layout.states;
  const std::int64_t first = layout.first_in_window(tokens - 1, config.block_size);
  return layout.full * (all - end) + layout.windowed * (all - std::max(first, end)) + layout.states;
}

std::int64_t RankState::free_out_of_window(const PrefixMatch& found, std::int64_t tokens) const {
  if (config.kv_layout.windowed == 0 || found.tokens == 0) return 0;
  return prefix_cache.free_before(config.kv_layout.first_in_window(tokens - 1, config.block_size));
}

void RankState::begin_load(RequestId id, const PrefixMatch& found, std::int64_t tokens, TimePoint now) {
  InFlight& r = table[id];
  if (tiers) tiers->unsaved.taken(pool.free());
  if (found.blocks > 0) prefix_cache.hold_match(id);
  if (tiers) tiers->unsaved.free_is(pool.free());
  r.blocks = found.blocks;
  if (const KvLayout& layout = config.kv_layout; layout.windowed > 0) {
    // What lies before the window was given back where it was computed, and does not come.
    r.window_first = layout.first_in_window(tokens - 1, config.block_size);
    r.blocks -= prefix_cache.slide(id, r.window_first);
    const std::int64_t need = blocks_to_load(found, tokens);
    r.blocks += need;
    pool.take(need);
  } else {
    take_blocks(id, tokens);
  }
  counts_.committed_blocks += committed_blocks(r.request);
  ++pinned_;
  if (r.carried == 0) r.cached = tokens;  // what will come; see take_over()
  if (tells()) tell(LifecycleEdge::loading, id, now);
}

void RankState::seat(RequestId id, TimePoint now) {
  --pinned_;
  table[id].carried = 0;
  running.add(id);
  running.prefilled(id);
  if (adapters) adapters->join(table[id].request.adapter);
  if (tells()) tell(LifecycleEdge::resumed, id, now);
}

void RankState::lose_cache(RequestId id, TimePoint now) {
  InFlight& r = table[id];
  --pinned_;
  release(id, false, 0);
  r.phase = Phase::preempted;
  r.cached = r.carried = 0;
  r.preempted_at = now;
  r.recovering = true;
  if (tells()) tell(LifecycleEdge::reached, id, now);
}

void RankState::drop(RequestId id) {
  if (table[id].blocks > 0) {
    --pinned_;
    release(id, false, table[id].cached);
  }
  table.remove(id);
}

HandOver RankState::hand_over(RequestId id, TimePoint now) {
  InFlight& r = table[id];
  if (config.kv_layout.windowed > 0) slide_window(id, r.cached);  // it goes before others read the rest
  // In one piece: its account is large.
  const HandOver what{r.request,
                      {r.cached, r.emitted, r.prefix_hit, r.preemptions, r.scheduled, r.first_token, now, r.account},
                      rank_,
                      id,
                      now};
  if (tells()) tell(LifecycleEdge::handed_over, id, now);
  running.prefilled(id);
  r.goes_on = true;
  if (config.async_scheduling)
    finish_unseen(id, false);
  else
    pin(id);
  return what;
}

// It holds what it has computed, and no longer what it might come to need.
void RankState::pin(RequestId id) {
  InFlight& r = table[id];
  if (adapters && r.phase != Phase::leaving) [[unlikely]]
    adapters->leave(r.request.adapter);
  r.phase = Phase::pinned;
  ++pinned_;
  counts_.committed_blocks += r.blocks - committed_blocks(r.request);
  running.remove(id);
}

void RankState::release_pinned(RequestId id, TimePoint now) {
  InFlight& r = table[id];
  if (tells()) tell(LifecycleEdge::released, id, now);
  if (r.phase != Phase::pinned) {  // the call that cannot know of the hand-over is still to come
    r.goes_on = false;
    return;
  }
  --pinned_;
  counts_.committed_blocks += committed_blocks(r.request) - r.blocks;
  release(id, false, r.cached);
  table.remove(id);
}

}  // namespace foretoken
