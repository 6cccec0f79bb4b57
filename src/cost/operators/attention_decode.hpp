// Attention of decode rows: each reads its own KV cache once, for one query token or several (verified drafts).
#pragma once

#include "cost/operators/attention_prefill.hpp"

namespace foretoken {

struct DecodeAttention {
  double sequences = 0;  // b
  double context = 0;    // sum of L, or of min(L, window)
  double longest = 0;    // of these; callers that keep only sums give the mean
  AttentionHeads heads;
  double kv_bytes = 2;  // per element
  bool resident = false;
  double queries = 0;  // of all rows; 0: one each
  double kv_rate = 1;  // at which the cache is read, against one of 16 bits
  [[nodiscard]] double queries_per_row() const { return queries > 0 ? queries / sequences : 1; }
};

[[nodiscard]] Work decode_attention_work(const DecodeAttention& attention);
[[nodiscard]] Estimate decode_attention_estimate(const DecodeAttention& attention, const ServedSet& set);

}  // namespace foretoken
