// Prefill chunks and decode rows in one variable-length kernel (FlashAttention-2
// style), as engines run it on GPUs without a split prefill and decode path.
#pragma once

#include <span>

#include "cost/operators/attention_prefill.hpp"

namespace foretoken {

struct MixedAttention {
  struct Chunk {
    double new_tokens = 0;
    double history = 0;
  };
  std::span<const Chunk> chunks;
  double decodes = 0;
  double decode_context = 0;      // sum of L
  double decode_key_blocks = 0;   // sum of ceil((L + 1) / 128)
  double longest_key_blocks = 0;  // the largest of these
  AttentionHeads heads;
  double kv_bytes = 2;  // per element of the cache
  double kv_rate = 1;   // at which they are read, against those of 16 bits
  bool resident = false;
};

[[nodiscard]] Work mixed_attention_work(const MixedAttention& attention);
// Calibrated only; the roofline has no mixed kernel.
[[nodiscard]] Estimate mixed_attention_estimate(const MixedAttention& attention, const ServedSet& set);

}  // namespace foretoken
