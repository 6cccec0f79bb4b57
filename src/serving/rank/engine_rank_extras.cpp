// What few runs have, out of the way of all others, which test one flag for it: hand-overs, KV tiers, drafts, adapters,
// images, queues that are told what is served, aborts, and requests that end by a stop string, of which the engine
// learns when the steps planned meanwhile have run (src/serving/README.md, "Aborts and stop strings").
#include <algorithm>
#include <utility>

#include "serving/rank/engine_rank.hpp"

namespace foretoken {

// False: there is nothing to call for.
bool EngineRank::extras_before_call(TimePoint now) {
  if (receiver_) receive_before_call(now);
  if (rank_.tiers) tiers_before_call(now);
  if (rank_.tiers && receiver_) turn_to_tiers(now);
  if (hands_over_ && rests(now)) return false;
  if (has_news_) {
    settle_news(now);
    if (direct_ && receiver_ && !async_.enabled()) (void)seat_ready(now);  // seats of those who left
  }
  return true;
}

void EngineRank::extras_after_call(TimePoint now) {
  if (receiver_) receive_after_call(now);
  if (rank_.tiers) note_loads(now);
  if (has_news_) next_call_differs_ = true;
  usage_.hold(0, now);  // the steps count them
}

void EngineRank::plan_extras() {
  if (speculates_) take_rows();
  if (rank_.adapters) plan_adapters();
  if (rank_.has_stopped()) leave_out_stopped_rows();
}

// False: the step is priced as all are.
bool EngineRank::start_extras(TimePoint now) {
  if (speculates_) {
    price_rows();
    begin(now);
    return true;
  }
  if (!rank_.adapters) return false;
  start_steps_with_adapters(now);
  return true;
}

// A step with chunks.
void EngineRank::set_step_with_extras(const StepTime& decode_only) {
  const std::optional<DecodeShape> rows = receiver_ ? shape_with_rows() : std::nullopt;
  steps_.set_one(rows            ? time_of_rows(*rows)
                 : rank_.encoder ? time_with_encoder()
                                 : cost_.step({chunks_, shape_}),
                 decode_only);
  if (rows && prompts_decode_on()) start_with_prompts(true);
}

std::int64_t EngineRank::stretch_beside_extras(std::int64_t steps) {
  // Another may come to be the head, and fit, without anybody coming or going.
  if (rank_.waiting.counts_service() && rank_.running.size() < rank_.config.max_num_seqs &&
      rank_.waiting.queue().head_moves())
    return 1;
  if (const std::int64_t next = receiver_ ? receiver_->next_seen_after() : -1; next >= 0)
    steps = std::min(steps, next - usage_.totals().steps);
  return rank_.tiers ? stretch_beside_tiers(steps) : steps;
}

// False: the steps go on, it was only time for a look at who waits for blocks.
bool EngineRank::extras_see_end(TimePoint now) {
  if (receiver_ && looks_within(now)) return false;
  if (rank_.tiers) rank_.tiers->now = now;
  return !transfers_ || transfers_are_over(now);
}

void EngineRank::end_extras() {
  if (speculates_) verify();
  if (rank_.adapters) rank_.adapters->stepped(step_adapters_, steps_.elapsed());
  if (!rank_.waiting.counts_service()) return;
  count_service(steps_.steps());
  counted_steps_ = 0;
}

void EngineRank::describe_extras(StepSpan& span) const {
  if (speculates_) {
    span.tokens_per_row = 1;
    span.drafts = shape_.drafts;
    span.accepted = accepted_;
  }
  if (hands_over_ && first_token_ == FirstToken::where_decoded)
    span.dropped = std::ranges::count_if(chunks_, &PrefillChunk::samples);
}

void EngineRank::account_extras() {
  if (receiver_) {
    usage_.add_block_time(-std::exchange(receiver_->not_yet_held, 0));
    looked_after_ = 0;
    receiver_->taken_last = 0;
  }
  if (speculates_) usage_.put_out(accepted_);
}

void EngineRank::tell_computed(RequestId id, bool complete, TimePoint now) {
  const InFlight& r = rank_.table[id];
  if (rank_.encoder) rank_.encoder->computed(id, r.cached);
  if (tells_chunks_) departures_.computed(r.request, r.cached, complete, now);
}

// The token that its prompt puts out.
void EngineRank::first_of_extras(InFlight& r) {
  if (rank_.waiting.counts_service()) rank_.waiting.queue().put_out(r.request.class_index, 1);
  if (speculates_) r.drafts = next_drafts(r, r.emitted);
}

void EngineRank::note_news() {
  has_extras_ = has_news_ = true;
}

void EngineRank::stop_by_string(RequestId id, TimePoint now) {
  note_news();
  rank_.finish_by_stop_string(id, now);
}

// Their rows cost what rows cost, and nothing comes out of them. The plan holds for this step only.
void EngineRank::leave_out_stopped_rows() {
  plan_.once = true;
  for (const RequestId id : rank_.stopped_in_step()) {
    if (rank_.table[id].phase != Phase::decoding || plan_.hold_decodes) continue;
    if (std::find(plan_.skipped.begin(), plan_.skipped.end(), id) != plan_.skipped.end()) continue;
    --decode_rows_;
    if (speculates_) std::erase_if(plan_.rows, [&](const StepPlan::Chunk& row) { return row.id == id; });
  }
}

}  // namespace foretoken
