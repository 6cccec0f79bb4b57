// KV blocks that decoding takes, without per-token work: a sequence needs a new
// block in the steps where its cached context is a multiple of the block size.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace foretoken {

[[nodiscard]] constexpr std::int64_t blocks_for(std::int64_t tokens, std::int64_t block_size) {
  return (tokens + block_size - 1) / block_size;
}

// Members are known by key = context - clock, which never changes while they decode.
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

  // Blocks taken by the step at `clock`.
  [[nodiscard]] std::int64_t at(std::int64_t clock) const { return members_.empty() ? 0 : members_[residue(-clock)]; }
  [[nodiscard]] bool needs_block(std::int64_t key, std::int64_t clock) const {
    return !members_.empty() && residue(key) == residue(-clock);
  }
  // By `steps` steps from `clock`.
  [[nodiscard]] std::int64_t over(std::int64_t clock, std::int64_t steps) const {
    if (members_.empty()) return 0;
    const auto period = static_cast<std::int64_t>(members_.size());
    std::int64_t sum = steps / period * count_;
    for (std::int64_t j = 0; j < steps % period; ++j) sum += at(clock + j);
    return sum;
  }
  // The most steps from `clock`, up to `limit`, that take no more than `free` blocks.
  [[nodiscard]] std::int64_t steps_within(std::int64_t clock, std::int64_t free, std::int64_t limit) const {
    if (count_ == 0) return limit;
    const auto period = static_cast<std::int64_t>(members_.size());
    std::int64_t steps = free / count_ * period;  // whole periods
    if (steps >= limit) return limit;
    free %= count_;
    while (steps < limit && at(clock + steps) <= free) free -= at(clock + steps++);
    return steps;
  }
  [[nodiscard]] std::int64_t period() const { return static_cast<std::int64_t>(members_.size()); }
  [[nodiscard]] std::int64_t count() const { return count_; }

 private:
  [[nodiscard]] std::size_t residue(std::int64_t key) const {
    if (mask_ > 0) return static_cast<std::size_t>(key & mask_);
    const auto period = static_cast<std::int64_t>(members_.size());
    const std::int64_t r = key % period;
    return static_cast<std::size_t>(r < 0 ? r + period : r);
  }

  std::vector<std::int64_t> members_;  // by key mod block size
  std::int64_t mask_;                  // block size - 1 where that replaces the division (16, nearly always), else 0
  std::int64_t count_ = 0;
};

}  // namespace foretoken
