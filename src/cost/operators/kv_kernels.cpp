// Slopes of decode attention by KV format (src/cost/README.md, "KV formats").
#include "cost/operators/kv_kernels.hpp"

namespace foretoken {
namespace {

// Of vLLM's blog of 2026-04-22: inter-token latency over the tokens in the batch's contexts, 16 bits against fp8. Heads
// of 128 (Llama-3.1-8B) take .54 of the time a token, on H100 and B200 alike: a byte is read at .5 / .54. Heads of 64
// (gpt-oss-20b) take .80 on H100 and .58 on B200.
constexpr double kRate = 0.5 / 0.54;
constexpr double kHopperSmallHeads = 0.5 / 0.80;
constexpr double kBlackwellSmallHeads = 0.5 / 0.58;
constexpr int kSmallHead = 64;
// Prefill of heads of 256 on Hopper is up to 1.6 times slower (the same source); of 128 as fast.
constexpr double kHopperLargeHeadPrefill = 1.6;
constexpr int kLargeHead = 256;
// Unpacking 4 bits: nobody has published a slope. A guess.
constexpr double kUnpackedRate = 0.85;

}  // namespace

KvKernels kv_kernels(KvFormat format, std::string_view generation, int head_size) {
  using enum KvKernels::Queries;
  switch (format) {
    case KvFormat::bf16:
      return {};
    case KvFormat::int4:
    case KvFormat::fp4:
      return {kUnpackedRate, 1, wide};
    case KvFormat::int8:
    case KvFormat::int8_per_token_head:
      return {kRate, 1, wide};
    case KvFormat::fp8:
    case KvFormat::fp8_per_token_head:
      break;
  }
  const bool small = head_size <= kSmallHead;
  if (generation == "sm90")
    return {small ? kHopperSmallHeads : kRate, head_size >= kLargeHead ? kHopperLargeHeadPrefill : 1, alone};
  if (generation == "sm100") return {small ? kBlackwellSmallHeads : kRate, 1, fused};
  return {kRate, 1, wide};
}

}  // namespace foretoken
