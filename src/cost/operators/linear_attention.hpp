// Layers that keep a state instead of a KV cache: gated delta net, KDA and Mamba-2. The scan over a prompt, a token's
// update of the state, and the short convolution before both; projections are GEMMs.
#pragma once

#include "cost/operators/operator.hpp"

namespace foretoken {

inline constexpr double kLinearScanChunk = 64;  // tokens that a scan takes at once

// Heads on this device. Mamba-2: groups and heads, the size of its state and of a head.
struct LinearShape {
  double key_heads = 0, value_heads = 0;
  double key_size = 0, value_size = 0;
  bool channel_gates = false;  // KDA: a decay for each channel of a key
  [[nodiscard]] double state() const { return value_heads * key_size * value_size; }  // elements of one sequence
  [[nodiscard]] double conv_width() const { return 2 * key_heads * key_size + value_heads * value_size; }
};

[[nodiscard]] Work linear_update_work(const LinearShape& shape, double sequences);
[[nodiscard]] Work linear_scan_work(const LinearShape& shape, double tokens);
[[nodiscard]] Work linear_conv_work(const LinearShape& shape, double tokens);

[[nodiscard]] Estimate linear_update_estimate(const LinearShape& shape, double sequences, bool resident,
                                              const ServedSet& set);
// `longest`: tokens of the longest sequence among them, whose chunks follow each other.
[[nodiscard]] Estimate linear_scan_estimate(const LinearShape& shape, double tokens, double longest,
                                            const ServedSet& set);
[[nodiscard]] Estimate linear_conv_estimate(const LinearShape& shape, double tokens, const ServedSet& set);

}  // namespace foretoken
