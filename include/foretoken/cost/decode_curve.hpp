// Time of a decode-only step of n sequences as a piecewise-linear function of
// the context sums, in exact integers, and runs of such steps in closed form.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "foretoken/cost/step.hpp"
#include "foretoken/cost/token_clock.hpp"

namespace foretoken {

// value(x) for x in [begin, end): at_begin + slope * (x - begin).
struct CurveSegment {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  FineDuration at_begin;
  FineDuration slope;  // per context token
  TimePart part = TimePart::memory;
  [[nodiscard]] FineDuration at(std::int64_t context) const { return at_begin + slope * (context - begin); }
};

// A non-decreasing function of one context sum, served by segments whose knots are
// canonical (per octave, halved until the chord is within 0.05 % of the function):
// the same whatever was asked before. Values saturate at kLargest, so that a step's
// few parts always add up within 64 bits.
class PiecewiseCurve {
 public:
  static constexpr FineDuration kLargest{std::int64_t{1} << 60};  // about 1,100 s
  struct Point {
    double seconds = 0;
    TimePart part = TimePart::memory;
  };
  using Function = std::function<Point(double context)>;

  PiecewiseCurve() = default;  // zero everywhere
  explicit PiecewiseCurve(Function exact) : exact_(std::move(exact)) {}
  // A straight line a + b*x with a, b >= 0: one segment up to saturation.
  [[nodiscard]] static PiecewiseCurve line(FineDuration at_zero, FineDuration slope, TimePart part);

  // The segment that holds max(context, 0); the reference lives as long as the curve.
  [[nodiscard]] const CurveSegment& segment_at(std::int64_t context) const;
  [[nodiscard]] FineDuration at(std::int64_t context) const;

 private:
  [[nodiscard]] FineDuration exact_at(std::int64_t context) const;
  [[nodiscard]] const CurveSegment& find_segment(std::int64_t x) const;
  void refine(std::int64_t begin, std::int64_t end, std::vector<CurveSegment>& segments) const;

  Function exact_;
  CurveSegment everywhere_{0, INT64_MAX, {}, {}, TimePart::memory};               // when exact_ is empty
  CurveSegment saturated_{INT64_MAX, INT64_MAX, kLargest, {}, TimePart::memory};  // beyond it
  mutable std::vector<std::vector<CurveSegment>> octaves_;                        // [bit width of the context]
  mutable std::size_t last_octave_ = SIZE_MAX;                                    // of the segment found last
  mutable std::size_t last_found_ = 0;                                            // its place there
};

// Step time of a decode batch with a fixed number of rows.
struct DecodeCurve {
  std::int64_t sequences = 0;
  StepTime fixed;                      // everything that does not depend on the context
  PiecewiseCurve full;                 // attention of the full layers, in sum of L
  PiecewiseCurve windowed;             // attention of the sliding layers, in sum of min(L, window)
  std::int64_t flops_per_context = 0;  // added to fixed.flops per token of sum L
  std::int64_t bytes_per_context = 0;
  std::int64_t flops_per_windowed = 0;
  std::int64_t bytes_per_windowed = 0;

  [[nodiscard]] StepTime at(const DecodeShape& shape) const;
};

// k consecutive steps of one decode batch: step i (from 0) has context sum
// first.context + i*growth.tokens() and windowed sum first.windowed_context + i*in_window.tokens()
// (rows whose context grows, and those whose windowed context still does). All answers are exact integers, equal to
// adding the steps up one by one; sums saturate at INT64_MAX units, about 8,796 s.
class DecodeRun {
 public:
  DecodeRun() = default;  // holds no steps: only assignment is allowed
  // The curve must outlive the run. Allocates nothing while the steps asked for
  // stay on one linear piece.
  DecodeRun(const DecodeCurve& curve, DecodeShape first, TokenRate growth, TokenRate in_window) {
    begin(curve, first, growth, in_window);
  }
  // Holds these steps instead. With `own_time` the first of them takes that: it does more than decode.
  void begin(const DecodeCurve& curve, DecodeShape first, TokenRate growth, TokenRate in_window,
             FineDuration own_time = {});

  [[nodiscard]] FineDuration elapsed(std::int64_t steps) const;  // of the first `steps` steps
  // elapsed() by what the time was spent on; the parts sum to it (each saturates alone). A first step with a time of
  // its own is left out.
  [[nodiscard]] std::array<FineDuration, kTimeParts> parts(std::int64_t steps) const;
  // Smallest k with elapsed(k) >= d (0 for d <= 0); INT64_MAX when the steps take no time.
  [[nodiscard]] std::int64_t steps_to_reach(FineDuration d) const;
  // A maximal piece on which the step time is linear in the step's index.
  struct Piece {
    std::int64_t first_step = 0;
    std::int64_t steps = 0;
    FineDuration first_time;      // of step first_step
    FineDuration increment;       // from one step to the next
    FineDuration elapsed_before;  // of the steps before first_step
    FineDuration windowed_time;   // the sliding layers' share of first_time
    FineDuration windowed_increment;
    TimePart full_part = TimePart::memory;
    TimePart windowed_part = TimePart::memory;
  };
  // The piece that holds `step` (>= 0); pieces are found in order and kept. The
  // reference is valid until the next call.
  [[nodiscard]] const Piece& piece_at(std::int64_t step) const;
  [[nodiscard]] DecodeShape shape_at(std::int64_t step) const;

 private:
  [[nodiscard]] Piece piece_from(std::int64_t step, FineDuration elapsed_before) const;

  const DecodeCurve* curve_ = nullptr;
  DecodeShape first_;
  std::int64_t growth_ = 0;           // context tokens a step
  std::int64_t windowed_growth_ = 0;  // the same within the window
  FineDuration fixed_;
  Piece own_;   // of a first step with a time of its own
  Piece head_;  // the first on the curve
  mutable std::vector<Piece> more_;
};

}  // namespace foretoken
