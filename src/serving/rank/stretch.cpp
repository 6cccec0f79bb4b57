// Sums over a stretch in closed form, in exact integers: they do not depend on where it is cut.
#include "serving/rank/stretch.hpp"

#include <algorithm>

namespace foretoken {
namespace {

// A stretch ends before its exact duration leaves 62 bits (73 minutes of simulated time).
constexpr FineDuration kLongestStretch{std::int64_t{1} << 62};

FineTotal sum_of_indices(std::int64_t steps) {
  return static_cast<FineTotal>(steps) * (steps - 1) / 2;
}

}  // namespace

void Stretch::extend(const DecodeCurve& curve, const DecodeShape& first, TokenRate growth, TokenRate in_window,
                     std::int64_t most) {
  steps_ = most;
  curve_ = &curve;
  growth_ = growth.tokens();
  in_window_ = in_window.tokens();
  const bool takes_its_time = prompts_lead_ && !as_rows_;
  run_.begin(curve, first, growth, in_window, takes_its_time ? first_.total() : FineDuration{});
  const auto work = [&](std::int64_t fixed, std::int64_t each, std::int64_t each_windowed) {
    return fixed + static_cast<FineTotal>(each) * first.context +
           static_cast<FineTotal>(each_windowed) * first.windowed_context;
  };
  run_flops_ =
      takes_its_time ? work(curve.fixed.flops, curve.flops_per_context, curve.flops_per_windowed) : first_.flops;
  run_bytes_ =
      takes_its_time ? work(curve.fixed.bytes, curve.bytes_per_context, curve.bytes_per_windowed) : first_.bytes;
  elapsed_ = run_.elapsed(steps_);
  if (elapsed_ < kLongestStep) return;
  if (elapsed_ >= kLongestStretch) steps_ = std::max<std::int64_t>(1, run_.steps_to_reach(kLongestStretch) - 1);
  leave_out_too_long();
  shorten_to(steps_);
}

// The stretch ends before the first step that is too long; step times do not fall in a stretch but after its first.
void Stretch::leave_out_too_long() {
  const auto too_long = [&](std::int64_t step) { return run_.elapsed(step + 1) - run_.elapsed(step) >= kLongestStep; };
  if (!too_long(steps_ - 1)) return;
  std::int64_t fine = 1;  // the first is not, or the run would have ended
  for (std::int64_t bad = steps_ - 1; bad - fine > 0;) {
    const std::int64_t middle = fine + (bad - fine) / 2;
    if (too_long(middle))
      bad = middle;
    else
      fine = middle + 1;
  }
  steps_ = fine;
}

StretchProgress Stretch::progress(const StepClock& clock, TimePoint now) const {
  if (steps_ == 1) return {0, true};
  const std::int64_t ended = std::min(steps_ - 1, run_.steps_to_reach(clock.within(now) + FineDuration{1}) - 1);
  return {ended, ended == 0 || clock.after(run_.elapsed(ended)) < now};
}

DecodeTotals Stretch::totals_of_first() const {
  DecodeTotals sum;
  for (std::size_t i = 0; i < sum.parts.size(); ++i) sum.parts[i] = decode_only_.parts[i].units;
  sum.interference = (first_.total() - decode_only_.total()).units;
  return sum;
}

DecodeTotals Stretch::decode_totals() const {
  if (steps_ == 1) return prompts_lead_ ? DecodeTotals{} : totals_of_first();
  DecodeTotals sum;
  const auto parts = run_.parts(steps_);
  for (std::size_t i = 0; i < parts.size(); ++i) sum.parts[i] = parts[i].units;
  if (!prompts_lead_ || !as_rows_) return sum;
  for (std::size_t i = 0; i < parts.size(); ++i) sum.parts[i] -= first_.parts[i].units;
  return sum;
}

FineTotal Stretch::flops() const {
  if (steps_ == 1) return first_.flops;
  const FineTotal indices = sum_of_indices(steps_);
  const FineTotal all = first_.flops + run_flops_ * (steps_ - 1) + growth_ * indices * curve_->flops_per_context;
  return in_window_ == 0 ? all : all + in_window_ * indices * curve_->flops_per_windowed;
}

FineTotal Stretch::bytes() const {
  if (steps_ == 1) return first_.bytes;
  const FineTotal indices = sum_of_indices(steps_);
  const FineTotal all = first_.bytes + run_bytes_ * (steps_ - 1) + growth_ * indices * curve_->bytes_per_context;
  return in_window_ == 0 ? all : all + in_window_ * indices * curve_->bytes_per_windowed;
}

}  // namespace foretoken
