// The attention core of multi-head latent attention (DeepSeek); its projections are
// ordinary GEMMs.
#pragma once

#include "cost/operators/attention_prefill.hpp"

namespace foretoken {

struct LatentShape {
  double heads = 0;  // on this device
  double rank = 0;   // kv_lora_rank
  double rope = 0;
  double nope = 0;
  double value = 0;  // v_head_dim
};

// Absorbed form: all heads read one latent vector per cached token.
struct LatentDecode {
  double sequences = 0;
  double context = 0;  // sum of L
  LatentShape shape;
  double kv_bytes = 2;
  bool resident = false;
  double queries = 0;  // of all rows; 0: one each
  [[nodiscard]] double queries_per_row() const { return queries > 0 ? queries / sequences : 1; }
};
[[nodiscard]] Work latent_decode_work(const LatentDecode& attention);
[[nodiscard]] double latent_decode_datasheet(const LatentDecode& attention, const Device& device);
[[nodiscard]] Estimate latent_decode_estimate(const LatentDecode& attention, const ServedSet& set);

// Expanded form: keys and values per head.
struct LatentPrefill {
  double sequences = 1;
  double new_tokens = 0;
  double history = 0;
  LatentShape shape;
};
[[nodiscard]] PrefillTerms latent_prefill_terms(const LatentPrefill& attention, const ServedSet& set);
[[nodiscard]] Estimate latent_prefill_estimate(const PrefillTerms& sum, const ServedSet& set);

}  // namespace foretoken
