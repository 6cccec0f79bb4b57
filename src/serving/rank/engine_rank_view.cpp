// What routers see of a rank, in the midst of a stretch too.
#include <algorithm>

#include "serving/rank/engine_rank.hpp"

namespace foretoken {

// By the decodes of the steps that have begun, beyond what the pool counts as used.
BlockFlow EngineRank::blocks_taken(const StretchProgress& progress) const {
  const std::int64_t begun = progress.ended + (progress.under_way ? 1 : 0);
  if (begun == 0) return {};
  return begun == 1 ? first_blocks_ : rank_.decodes.flow_over(begun);
}

ReplicaSignals EngineRank::signals(TimePoint now) const {
  const StretchProgress at = progress(now);
  ReplicaSignals signals;
  signals.waiting = rank_.waiting.size() + (receiver_ ? receiver_->size() : 0);
  signals.running = rank_.running.size();
  const DecodeGroup& decodes = rank_.decodes;
  signals.in_flight_tokens =
      rank_.waiting.prompt_tokens() + decodes.context() + decodes.size() + at.ended * decodes.rate().tokens();
  signals.prefill_tokens = rank_.waiting.prompt_tokens();
  for (const RequestId id : rank_.running.prefilling()) {
    signals.in_flight_tokens += rank_.table[id].known_tokens();
    signals.prefill_tokens += rank_.table[id].known_tokens();
  }
  if (prompts_lead_ && at.ended == 0)
    for (const StepPlan::Chunk& chunk : plan_.chunks) signals.prefill_tokens += rank_.table[chunk.id].known_tokens();
  if (receiver_)
    receiver_->for_each([&](RequestId id) { signals.in_flight_tokens += rank_.table[id].request.prompt_tokens; });
  if (rank_.tiers) {
    signals.waiting += static_cast<std::int64_t>(rank_.tiers->loads.size() + rank_.tiers->swapped.size());
    for (const RequestId id : rank_.tiers->swapped) signals.in_flight_tokens += rank_.table[id].known_tokens();
    for (const RankTiers::Load& load : rank_.tiers->loads)
      signals.in_flight_tokens += rank_.table[load.id].request.prompt_tokens;
  }
  signals.kv_blocks_used = rank_.pool.used() + blocks_taken(at).net();
  signals.kv_blocks = rank_.pool.total();
  signals.free_seats = std::max<std::int64_t>(0, rank_.config.max_num_seqs - signals.running);
  return signals;
}

RankLoad EngineRank::load(TimePoint now) const {
  const auto used = static_cast<double>(rank_.pool.used() + blocks_taken(progress(now)).net());
  const auto all = static_cast<double>(std::max<std::int64_t>(1, rank_.pool.total()));
  return {waiting_requests(), state_.running(), used / all};
}

// Blocks that steps take leave the head of the free queue, and with them what the cache held there.
std::int64_t EngineRank::cached_tokens(const Request& request, TimePoint now) const {
  const std::int64_t taken = blocks_taken(progress(now)).taken - rank_.pool.reserved();
  return rank_.prefix_cache.cached_tokens(request, std::max<std::int64_t>(0, taken));
}

}  // namespace foretoken
