// What a span of steps adds to the rank's totals, in closed form: exact integers,
// so that the sums do not depend on where a stretch was cut.
#include <algorithm>

#include "serving/engine_rank.hpp"

namespace foretoken {
namespace {

// Sum over q in [0, m) of (u + n q)(t + s q).
FineTotal sum_of_products(FineTotal m, FineTotal u, FineTotal n, FineTotal t, FineTotal s) {
  const FineTotal pairs = m * (m - 1) / 2;
  const FineTotal squares = (m - 1) * m * (2 * m - 1) / 6;
  return m * u * t + (u * s + n * t) * pairs + n * s * squares;
}

FineTotal sum_of_indices(std::int64_t steps) {
  return static_cast<FineTotal>(steps) * (steps - 1) / 2;
}

}  // namespace

void EngineRank::report_steps(TimePoint now) {
  StepSpan span;
  span.replica = index_;
  span.begin = begin_;
  span.end = now;
  span.steps = steps_;
  span.prefill = chunks_;
  span.decode_rows = decode_rows_;
  span.gap_rows = gap_rows_;
  span.time = first_step_;
  span.run = steps_ == 1 ? nullptr : &run_;
  span.kv_blocks_used = state_.used_blocks() + blocks_taken_first();
  span.waiting = waiting_requests();
  span.running = state_.running();
  observer_.on_steps(span);
}

DecodeTotals EngineRank::decode_totals_of_steps() const {
  DecodeTotals sum;
  const auto parts = steps_ == 1 ? decode_only_.parts : run_.parts(steps_);
  for (std::size_t i = 0; i < parts.size(); ++i) sum.parts[i] = parts[i].units;
  if (steps_ == 1) sum.interference = (first_step_.total() - decode_only_.total()).units;
  return sum;
}

void EngineRank::count_totals(FineDuration elapsed, const DecodeTotals& decode) {
  totals_.steps += steps_;
  totals_.decode_tokens += decode_rows_ * steps_;
  totals_.peak_running = std::max(totals_.peak_running, state_.running());
  totals_.preemptions = state_.preemptions_;
  totals_.prefix_cache_queries = state_.prefix_queries_;
  totals_.prefix_cache_hits = state_.prefix_hits_;
  totals_.busy += elapsed.units;
  totals_.kv_block_time += block_time(elapsed);
  totals_.flops += static_cast<FineTotal>(first_step_.flops) * steps_;
  totals_.bytes += static_cast<FineTotal>(first_step_.bytes) * steps_;
  if (!chunks_.empty()) {
    ++totals_.prefill_steps;
    for (const PrefillChunk& chunk : chunks_) totals_.prefill_tokens += chunk.new_tokens;
  }
  for (std::size_t i = 0; i < decode.parts.size(); ++i) {
    totals_.decode_parts[i] += decode.parts[i];
    if (!chunks_.empty()) totals_.prefill_parts[i] += (first_step_.parts[i] - decode_only_.parts[i]).units;
  }
  if (steps_ > 1) {
    const FineTotal growth = state_.decodes_.size() * sum_of_indices(steps_);
    const FineTotal windowed = state_.decodes_.growing_in_window() * sum_of_indices(steps_);
    totals_.flops += growth * curve_->flops_per_context + windowed * curve_->flops_per_windowed;
    totals_.bytes += growth * curve_->bytes_per_context + windowed * curve_->bytes_per_windowed;
  }
}

// By the decodes of the first step; those that sit it out take none.
std::int64_t EngineRank::blocks_taken_first() const {
  if (plan_.hold_decodes) return 0;
  const BlockGrowth& growth = state_.decodes_.growth();
  const std::int64_t clock = state_.decodes_.clock();
  std::int64_t taken = growth.at(clock);
  for (const RequestId id : plan_.skipped) taken -= growth.needs_block(state_[id].decode_key, clock) ? 1 : 0;
  return taken;
}

// Blocks in use x time: each step counts with the blocks it has taken.
FineTotal EngineRank::block_time(FineDuration elapsed) const {
  const BlockGrowth& growth = state_.decodes_.growth();
  const std::int64_t clock = state_.decodes_.clock();
  const FineTotal used = state_.used_blocks();
  if (growth.count() == 0) return used * elapsed.units;
  if (steps_ == 1) return (used + blocks_taken_first()) * elapsed.units;
  FineTotal sum = 0;
  for (std::int64_t step = 0; step < steps_;) {
    const DecodeRun::Piece& piece = run_.piece_at(step);
    const std::int64_t stop = std::min(steps_, piece.first_step + piece.steps);
    // Steps a period apart take equal blocks: one closed form for each residue.
    const std::int64_t period = growth.period();
    std::int64_t taken = growth.over(clock, step);
    for (std::int64_t j = step; j < std::min(stop, step + period); ++j) {
      taken += growth.at(clock + j);
      const FineDuration time = piece.first_time + piece.increment * (j - piece.first_step);
      if (stop - j <= period) {
        sum += (used + taken) * time.units;
        continue;
      }
      const std::int64_t cycles = (stop - j + period - 1) / period;
      sum += sum_of_products(cycles, used + taken, growth.count(), time.units, (piece.increment * period).units);
    }
    step = stop;
  }
  return sum;
}

}  // namespace foretoken
