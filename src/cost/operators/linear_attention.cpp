// Linear attention times (src/cost/README.md, "Linear attention").
#include "cost/operators/linear_attention.hpp"

#include <algorithm>
#include <cmath>

namespace foretoken {
namespace {

constexpr double kStateBytes = 4;  // states are float32
constexpr double kHalfBytes = 2;
constexpr double kStateL2 = 0.7;  // of the cache

// One bound and a constant, at every level above the datasheet.
Estimate memory_bound(double bytes, const ServedSet& set) {
  const bool fitted = set.level == CostLevel::calibrated;
  return {fitted ? set.c[0] : set.roofline.t0, bytes / (set.device.bandwidth * (fitted ? set.c[1] : set.roofline.em)),
          TimePart::memory};
}

}  // namespace

// The state is read and written.
Work linear_update_work(const LinearShape& shape, double sequences) {
  return {4 * sequences * shape.state(), 2 * sequences * shape.state() * kStateBytes};
}

// Within a chunk as attention, between chunks through the state.
Work linear_scan_work(const LinearShape& shape, double tokens) {
  const double per_head =
      6 * shape.key_size * shape.value_size + 2 * kLinearScanChunk * (shape.key_size + shape.value_size);
  return {tokens * shape.value_heads * per_head,
          tokens * (shape.conv_width() + shape.value_heads * shape.value_size) * kHalfBytes};
}

Work linear_conv_work(const LinearShape& shape, double tokens) {
  return {8 * tokens * shape.conv_width(), 2 * tokens * shape.conv_width() * kHalfBytes};
}

Estimate linear_update_estimate(const LinearShape& shape, double sequences, bool resident, const ServedSet& set) {
  if (!(sequences > 0)) return {};
  const double bytes = linear_update_work(shape, sequences).bytes;
  return memory_bound(bytes * l2_miss(resident, bytes, set.device.l2_bytes * kStateL2, 8), set);
}

Estimate linear_scan_estimate(const LinearShape& shape, double tokens, double longest, const ServedSet& set) {
  if (!(tokens > 0)) return {};
  const bool fitted = set.level == CostLevel::calibrated;
  const Work work = linear_scan_work(shape, tokens);
  const double units = work.flops / (set.device.flops_bf16 * (fitted ? set.c[1] : set.roofline.ec));
  // A chunk needs the state that the one before it left.
  const double chain = fitted ? std::ceil(longest / kLinearScanChunk) * set.c[2] : 0;
  return {fitted ? set.c[0] : set.roofline.t0, std::max(units, chain), TimePart::compute};
}

Estimate linear_conv_estimate(const LinearShape& shape, double tokens, const ServedSet& set) {
  if (!(tokens > 0)) return {};
  return memory_bound(linear_conv_work(shape, tokens).bytes, set);
}

}  // namespace foretoken
