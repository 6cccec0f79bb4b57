// The running list and the blocks: bookkeeping behind the policies' moves.
#include "serving/scheduler_state.hpp"

#include <algorithm>

#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

bool reuses_partial_blocks_first(const EngineConfig& engine) {
  const std::string_view since = find_engine(engine.name).partial_blocks_first;
  return !since.empty() && version_at_least(engine.version, since);
}

}  // namespace

SchedulerState::SchedulerState(const EngineConfig& engine, BlockPolicy blocks, std::int64_t sliding_window,
                               const PrefixTable* prefixes)
    : config(engine),
      by_priority(engine.scheduling_policy == "priority"),
      stores_whole_contexts(find_engine(engine.name).stores_whole_contexts),
      has_window(sliding_window > 0),
      block_policy_(blocks),
      decodes_(table_, blocks == BlockPolicy::grow ? engine.block_size : 0, sliding_window),
      pool_(engine.usable_blocks(), reuses_partial_blocks_first(engine)),
      prefix_cache_(engine.enable_prefix_caching, engine.block_size, pool_, prefixes),
      waiting_(make_queueing_policy(engine)) {}

std::int64_t SchedulerState::blocks_needed(const InFlight& r, std::int64_t tokens) const {
  return std::max<std::int64_t>(0, blocks_for(tokens, config.block_size) - r.blocks);
}

void SchedulerState::set_aside() {
  aside_.push_back(*waiting_->head());
  waiting_->pop();
}

void SchedulerState::bring_back() {
  for (; !aside_.empty(); aside_.pop_back()) waiting_->put_back(aside_.back());
}

PrefixMatch SchedulerState::match_head() {
  const Waiting& head = *waiting_->head();
  if (head.resumed == kNoRequest) return prefix_cache_.match(head.request, head.request.prompt_tokens, false);
  return prefix_cache_.match(head.request, table_[head.resumed].known_tokens(), true);
}

RequestId SchedulerState::admit(TimePoint now, const KvWaitClock& kv_wait, const PrefixMatch& match) {
  const Waiting head = *waiting_->head();
  waiting_->pop();
  RequestId id = head.resumed;
  if (id == kNoRequest) {
    id = table_.add(head.request);
    table_[id].scheduled = now;
    table_[id].account.scheduled(now - head.request.arrival, kv_wait.at(now) - head.kv_wait_mark);
    table_[id].prefix_hit = match.tokens;
    if (config.enable_prefix_caching) prefix_queries_ += head.request.prompt_tokens;
    prefix_hits_ += match.tokens;
  }
  InFlight& r = table_[id];
  if (match.blocks > 0) prefix_cache_.hold_match(id);
  r.cached = r.published = match.tokens;
  r.blocks = match.blocks;
  r.phase = Phase::prefilling;
  link(id);
  committed_blocks_ += committed_blocks(r.request);
  prefilling_.push_back(id);
  if (block_policy_ == BlockPolicy::reserve) take_blocks(id, config.max_model_len);
  if (lifecycle_ != nullptr) {
    tell(head.resumed == kNoRequest ? LifecycleEdge::admitted : LifecycleEdge::resumed, id, now);
  }
  return id;
}

void SchedulerState::take_blocks(RequestId id, std::int64_t tokens) {
  InFlight& r = table_[id];
  const std::int64_t need = blocks_needed(r, tokens);
  r.blocks += need;
  pool_.take(need);
}

void SchedulerState::publish(RequestId id, std::int64_t tokens) {
  InFlight& r = table_[id];
  r.published = std::max(r.published, tokens);
  prefix_cache_.publish(id, r.request, tokens);
}

void SchedulerState::publish_all() {
  for (const RequestId id : unpublished_) publish(id, table_[id].cached);
  unpublished_.clear();
}

void SchedulerState::preempt(RequestId id, TimePoint now, const DecodeTotals& totals, Requeue where, Keep keep) {
  InFlight& r = table_[id];
  std::int64_t in_flight = 0;  // async_scheduling: its token of the last step is not known yet
  ++evictions_;
  if (r.finished) {
    std::erase(unseen_finishes_, id);
    remove(id, true);
    return;
  }
  if (r.phase == Phase::decoding) {
    decodes_.leave(id);
    r.account.left_decode(totals);
    const auto lag = std::find(sat_out_.begin(), sat_out_.end(), id);
    if (lag == sat_out_.end())
      r.last_token = std::max(r.last_token, last_decode_end_);
    else
      sat_out_.erase(lag);
    in_flight = config.async_scheduling && r.last_token == last_decode_end_ ? 1 : 0;
    const auto held =
        std::find_if(held_.begin(), held_.end(), [&](const Held& h) { return h.last_token == r.last_token; });
    if (held != held_.end()) --held->rows;
  } else {
    std::erase(prefilling_, id);
  }
  // A block is not full before its last token is known.
  release(id, true, keep == Keep::published ? r.published : std::max(r.cached - in_flight, r.published));
  unlink(id);
  if (lifecycle_ != nullptr) tell(LifecycleEdge::preempted, id, now);
  // A second preemption before the first has been made good continues the first.
  if (r.phase == Phase::decoding || r.preemptions == 0) r.preempted_at = now;
  r.phase = Phase::preempted;
  r.cached = 0;
  ++r.preemptions;
  ++preemptions_;
  waiting_->push({r.request, {}, id, where == Requeue::last});
}

void SchedulerState::finish_unseen(RequestId id, bool row) {
  InFlight& r = table_[id];
  r.finished = true;
  unseen_finishes_.push_back(id);
  if (row) {
    youngest_decode_ = std::max(youngest_decode_, r.admission);
    decodes_.join(id);
  } else {
    settle_blocks(r);
    r.phase = Phase::leaving;
  }
}

void SchedulerState::remove(RequestId id, bool evicted) {
  InFlight& r = table_[id];
  if (r.phase == Phase::decoding) decodes_.leave(id);
  // Who evicts it does not know its last token, which would complete a block.
  release(id, false, evicted ? std::max(r.cached - 1, r.published) : r.cached);
  unlink(id);
  table_.remove(id);
}

void SchedulerState::remove_unseen_finishes() {
  for (const RequestId id : unseen_finishes_) remove(id);
  unseen_finishes_.clear();
}

void SchedulerState::tell(LifecycleEdge edge, RequestId id, TimePoint now) const {
  const InFlight& r = table_[id];
  const bool decoding = r.phase == Phase::decoding && edge == LifecycleEdge::abandoned;
  const std::int64_t cached = decoding ? decodes_.context_of(r) : r.cached;
  const std::int64_t emitted = decoding ? r.request.output_tokens - decodes_.steps_left(r) : r.emitted;
  lifecycle_->on_lifecycle({edge, rank_, r.request.index, now, cached, emitted});
}

void SchedulerState::hold_decodes(TimePoint since) {
  const std::int64_t fresh = decodes_.size() - held_rows();  // emitted until this step
  if (fresh > 0) held_.push_back({since, fresh});
}

std::int64_t SchedulerState::held_rows() const {
  std::int64_t rows = 0;
  for (const Held& held : held_) rows += held.rows;
  return rows;
}

// The decode group counts the blocks of its members together.
void SchedulerState::settle_blocks(InFlight& r) const {
  if (r.phase == Phase::decoding && block_policy_ == BlockPolicy::grow) {
    r.blocks = blocks_for(r.cached, config.block_size);
  }
}

void SchedulerState::release(RequestId id, bool preempted, std::int64_t full) {
  InFlight& r = table_[id];
  if (std::erase(unpublished_, id) > 0 && !preempted) publish(id, r.cached);
  settle_blocks(r);
  prefix_cache_.release(id, r.request, r.blocks, full, preempted);
  committed_blocks_ -= committed_blocks(r.request);
  r.blocks = 0;
}

void SchedulerState::to_tail(RequestId id) {
  unlink(id);
  link(id);
  if (table_[id].phase == Phase::decoding) {
    youngest_decode_ = table_[id].admission;
  } else {
    std::erase(prefilling_, id);
    prefilling_.push_back(id);
  }
}

void SchedulerState::link(RequestId id) {
  InFlight& r = table_[id];
  r.admission = admissions_++;
  r.previous = last_;
  r.next = kNoRequest;
  (last_ == kNoRequest ? first_ : table_[last_].next) = id;
  last_ = id;
  ++running_;
}

void SchedulerState::unlink(RequestId id) {
  const InFlight& r = table_[id];
  (r.previous == kNoRequest ? first_ : table_[r.previous].next) = r.next;
  (r.next == kNoRequest ? last_ : table_[r.next].previous) = r.previous;
  --running_;
}

}  // namespace foretoken
