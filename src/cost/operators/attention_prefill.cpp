// Prefill attention time (src/cost/README.md, "Prefill attention").
#include "cost/operators/attention_prefill.hpp"

#include <cmath>

#include "base/math.hpp"

namespace foretoken {
namespace {

struct PrefillCoefficients {
  enum At : std::size_t { kT0, kEc, kEm, kP, kE64, kTca, kBl, kTb };
};

// Query-key pairs that causal attention needs: token i of the chunk sees the history
// and itself, at most `window` tokens.
double causal_pairs(const PrefillAttention& a) {
  const double all = a.new_tokens * a.history + a.new_tokens * (a.new_tokens + 1) / 2;
  if (!(a.window > 0)) return all;
  const double growing = std::clamp(a.window - a.history, 0.0, a.new_tokens);  // tokens that see less than a window
  return growing * a.history + growing * (growing + 1) / 2 + (a.new_tokens - growing) * a.window;
}

// Pairs that the kernel computes, in whole tiles of 128 queries by 128 keys.
double tiled_pairs(const PrefillAttention& a, double query_tiles) {
  const double h = a.history;
  if (a.new_tokens <= 64) {
    return 64 * (a.window > 0 ? std::min(h + 64, a.window + 64) : h + 64);
  }
  if (!(a.window > 0)) return 128 * query_tiles * h + 128 * 128 * query_tiles * (query_tiles + 1) / 2;
  const double window_tiles = std::ceil(a.window / 128) + 1;
  const double growing = std::clamp(std::floor(window_tiles - h / 128), 0.0, query_tiles);
  return 128 * 128 * (growing * h / 128 + growing * (growing + 1) / 2 + (query_tiles - growing) * window_tiles);
}

double traffic(const PrefillAttention& a) {
  const double s = a.new_tokens;
  const double keys = a.window > 0 ? std::min(a.history + s, a.window + s) : a.history + s;
  return 2 * a.sequences * a.heads.size * (2 * s * a.heads.query + 2 * s * a.heads.kv + 2 * keys * a.heads.kv);
}

}  // namespace

PrefillTerms prefill_terms(const PrefillAttention& a, const ServedSet& set) {
  using enum PrefillCoefficients::At;
  PrefillTerms terms;
  if (!(a.new_tokens > 0)) return terms;
  const Device& d = set.device;
  const double heads = a.sequences * a.heads.query;
  terms.work = {4 * heads * a.heads.size * causal_pairs(a), traffic(a)};
  if (set.level != CostLevel::calibrated) {
    terms.compute = terms.work.flops / (d.flops_bf16 * set.roofline.ec);
    terms.memory = terms.work.bytes / (d.bandwidth * set.roofline.em);
    return terms;
  }
  const auto& c = set.c;
  const double efficiency = c[kEc] * (a.heads.size <= 64 ? c[kE64] : 1);
  const double query_tiles = std::ceil(a.new_tokens / 128);
  const double window_tiles = a.window > 0 ? std::ceil(a.window / 128) + 1 : HUGE_VAL;
  const double key_depth = std::min(a.history + 128 * query_tiles, 128 * window_tiles);
  const double key_blocks = std::min(a.history / 128 + query_tiles, window_tiles);
  terms.compute = 4 * heads * a.heads.size * tiled_pairs(a, query_tiles) / (d.flops_bf16 * efficiency) +
                  c[kTca] * std::max(heads * query_tiles / d.compute_units - 1, 0.0);
  terms.critical =
      4 * a.heads.size * (a.new_tokens <= 64 ? 64 : 128) * key_depth * d.compute_units / (d.flops_bf16 * efficiency) +
      c[kTb] * key_blocks;
  const double miss = std::max(l2_miss(a.resident, terms.work.bytes, d.l2_bytes * c[kBl], 8), 0.3);
  terms.memory = terms.work.bytes * miss / (d.bandwidth * c[kEm]);
  return terms;
}

Estimate prefill_estimate(const PrefillTerms& sum, const ServedSet& set) {
  using enum PrefillCoefficients::At;
  if (set.level != CostLevel::calibrated) return roofline_estimate(set.roofline.t0, sum.compute, sum.memory);
  const double compute = std::max(sum.compute, sum.critical);
  return {set.c[kT0], p_norm(set.c[kP], sum.compute, sum.critical, sum.memory),
          compute > sum.memory ? TimePart::compute : TimePart::memory};
}

}  // namespace foretoken
