// GEMM time (src/cost/README.md, "GEMM"): roofline, and the calibrated model with tiles, waves,
// split-k and L2 traffic.
#include "cost/operators/gemm.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/math.hpp"

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

// One way to cut the product into tiles.
struct Tiling {
  double least = 0;    // s; the norm is never below its largest term
  double compute = 0;  // tensor units
  double l2 = 0;       // ... and their feeding from L2
  double extra = 0;    // tiles' and splits' own
};

struct Best {
  double seconds = HUGE_VAL;
  double compute = 0;  // tensor units and their feeding from L2
  double memory = 0;
};

// All that may be the fastest: what costs more at least than another at most is left out.
class Tilings {
 public:
  Tilings(const Gemm& g, const MatrixFormat& f, const ServedSet& set, double memory, bool may_split)
      : p_(set.c[GemmCoefficients::kP]), memory_(memory) {
    using enum GemmCoefficients::At;
    const auto& c = set.c;
    const Device& d = set.device;
    std::array<double, std::size(kTiles)> whole;  // tiles of the output
    for (std::size_t i = 0; i < whole.size(); ++i)
      whole[i] = std::ceil(g.m / kTiles[i].rows) * std::ceil(g.n / kTiles[i].columns);
    for (const double split : kSplits) {
      const double depth = std::ceil(g.k / split);
      if (split > 1 && (!may_split || depth < kSmallestSplitDepth)) break;
      const double merge = split > 1 ? c[kTs] + 8 * g.m * g.n * split / c[kL2] : 0;
      if (memory + merge > most_) break;  // and more so with more splits
      for (std::size_t i = 0; i < whole.size(); ++i) {
        const Tile& tile = kTiles[i];
        const double waves = std::ceil(whole[i] * split / d.compute_units);
        const double compute = 2 * tile.rows * tile.columns * depth * d.compute_units / (f.peak * c[kEc]) * waves;
        const double l2 =
            (tile.rows * f.activation_bytes + tile.columns * f.weight_bytes) * depth * d.compute_units / c[kL2] * waves;
        add(compute, l2, c[kTk] * std::min(waves, 8.0) + merge);
      }
    }
  }

  // The first of the fastest. Those with the least bound come first, so that few norms, of three powers each, are
  // taken.
  [[nodiscard]] Best best() {
    Best best;
    std::size_t which = size_;
    const auto end = tilings_.begin() + static_cast<std::ptrdiff_t>(size_);
    for (std::size_t left = size_; left > 0; --left) {
      const auto next =
          std::min_element(tilings_.begin(), end, [](const Tiling& a, const Tiling& b) { return a.least < b.least; });
      if (next->least > best.seconds) break;
      const auto index = static_cast<std::size_t>(next - tilings_.begin());
      const double seconds = p_norm(p_, next->compute, next->l2, memory_) + next->extra;
      if (seconds < best.seconds || (seconds == best.seconds && index < which)) {
        best = {seconds, std::max(next->compute, next->l2), memory_};
        which = index;
      }
      next->least = HUGE_VAL;
    }
    return best;
  }

 private:
  void add(double compute, double l2, double extra) {
    constexpr double kRounding = 1 + 1e-9;
    const double least = std::max({compute, l2, memory_}) + extra;
    if (least > most_) return;
    if (p_ >= 1) most_ = std::min(most_, (compute + l2 + memory_ + extra) * kRounding);
    tilings_[size_++] = {least, compute, l2, extra};
  }

  double p_;
  double memory_;
  double most_ = HUGE_VAL;  // s, of the fastest: no norm of p >= 1 is above the sum
  std::array<Tiling, std::size(kTiles) * std::size(kSplits)> tilings_;
  std::size_t size_ = 0;
};

Best best_tiling(const Gemm& g, const MatrixFormat& f, const ServedSet& set, bool may_split) {
  using enum GemmCoefficients::At;
  const Device& d = set.device;
  const double working_set = 6 * g.n * g.k * f.weight_bytes + g.m * g.k * f.activation_bytes + g.m * g.n * kOutputBytes;
  const double memory =
      traffic(g, f) * l2_miss(g.resident, working_set, d.l2_bytes * set.c[kBl], 4) / (d.bandwidth * set.c[kEm]);
  return Tilings(g, f, set, memory, may_split).best();
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
