// The life of a step: planned, priced, ended, settled.
#include "serving/rank/engine_rank.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace foretoken {

EngineRank::EngineRank(int index, const PoolConfig& pool, const SimulationOptions& options, EnginePolicy policy,
                       const PromptContents& prompts, Observer& observer, DepartureListener& listener,
                       const Receiving& receiving)
    : index_(index),
      single_steps_(options.step_by_step || options.every_step),
      speculates_(pool.engine.speculation.on()),
      hands_over_(pool.role == PoolRole::prefill),
      first_token_(pool.first_token),
      tells_chunks_(hands_over_ && receiving.rules != nullptr &&
                    receiving.rules->reserve == HandOverRules::Reserve::before_prefill),
      rules_(hands_over_ ? nullptr : receiving.rules),
      direct_(receiving.first_token != FirstToken::where_decoded),
      last_row_(policy.last_row),
      cost_(*pool.cost),
      observer_(observer),
      departures_(index, observer, listener),
      policy_(std::move(policy.batching)),
      rank_(pool.engine, policy.kv, pool.cost->sliding_window(), prompts, index, observer),
      state_(rank_),
      async_(pool.engine.async_scheduling),
      accounts_(rank_.table) {
  has_extras_ = speculates_ || hands_over_ || rules_ != nullptr || rank_.tiers || rank_.adapters || rank_.encoder ||
                rank_.waiting.counts_service();
  if (receiving.rules != nullptr && receiving.rules->send != HandOverRules::Send::beside_steps &&
      pool.role != PoolRole::both)
    transfers_ = std::make_unique<StepTransfers>(receiving.rules->send, pool.kv_layers);
  rank_.finds_prompts = transfers_ != nullptr && !hands_over_;
  if (tells_chunks_ && receiving.rules->by_layer && pool.kv_layers > 1) sent_layers_ = pool.kv_layers;
  steps_may_wait_ = transfers_ != nullptr || rank_.tiers != nullptr || sent_layers_ > 0;
  prompts_may_lead_ = !single_steps_ && !speculates_ && !rank_.adapters && !rank_.tells() && !steps_may_wait_ &&
                      !rank_.encoder && !hands_over_ && !policy_->remembers_idle_calls() &&
                      !rank_.waiting.counts_service() && rank_.config.kv_layout.windowed == 0;
  if (receiving.store != nullptr && rank_.tiers) rank_.tiers->store.share(*receiving.store);
  if (rules_ == nullptr) return;
  receiver_ = std::make_unique<Receiver>(rank_, *rules_);
  rank_.keeps_retracted = rules_->keeps_retracted;
}

// ---- a step is planned and priced ----

void EngineRank::schedule(TimePoint now) {
  if (stepping_) return transfers_ ? void() : begin_loads_within(now);
  if (plan(now)) start_steps(now);
}

RankOffer EngineRank::offer(TimePoint now) {
  rank_.waiting.deliver(async_.known_until(now));
  const std::int64_t rows = rank_.decodes.size();
  return {policy_->has_contexts(state_), rows > 0, rows < rank_.config.max_num_seqs};
}

bool EngineRank::plan(TimePoint now, bool hold_contexts) {
  wake_ = kNever;
  if (has_extras_ && !extras_before_call(now)) [[unlikely]] {
    note_held(now);
    return false;
  }
  call_policy(now, hold_contexts);
  kv_wait_.set_blocked(plan_.blocked == Blocked::kv_blocks, now);
  while (plan_.chunks.empty() && decode_rows_ == 0) {
    if ((receiver_ && receive_when_idle(now)) || (rank_.tiers && tiers_when_idle(now))) {
      call_policy(now, hold_contexts);
      kv_wait_.set_blocked(plan_.blocked == Blocked::kv_blocks, now);
      continue;
    }
    // Who waits for blocks that are held for others who went on is called again when these are there.
    invariant(rank_.running.size() == 0 || rank_.pinned() > 0, [&] {
      return fmt::format("replica {} stands still at {} s with {} running requests", index_, to_seconds(now),
                         rank_.running.size());
    });
    wake_ = plan_.wake;
    if (rank_.tiers) wake_ = std::min(wake_, next_of_tiers());
    if (has_extras_) note_held(now);
    return false;
  }
  shape_plan(now);
  if (has_extras_) [[unlikely]]
    extras_after_call(now);
  return true;
}

// All that it had went on elsewhere: a call could only say so.
bool EngineRank::rests(TimePoint now) {
  if (rank_.waiting.size() > 0 || rank_.decodes.size() > 0 || !rank_.running.prefilling().empty() || has_news_ ||
      rank_.tiers || policy_->remembers_idle_calls())
    return false;
  usage_.called();
  (void)async_.take_due_call();
  rank_.remove_unseen_finishes([](RequestId) {});
  rank_.publish_all();
  kv_wait_.set_blocked(false, now);
  return true;
}

void EngineRank::call_policy(TimePoint now, bool hold_contexts) {
  TimePoint known_until = async_.known_until(now);
  bool knows_all = !async_.take_due_call();
  rank_.waiting.deliver(known_until);
  std::int64_t evicted = -1;
  while (true) {
    invariant(rank_.counts().evictions > evicted, "a policy asks to be called again although it evicted nobody");
    evicted = evictions_before_call_ = rank_.counts().evictions;
    plan_.clear();
    usage_.called();
    policy_->schedule({state_, now, known_until, kv_wait_, accounts_.decode_totals(), hold_contexts}, plan_);
    decode_rows_ = plan_.hold_decodes ? 0 : rank_.decodes.size() - static_cast<std::int64_t>(plan_.skipped.size());
    if (!plan_.chunks.empty() || decode_rows_ > 0) return;
    if (!knows_all) {  // nothing to run until the result is in
      knows_all = true;
      known_until = now;
      if (rank_.tiers) rank_.tiers->known_until(now);
      rank_.remove_unseen_finishes([](RequestId) {});
      rank_.publish_all();
      rank_.waiting.deliver(now);
      if (rank_.running.size() == 0 && rank_.waiting.head() == nullptr) return;
      evicted = -1;
    } else if (!plan_.once || ((rank_.pinned() > 0 || rank_.tiers) && rank_.counts().evictions == evicted)) {
      return;  // also when it can only wait for blocks that are held for others who went on, or for a KV tier
    }
    // Those whose KV cache came along go before who was evicted.
    if (receiver_ && direct_) (void)seat_ready(now);
    // A call that only evicted (priority scheduling may evict the request it looks at) is
    // followed by another; each evicts at least one, so it ends.
  }
}

void EngineRank::shape_plan(TimePoint now) {
  const DecodeGroup& decodes = rank_.decodes;
  shape_ = plan_.skipped.empty() ? decodes.shape() : decodes.shape_without(plan_.skipped);
  if (decode_rows_ == 0)
    shape_ = {};
  else
    shape_.sequences += plan_.padding_rows;
  if (has_extras_) [[unlikely]]
    plan_extras();
  next_call_differs_ = async_.enabled() && reveal(now);
  gap_rows_ = rank_.gaps.rows_without_gap(decode_rows_, plan_.skipped);
  first_blocks_ = plan_.hold_decodes ? BlockFlow{} : decodes.flow_of_step();
  for (const RequestId id : plan_.skipped) first_blocks_ -= decodes.flow_of_step(rank_.table[id]);
  chunks_.clear();
  for (const StepPlan::Chunk& chunk : plan_.chunks) {
    const InFlight& r = rank_.table[chunk.id];
    chunks_.push_back({chunk.tokens, r.cached, r.cached + chunk.tokens == r.known_tokens()});
  }
}

// The call is over, and what it could not know comes to light. True when the next call may plan otherwise.
bool EngineRank::reveal(TimePoint now) {
  bool changes = false;
  if (rank_.has_unpublished()) {
    changes = rank_.waiting.head() != nullptr;
    rank_.publish_all();
  }
  if (rank_.has_unseen_finishes()) {
    const std::int64_t rows = rank_.decodes.size();
    rank_.remove_unseen_finishes([&](RequestId id) {
      const InFlight& r = rank_.table[id];
      if (r.phase != Phase::decoding || plan_.hold_decodes || std::erase(plan_.skipped, id) > 0) return;
      --decode_rows_;
      if (speculates_) std::erase_if(plan_.rows, [&](const StepPlan::Chunk& row) { return row.id == id; });
      rank_.pool.rotate(rank_.decodes.flow_of_step(r).taken);
    });
    changes = changes || rank_.decodes.size() < rows || rank_.waiting.size() > 0;
  }
  const bool new_head = rank_.waiting.deliver(now);
  return changes || (new_head && policy_->may_change_plan(state_));
}

void EngineRank::start_steps(TimePoint now) {
  clock_.begin(now);
  invariant(!chunks_.empty() || shape_.sequences > 0,
            [&] { return fmt::format("replica {} ({}) begins a step of nothing", index_, rank_.config.name); });
  if (has_extras_ && start_extras(now)) return;
  const DecodeCurve* curve = shape_.sequences == 0 ? nullptr : &cost_.decode(shape_.sequences);
  const StepTime decode_only = curve == nullptr ? StepTime{} : curve->at(shape_);
  if (!chunks_.empty()) {
    if (has_extras_) [[unlikely]] {
      set_step_with_extras(decode_only);
    } else {
      steps_.set_one(cost_.step({chunks_, shape_}), decode_only);
      if (prompts_decode_on()) start_with_prompts(false);
    }
  } else if (single_steps_) {
    steps_.set_one(cost_.step({{}, shape_}), decode_only);
  } else {
    steps_.set_one(decode_only, decode_only);
    if (!plan_.once && !next_call_differs_ && plan_.skipped.empty() && rank_.gaps.none()) start_stretch(*curve);
  }
  begin(now);
}

void EngineRank::start_in_group(TimePoint now, const StepClock& clock, const StepTime& step,
                                const StepTime& decode_only) {
  clock_ = clock;
  steps_.set_one(step, decode_only);
  begin(now);
}

void EngineRank::begin(TimePoint now) {
  if (steps_may_wait_) [[unlikely]]
    return begin_what_may_wait(now);
  begin_steps(now);
}

void EngineRank::begin_steps(TimePoint now) {
  if (steps_.first().total() >= kLongestStep) departures_.step_too_long();
  begin_ = now;
  stepping_ = true;
  usage_.began();
  end_ = clock_.after(steps_.elapsed());
  invariant(end_ > begin_, [&] { return fmt::format("a step of no time at {} s", to_seconds(now)); });
}

void EngineRank::start_stretch(const DecodeCurve& curve) {
  DecodeGroup& decodes = rank_.decodes;
  std::int64_t steps = decodes.growth().steps_within(decodes.clock(), rank_.pool.free() - plan_.spare_blocks,
                                                     decodes.steps_until_change());
  if (plan_.blocked == Blocked::kv_blocks) steps = decodes.growth().steps_until_more(decodes.clock(), steps);
  if (has_extras_) [[unlikely]]
    steps = stretch_beside_extras(steps);
  if (steps > 1) steps_.extend(curve, shape_, decodes.rate(), decodes.rate_in_window(), steps);
  if (has_extras_ && rank_.tiers) cut_beside_tiers();
}

// The first boundary at or after `now`, or a later one, becomes the end, when the policy may want it.
void EngineRank::cut(TimePoint now, std::int64_t boundaries_later) {
  if (!stepping_ || steps_.steps() == 1 || !policy_->may_change_plan(state_)) return;
  // Who comes at the instant at which they began, after their call (a client that tries again), comes at a boundary
  // too.
  const std::int64_t first = now == begin_ ? 0 : steps_.steps_to_reach(clock_.to_reach(now));
  const std::int64_t steps = std::max(looked_after_ + 1, first + boundaries_later);
  if (steps >= steps_.steps()) return;
  steps_.shorten_to(steps);
  look_or_end();
}

// ---- a step ends ----

void EngineRank::end_steps(TimePoint now) {
  if (has_extras_ && !extras_see_end(now)) [[unlikely]]
    return;
  // Or it matters when the last of them began.
  const bool nobody_came = rank_.waiting.inbox_is_empty() && !(has_extras_ && learns_late());
  async_.open(nobody_came ? begin_ : clock_.after(steps_.elapsed_before_last()));
  if (has_extras_) [[unlikely]]
    end_extras();
  report_steps(now);
  const DecodeTotals decode = steps_.decode_totals();
  usage_.add(steps_, chunks_, {decode_rows_, speculates_ ? 1 : rank_.decodes.clock().per_row()}, first_blocks_.net(),
             rank_);
  if (has_extras_) [[unlikely]]
    account_extras();
  if (prompts_lead_) settle_leading_prompts();
  accounts_.decoded(decode);
  clock_.advance(steps_.elapsed());
  stepping_ = false;
  leaving_.clear();
  settle_decodes(now, decode);
  settle_chunks(now);
  finish_leaving(now);
}

void EngineRank::report_steps(TimePoint now) {
  // All at once: a span is large, and would be filled twice.
  StepSpan span{.replica = index_,
                .begin = begin_,
                .end = now,
                .steps = steps_.steps(),
                .prefill = chunks_,
                .decode_rows = decode_rows_,
                .gap_rows = gap_rows_,
                .time = steps_.first(),
                .run = steps_.run(),
                .kv_blocks_used = rank_.pool.used() + first_blocks_.net(),
                .waiting = waiting_requests(),
                .running = rank_.running.size(),
                .tokens_per_row = rank_.decodes.clock().per_row()};
  if (prompts_lead_ && span.steps > 1) {
    span.joining = span.dropped = static_cast<std::int64_t>(chunks_.size());
    span.decode_rows = span.gap_rows = rank_.decodes.size();
  }
  if (has_extras_) [[unlikely]]
    describe_extras(span);
  observer_.on_steps(span);
}

void EngineRank::settle_decodes(TimePoint now, const DecodeTotals& step) {
  DecodeGroup& decodes = rank_.decodes;
  if (decodes.size() == 0) return;
  if (plan_.hold_decodes) {
    rank_.gaps.hold(begin_, decodes.size());
    return;
  }
  accounts_.skipped(plan_.skipped, step, steps_.first().total());
  // The first step's at least were reserved when it was planned; a row that left since takes none.
  const std::int64_t steps = steps_.steps();
  const BlockFlow all = steps > 1 ? decodes.flow_over(steps) : first_blocks_;
  if (steps > 1) {
    // What is given back nowhere is all held at the end.
    const std::int64_t most = all.given == 0 ? all.taken : decodes.growth().most_over(decodes.clock(), steps);
    usage_.note_blocks(rank_.pool.used() + most);
  }
  rank_.pool.give_back(all.given);
  rank_.pool.take_reserved(all.taken);
  if (steps == 1) usage_.note_blocks(rank_.pool.used());
  decodes.advance(steps);
  for (const RequestId id : plan_.skipped) decodes.hold_back(id);
  rank_.gaps.emitted(begin_, now, plan_.skipped, observer_);
  if (speculates_)
    settle_rows();
  else
    decodes.take_finished(leaving_);
  accounts_.stopped_decoding(leaving_);
}

void EngineRank::settle_chunks(TimePoint now) {
  if (rank_.running.prefilling().empty()) return;
  usage_.note_blocks(rank_.pool.used());
  if (steps_may_wait_) [[unlikely]]
    settle_chunks_beside(now);
  else
    accounts_.prefilled(plan_.chunks, rank_.running.prefilling(), steps_.first(), steps_.elapsed());
  for (const StepPlan::Chunk& chunk : plan_.chunks) {
    InFlight& r = rank_.table[chunk.id];
    r.cached += chunk.tokens;
    const bool complete = r.cached == r.known_tokens();
    if (!rank_.kv.stores_whole_contexts || (complete && !async_.enabled()))
      rank_.publish(chunk.id, r.cached);
    else if (complete)
      rank_.publish_after_call(chunk.id);
    if (has_extras_) [[unlikely]]
      tell_computed(chunk.id, complete, now);
    if (complete) complete_prompt(chunk.id, now);
  }
}

// A prompt is complete: its next token is out, here or where it goes on.
void EngineRank::complete_prompt(RequestId id, TimePoint now) {
  InFlight& r = rank_.table[id];
  Accounts::recovered(r, now);
  if (has_extras_ && hands_over_) {
    if (has_news_ && ends_with_its_prompt(id, now)) return;
    if (drops_first_tokens()) return departures_.handed_over(rank_.hand_over(id, now));
  }
  rank_.running.prefilled(id);
  if (++r.emitted == 1) {
    r.first_token = now;
    if (rank_.tells()) rank_.tell(LifecycleEdge::first_token, id, now);
    r.account.first_token(now - r.request.arrival);
  } else {
    observer_.on_gap(now - r.last_token, 1);
  }
  if (has_extras_) [[unlikely]]
    first_of_extras(r);
  if (r.emitted >= r.request.output_tokens) {
    r.foreseen = true;
    leaving_.push_back(id);
    return;
  }
  if (hands_over_) {
    departures_.handed_over(rank_.hand_over(id, now));
    return;
  }
  r.last_token = now;
  accounts_.starts_decoding(id);
  rank_.start_decoding(id);
}

// Engines walk the step's requests in the running list's order, whatever they did in it: the blocks of
// the first go back first, so what it alone holds is evicted first (vLLM V1, update_from_output).
void EngineRank::finish_leaving(TimePoint now) {
  std::sort(leaving_.begin(), leaving_.end(),
            [&](RequestId a, RequestId b) { return rank_.table[a].admission < rank_.table[b].admission; });
  for (const RequestId id : leaving_) {
    const InFlight& r = rank_.table[id];
    departures_.finished(r, now);
    const bool surprising = r.request.output_tokens < r.request.max_tokens || (speculates_ && !r.foreseen);
    if (r.request.ends_by_stop_string()) [[unlikely]]
      stop_by_string(id, now);
    else if (!async_.enabled())
      rank_.finish(id);
    else
      rank_.finish_unseen(id, last_row_ == LastRow::wasted || surprising);
  }
}

}  // namespace foretoken
