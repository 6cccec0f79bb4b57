// Fitted to ai-dynamo/aiconfigurator 095f58a5, encoder_attention_perf of vLLM 0.24.0 (50 shapes a GPU, heads of 64, 72
// and 80); how far off: src/cost/README.md, "Encoders".
#include "cost/operators/attention_encoder.hpp"

#include <algorithm>
#include <cmath>

#include "base/math.hpp"

namespace foretoken {
namespace {

constexpr double kTile = 128;  // queries, and keys of a block

constexpr EncoderKernel kKernels[] = {
    {"FlashAttention 3", "sm90", 7.17e-6, 10.13e-6, 0.536, 0.675, 0.095e-6, 0.347, 0.08},
    {"FlashAttention 4", "sm100", 7.92e-6, 8.02e-6, 0.530, 0.553, 0.174e-6, 0.176, 0.07},
    {"FlashAttention 2", "sm120", 4.74e-6, 3.47e-6, 0.847, 0.826, 0.169e-6, 1, 0.06},
};

// Kernels are compiled for these sizes; others are filled up.
double padded_head(double size) {
  return size <= 64 ? 64 : size <= 96 ? 96 : size <= 128 ? 128 : 64 * std::ceil(size / 64);
}

}  // namespace

const EncoderKernel* encoder_kernel(std::string_view generation) {
  const auto* at = std::find_if(std::begin(kKernels), std::end(kKernels),
                                [&](const EncoderKernel& k) { return k.generation == generation; });
  return at == std::end(kKernels) ? nullptr : at;
}

void EncoderTiles::add(double sequences, double patches, double heads, double head_size) {
  const double of_queries = std::ceil(patches / kTile), count = sequences * heads * of_queries;
  const double flops = 4 * kTile * kTile * of_queries * padded_head(head_size);
  tiles += count;
  work += count * flops;
  blocks += count * of_queries;
  longest = std::max(longest, flops);
  longest_blocks = std::max(longest_blocks, of_queries);
  bytes += 2 * 4 * sequences * patches * heads * head_size;
}

// One tile on every SM at a time; of the last wave half is idle in the mean.
Estimate encoder_estimate(const EncoderTiles& t, double head_size, const EncoderKernel& kernel, const Device& d) {
  const bool narrow = head_size <= 64;
  const double sms = d.compute_units, rate = d.flops_bf16 / sms * (narrow ? kernel.efficiency_64 : kernel.efficiency);
  const double all = t.work / rate + t.blocks * kernel.per_block;
  const double one = t.longest / rate + t.longest_blocks * kernel.per_block;
  const double compute = t.tiles > sms ? all / sms + one / 2 : one;
  const double memory = t.bytes / (d.bandwidth * kernel.memory);
  return {narrow ? kernel.fixed_64 : kernel.fixed, p_norm(4, compute, memory),
          compute > memory ? TimePart::compute : TimePart::memory};
}

}  // namespace foretoken
