// Decode attention time (src/cost/README.md, "Decode attention").
#include "cost/operators/attention_decode.hpp"

#include <cmath>

#include "base/math.hpp"

namespace foretoken {
namespace {

constexpr double kSplitContext = 128;  // from here on the kernel splits one sequence over SMs

}  // namespace

// The new token's key and value are read too: L + 1.
Work decode_attention_work(const DecodeAttention& a) {
  const double keys = a.context + a.sequences;
  const double each = a.queries_per_row();
  return {
      4 * a.heads.query * a.heads.size * keys * each,
      a.heads.size * (2 * keys * a.heads.kv * a.kv_bytes + a.sequences * each * (4 * a.heads.query + 4 * a.heads.kv))};
}

Estimate decode_attention_estimate(const DecodeAttention& a, const ServedSet& set) {
  enum : std::size_t { kT0, kEm, kL2, kTca, kP, kBl, kTs, kCg };
  if (!(a.sequences > 0)) return {};
  const Device& d = set.device;
  const Work work = decode_attention_work(a);
  if (set.level != CostLevel::calibrated) {
    return roofline_estimate(set.roofline.t0, work.flops / (d.flops_bf16 * set.roofline.ec),
                             work.bytes / (d.bandwidth * set.roofline.em * a.kv_rate));
  }
  const auto& c = set.c;
  const double units = a.sequences * a.heads.kv;
  // The queries of a row share a reading of its keys, as those of the heads of a group do.
  const double group = a.heads.query / a.heads.kv * a.queries_per_row();
  const double memory =
      work.bytes * l2_miss(a.resident, work.bytes, d.l2_bytes * c[kBl], 8) / (d.bandwidth * c[kEm] * a.kv_rate);
  const double l2 = work.bytes / (c[kL2] * d.bandwidth * a.kv_rate);
  const double waves = c[kTca] * std::max(std::ceil(units / d.compute_units) - 1, 0.0) *
                       (1 + c[kCg] * std::max(group - 8, 0.0) / 64) * std::sqrt(a.heads.size / 128);
  const bool splits = a.longest >= kSplitContext && units < d.compute_units;
  return {c[kT0], p_norm(c[kP], memory, l2, waves) + (splits ? c[kTs] : 0),
          waves > std::max(memory, l2) ? TimePart::compute : TimePart::memory};
}

}  // namespace foretoken
