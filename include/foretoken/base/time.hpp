// Simulated time. Events stand on whole nanoseconds; step durations are kept
// finer, in exact integers, so that sums do not depend on how they are grouped.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace foretoken {

struct SimClock;  // tag only: simulated time never reads a real clock

using Duration = std::chrono::duration<std::int64_t, std::nano>;
using TimePoint = std::chrono::time_point<SimClock, Duration>;

inline constexpr TimePoint kNever = TimePoint::max();

[[nodiscard]] constexpr double to_seconds(Duration d) {
  return static_cast<double>(d.count()) * 1e-9;
}
[[nodiscard]] constexpr double to_milliseconds(Duration d) {
  return static_cast<double>(d.count()) * 1e-6;
}
[[nodiscard]] constexpr double to_seconds(TimePoint t) {
  return to_seconds(t.time_since_epoch());
}

// Seconds to whole nanoseconds, rounded up. Values outside the representable
// range (about 292 years) saturate; NaN becomes zero.
[[nodiscard]] Duration duration_from_seconds(double seconds);

// A duration in units of 2^-20 ns. Integer addition is associative, so the time
// of k steps is the same whether it is summed one by one or in closed form.
struct FineDuration {
  static constexpr int kFractionBits = 20;
  static constexpr std::int64_t kPerNanosecond = std::int64_t{1} << kFractionBits;

  std::int64_t units = 0;

  auto operator<=>(const FineDuration&) const = default;
  constexpr FineDuration& operator+=(FineDuration o) {
    units += o.units;
    return *this;
  }
  constexpr FineDuration& operator-=(FineDuration o) {
    units -= o.units;
    return *this;
  }
  friend constexpr FineDuration operator+(FineDuration a, FineDuration b) { return {a.units + b.units}; }
  friend constexpr FineDuration operator-(FineDuration a, FineDuration b) { return {a.units - b.units}; }
  friend constexpr FineDuration operator*(FineDuration a, std::int64_t k) { return {a.units * k}; }
};

// Nearest unit; saturates at about 8,796 s, the longest representable step.
[[nodiscard]] FineDuration fine_from_seconds(double seconds);
[[nodiscard]] constexpr double to_seconds(FineDuration d) {
  return static_cast<double>(d.units) / static_cast<double>(FineDuration::kPerNanosecond) * 1e-9;
}
[[nodiscard]] constexpr FineDuration fine_from(Duration d) {
  return {d.count() << FineDuration::kFractionBits};
}
// The first whole nanosecond at or after `d`.
[[nodiscard]] constexpr Duration ceil_to_nanoseconds(FineDuration d) {
  return Duration{(d.units + FineDuration::kPerNanosecond - 1) >> FineDuration::kFractionBits};
}

// Sums of fine durations over a whole run: a week of them overflows 64 bits.
__extension__ using FineTotal = __int128;

}  // namespace foretoken
