// Kernels that only move data: norms, rotary embedding, KV write, activations,
// sampling, the embedding gather.
#pragma once

#include "cost/operators/operator.hpp"

namespace foretoken {

// `bytes` read and written in one launch.
[[nodiscard]] Estimate elementwise_estimate(double bytes, const ServedSet& set);
// A pass at a stated share of the memory bandwidth, of which no fit exists.
[[nodiscard]] Estimate memory_pass(double bytes, double t0, double efficiency, const Device& device);

}  // namespace foretoken
