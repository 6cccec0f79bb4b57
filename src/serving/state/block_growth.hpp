// KV blocks that decoding takes, without per-token work: a sequence needs a new
// block for the token before which its cached context is a multiple of the block size.
#pragma once

#include <bit>
#include <cstdint>
#include <numeric>
#include <vector>

#include "foretoken/cost/kv_layout.hpp"
#include "foretoken/cost/token_clock.hpp"

namespace foretoken {

// Members are known by key = context - the clock's tokens, which never changes while they decode.
class BlockGrowth {
 public:
  // block_size 0: members own all their blocks from the start, nothing grows.
  explicit BlockGrowth(std::int64_t block_size)
      : members_(static_cast<std::size_t>(block_size)),
        mask_(std::has_single_bit(static_cast<std::uint64_t>(block_size)) ? block_size - 1 : 0) {}

  void add(std::int64_t key) {
    if (!members_.empty()) {
      ++members_[residue(key)];
      ++count_;
    }
  }
  void remove(std::int64_t key) {
    if (!members_.empty()) {
      --members_[residue(key)];
      --count_;
    }
  }

  // Blocks taken by the coming step.
  [[nodiscard]] std::int64_t at(const TokenClock& clock) const { return at(clock, 0); }
  // By the step that follows `steps` others.
  [[nodiscard]] std::int64_t at(const TokenClock& clock, std::int64_t steps) const {
    if (members_.empty()) return 0;
    const std::int64_t begin = clock.after(steps);
    return clock.per_row() == 1 ? of_token(begin) : of_tokens(begin, clock.per_row());
  }
  // By one member in the coming step.
  [[nodiscard]] std::int64_t of_member(std::int64_t key, const TokenClock& clock) const {
    if (members_.empty()) return 0;
    if (clock.per_row() == 1) return residue(key) == residue(-clock.now()) ? 1 : 0;
    const std::int64_t context = key + clock.now();
    return blocks_for(context + clock.per_row(), period_in_tokens()) - blocks_for(context, period_in_tokens());
  }
  // By the coming `steps` steps.
  [[nodiscard]] std::int64_t over(const TokenClock& clock, std::int64_t steps) const {
    return members_.empty() ? 0 : of_tokens(clock.now(), steps * clock.per_row());
  }
  // The most steps, up to `limit`, that take no more than `free` blocks.
  [[nodiscard]] std::int64_t steps_within(const TokenClock& clock, std::int64_t free, std::int64_t limit) const {
    if (count_ == 0) return limit;
    std::int64_t steps = free / per_period(clock) * period(clock);  // whole periods
    if (steps >= limit) return limit;
    free %= per_period(clock);
    for (; steps < limit; ++steps) {
      const std::int64_t taken = at(clock, steps);
      if (taken > free) break;
      free -= taken;
    }
    return steps;
  }
  // Steps after which the blocks taken repeat, and blocks taken in them.
  [[nodiscard]] std::int64_t period(const TokenClock& clock) const {
    const std::int64_t tokens = period_in_tokens();
    return clock.per_row() == 1 ? tokens : tokens / std::gcd(tokens, clock.per_row());
  }
  [[nodiscard]] std::int64_t per_period(const TokenClock& clock) const {
    return clock.per_row() == 1 ? count_ : count_ * (clock.per_row() / std::gcd(period_in_tokens(), clock.per_row()));
  }
  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] bool grows() const { return !members_.empty(); }
  // Blocks that hold so many tokens. Precondition: grows().
  [[nodiscard]] std::int64_t blocks_of(std::int64_t tokens) const { return blocks_for(tokens, period_in_tokens()); }

 private:
  [[nodiscard]] std::int64_t period_in_tokens() const { return static_cast<std::int64_t>(members_.size()); }
  [[nodiscard]] std::int64_t of_token(std::int64_t time) const { return members_[residue(-time)]; }
  [[nodiscard]] std::int64_t of_tokens(std::int64_t time, std::int64_t tokens) const {
    std::int64_t sum = tokens / period_in_tokens() * count_;
    for (std::int64_t j = 0; j < tokens % period_in_tokens(); ++j) sum += of_token(time + j);
    return sum;
  }
  [[nodiscard]] std::size_t residue(std::int64_t key) const {
    if (mask_ > 0) return static_cast<std::size_t>(key & mask_);
    const std::int64_t r = key % period_in_tokens();
    return static_cast<std::size_t>(r < 0 ? r + period_in_tokens() : r);
  }

  std::vector<std::int64_t> members_;  // by key mod block size
  std::int64_t mask_;                  // block size - 1 where that replaces the division (16, nearly always), else 0
  std::int64_t count_ = 0;
};

}  // namespace foretoken
