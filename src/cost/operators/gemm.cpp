// GEMM time (cost-model 3.1): roofline, and the calibrated model with tiles, waves,
// split-k and L2 traffic.
#include "cost/operators/gemm.hpp"

#include <cmath>

#include "foretoken/base/math.hpp"

namespace foretoken {
namespace {

struct GemmCoefficients {
  enum At : std::size_t { kT0, kEc, kEm, kL2, kTk, kP, kTs, kBl, kTq, kCq, kWithQuantisation };
};

struct Tile {
  double rows, columns;
};
constexpr Tile kTiles[] = {{16, 32},  {16, 64},  {16, 128},  {32, 64},   {32, 128},  {64, 32}, {64, 64},
                           {64, 128}, {128, 64}, {128, 128}, {128, 256}, {256, 128}, {64, 256}};
constexpr double kSplits[] = {1, 2, 4, 8, 16, 32};
constexpr double kSmallestSplitDepth = 128;
constexpr double kOutputBytes = 2;

double traffic(const Gemm& g, const MatrixFormat& f) {
  return f.weight_bytes * g.n * g.k + f.activation_bytes * g.m * g.k + kOutputBytes * g.m * g.n;
}

struct Best {
  double seconds = HUGE_VAL;
  double compute = 0;  // tensor units and their feeding from L2
  double memory = 0;
};

Best best_tiling(const Gemm& g, const MatrixFormat& f, const ServedSet& set, bool may_split) {
  using enum GemmCoefficients::At;
  const auto& c = set.c;
  const Device& d = set.device;
  const double working_set = 6 * g.n * g.k * f.weight_bytes + g.m * g.k * f.activation_bytes + g.m * g.n * kOutputBytes;
  const double memory =
      traffic(g, f) * l2_miss(g.resident, working_set, d.l2_bytes * c[kBl], 4) / (d.bandwidth * c[kEm]);
  Best best;
  for (const double split : kSplits) {
    const double depth = std::ceil(g.k / split);
    if (split > 1 && (!may_split || depth < kSmallestSplitDepth)) break;
    const double merge = split > 1 ? c[kTs] + 8 * g.m * g.n * split / c[kL2] : 0;
    for (const Tile& tile : kTiles) {
      const double tiles = std::ceil(g.m / tile.rows) * std::ceil(g.n / tile.columns) * split;
      const double waves = std::ceil(tiles / d.compute_units);
      const double compute = 2 * tile.rows * tile.columns * depth * d.compute_units / (f.peak * c[kEc]) * waves;
      const double l2 =
          (tile.rows * f.activation_bytes + tile.columns * f.weight_bytes) * depth * d.compute_units / c[kL2] * waves;
      const double extra = c[kTk] * std::min(waves, 8.0) + merge;
      // The norm is never below its largest term: most tilings need no powers.
      if (std::max({compute, l2, memory}) + extra >= best.seconds) continue;
      const double seconds = p_norm(c[kP], compute, l2, memory) + extra;
      if (seconds < best.seconds) best = {seconds, std::max(compute, l2), memory};
    }
  }
  return best;
}

}  // namespace

Work gemm_work(const Gemm& g, const Device& device) {
  return {2 * g.m * g.n * g.k, traffic(g, matrix_format(g.format, device))};
}

double gemm_datasheet(const Gemm& g, const Device& device) {
  return datasheet_seconds(gemm_work(g, device), matrix_format(g.format, device).peak, device.bandwidth);
}

Estimate gemm_estimate(const Gemm& g, const ServedSet& set) {
  using enum GemmCoefficients::At;
  if (!(g.m > 0 && g.n > 0 && g.k > 0)) return {};
  const MatrixFormat f = matrix_format(g.format, set.device);
  if (set.level != CostLevel::calibrated) {
    return roofline_estimate(set.roofline.t0, 2 * g.m * g.n * g.k / (f.peak * set.roofline.ec),
                             traffic(g, f) / (set.device.bandwidth * set.roofline.em));
  }
  const auto& c = set.c;
  const bool quantises = f.quantises && set.coefficients == kWithQuantisation;
  const Best best = best_tiling(g, f, set, !quantises);
  Estimate estimate{c[kT0], best.seconds, best.compute > best.memory ? TimePart::compute : TimePart::memory};
  if (quantises) {  // reads bf16 and writes the quantised activation; partly resident when small
    const double bytes = 3 * g.m * g.k;
    const double share = std::max(0.2, 1 / (1 + exact_pow(0.5 * set.device.l2_bytes / bytes, 4)));
    estimate.fixed += c[kTq];
    estimate.variable += c[kCq] * bytes / (set.device.bandwidth * c[kEm]) * share;
  }
  return estimate;
}

}  // namespace foretoken
