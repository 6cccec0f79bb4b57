// How the layers of a model share the KV blocks of an engine (src/serving/README.md, "KV blocks").
#pragma once

#include <algorithm>
#include <cstdint>

namespace foretoken {

[[nodiscard]] constexpr std::int64_t blocks_for(std::int64_t tokens, std::int64_t block_size) {
  return (tokens + block_size - 1) / block_size;
}

// Layers that keep the same of a request are cut into groups of one size. A block has room for `block_size` tokens of
// the layers of one group, so a request holds blocks for every group. Default: all layers keep everything, and are one
// group.
struct KvLayout {
  int layers = 0;           // of a group, 0 = all of the model
  int full = 1;             // groups that keep all tokens
  int windowed = 0;         // groups that keep the last `window` tokens
  std::int64_t window = 0;  // tokens
  int states = 0;           // blocks of recurrent layers, from admission to the end
  bool operator==(const KvLayout&) const = default;

  [[nodiscard]] bool is_plain() const { return full == 1 && windowed == 0 && states == 0; }
  [[nodiscard]] int groups() const { return full + windowed; }
  // The first block that windowed layers still read for the token after `computed` others.
  [[nodiscard]] std::int64_t first_in_window(std::int64_t computed, std::int64_t block_size) const {
    return windowed == 0 ? 0 : std::max<std::int64_t>(0, computed - window + 1) / block_size;
  }
  // Held with `tokens` tokens of which `computed` were there before: what has left the window then is let go first.
  [[nodiscard]] std::int64_t blocks(std::int64_t tokens, std::int64_t computed, std::int64_t block_size) const {
    return groups() * blocks_for(tokens, block_size) - windowed * first_in_window(computed, block_size) + states;
  }
  // The most that a request holds on its way to `tokens` tokens, `step` of them at most in a step. One block more than
  // the window, because it need not begin with a block (vLLM, SlidingWindowSpec.max_memory_usage_bytes).
  [[nodiscard]] std::int64_t most_blocks(std::int64_t tokens, std::int64_t step, std::int64_t block_size) const {
    const std::int64_t all = blocks_for(tokens, block_size);
    const std::int64_t in_window = blocks_for(window - 1 + step, block_size) + 1;
    return full * all + windowed * std::min(all, in_window) + states;
  }
  // The longest request, of `limit` tokens at most, that so many blocks can hold.
  [[nodiscard]] std::int64_t longest(std::int64_t blocks, std::int64_t step, std::int64_t block_size,
                                     std::int64_t limit) const {
    std::int64_t low = 0;
    for (std::int64_t high = limit + 1; high - low > 1;) {
      const std::int64_t middle = low + (high - low) / 2;
      (most_blocks(middle, step, block_size) <= blocks ? low : high) = middle;
    }
    return low;
  }
};

}  // namespace foretoken
