// Steps that decode on after prompts are complete, in one stretch with the step that completes them. Some of these
// prompts are rows that only repeat the last token of one whose KV cache came from elsewhere: the next token comes out.
#include <algorithm>
#include <utility>

#include "serving/rank/engine_rank.hpp"

namespace foretoken {

// Such a row costs what a decoding one does: it is part of the same graph (vLLM pads it, gpu_model_runner.py). Empty:
// there are other chunks.
std::optional<DecodeShape> EngineRank::shape_with_rows() const {
  DecodeShape shape = shape_;
  const std::int64_t window = cost_.sliding_window();
  for (const PrefillChunk& chunk : chunks_) {
    if (chunk.new_tokens != 1 || !chunk.samples || chunk.history == 0) return std::nullopt;
    ++shape.sequences;
    shape.context += chunk.history;
    if (window > 0) shape.windowed_context += std::min(chunk.history, window);
  }
  return shape;
}

StepTime EngineRank::time_of_rows(const DecodeShape& rows) const {
  return single_steps_ ? cost_.step({{}, rows}) : cost_.decode(rows.sequences).at(rows);
}

// Whether the call after their step could only say that they decode on, with the others.
bool EngineRank::prompts_decode_on() const {
  // One that joins nobody is left to the ordinary way.
  if (!prompts_may_lead_ || next_call_differs_ || decode_rows_ == 0 || has_news_) return false;
  if (plan_.once || plan_.padding_rows > 0 || !plan_.skipped.empty() || !rank_.gaps.none()) return false;
  if (rank_.waiting.size() > 0 || plan_.chunks.size() != rank_.running.prefilling().size()) return false;
  if (rank_.decodes.size() + static_cast<std::int64_t>(plan_.chunks.size()) >= state_.step_tokens) return false;
  return std::ranges::all_of(plan_.chunks, [&](const StepPlan::Chunk& chunk) {
    const InFlight& r = rank_.table[chunk.id];
    const std::int64_t known = r.known_tokens();
    // The group would take a block for a last token that begins one, and it has that.
    return r.cached + chunk.tokens == known && r.emitted == 0 && !r.recovering && r.request.output_tokens > 1 &&
           r.published >= known && (known - 1) % rank_.config.block_size != 0;
  });
}

// They are of the group from their own step on, as if their last tokens had been rows, and it is the first of a
// stretch.
void EngineRank::start_with_prompts(bool as_rows) {
  for (const StepPlan::Chunk& chunk : plan_.chunks) {
    InFlight& r = rank_.table[chunk.id];
    r.cached = r.known_tokens() - 1;
    rank_.running.prefilled(chunk.id);
    rank_.start_decoding(chunk.id);
  }
  prompts_lead_ = true;
  steps_.lead_with_prompts(as_rows);
  shape_ = rank_.decodes.shape();
  start_stretch(cost_.decode(shape_.sequences));
}

// What complete_prompt() does for a prompt by itself. The steps have ended, and nothing else of them is settled; of
// their time here the first is counted.
void EngineRank::settle_leading_prompts() {
  prompts_lead_ = false;
  const auto rows = static_cast<std::int64_t>(plan_.chunks.size());
  usage_.put_out(rows * (steps_.steps() - 1));
  accounts_.prefilled(plan_.chunks, {}, steps_.first(), steps_.first().total());
  accounts_.decoded(steps_.totals_of_first());
  const TimePoint out = clock_.after(steps_.first().total());
  for (const StepPlan::Chunk& chunk : plan_.chunks) {
    InFlight& r = rank_.table[chunk.id];
    ++r.cached;
    r.emitted = 1;
    r.last_token = r.first_token = out;
    r.account.first_token(out - r.request.arrival);
    accounts_.starts_decoding(chunk.id);
  }
}

// The run was stopped in the midst of the steps. A stretch that a stop cuts off is not told of, but the step that
// computed prompts is not of it; rows are.
void EngineRank::abandon_leading_prompts(TimePoint now) {
  const TimePoint out = clock_.after(steps_.first().total());
  if (out > now) return;
  if (!receiver_) {
    steps_.shorten_to(1);
    return end_steps(out);
  }
  for (const StepPlan::Chunk& chunk : plan_.chunks) rank_.table[chunk.id].first_token = out;
}

// The rank is lost in the midst of their own step, which comes to nothing.
void EngineRank::forget_leading_prompts() {
  if (!std::exchange(prompts_lead_, false)) return;
  for (const StepPlan::Chunk& chunk : plan_.chunks) accounts_.starts_decoding(chunk.id);
}

}  // namespace foretoken
