// Rows that only repeat the last token of a prompt whose KV cache came from elsewhere: the next token comes out.
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
bool EngineRank::rows_decode_on() const {
  if (single_steps_ || speculates_ || rank_.adapters || rank_.tells() || rank_.tiers || transfers_ || rank_.encoder ||
      has_news_ || policy_->remembers_idle_calls())
    return false;
  if (next_call_differs_ || plan_.once || plan_.padding_rows > 0 || !plan_.skipped.empty() || !rank_.gaps.none())
    return false;
  // One that joins nobody is left to the ordinary way.
  if (decode_rows_ == 0 || rank_.waiting.size() > 0 || rank_.waiting.counts_service()) return false;
  if (rank_.config.kv_layout.windowed > 0 || plan_.chunks.size() != rank_.running.prefilling().size()) return false;
  if (rank_.decodes.size() + static_cast<std::int64_t>(plan_.chunks.size()) >= state_.step_tokens) return false;
  return std::ranges::all_of(plan_.chunks, [&](const StepPlan::Chunk& row) {
    const InFlight& r = rank_.table[row.id];
    // The group would take a block for a token that begins one, and it has that.
    return r.emitted == 0 && !r.recovering && r.request.output_tokens > 1 && r.published > r.cached &&
           r.cached % rank_.config.block_size != 0;
  });
}

// They are of the group from their own step on, and it is the first of a stretch.
void EngineRank::start_with_rows(const DecodeShape& rows) {
  for (const StepPlan::Chunk& row : plan_.chunks) {
    rank_.running.prefilled(row.id);
    rank_.start_decoding(row.id);
  }
  rows_lead_ = true;
  steps_.lead_with_rows();
  shape_ = rows;
  start_stretch(cost_.decode(rows.sequences));
}

// What complete_prompt() does for a row by itself. The steps have ended, and nothing else of them is settled.
void EngineRank::settle_leading_rows() {
  rows_lead_ = false;
  const auto rows = static_cast<std::int64_t>(plan_.chunks.size());
  usage_.put_out(rows * (steps_.steps() - 1));
  accounts_.prefilled(plan_.chunks, {}, steps_.first(), steps_.first().total());
  const DecodeTotals own_step = steps_.totals_of_first();
  for (const StepPlan::Chunk& row : plan_.chunks) {
    InFlight& r = rank_.table[row.id];
    ++r.cached;
    r.emitted = 1;
    r.last_token = r.first_token = clock_.after(steps_.first().total());
    r.account.first_token(r.first_token - r.request.arrival);
    accounts_.starts_decoding(row.id, own_step);
  }
}

// The run was stopped in the midst of the steps.
void EngineRank::abandon_leading_rows(TimePoint now) {
  const TimePoint out = clock_.after(steps_.first().total());
  if (out > now) return;
  for (const StepPlan::Chunk& row : plan_.chunks) rank_.table[row.id].first_token = out;
}

// The rank is lost in the midst of their own step, which comes to nothing.
void EngineRank::forget_leading_rows() {
  if (!std::exchange(rows_lead_, false)) return;
  for (const StepPlan::Chunk& row : plan_.chunks) accounts_.starts_decoding(row.id);
}

}  // namespace foretoken
