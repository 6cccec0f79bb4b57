// Decode-only step times in closed form: piecewise-linear curves with canonical
// knots and the exact sums of consecutive steps along them.
#include "foretoken/cost/decode_curve.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "cost/levels/charge.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

// How far a chord may stand from the operator's formula (src/cost/README.md, "Decode curves").
constexpr double kChordTolerance = 5e-4;

FineDuration saturated(FineTotal units) {
  return {units > INT64_MAX ? INT64_MAX : static_cast<std::int64_t>(units)};
}

// Sum of n terms a, a + b, a + 2b ...; b*(n-1) stays below 2^62 on a piece, so the
// product with n fits in 128 bits, and n*(n-1) is even.
FineTotal sum_of_terms(FineDuration first, FineDuration increment, std::int64_t n) {
  const FineTotal rise = FineTotal{increment.units} * (n - 1);
  return FineTotal{first.units} * n + rise * n / 2;
}

// Smallest n in [1, limit] with sum_of_terms(first, increment, n) >= target; the sum
// over `limit` terms reaches it. The root comes from doubles and is then corrected in integers.
std::int64_t terms_to_reach(FineDuration first, FineDuration increment, FineTotal target, std::int64_t limit) {
  std::int64_t n = 0;
  if (increment.units == 0) {
    const FineTotal quotient = (target + first.units - 1) / first.units;
    return quotient > limit ? limit : static_cast<std::int64_t>(quotient);
  }
  // increment/2 n^2 + (first - increment/2) n = target, solved without cancellation.
  const double half = static_cast<double>(increment.units) / 2;
  const double linear = static_cast<double>(first.units) - half;
  const double reach =
      target <= INT64_MAX ? static_cast<double>(static_cast<std::int64_t>(target)) : static_cast<double>(target);
  const double root = std::sqrt(linear * linear + 4 * half * reach);
  const double guess = linear >= 0 ? 2 * reach / (linear + root) : (root - linear) / (2 * half);
  n = guess >= static_cast<double>(limit) ? limit : static_cast<std::int64_t>(guess) + 1;
  n = std::clamp<std::int64_t>(n, 1, limit);
  const auto term = [&](std::int64_t i) { return first.units + FineTotal{increment.units} * (i - 1); };
  FineTotal before = sum_of_terms(first, increment, n - 1);
  for (; n > 1 && before >= target; before -= term(n)) --n;
  for (; n < limit && before + term(n) < target; ++n) before += term(n);
  return n;
}

// Steps from context x until it leaves the segment.
std::int64_t steps_inside(const CurveSegment& segment, std::int64_t x, std::int64_t growth) {
  if (growth == 0 || segment.end == INT64_MAX) return INT64_MAX;
  return (segment.end - 1 - x) / growth + 1;
}

}  // namespace

PiecewiseCurve PiecewiseCurve::line(FineDuration at_zero, FineDuration slope, TimePart part) {
  invariant(at_zero.units >= 0 && slope.units >= 0, "a cost line must not fall or start below zero");
  PiecewiseCurve curve;
  curve.everywhere_ = {0, INT64_MAX, std::min(at_zero, kLargest), slope, part};
  if (slope.units > 0) {
    const std::int64_t last = (kLargest.units - curve.everywhere_.at_begin.units) / slope.units;
    curve.everywhere_.end = last + 1;
    curve.saturated_ = {last + 1, INT64_MAX, kLargest, {}, part};
  }
  return curve;
}

FineDuration PiecewiseCurve::exact_at(std::int64_t context) const {
  const double seconds = exact_(static_cast<double>(context)).seconds;
  if (!(seconds > 0)) return {};
  return std::min(fine_from_seconds(seconds), kLargest);
}

// Chords join the function's own values at the knots. The slope is rounded down, so
// that the value just before a knot never exceeds the value at it.
void PiecewiseCurve::refine(std::int64_t begin, std::int64_t end, std::vector<CurveSegment>& segments) const {
  const FineDuration first = exact_at(begin);
  const FineDuration last = std::max(first, exact_at(end));
  const std::int64_t width = end - begin;
  bool close = true;
  for (int eighth = 1; eighth < 8 && width > 1 && close; ++eighth) {
    const std::int64_t x = begin + width / 8 * eighth + width % 8 * eighth / 8;
    const double share = static_cast<double>(x - begin) / static_cast<double>(width);
    const double chord = static_cast<double>(first.units) + share * static_cast<double>(last.units - first.units);
    const double exact = static_cast<double>(exact_at(x).units);
    // One nanosecond is the resolution of the clock: do not chase it.
    const double allowed = std::max(kChordTolerance * exact, static_cast<double>(FineDuration::kPerNanosecond));
    close = std::abs(chord - exact) <= allowed;
  }
  if (close) {
    const TimePart part = exact_(static_cast<double>(begin + width / 2)).part;
    segments.push_back({begin, end, first, {(last.units - first.units) / width}, part});
    return;
  }
  refine(begin, begin + width / 2, segments);
  refine(begin + width / 2, end, segments);
}

const CurveSegment& PiecewiseCurve::segment_at(std::int64_t context) const {
  const std::int64_t x = std::max<std::int64_t>(context, 0);
  if (last_octave_ < octaves_.size()) {  // neighbours ask for neighbours
    const std::vector<CurveSegment>& last = octaves_[last_octave_];
    if (x >= last[last_found_].begin && x < last[last_found_].end) return last[last_found_];
  } else if (!exact_) {
    return x < everywhere_.end ? everywhere_ : saturated_;
  }
  return find_segment(x);
}

const CurveSegment& PiecewiseCurve::find_segment(std::int64_t x) const {
  if (octaves_.empty()) octaves_.resize(64);
  const auto octave = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(x)));
  std::vector<CurveSegment>& segments = octaves_[octave];
  if (segments.empty()) {
    const std::int64_t begin = octave == 0 ? 0 : std::int64_t{1} << (octave - 1);
    const std::int64_t end = octave == 63 ? INT64_MAX : std::int64_t{1} << octave;
    refine(begin, end, segments);
  }
  const auto after = std::upper_bound(segments.begin(), segments.end(), x,
                                      [](std::int64_t value, const CurveSegment& s) { return value < s.begin; });
  last_octave_ = octave;
  last_found_ = static_cast<std::size_t>(after - segments.begin()) - 1;
  return segments[last_found_];
}

FineDuration PiecewiseCurve::at(std::int64_t context) const {
  return segment_at(context).at(std::max<std::int64_t>(context, 0));
}

StepTime DecodeCurve::at(const DecodeShape& shape) const {
  StepTime time = fixed;
  const CurveSegment& in_full = full.segment_at(shape.context);
  time[in_full.part] += in_full.at(shape.context);
  const CurveSegment& in_window = windowed.segment_at(shape.windowed_context);
  time[in_window.part] += in_window.at(shape.windowed_context);
  add_context_work(*this, shape, time);
  return time;
}

void DecodeRun::begin(const DecodeCurve& curve, DecodeShape first, TokenRate growth, TokenRate in_window,
                      FineDuration own_time) {
  curve_ = &curve;
  first_ = first;
  growth_ = growth.tokens();
  windowed_growth_ = in_window.tokens();
  fixed_ = curve.fixed.total();
  more_.clear();
  if (own_time == FineDuration{}) {
    head_ = piece_from(0, {});
    return;
  }
  own_ = {};
  own_.steps = 1;
  own_.first_time = own_time;
  head_ = piece_from(1, own_time);
}

DecodeRun::Piece DecodeRun::piece_from(std::int64_t step, FineDuration elapsed_before) const {
  const DecodeShape shape = shape_at(step);
  const CurveSegment& full = curve_->full.segment_at(shape.context);
  const CurveSegment& windowed = curve_->windowed.segment_at(shape.windowed_context);
  Piece piece;
  piece.first_step = step;
  piece.steps = std::min(steps_inside(full, shape.context, growth_),
                         steps_inside(windowed, shape.windowed_context, windowed_growth_));
  piece.windowed_time = windowed.at(shape.windowed_context);
  piece.windowed_increment = windowed.slope * windowed_growth_;
  piece.first_time = fixed_ + full.at(shape.context) + piece.windowed_time;
  piece.increment = full.slope * growth_ + piece.windowed_increment;
  piece.elapsed_before = elapsed_before;
  piece.full_part = full.part;
  piece.windowed_part = windowed.part;
  return piece;
}

const DecodeRun::Piece& DecodeRun::piece_at(std::int64_t step) const {
  if (step < head_.first_step) return own_;
  if (step - head_.first_step < head_.steps) return head_;
  const Piece* last = more_.empty() ? &head_ : &more_.back();
  while (step - last->first_step >= last->steps) {
    const FineTotal before = last->elapsed_before.units + sum_of_terms(last->first_time, last->increment, last->steps);
    more_.push_back(piece_from(last->first_step + last->steps, saturated(before)));
    last = &more_.back();
  }
  const auto after = std::upper_bound(more_.begin(), more_.end(), step,
                                      [](std::int64_t value, const Piece& p) { return value < p.first_step; });
  return *std::prev(after);
}

FineDuration DecodeRun::elapsed(std::int64_t steps) const {
  if (steps <= 0) return {};
  const Piece& piece = piece_at(steps - 1);
  return saturated(piece.elapsed_before.units +
                   sum_of_terms(piece.first_time, piece.increment, steps - piece.first_step));
}

std::array<FineDuration, kTimeParts> DecodeRun::parts(std::int64_t steps) const {
  std::array<FineDuration, kTimeParts> result{};
  if (steps <= 0) return result;
  std::array<FineTotal, kTimeParts> sums{};
  const std::int64_t first = head_.first_step;
  for (std::size_t p = 0; p < sums.size(); ++p) sums[p] = FineTotal{curve_->fixed.parts[p].units} * (steps - first);
  for (std::int64_t done = first; done < steps;) {
    const Piece& piece = piece_at(done);
    const std::int64_t n = std::min(piece.steps, steps - done);
    const FineTotal windowed = sum_of_terms(piece.windowed_time, piece.windowed_increment, n);
    const FineTotal all = sum_of_terms(piece.first_time, piece.increment, n);
    sums[static_cast<std::size_t>(piece.windowed_part)] += windowed;
    sums[static_cast<std::size_t>(piece.full_part)] += all - windowed - FineTotal{fixed_.units} * n;
    done += n;
  }
  for (std::size_t p = 0; p < sums.size(); ++p) result[p] = saturated(sums[p]);
  return result;
}

std::int64_t DecodeRun::steps_to_reach(FineDuration d) const {
  if (d.units <= 0) return 0;
  if (d <= head_.elapsed_before) return 1;
  const Piece* piece = &head_;
  // Mostly it is the next step or the one after it.
  const FineTotal first = head_.first_time.units, rest = FineTotal{d.units} - head_.elapsed_before.units;
  if (rest <= first) return head_.first_step + 1;
  if (head_.steps > 1 && rest <= 2 * first + head_.increment.units) return head_.first_step + 2;
  while (true) {
    const FineTotal target = FineTotal{d.units} - piece->elapsed_before.units;
    if (piece->first_time.units == 0 && piece->increment.units == 0 && piece->steps == INT64_MAX) return INT64_MAX;
    if (piece->steps == INT64_MAX || sum_of_terms(piece->first_time, piece->increment, piece->steps) >= target) {
      return piece->first_step + terms_to_reach(piece->first_time, piece->increment, target, piece->steps);
    }
    piece = &piece_at(piece->first_step + piece->steps);
  }
}

DecodeShape DecodeRun::shape_at(std::int64_t step) const {
  return {first_.sequences, first_.context + step * growth_, first_.windowed_context + step * windowed_growth_};
}

}  // namespace foretoken
