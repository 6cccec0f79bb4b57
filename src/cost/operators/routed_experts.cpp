// Grouped expert GEMM time (src/cost/README.md, "Routed experts").
#include "cost/operators/routed_experts.hpp"

#include <cmath>

#include "base/math.hpp"

namespace foretoken {
namespace {

// Kernels that take rows as columns, and Marlin, begin with 8 rows. Sets of a format without a library were fitted
// without.
constexpr double kRowTiles[] = {8, 16, 32, 64, 128};

double weight_bytes(const RoutedExperts& m, const ExpertLoad& load, const MatrixFormat& f) {
  return load.active * m.matrices * m.hidden * m.width * f.weight_bytes;
}

// The probability that one of the tokens visits an expert that `share` of all visit.
double visited(double share, double tokens) {
  return 1 - exact_pow(std::max(1 - share, 0.0), tokens);
}

// Row tiles of `tile` tokens over all active experts.
double row_tiles(const RoutedExperts& m, const ExpertLoad& load, double tile) {
  double tiles = 0;
  if (!m.loads.empty()) {
    for (const double tokens : m.loads) tiles += std::ceil(tokens / tile - 1e-9);
    return tiles;
  }
  if (m.popularity.empty()) return load.active * std::ceil(load.pairs / load.active / tile - 1e-9);
  for (const double share : m.popularity) {
    const double probability = visited(share, m.tokens);
    if (probability > 0) tiles += probability * std::ceil(m.tokens * share / probability / tile - 1e-9);
  }
  return tiles;
}

}  // namespace

ExpertLoad expert_load(const RoutedExperts& m) {
  ExpertLoad load;
  if (!m.loads.empty()) {
    for (const double tokens : m.loads) {
      load.pairs += tokens;
      load.active += tokens > 0 ? 1 : 0;
    }
    return load;
  }
  if (!m.popularity.empty()) {
    for (const double share : m.popularity) {
      load.pairs += m.tokens * share;
      load.active += visited(share, m.tokens);
    }
    load.active = std::max(load.active, std::min(1.0, load.pairs));
    return load;
  }
  load.pairs = m.tokens * m.active / m.expert_parallel;
  const double untouched = exact_pow(std::max(1 - m.active / m.experts, 0.0), m.tokens);
  load.active = std::max(m.experts / m.expert_parallel * (1 - untouched), std::min(1.0, load.pairs));
  return load;
}

Work routed_experts_work(const RoutedExperts& m, const Device& device) {
  const ExpertLoad load = expert_load(m);
  return {2 * m.matrices * load.pairs * m.hidden * m.width, weight_bytes(m, load, matrix_format(m.format, device))};
}

double routed_experts_datasheet(const RoutedExperts& m, const Device& device) {
  return datasheet_seconds(routed_experts_work(m, device), matrix_format(m.format, device).peak, device.bandwidth);
}

namespace {

Estimate by_formula(const RoutedExperts& m, const ServedSet& set) {
  enum : std::size_t { kT0, kEc, kEm, kL2, kP, kTa, kBl, kTk };
  const ExpertLoad load = expert_load(m);
  if (!(load.pairs > 0)) return {};
  const Device& d = set.device;
  const MatrixFormat f = matrix_format(m.format, d);
  const double weights = weight_bytes(m, load, f);
  const double flops_per_row = 2 * m.matrices * m.hidden * m.width;
  if (set.level != CostLevel::calibrated) {
    return roofline_estimate(set.roofline.t0, load.pairs * flops_per_row / (f.peak * set.roofline.ec),
                             weights / (d.bandwidth * set.roofline.em));
  }
  const auto& c = set.c;
  const double miss = std::max(l2_miss(m.resident, weights, d.l2_bytes * c[kBl], 8), 0.1);
  const double activations = 2 * (2 * m.tokens * m.active * m.hidden + load.pairs * (m.hidden + 4 * m.width));
  const double memory = (weights * miss + c[kTa] * activations) / (d.bandwidth * c[kEm]);
  const double first_columns = (m.matrices - 1) * m.width;  // gate and up are one GEMM
  Estimate best{c[kT0] + c[kTk] * m.tokens, HUGE_VAL, TimePart::memory};
  for (const double tile : kRowTiles) {
    if (tile < 16 && !set.small_tiles) continue;
    const double rows = row_tiles(m, load, tile);
    const double units = rows * (first_columns + m.hidden) / 256;
    const double quantisation = std::ceil(units / d.compute_units) * d.compute_units / units;
    const double compute = rows * tile * flops_per_row * quantisation / (f.peak * c[kEc]);
    const double l2 = rows * (tile + 128) / 128 * m.matrices * m.hidden * m.width * f.weight_bytes / c[kL2];
    if (std::max({compute, l2, memory}) >= best.variable) continue;
    const double seconds = p_norm(c[kP], compute, l2, memory);
    if (seconds < best.variable) {
      best.variable = seconds;
      best.bound = std::max(compute, l2) > memory ? TimePart::compute : TimePart::memory;
    }
  }
  return best;
}

double formula_seconds(RoutedExperts m, const ServedSet& set, double tokens) {
  m.tokens = tokens;
  return by_formula(m, set).seconds();
}

// Between two measured points the formula says how the way from one to the other is shared out; beyond them it keeps
// the last ratio. Never less than a point with fewer tokens took.
double by_measurement(const RoutedExperts& m, const ServedSet& set, double formula) {
  double below = 0, formula_below = 0;
  for (const MeasuredPoint& point : set.measured) {
    const double formula_at = formula_seconds(m, set, point.tokens);
    const double at = std::max(below, point.ratio * formula_at);
    if (m.tokens <= point.tokens) {
      if (below == 0) return std::min(at, point.ratio * formula);
      const double way = formula_at - formula_below;
      const double share = way > 0 ? std::clamp((formula - formula_below) / way, 0.0, 1.0) : 1;
      return below + share * (at - below);
    }
    below = at;
    formula_below = formula_at;
  }
  return std::max(below, set.measured.back().ratio * formula);
}

}  // namespace

Estimate routed_experts_estimate(const RoutedExperts& m, const ServedSet& set) {
  Estimate estimate = by_formula(m, set);
  if (set.measured.empty() || !m.loads.empty() || !(estimate.seconds() > 0)) return estimate;
  const double seconds = by_measurement(m, set, estimate.seconds());
  estimate.fixed = std::min(estimate.fixed, seconds);
  estimate.variable = seconds - estimate.fixed;
  return estimate;
}

}  // namespace foretoken
