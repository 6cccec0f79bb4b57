// Multi-head latent attention time (src/cost/README.md, "Latent attention").
#include "cost/operators/latent_attention.hpp"

#include <cmath>

#include "base/math.hpp"

namespace foretoken {
namespace {

struct LatentCoefficients {
  enum At : std::size_t { kT0, kEm, kEc, kP, kTw, kRc, kCq };
};
constexpr double kEffectiveL2 = 0.7;  // of the cache, for decode

// Blocks of work of a sequence: one for every 16 heads up to 32, beyond for every 64, which takes as long as 1.8 of the
// former (tables of Hopper and Blackwell: 512 sequences of few tokens with 8 and 16, 32, 64, 128 heads).
constexpr double kNarrow = 16;
double blocks_of_heads(double heads) {
  constexpr double kWide = 64, kWideTime = 1.8;
  return heads <= 2 * kNarrow ? std::ceil(heads / kNarrow) : kWideTime * std::ceil(heads / kWide);
}

// Of 17 to 32 heads each block reads the cache, the second one what of it has left L2 (c[kRc], 0 on Hopper: tables of
// Blackwell read contexts of 16,384 tokens and more 0.7 times as fast with 32 heads as with 16 and with 64).
double reads_of_cache(double heads, double again) {
  return heads > kNarrow && heads <= 2 * kNarrow ? 1 + again : 1;
}

double query_bytes(const LatentDecode& a) {
  return a.sequences * a.shape.heads * a.queries_per_row() * (2 * a.shape.rank + a.shape.rope) * 2;
}

double decode_peak(const LatentDecode& a, const Device& d) {
  return a.kv_bytes <= 1 && d.flops_fp8 > 0 ? d.flops_fp8 : d.flops_bf16;
}

}  // namespace

Work latent_decode_work(const LatentDecode& a) {
  const double keys = a.context + a.sequences;
  const LatentShape& m = a.shape;
  const double heads = m.heads * a.queries_per_row();
  return {2 * heads * keys * (2 * m.rank + m.rope), keys * (m.rank + m.rope) * a.kv_bytes + query_bytes(a)};
}

double latent_decode_datasheet(const LatentDecode& a, const Device& device) {
  return datasheet_seconds(latent_decode_work(a), decode_peak(a, device), device.bandwidth);
}

Estimate latent_decode_estimate(const LatentDecode& a, const ServedSet& set) {
  using enum LatentCoefficients::At;
  if (!(a.sequences > 0)) return {};
  const Device& d = set.device;
  const Work work = latent_decode_work(a);
  if (set.level != CostLevel::calibrated) {
    return roofline_estimate(set.roofline.t0, work.flops / (decode_peak(a, d) * set.roofline.ec),
                             work.bytes / (d.bandwidth * set.roofline.em));
  }
  const auto& c = set.c;
  const double heads = a.shape.heads * a.queries_per_row();
  const double queries = query_bytes(a);
  const double read = queries + (work.bytes - queries) * reads_of_cache(heads, c[kRc]);
  const double memory = read * l2_miss(a.resident, work.bytes, d.l2_bytes * kEffectiveL2, 8) / (d.bandwidth * c[kEm]);
  const double compute = work.flops / (decode_peak(a, d) * c[kEc]);
  const double blocks = a.sequences * blocks_of_heads(heads);
  const double waves = c[kTw] * std::max(blocks - d.compute_units, 0.0) / d.compute_units;
  // What engines do to queries and outputs before and after the kernel, where that was timed with it.
  const double passes = c[kCq] * queries / (d.bandwidth * c[kEm]);
  return {c[kT0], p_norm(c[kP], memory, compute, waves) + passes,
          std::max(compute, waves) > memory ? TimePart::compute : TimePart::memory};
}

PrefillTerms latent_prefill_terms(const LatentPrefill& a, const ServedSet& set) {
  using enum LatentCoefficients::At;
  PrefillTerms terms;
  if (!(a.new_tokens > 0)) return terms;
  const double s = a.new_tokens;
  const double width = a.sequences * a.shape.heads * (a.shape.nope + a.shape.rope + a.shape.value);
  terms.work = {2 * width * (s * a.history + s * (s + 1) / 2), 2 * (s + a.history + s) * width};
  const bool fitted = set.level == CostLevel::calibrated;
  terms.compute = terms.work.flops / (set.device.flops_bf16 * (fitted ? set.c[kEc] : set.roofline.ec));
  terms.memory = terms.work.bytes / (set.device.bandwidth * (fitted ? set.c[kEm] : set.roofline.em));
  return terms;
}

Estimate latent_prefill_estimate(const PrefillTerms& sum, const ServedSet& set) {
  using enum LatentCoefficients::At;
  if (set.level != CostLevel::calibrated) return roofline_estimate(set.roofline.t0, sum.compute, sum.memory);
  return {set.c[kT0], p_norm(set.c[kP], sum.compute, sum.memory),
          sum.compute > sum.memory ? TimePart::compute : TimePart::memory};
}

}  // namespace foretoken
