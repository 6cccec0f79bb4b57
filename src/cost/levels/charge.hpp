// What an operator adds to a step: scaled by the engine's factor, never below the
// datasheet, split by what the time was spent on.
#pragma once

#include "cost/operators/operator.hpp"
#include "foretoken/cost/decode_curve.hpp"

namespace foretoken {

struct Charge {
  std::array<double, kTimeParts> seconds{};
  Work work;
  bool clamped = false;

  Charge& operator+=(const Charge& o);
  [[nodiscard]] double total() const;
  [[nodiscard]] double variable() const;  // without overhead
};

// All launches of the operator.
[[nodiscard]] Charge charge(const Operator& op, double scale);
// The same where launch constants may be shared with another kernel: the rest alone
// stays above the datasheet bound.
[[nodiscard]] Charge charge_attention(const Operator& op, double scale);

// Times enter integer arithmetic here. Parts saturate, so that a step's few terms always
// add up within 64 bits.
[[nodiscard]] FineDuration capped_fine(double seconds);
// So do counts of FLOPs and bytes.
inline constexpr std::int64_t kMostWork = INT64_MAX / 4;
[[nodiscard]] std::int64_t counted(double value);
[[nodiscard]] StepTime step_time(const Charge& charge);
void add(FineDuration& to, FineDuration more);
void add(StepTime& to, const StepTime& more);
// The FLOPs and bytes of the decodes' contexts.
void add_context_work(const DecodeCurve& curve, const DecodeShape& shape, StepTime& time);

}  // namespace foretoken
