// The exact time of step boundaries: whole nanoseconds, and the fraction that is carried from step to step.
#pragma once

#include "foretoken/base/units.hpp"

namespace foretoken {

// Boundaries stand on whole nanoseconds, at base + ceil(offset) with offset in [0, 1 ns).
class StepClock {
 public:
  // The boundary that ends steps of `elapsed` since the last one.
  [[nodiscard]] TimePoint after(FineDuration elapsed) const { return base_ + ceil_to_nanoseconds(offset_ + elapsed); }
  // Smallest `elapsed` whose boundary stands at or after `t`.
  [[nodiscard]] FineDuration to_reach(TimePoint t) const {
    // base + ceil(offset + elapsed) >= t  <=>  offset + elapsed > t - base - 1 ns
    return fine_from(t - base_ - Duration{1}) + FineDuration{1} - offset_;
  }
  // Largest `elapsed` whose boundary does not stand after `t`.
  [[nodiscard]] FineDuration within(TimePoint t) const { return fine_from(t - base_) - offset_; }
  // Steps begin now. An engine that was idle carries nothing over.
  void begin(TimePoint now) {
    if (after({}) == now) return;
    base_ = now;
    offset_ = {};
  }
  // They end.
  void advance(FineDuration elapsed) {
    const FineDuration passed = offset_ + elapsed;
    base_ += Duration{passed.units >> FineDuration::kFractionBits};
    offset_.units = passed.units & (FineDuration::kPerNanosecond - 1);
  }

 private:
  TimePoint base_{};
  FineDuration offset_;
};

}  // namespace foretoken
