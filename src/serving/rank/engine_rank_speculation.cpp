// A rank that verifies drafts: rows of several tokens, of which each puts out its own number (src/serving/README.md,
// "Speculation").
#include <algorithm>

#include "serving/rank/engine_rank.hpp"
#include "serving/speculation/acceptance.hpp"

namespace foretoken {
namespace {

DraftDraw draw_of(const InFlight& r, std::int64_t emitted) {
  return {r.request.index, emitted, r.request.class_index};
}

}  // namespace

// The rows of the coming step, where the policy did not say, and their blocks.
void EngineRank::take_rows() {
  shape_.drafts = 0;
  if (decode_rows_ == 0) return;
  if (plan_.rows.empty()) {
    for (RequestId id = rank_.running.first(); id != kNoRequest; id = rank_.table[id].next) {
      if (rank_.table[id].phase != Phase::decoding) continue;
      if (std::find(plan_.skipped.begin(), plan_.skipped.end(), id) != plan_.skipped.end()) continue;
      plan_.rows.push_back({id, state_.row_tokens(id)});
    }
  }
  for (const StepPlan::Chunk& row : plan_.rows) {
    state_.take_blocks_of_row(row.id, row.tokens);
    shape_.drafts += row.tokens - 1;
  }
}

// Steps with drafts come one at a time: what each puts out is drawn.
void EngineRank::price_rows() {
  const std::optional<DecodeShape> with_rows = receiver_ && !chunks_.empty() ? shape_with_rows() : std::nullopt;
  StepTime decode_only = shape_.sequences > 0 ? cost_.step({{}, shape_, {}, step_adapters_}) : StepTime{};
  StepTime step = chunks_.empty() ? decode_only
                  : with_rows     ? cost_.step({{}, *with_rows, {}, step_adapters_})
                                  : cost_.step({chunks_, shape_, {}, step_adapters_});
  step[TimePart::overhead] += loads_;
  // A step with prompts may be padded less than one without, where rows differ.
  if (decode_only.total() > step.total()) decode_only = step;
  steps_.set_one(step, decode_only);
}

// The step has ended: what came out, and how many drafts it made beside.
void EngineRank::verify() {
  const SpeculationConfig& config = rank_.config.speculation;
  outputs_.clear();
  accepted_ = 0;
  std::int64_t longest = 0;
  for (const PrefillChunk& chunk : chunks_) longest = std::max(longest, chunk.history + chunk.new_tokens);
  for (const StepPlan::Chunk& row : plan_.rows) {
    InFlight& r = rank_.table[row.id];
    const std::int64_t left = rank_.decodes.tokens_left(r);
    const DraftDraw draw = draw_of(r, r.request.output_tokens - left);
    const std::int64_t drafts = row.tokens - 1;
    std::int64_t accepted = 0;
    if (drafts > 0) {
      if (acceptance_of(config, r.request.class_index).concentration > 0 && r.own_rate == 0)
        r.own_rate = own_rate(config, draw);
      accepted = accepted_drafts(config, draw, drafts, r.own_rate);
      usage_.verified(drafts, accepted, std::max<std::int64_t>(0, 1 + accepted - left));
    }
    outputs_.push_back({row.id, std::min(1 + accepted, left)});
    accepted_ += outputs_.back().tokens - 1;
    longest = std::max(longest, rank_.decodes.context_of(r) + 1 + accepted);
  }
  made_drafts_ = drafts_of_step(config, static_cast<std::int64_t>(chunks_.size()) + shape_.sequences, longest);
}

std::int32_t EngineRank::next_drafts(const InFlight& r, std::int64_t emitted) const {
  const bool found = made_drafts_ > 0 && finds_drafts(rank_.config.speculation, draw_of(r, emitted));
  return found ? static_cast<std::int32_t>(made_drafts_) : 0;
}

// An end by max_tokens is foreseen where one token was left: more, and it hangs on what is accepted. A row planned
// before it was known verifies drafts in vain.
void EngineRank::settle_rows() {
  for (const Output& out : outputs_) {
    InFlight& r = rank_.table[out.id];
    const std::int64_t before = rank_.decodes.tokens_left(r);
    rank_.advance_row(out.id, out.tokens);
    const std::int64_t left = rank_.decodes.tokens_left(r);
    r.drafts = next_drafts(r, r.request.output_tokens - left);
    if (left > 0) continue;
    r.foreseen = before == 1;
    rank_.decodes.leave(out.id);
    leaving_.push_back(out.id);
  }
}

}  // namespace foretoken
