// Mixed attention time (src/cost/README.md, "Mixed attention").
#include "cost/operators/attention_mixed.hpp"

#include <cmath>

#include "base/math.hpp"

namespace foretoken {
namespace {

// Bytes of a batch: chunks read history and their own keys and values and write
// them; decode rows read theirs. `each`: of an element of the cache.
double chunk_bytes(const MixedAttention& a, double each) {
  double bytes = 0;
  for (const MixedAttention::Chunk& chunk : a.chunks) {
    bytes += 2 * each * a.heads.size * a.heads.kv * chunk.history + 8 * a.heads.size * a.heads.kv * chunk.new_tokens +
             4 * a.heads.size * a.heads.query * chunk.new_tokens;
  }
  return bytes;
}
double decode_bytes(const MixedAttention& a, double each) {
  return 2 * each * a.heads.size * a.heads.kv * (a.decode_context + 2 * a.decodes);
}

}  // namespace

Work mixed_attention_work(const MixedAttention& a) {
  double pairs = a.decode_context + a.decodes;
  for (const MixedAttention::Chunk& c : a.chunks) {
    pairs += c.new_tokens * c.history + c.new_tokens * (c.new_tokens + 1) / 2;
  }
  return {4 * a.heads.query * a.heads.size * pairs,
          chunk_bytes(a, a.kv_bytes) + decode_bytes(a, a.kv_bytes) + 4 * a.heads.size * a.heads.query * a.decodes};
}

Estimate mixed_attention_estimate(const MixedAttention& a, const ServedSet& set) {
  enum : std::size_t { kT0, kEc, kTb, kEm, kP, kTca, kRr, kBl };
  const auto& c = set.c;
  const Device& d = set.device;
  const double block = 4 * 128 * 128 * a.heads.size * d.compute_units / (d.flops_bf16 * c[kEc]);
  double busy = a.heads.query * (a.decode_key_blocks * block / 2 + a.decodes * c[kTca]);
  double longest = a.decodes > 0 ? a.longest_key_blocks : 0;
  for (const MixedAttention::Chunk& chunk : a.chunks) {
    const double rows = std::ceil(chunk.new_tokens / 128);
    const double keys = (chunk.history + (chunk.new_tokens + 128) / 2) / 128;
    busy += a.heads.query * rows * (keys * block * (chunk.new_tokens <= 64 ? 0.5 : 1) + c[kTca]);
    longest = std::max(longest, (chunk.history + chunk.new_tokens) / 128);
  }
  // Every query head of a group re-reads its keys once they fall out of L2.
  const double each = a.kv_bytes / a.kv_rate;
  const double keys = decode_bytes(a, each);
  const double again = keys > 0 ? std::min(a.heads.query / a.heads.kv - 1, 20.0) * c[kRr] /
                                      (1 + exact_pow(d.l2_bytes * c[kBl] / keys, 2))
                                : 0;
  const double bytes = chunk_bytes(a, each) + keys * (1 + again) + 4 * a.heads.size * a.heads.query * a.decodes;
  const double miss = std::max(l2_miss(a.resident, bytes, d.l2_bytes * c[kBl], 8), 0.3);
  const double compute = busy / d.compute_units;
  const double critical = c[kTb] * longest;
  const double memory = bytes * miss / (d.bandwidth * c[kEm]);
  return {c[kT0], p_norm(c[kP], compute, critical, memory),
          std::max(compute, critical) > memory ? TimePart::compute : TimePart::memory};
}

}  // namespace foretoken
