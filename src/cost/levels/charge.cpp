// Clamping, splitting and rounding of operator times.
#include "cost/levels/charge.hpp"

#include <algorithm>
#include <cmath>

namespace foretoken {
namespace {

Charge charged(const Operator& op, double scale, bool constants_count) {
  Charge c;
  const double fixed = scale * op.estimate.fixed;
  double variable = scale * op.estimate.variable;
  const double floor = op.datasheet - (constants_count ? fixed : 0);
  if (variable < floor) {
    // Rounding alone is not a clamp.
    c.clamped = variable < floor * (1 - 1e-9);
    variable = floor;
  }
  c.seconds[static_cast<std::size_t>(TimePart::overhead)] += fixed * op.count;
  c.seconds[static_cast<std::size_t>(op.estimate.bound)] += variable * op.count;
  c.work = {op.work.flops * op.count, op.work.bytes * op.count};
  return c;
}

}  // namespace

Charge& Charge::operator+=(const Charge& o) {
  for (std::size_t p = 0; p < seconds.size(); ++p) seconds[p] += o.seconds[p];
  work.flops += o.work.flops;
  work.bytes += o.work.bytes;
  clamped = clamped || o.clamped;
  return *this;
}

double Charge::total() const {
  return variable() + seconds[static_cast<std::size_t>(TimePart::overhead)];
}

double Charge::variable() const {
  double sum = 0;
  for (std::size_t p = 0; p < seconds.size(); ++p) {
    if (p != static_cast<std::size_t>(TimePart::overhead)) sum += seconds[p];
  }
  return sum;
}

Charge charge(const Operator& op, double scale) {
  return charged(op, scale, true);
}
Charge charge_attention(const Operator& op, double scale) {
  return charged(op, scale, false);
}

std::int64_t counted(double value) {
  return value < static_cast<double>(kMostWork) ? std::llround(value) : kMostWork;
}

FineDuration capped_fine(double seconds) {
  if (!(seconds > 0)) return {};
  return std::min(fine_from_seconds(seconds), PiecewiseCurve::kLargest);
}

StepTime step_time(const Charge& c) {
  StepTime time;
  for (std::size_t p = 0; p < time.parts.size(); ++p) time.parts[p] = capped_fine(c.seconds[p]);
  time.flops = counted(c.work.flops);
  time.bytes = counted(c.work.bytes);
  return time;
}

void add(FineDuration& to, FineDuration more) {
  to = std::min(to + more, PiecewiseCurve::kLargest);
}

void add(StepTime& to, const StepTime& more) {
  for (std::size_t p = 0; p < to.parts.size(); ++p) add(to.parts[p], more.parts[p]);
  to.flops = std::min(to.flops + more.flops, kMostWork);
  to.bytes = std::min(to.bytes + more.bytes, kMostWork);
}

void add_context_work(const DecodeCurve& curve, const DecodeShape& shape, StepTime& time) {
  const auto add = [&](std::int64_t& to, std::int64_t each, std::int64_t each_windowed) {
    std::int64_t whole = 0, windowed = 0;
    const bool fits = !__builtin_mul_overflow(each, shape.context, &whole) &&
                      !__builtin_mul_overflow(each_windowed, shape.windowed_context, &windowed) &&
                      !__builtin_add_overflow(to, whole, &to) && !__builtin_add_overflow(to, windowed, &to);
    if (!fits || to > kMostWork) to = kMostWork;
  };
  add(time.flops, curve.flops_per_context, curve.flops_per_windowed);
  add(time.bytes, curve.bytes_per_context, curve.bytes_per_windowed);
}

}  // namespace foretoken
