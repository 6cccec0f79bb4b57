// A request's way through a rank: admitted, given blocks, preempted, finished.
#include "serving/state/rank_state.hpp"

#include <algorithm>
#include <utility>

namespace foretoken {
namespace {

// More than a stopped request has in any engine.
constexpr std::int32_t kRowsBehindAStop = 4;

}  // namespace

RankState::RankState(const EngineConfig& engine, const KvRules& kv_rules, std::int64_t sliding_window,
                     const PromptContents& prompts, int rank, Observer& observer)
    : config(engine),
      kv(kv_rules),
      by_priority(engine.scheduling_policy == "priority"),
      first_come_first_served(engine.scheduling_policy == "fcfs"),
      has_window(sliding_window > 0),
      decodes(table, kv.blocks == BlockPolicy::grow ? engine.block_size : 0, sliding_window,
              engine.speculation.on() ? 0 : 1, engine.kv_layout),
      pool(engine.usable_blocks(), kv.partial_blocks_first),
      prefix_cache(engine.enable_prefix_caching, engine.block_size, pool, prompts.prefixes, engine.kv_layout),
      waiting(engine),
      running(table),
      gaps(table),
      encoder(engine.encoder.on() && prompts.media != nullptr
                  ? std::make_unique<EncoderCache>(engine.encoder, *prompts.media)
                  : nullptr),
      lifecycle_(observer.wants_lifecycle() ? &observer : nullptr),
      rank_(rank) {
  if (config.lora.on()) adapters = std::make_unique<AdapterSlots>(config.lora);
  takes_more_on_admission_ = adapters != nullptr || kv.blocks == BlockPolicy::reserve || waiting.counts_service();
  if (!engine.kv_offload.on() && !engine.kv_offload.swaps()) return;
  tiers = std::make_unique<RankTiers>(engine.kv_offload, prompts.prefixes, pool.free());
  if (tiers->store.writes_back()) pool.tell_evictions(&tiers->evicted);
}

std::int64_t RankState::blocks_needed(RequestId id, std::int64_t tokens) const {
  const InFlight& r = table[id];
  const KvLayout& layout = config.kv_layout;
  if (layout.windowed == 0)
    return std::max<std::int64_t>(0, layout.full * blocks_for(tokens, config.block_size) + layout.states - r.blocks);
  // What leaves its window makes room, but where others hold it too.
  const std::int64_t first = layout.first_in_window(computed(r), config.block_size);
  return layout.blocks(tokens, computed(r), config.block_size) - r.blocks + prefix_cache.shared_before(id, first);
}

std::int64_t RankState::blocks_of_begun_prompts() const {
  std::int64_t blocks = 0;
  for (const RequestId id : running.prefilling()) blocks += blocks_needed(id, table[id].known_tokens());
  return blocks;
}

// What lies before the window of the token after `computed` others goes.
void RankState::slide_window(RequestId id, std::int64_t computed) {
  InFlight& r = table[id];
  const std::int64_t first = config.kv_layout.first_in_window(computed, config.block_size);
  if (first <= r.window_first) return;
  const std::int64_t gone = config.kv_layout.windowed * (first - r.window_first);
  pool.give_back(gone - prefix_cache.slide(id, first));
  r.blocks -= gone;
  r.window_first = first;
}

void RankState::set_aside() {
  aside_.push_back(*waiting.head());
  waiting.queue().pop();
}

void RankState::bring_back() {
  for (; !aside_.empty(); aside_.pop_back()) waiting.queue().put_back(aside_.back());
}

PrefixMatch RankState::match_head() {
  const Waiting& head = *waiting.head();
  if (head.resumed == kNoRequest) return match(head.request, head.request.prompt_tokens, false);
  const InFlight& r = table[head.resumed];
  // What came along is in its blocks. One token of it is computed, for the next to come out.
  if (r.phase == Phase::reached) {
    if (tiers) tiers->match = {};
    return {std::min(r.carried, r.known_tokens() - 1), r.blocks, 0};
  }
  PrefixMatch found = match(head.request, r.known_tokens(), r.phase != Phase::computed_elsewhere);
  if (!finds_prompts) return found;
  const std::int64_t prompt = r.request.prompt_tokens - 1;
  head_is_brought_ = found.tokens < prompt;
  found.tokens = std::max(found.tokens, prompt);
  return found;
}

// A drafter whose keys and values come from the target's states needs those of the last block again (vLLM's EAGLE
// groups, v1/core/single_type_kv_cache_manager.py).
PrefixMatch RankState::match(const Request& request, std::int64_t known_tokens, bool was_preempted) {
  PrefixMatch found = prefix_cache.match(request, known_tokens, was_preempted);
  if (config.speculation.shortens_hits && found.tokens > 0)
    found = prefix_cache.match(request, found.tokens, was_preempted);
  if (tiers) look_into_tiers(request, known_tokens, was_preempted, found);
  return found;
}

void RankState::first_admission(InFlight& r, std::int64_t found, TimePoint now) {
  r.scheduled = now;
  r.prefix_hit = found;
  if (config.enable_prefix_caching || config.kv_offload.on()) counts_.prefix_queries += r.request.prompt_tokens;
  counts_.prefix_hits += found;
}

RequestId RankState::admit(TimePoint now, const KvWaitClock& kv_wait, const PrefixMatch& match) {
  const Waiting head = *waiting.head();
  waiting.queue().pop();
  RequestId id = head.resumed;
  bool first = id == kNoRequest;
  if (first) {
    id = table.add(head.request);
    table[id].account.scheduled(now - head.request.known_at(), kv_wait.at(now) - head.kv_wait_mark);
    first_admission(table[id], match.tokens, now);
  } else if (table[id].phase == Phase::reached) {
    InFlight& r = table[id];
    if (!r.recovering) r.account.scheduled(now - r.reached_at, kv_wait.at(now) - head.kv_wait_mark);
    r.carried = 0;
    --pinned_;
    first = std::exchange(r.not_admitted, false);
    if (first) first_admission(r, match.tokens, now);
  } else if (finds_prompts || table[id].phase == Phase::computed_elsewhere) {
    found_prompt(id, now, kv_wait.at(now) - head.kv_wait_mark);
  }
  InFlight& r = table[id];
  if (tiers) admitted_with_tiers(id, match, first);
  if (r.phase == Phase::reached)
    counts_.committed_blocks -= committed_blocks(r.request);
  else if (match.tokens > 0)
    prefix_cache.hold_match(id);
  r.cached = r.published = match.tokens;
  r.blocks = match.blocks;
  r.window_first = config.kv_layout.first_in_window(match.tokens, config.block_size);
  r.phase = Phase::prefilling;
  running.add(id);
  counts_.committed_blocks += committed_blocks(r.request);
  if (takes_more_on_admission_) [[unlikely]] {
    if (first && waiting.counts_service()) waiting.queue().admitted(r.request);
    if (adapters) adapters->join(r.request.adapter);
    if (kv.blocks == BlockPolicy::reserve) take_blocks(id, config.max_model_len);
  }
  if (tells()) tell(first ? LifecycleEdge::admitted : LifecycleEdge::resumed, id, now);
  return id;
}

void RankState::found_prompt(RequestId id, TimePoint now, Duration kv_wait) {
  InFlight& r = table[id];
  if (r.phase == Phase::computed_elsewhere) r.account.scheduled(now - r.reached_at, kv_wait);
  if (head_is_brought_ || !finds_prompts) brought.push_back(id);
}

void RankState::take_blocks(RequestId id, std::int64_t tokens) {
  InFlight& r = table[id];
  if (config.kv_layout.windowed > 0) slide_window(id, computed(r));
  const std::int64_t need = blocks_needed(id, tokens);
  r.blocks += need;
  pool.take(need);
}

void RankState::publish(RequestId id, std::int64_t tokens) {
  InFlight& r = table[id];
  r.published = std::max(r.published, tokens);
  prefix_cache.publish(id, r.request, tokens);
}

void RankState::publish_all() {
  for (const RequestId id : unpublished_) publish(id, table[id].cached);
  unpublished_.clear();
}

void RankState::start_decoding(RequestId id) {
  // The group counts what leaves windows in the step that it is in; rows have let it go before.
  if (config.kv_layout.windowed > 0) slide_window(id, table[id].cached - (decodes.by_row() ? 0 : 1));
  running.decodes(id);
  decodes.join(id);
}

void RankState::blocks_go_round(RequestId id, std::int64_t blocks) {
  if (!published_a_block_to_come(id)) pool.rotate(blocks);  // else preempt() gives it back with its content
}

void RankState::preempt(RequestId id, TimePoint now, const DecodeTotals& totals, Requeue where, Keep keep) {
  InFlight& r = table[id];
  std::int64_t in_flight = 0;  // async_scheduling: its token of the last step is not known yet
  ++counts_.evictions;
  if (r.finished) {
    std::erase(unseen_finishes_, id);
    if (std::erase(stopped_, id) + std::erase(told_, id) > 0) (void)gaps.leave(id);
    remove_unseen_finish(id, true);
    return;
  }
  if (r.phase == Phase::decoding) {
    const bool holds_more = published_a_block_to_come(id);
    decodes.leave(id);
    if (holds_more) take_blocks(id, r.published);
    r.account.left_decode(totals);
    const bool emitted_last = gaps.leave(id);
    in_flight = config.async_scheduling && emitted_last ? 1 : 0;
  } else {
    running.prefilled(id);
  }
  if (encoder) encoder->drop(id);
  // A block is not full before its last token is known.
  release(id, true, keep == Keep::published ? r.published : std::max(r.cached - in_flight, r.published));
  unseat(id);
  if (tells()) tell(LifecycleEdge::preempted, id, now);
  // A second preemption before the first has been made good continues the first.
  if (!r.recovering) r.preempted_at = now;
  r.recovering = true;
  r.drafts = 0;
  ++r.preemptions;
  ++counts_.preemptions;
  if (keeps_retracted && r.emitted > 0) {
    r.phase = Phase::reached;
    r.carried = r.cached = r.known_tokens() - 1;
    retracted.push_back(id);
    return;
  }
  r.phase = Phase::preempted;
  r.cached = 0;
  waiting.queue().push({r.request, {}, id, where == Requeue::last});
}

void RankState::leave_unfinished(RequestId id, const DecodeTotals& totals) {
  InFlight& r = table[id];
  if (r.phase == Phase::decoding) {
    decodes.leave(id);
    r.account.left_decode(totals);
    (void)gaps.leave(id);
  } else {
    running.prefilled(id);
  }
  if (encoder) encoder->drop(id);
  release(id, false, r.cached);
  unseat(id);
}

void RankState::finish(RequestId id) {
  release(id, false, table[id].cached);
  unseat(id);
  table.remove(id);
}

void RankState::finish_unseen(RequestId id, bool row) {
  InFlight& r = table[id];
  r.finished = true;
  unseen_finishes_.push_back(id);
  if (row) {
    start_decoding(id);
  } else {
    if (adapters) [[unlikely]]
      adapters->leave(r.request.adapter);
    r.phase = Phase::leaving;
  }
}

// Its rows to come put out nothing: for the decode group it is far from its end.
void RankState::finish_by_stop_string(RequestId id, TimePoint now) {
  InFlight& r = table[id];
  r.finished = true;
  r.last_token = now;
  r.request.output_tokens += kRowsBehindAStop;
  stopped_.push_back(id);
  start_decoding(id);
}

void RankState::tell_stopped() {
  for (const RequestId id : told_) {
    (void)gaps.leave(id);
    if (config.async_scheduling)
      unseen_finishes_.push_back(id);  // the call that is due knows nothing of it yet
    else
      remove_unseen_finish(id, false);
  }
  told_.clear();
  told_.swap(stopped_);
}

void RankState::remove_unseen_finish(RequestId id, bool evicted) {
  InFlight& r = table[id];
  if (r.goes_on) return pin(id);
  if (r.phase == Phase::decoding) decodes.leave(id);
  // Who evicts it does not know its last token, which would complete a block.
  std::int64_t full = evicted ? std::max(r.cached - 1, r.published) : r.cached;
  if (r.request.stop_string && r.finished) [[unlikely]]  // rows behind the stop are nobody's text
    full = std::min<std::int64_t>(full, r.request.prompt_tokens + r.request.output_tokens - kRowsBehindAStop - 1);
  release(id, false, full);
  unseat(id);
  table.remove(id);
}

void RankState::tell(LifecycleEdge edge, RequestId id, TimePoint now) const {
  const InFlight& r = table[id];
  const bool decoding = r.phase == Phase::decoding && edge == LifecycleEdge::abandoned;
  const std::int64_t cached = decoding ? decodes.context_of(r) : r.cached;
  const std::int64_t emitted = decoding ? r.request.output_tokens - decodes.tokens_left(r) : r.emitted;
  lifecycle_->on_lifecycle({edge, rank_, r.request.index, now, cached, emitted});
}

void RankState::tell_queued(const Request& request, TimePoint now) const {
  lifecycle_->on_lifecycle({LifecycleEdge::queued, rank_, request.index, now, 0, 0});
}

void RankState::release(RequestId id, bool preempted, std::int64_t full) {
  if (tiers) return release_with_tiers(id, preempted, full);
  release_blocks(id, preempted, full);
}

void RankState::release_blocks(RequestId id, bool preempted, std::int64_t full) {
  InFlight& r = table[id];
  if (std::erase(unpublished_, id) > 0 && !preempted) publish(id, r.cached);
  prefix_cache.release(id, r.request, r.blocks, full, preempted, r.window_first);
  counts_.committed_blocks -= committed_blocks(r.request);
  r.blocks = r.window_first = 0;
}

}  // namespace foretoken
