// The totals of a span of steps in closed form: exact integers, so that the sums do not depend on where a
// stretch was cut.
#include "serving/rank/rank_usage.hpp"

namespace foretoken {
namespace {

// Sum over q in [0, m) of (u + n q)(t + s q).
FineTotal sum_of_products(FineTotal m, FineTotal u, FineTotal n, FineTotal t, FineTotal s) {
  const FineTotal pairs = m * (m - 1) / 2;
  const FineTotal squares = (m - 1) * m * (2 * m - 1) / 6;
  return m * u * t + (u * s + n * t) * pairs + n * s * squares;
}

}  // namespace

FineTotal block_time(const Stretch& steps, std::int64_t used, std::int64_t first_blocks, const DecodeGroup& decodes) {
  const KvGrowth& growth = decodes.growth();
  const TokenClock& clock = decodes.clock();
  if (growth.count() == 0) return static_cast<FineTotal>(used) * steps.elapsed().units;
  if (steps.run() == nullptr) return static_cast<FineTotal>(used + first_blocks) * steps.elapsed().units;
  FineTotal sum = 0;
  const std::int64_t period = growth.period(clock);
  std::int64_t taken = 0;  // in the steps before `step`
  for (std::int64_t step = 0; step < steps.steps();) {
    const DecodeRun::Piece& piece = steps.run()->piece_at(step);
    // A piece may have no end.
    const std::int64_t stop = step + std::min(steps.steps() - step, piece.steps - (step - piece.first_step));
    FineDuration time = piece.first_time + piece.increment * (step - piece.first_step);
    if (stop - step <= period) {
      for (; step < stop; ++step, time += piece.increment) {
        taken += growth.at(clock, step);
        sum += static_cast<FineTotal>(used + taken) * time.units;
      }
      continue;
    }
    // Steps a period apart take equal blocks: one closed form for each residue.
    for (std::int64_t j = step; j < step + period; ++j, time += piece.increment) {
      taken += growth.at(clock, j);
      const std::int64_t cycles = (stop - j + period - 1) / period;
      sum +=
          sum_of_products(cycles, used + taken, growth.per_period(clock), time.units, (piece.increment * period).units);
    }
    step = stop;
    taken = growth.over(clock, step).net();
  }
  return sum;
}

void RankUsage::verified(std::int64_t drafts, std::int64_t accepted, std::int64_t dropped) {
  SpeculationTotals& s = totals_.speculation;
  ++s.drafts;
  s.draft_tokens += drafts;
  s.accepted_tokens += accepted;
  s.dropped_tokens += dropped;
  if (static_cast<std::int64_t>(s.accepted_at.size()) < accepted)
    s.accepted_at.resize(static_cast<std::size_t>(accepted));
  for (std::int64_t i = 0; i < accepted; ++i) ++s.accepted_at[static_cast<std::size_t>(i)];
}

void RankUsage::add(const Stretch& steps, std::span<const PrefillChunk> chunks, TokenRate decoded,
                    std::int64_t first_blocks, const RankState& state) {
  totals_.steps += steps.steps();
  totals_.decode_tokens += decoded.tokens() * steps.steps();
  totals_.peak_running = std::max(totals_.peak_running, state.running.size());
  totals_.preemptions = state.counts().preemptions;
  totals_.prefix_cache_queries = state.counts().prefix_queries;
  totals_.prefix_cache_hits = state.counts().prefix_hits;
  totals_.busy += steps.elapsed().units;
  totals_.kv_block_time += block_time(steps, state.pool.used(), first_blocks, state.decodes);
  totals_.flops += steps.flops();
  totals_.bytes += steps.bytes();
  if (chunks.empty()) return;
  ++totals_.prefill_steps;
  totals_.prefill_flops += steps.first().flops - steps.decode_only().flops;
  totals_.prefill_bytes += steps.first().bytes - steps.decode_only().bytes;
  for (const PrefillChunk& chunk : chunks) totals_.prefill_tokens += chunk.new_tokens;
  for (std::size_t i = 0; i < totals_.prefill_parts.size(); ++i) {
    totals_.prefill_parts[i] += (steps.first().parts[i] - steps.decode_only().parts[i]).units;
  }
}

}  // namespace foretoken
