// The steps that run now: one, or k decode-only steps with the same members at once.
#pragma once

#include "foretoken/cost/decode_curve.hpp"
#include "serving/rank/step_clock.hpp"
#include "serving/requests/attribution.hpp"

namespace foretoken {

// From here on the cost models cut a step's parts.
inline constexpr FineDuration kLongestStep = PiecewiseCurve::kLargest;

// How far steps are: the last one counts when it is settled. At a boundary between two none is under way.
struct StretchProgress {
  std::int64_t ended = 0;
  bool under_way = false;
};

class Stretch {
 public:
  // One step; `decode_only` is the same without its prefill chunks.
  void set_one(const StepTime& step, const StepTime& decode_only) {
    steps_ = 1;
    elapsed_ = step.total();
    first_ = step;
    decode_only_ = decode_only;
    prompts_lead_ = false;
    // A step may be shorter with its chunks (CostModel's contract has the exception): then it is the decodes' own.
    if (decode_only.total() > elapsed_) [[unlikely]]
      decode_only_.parts = step.parts;
  }
  // The step's chunks complete their prompts: extended, it goes on in steps in which they decode with the others. Rows:
  // it is a step of decodes but for that.
  void lead_with_prompts(bool as_rows) {
    prompts_lead_ = true;
    as_rows_ = as_rows;
  }
  // The step goes on: `most` > 1 steps, or as many as times can hold. It is of decodes only and in shape `first`, or
  // would be if its prompts had been rows that decode.
  void extend(const DecodeCurve& curve, const DecodeShape& first, TokenRate growth, TokenRate in_window,
              std::int64_t most);
  // It ends after `steps` of its steps.
  void shorten_to(std::int64_t steps) {
    steps_ = steps;
    elapsed_ = steps == 1 ? first_.total() : run_.elapsed(steps);
  }

  [[nodiscard]] std::int64_t steps() const { return steps_; }
  [[nodiscard]] const StepTime& first() const { return first_; }
  [[nodiscard]] const StepTime& decode_only() const { return decode_only_; }
  // The steps one by one. Null: there is one.
  [[nodiscard]] const DecodeRun* run() const { return steps_ == 1 ? nullptr : &run_; }
  [[nodiscard]] FineDuration elapsed() const { return elapsed_; }
  // Without the last step.
  [[nodiscard]] FineDuration elapsed_before_last() const {
    return steps_ == 1 ? FineDuration{} : run_.elapsed(steps_ - 1);
  }
  // The first `steps` of them. Precondition: 0 < steps <= steps().
  [[nodiscard]] FineDuration elapsed_until(std::int64_t steps) const {
    return steps == steps_ ? elapsed_ : steps == 1 ? first_.total() : run_.elapsed(steps);
  }
  // Steps until `d` has elapsed, at least one. Precondition: steps() > 1.
  [[nodiscard]] std::int64_t steps_to_reach(FineDuration d) const {
    return std::max<std::int64_t>(1, run_.steps_to_reach(d));
  }
  // As of `now`, when it began with the clock's last boundary.
  [[nodiscard]] StretchProgress progress(const StepClock& clock, TimePoint now) const;
  // What every decoding request spends in them; where prompts lead, in those after the first.
  [[nodiscard]] DecodeTotals decode_totals() const;
  [[nodiscard]] DecodeTotals totals_of_first() const;
  [[nodiscard]] FineTotal flops() const;
  [[nodiscard]] FineTotal bytes() const;

 private:
  void leave_out_too_long();

  std::int64_t steps_ = 0;
  bool prompts_lead_ = false, as_rows_ = false;
  FineDuration elapsed_;
  StepTime first_;
  StepTime decode_only_;
  const DecodeCurve* curve_ = nullptr;
  std::int64_t growth_ = 0;     // context tokens a step
  std::int64_t in_window_ = 0;  // the same within the window
  DecodeRun run_;
  FineTotal run_flops_ = 0, run_bytes_ = 0;  // of its first step, did no prompts lead
};

}  // namespace foretoken
