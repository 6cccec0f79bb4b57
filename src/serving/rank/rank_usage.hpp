// What a rank did over the run: the totals that every span of steps adds to.
#pragma once

#include <algorithm>
#include <span>

#include "foretoken/serving/simulation.hpp"
#include "serving/rank/stretch.hpp"
#include "serving/state/rank_state.hpp"

namespace foretoken {

// KV blocks in use x time: each step counts with `used`, those at the beginning, and what the decoding requests have
// taken until then; `first_blocks` in the first step.
[[nodiscard]] FineTotal block_time(const Stretch& steps, std::int64_t used, std::int64_t first_blocks,
                                   const DecodeGroup& decodes);

class RankUsage {
 public:
  // But for decode_parts, which Accounts has.
  [[nodiscard]] const ReplicaTotals& totals() const { return totals_; }

  void called() { ++totals_.schedule_calls; }
  void began() { ++totals_.spans; }
  // Steps have ended, and nothing of `state` has changed yet. The decoding requests took `first_blocks` in the
  // first of them.
  void add(const Stretch& steps, std::span<const PrefillChunk> chunks, TokenRate decoded, std::int64_t first_blocks,
           const RankState& state);
  // A row has verified drafts, some of which were accepted, and of those some came too late.
  void verified(std::int64_t drafts, std::int64_t accepted, std::int64_t dropped);
  void encoded(const EncoderTotals& totals) { totals_.encoder = totals; }
  // Tokens beyond those of add().
  void put_out(std::int64_t tokens) { totals_.decode_tokens += tokens; }
  void add_block_time(FineTotal more) { totals_.kv_block_time += more; }
  // From now on, and between steps, so many blocks are held: for requests that went on elsewhere, or are loaded.
  void hold(std::int64_t blocks, TimePoint now) {
    if (held_ > 0)
      totals_.kv_block_time +=
          static_cast<FineTotal>(held_) * (now - held_since_).count() * FineDuration::kPerNanosecond;
    held_ = blocks;
    held_since_ = now;
  }
  void note_blocks(std::int64_t used) { totals_.peak_kv_blocks = std::max(totals_.peak_kv_blocks, used); }
  void peaks_at(std::int64_t blocks) { totals_.peak_kv_blocks = blocks; }

 private:
  ReplicaTotals totals_;
  std::int64_t held_ = 0;
  TimePoint held_since_{};
};

}  // namespace foretoken
