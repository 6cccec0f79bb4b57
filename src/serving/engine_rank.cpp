// The life of a step: planned, priced, ended, settled.
#include "serving/engine_rank.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

// A stretch ends before its exact duration leaves 62 bits (73 minutes of simulated time).
constexpr FineDuration kLongestStretch{std::int64_t{1} << 62};

}  // namespace

EngineRank::EngineRank(int index, const SimulationConfig& config, const CostModel& cost, std::int64_t sliding_window,
                       Observer& observer, DepartureListener& listener, const PrefixTable* prefixes)
    : EngineRank(index, config, cost, sliding_window, observer, listener, prefixes,
                 find_engine(config.engine.name).make(), find_engine(config.engine.name).blocks,
                 find_engine(config.engine.name).last_row) {}

EngineRank::EngineRank(int index, const SimulationConfig& config, const CostModel& cost, std::int64_t sliding_window,
                       Observer& observer, DepartureListener& listener, const PrefixTable* prefixes,
                       std::unique_ptr<BatchingPolicy> policy, BlockPolicy blocks, LastRow last_row)
    : index_(index),
      single_steps_(config.step_by_step || config.every_step),
      async_(config.engine.async_scheduling),
      last_row_(last_row),
      cost_(cost),
      observer_(observer),
      listener_(listener),
      policy_(std::move(policy)),
      state_(config.engine, blocks, sliding_window, prefixes) {
  state_.rank_ = index;
  if (observer.wants_lifecycle()) state_.lifecycle_ = &observer;
}

// ---- a step is planned and priced ----

void EngineRank::schedule(TimePoint now) {
  if (plan(now)) start_steps(now);
}

RankOffer EngineRank::offer(TimePoint now) {
  deliver(call_is_due_ ? known_until_ : now);
  const std::int64_t rows = state_.decodes_.size();
  return {policy_->has_contexts(state_), rows > 0, rows < state_.config.max_num_seqs};
}

bool EngineRank::plan(TimePoint now, bool hold_contexts) {
  wake_ = kNever;
  call_policy(now, hold_contexts);
  kv_wait_.set_blocked(plan_.blocked == Blocked::kv_blocks, now);
  if (plan_.chunks.empty() && decode_rows_ == 0) {
    invariant(state_.running() == 0, [&] {
      return fmt::format("replica {} stands still at {} s with {} running requests", index_, to_seconds(now),
                         state_.running());
    });
    wake_ = plan_.wake;
    return false;
  }
  shape_plan(now);
  return true;
}

void EngineRank::call_policy(TimePoint now, bool hold_contexts) {
  bool knows_all = !std::exchange(call_is_due_, false);
  deliver(knows_all ? now : known_until_);
  std::int64_t evicted = -1;
  while (true) {
    invariant(state_.evictions_ > evicted, "a policy asks to be called again although it evicted nobody");
    evicted = state_.evictions_;
    plan_.clear();
    ++totals_.schedule_calls;
    policy_->schedule({state_, now, knows_all ? now : known_until_, kv_wait_, decode_totals_, hold_contexts}, plan_);
    decode_rows_ = plan_.hold_decodes ? 0 : state_.decodes_.size() - static_cast<std::int64_t>(plan_.skipped.size());
    if (!plan_.chunks.empty() || decode_rows_ > 0) return;
    if (!knows_all) {  // nothing to run until the result is in
      knows_all = true;
      state_.remove_unseen_finishes();
      state_.publish_all();
      deliver(now);
      if (state_.running() == 0 && state_.waiting_->head() == nullptr) return;
      evicted = -1;
    } else if (!plan_.once) {
      return;
    }
    // A call that only evicted (priority scheduling may evict the request it looks at) is
    // followed by another; each evicts at least one, so it ends.
  }
}

void EngineRank::shape_plan(TimePoint now) {
  shape_ = plan_.skipped.empty() ? state_.decodes_.shape() : state_.decodes_.shape_without(plan_.skipped);
  if (decode_rows_ == 0)
    shape_ = {};
  else
    shape_.sequences += plan_.padding_rows;
  next_call_differs_ = async_ && reveal(now);
  gap_rows_ = decode_rows_ == 0 ? 0 : decode_rows_ - state_.held_rows();
  for (const RequestId id : state_.sat_out_) {
    if (std::find(plan_.skipped.begin(), plan_.skipped.end(), id) == plan_.skipped.end()) --gap_rows_;
  }
  chunks_.clear();
  for (const StepPlan::Chunk& chunk : plan_.chunks) {
    const InFlight& r = state_[chunk.id];
    chunks_.push_back({chunk.tokens, r.cached, r.cached + chunk.tokens == r.known_tokens()});
  }
}

void EngineRank::start_steps(TimePoint now) {
  if (boundary_after({}) != now) {  // the engine was idle: nothing is carried over
    base_ = now;
    offset_ = {};
  }
  steps_ = 1;
  curve_ = shape_.sequences == 0 ? nullptr : &cost_.decode(shape_.sequences);
  decode_only_ = curve_ == nullptr ? StepTime{} : curve_->at(shape_);
  if (!chunks_.empty()) {
    first_step_ = cost_.step({chunks_, shape_});
  } else if (single_steps_) {
    first_step_ = cost_.step({{}, shape_});
  } else {
    first_step_ = decode_only_;
    if (!plan_.once && !next_call_differs_ && plan_.skipped.empty() && state_.sat_out_.empty() &&
        state_.held_.empty()) {
      start_stretch();
    }
  }
  begin(now);
}

void EngineRank::start_in_group(TimePoint now, const StepClock& clock, const StepTime& step,
                                const StepTime& decode_only) {
  base_ = clock.base;
  offset_ = clock.offset;
  steps_ = 1;
  first_step_ = step;
  decode_only_ = decode_only;
  begin(now);
}

void EngineRank::begin(TimePoint now) {
  if (first_step_.total() >= kLongestStep) listener_.step_too_long(index_);
  begin_ = now;
  stepping_ = true;
  ++totals_.spans;
  end_ = boundary_after(elapsed());
  invariant(end_ > begin_, [&] { return fmt::format("a step of no time at {} s", to_seconds(now)); });
}

void EngineRank::start_stretch() {
  DecodeGroup& decodes = state_.decodes_;
  steps_ = decodes.growth().steps_within(decodes.clock(), state_.free_blocks() - plan_.spare_blocks,
                                         decodes.steps_until_change());
  if (steps_ <= 1) {
    steps_ = 1;
    return;
  }
  run_ = DecodeRun(*curve_, shape_, decodes.size(), decodes.growing_in_window());
  const FineDuration whole = run_.elapsed(steps_);
  if (whole >= kLongestStretch) steps_ = std::max<std::int64_t>(1, run_.steps_to_reach(kLongestStretch) - 1);
  if (whole >= kLongestStep) leave_out_too_long();
}

// The stretch ends before the first step that is too long; step times do not fall in a stretch.
void EngineRank::leave_out_too_long() {
  const auto too_long = [&](std::int64_t step) { return run_.elapsed(step + 1) - run_.elapsed(step) >= kLongestStep; };
  if (!too_long(steps_ - 1)) return;
  std::int64_t fine = 1;  // the first is not, or the run would have ended
  for (std::int64_t bad = steps_ - 1; bad - fine > 0;) {
    const std::int64_t middle = fine + (bad - fine) / 2;
    if (too_long(middle))
      bad = middle;
    else
      fine = middle + 1;
  }
  steps_ = fine;
}

TimePoint EngineRank::boundary_after(FineDuration elapsed) const {
  return base_ + ceil_to_nanoseconds(offset_ + elapsed);
}

// The first boundary at or after `now`, or a later one, becomes the end, when the policy may want it.
void EngineRank::cut(TimePoint now, std::int64_t boundaries_later) {
  if (!stepping_ || steps_ == 1 || !policy_->may_change_plan(state_)) return;
  // base + ceil(offset + elapsed) >= now  <=>  offset + elapsed > now - base - 1 ns
  const FineDuration reach = fine_from(now - base_ - Duration{1}) + FineDuration{1} - offset_;
  const std::int64_t steps = std::max<std::int64_t>(1, run_.steps_to_reach(reach)) + boundaries_later;
  if (steps >= steps_) return;
  steps_ = steps;
  end_ = boundary_after(elapsed());
}

// ---- a step ends ----

void EngineRank::end_steps(TimePoint now) {
  const FineDuration passed = elapsed();
  call_is_due_ = async_;
  // Nobody came since the first of them began, or it matters when the last did.
  known_until_ = inbox_.empty() ? begin_ : begin_of_last_step();
  report_steps(now);
  const DecodeTotals decode = decode_totals_of_steps();
  count_totals(passed, decode);
  decode_totals_ += decode;
  offset_ += passed;
  base_ += Duration{offset_.units >> FineDuration::kFractionBits};
  offset_.units &= FineDuration::kPerNanosecond - 1;
  stepping_ = false;
  leaving_.clear();
  settle_decodes(now, decode);
  settle_chunks(now);
  finish_leaving(now);
}

void EngineRank::settle_decodes(TimePoint now, const DecodeTotals& step) {
  DecodeGroup& decodes = state_.decodes_;
  if (decodes.size() == 0) return;
  if (plan_.hold_decodes) {
    state_.hold_decodes(begin_);
    return;
  }
  std::int64_t grown = decodes.growth().over(decodes.clock(), steps_);
  for (const RequestId id : plan_.skipped) {
    InFlight& r = state_.table_[id];
    grown -= decodes.growth().needs_block(r.decode_key, decodes.clock()) ? 1 : 0;
    r.account.sat_out(step, first_step_.total());
  }
  // The first step's were reserved when it was planned; a row that left since takes none.
  const std::int64_t first = blocks_taken_first();
  state_.pool_.take_reserved(first);
  state_.pool_.take(grown - first);
  totals_.peak_kv_blocks = std::max(totals_.peak_kv_blocks, state_.used_blocks());
  decodes.advance(steps_);
  for (const RequestId id : plan_.skipped) decodes.hold_back(id);
  if (!plan_.skipped.empty() || !state_.sat_out_.empty()) settle_gaps(now);
  for (const SchedulerState::Held& held : state_.held_) observer_.on_gap(now - held.last_token, held.rows);
  state_.held_.clear();
  state_.last_decode_end_ = now;

  decodes.take_finished(leaving_);
  for (const RequestId id : leaving_) state_.table_[id].account.left_decode(decode_totals_);
}

// Requests that sat out keep the time of their last token; those that are back report the gap.
void EngineRank::settle_gaps(TimePoint now) {
  const auto sits_out = [&](RequestId id) {
    return std::find(plan_.skipped.begin(), plan_.skipped.end(), id) != plan_.skipped.end();
  };
  for (const RequestId id : state_.sat_out_) {
    if (!sits_out(id)) observer_.on_gap(now - state_[id].last_token, 1);
  }
  for (const RequestId id : plan_.skipped) {
    if (std::find(state_.sat_out_.begin(), state_.sat_out_.end(), id) == state_.sat_out_.end()) {
      state_.table_[id].last_token = begin_;
    }
  }
  state_.sat_out_ = plan_.skipped;
}

void EngineRank::settle_chunks(TimePoint now) {
  if (state_.prefilling_.empty()) return;
  totals_.peak_kv_blocks = std::max(totals_.peak_kv_blocks, state_.used_blocks());
  std::int64_t step_tokens = 0;
  for (const StepPlan::Chunk& chunk : plan_.chunks) step_tokens += chunk.tokens;
  if (plan_.chunks.size() < state_.prefilling_.size()) charge_left_out();
  for (const StepPlan::Chunk& chunk : plan_.chunks) {
    InFlight& r = state_.table_[chunk.id];
    r.cached += chunk.tokens;
    if (!state_.stores_whole_contexts || (r.cached == r.known_tokens() && !async_))
      state_.publish(chunk.id, r.cached);
    else if (r.cached == r.known_tokens())
      state_.publish_after_call(chunk.id);
    if (r.preemptions == 0) r.account.prefilled(first_step_, chunk.tokens, step_tokens);
    if (r.cached == r.known_tokens()) emit(chunk.id, now);
  }
}

void EngineRank::charge_left_out() {
  for (const RequestId id : state_.prefilling_) {
    const bool ran = std::any_of(plan_.chunks.begin(), plan_.chunks.end(), [&](const auto& c) { return c.id == id; });
    if (!ran && state_[id].preemptions == 0) state_.table_[id].account.left_out(first_step_.total());
  }
}

// A prompt is complete: its next token is out.
void EngineRank::emit(RequestId id, TimePoint now) {
  InFlight& r = state_.table_[id];
  std::erase(state_.prefilling_, id);
  const Duration recovery = r.preemptions > 0 ? now - r.preempted_at : Duration{};
  if (++r.emitted == 1) {
    r.first_token = now;
    if (state_.lifecycle_ != nullptr) state_.tell(LifecycleEdge::first_token, id, now);
    r.account.first_token(now - r.request.arrival, recovery);
  } else {
    r.account.recovered(recovery);
    observer_.on_gap(now - r.last_token, 1);
  }
  if (r.emitted >= r.request.output_tokens) {
    leaving_.push_back(id);
    return;
  }
  r.last_token = now;
  r.account.joined_decode(decode_totals_);
  state_.youngest_decode_ = std::max(state_.youngest_decode_, r.admission);
  state_.decodes_.join(id);
}

// Engines walk the step's requests in the running list's order, whatever they did in it: the blocks of
// the first go back first, so what it alone holds is evicted first (vLLM V1, update_from_output).
void EngineRank::finish_leaving(TimePoint now) {
  std::sort(leaving_.begin(), leaving_.end(),
            [&](RequestId a, RequestId b) { return state_[a].admission < state_[b].admission; });
  for (const RequestId id : leaving_) finish(id, now);
}

void EngineRank::finish(RequestId id, TimePoint now) {
  const InFlight& r = state_[id];
  observer_.on_request(record_of(r, Outcome::finished, now));
  const Request request = r.request;
  if (async_) {
    state_.finish_unseen(id, last_row_ == LastRow::wasted || request.output_tokens < request.max_tokens);
  } else {
    state_.release(id, false, r.cached);
    state_.unlink(id);
    state_.table_.remove(id);
  }
  listener_.departed(index_, request, Outcome::finished, now);
}

RequestRecord EngineRank::record_of(const InFlight& r, Outcome outcome, TimePoint now) const {
  RequestRecord record;
  record.request = r.request;
  record.outcome = outcome;
  record.replica = index_;
  record.scheduled = r.scheduled;
  record.first_token = r.first_token;
  record.finish = now;
  record.preemptions = r.preemptions;
  record.cached_tokens = static_cast<std::int32_t>(r.prefix_hit);
  if (outcome == Outcome::finished) {
    record.ttft_parts = r.account.ttft();
    record.e2e_parts = r.account.total(now - r.request.arrival);
  }
  return record;
}

void EngineRank::abandon(TimePoint now) {
  const auto give_up = [&](RequestId id) {
    if (state_.lifecycle_ != nullptr) state_.tell(LifecycleEdge::abandoned, id, now);
    observer_.on_request(record_of(state_[id], Outcome::unfinished, now));
  };
  for (RequestId id = state_.first_running(); id != kNoRequest; id = state_[id].next) give_up(id);
  deliver(now);
  while (const Waiting* head = state_.waiting_->head()) {
    if (head->resumed != kNoRequest) {
      give_up(head->resumed);
    } else {
      RequestRecord record;
      record.request = head->request;
      record.outcome = Outcome::unfinished;
      record.replica = index_;
      record.finish = now;
      observer_.on_request(record);
    }
    state_.waiting_->pop();
  }
}

}  // namespace foretoken
