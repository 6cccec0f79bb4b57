// Attention of prefill chunks over their own tokens and their history.
#pragma once

#include "cost/operators/operator.hpp"

namespace foretoken {

struct AttentionHeads {
  double query = 0;  // on this device
  double kv = 0;     // on this device
  double size = 0;
};

struct PrefillAttention {
  double sequences = 1;   // of the same shape
  double new_tokens = 0;  // s
  double history = 0;     // h
  AttentionHeads heads;
  double window = 0;  // tokens, 0 = all
  bool resident = false;
};

// The terms of one launch before they are combined. Chunks of one launch add up,
// except that the longest critical path counts.
struct PrefillTerms {
  double compute = 0;   // s
  double critical = 0;  // s, of the longest chain of key blocks
  double memory = 0;    // s
  Work work;
  PrefillTerms& operator+=(const PrefillTerms& o) {
    compute += o.compute;
    critical = std::max(critical, o.critical);
    memory += o.memory;
    work.flops += o.work.flops;
    work.bytes += o.work.bytes;
    return *this;
  }
  bool operator==(const PrefillTerms&) const = default;
};

[[nodiscard]] PrefillTerms prefill_terms(const PrefillAttention& attention, const ServedSet& set);
[[nodiscard]] Estimate prefill_estimate(const PrefillTerms& sum, const ServedSet& set);

}  // namespace foretoken
