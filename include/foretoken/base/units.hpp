// Simulated time, and physical quantities as types with the reader of "3.35 TB/s", "80 GiB", "250 ms". Events stand on
// whole nanoseconds; step durations are kept finer, in exact integers, so that sums do not depend on how they are
// grouped.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "foretoken/base/result.hpp"

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

// Physical quantities as types, and the reader of "3.35 TB/s", "80 GiB", "250 ms".

inline constexpr double kMiB = 1024.0 * 1024.0;
inline constexpr double kGiB = 1024.0 * kMiB;

// One double in the SI unit of its tag. Not convertible to another quantity.
template <class Tag>
struct Quantity {
  double value = 0;
  auto operator<=>(const Quantity&) const = default;
};

using ByteCount = Quantity<struct ByteCountTag>;      // bytes
using Bandwidth = Quantity<struct BandwidthTag>;      // bytes per second
using ComputeRate = Quantity<struct ComputeRateTag>;  // FLOP (or integer op) per second, dense
using Power = Quantity<struct PowerTag>;              // watts
using Seconds = Quantity<struct SecondsTag>;          // seconds
using Rate = Quantity<struct RateTag>;                // per second
using Frequency = Quantity<struct FrequencyTag>;      // hertz

enum class Dimension { bytes, bandwidth, compute_rate, power, time, rate, frequency };

// Reads `number unit`, decimal (kB MB GB TB) and binary (KiB MiB GiB TiB)
// prefixes kept apart, into SI units: "3.35 TB/s" → 3.35e12. Errors name the
// units allowed for the dimension; NaN, infinity, hexadecimal, negative values
// and units in the wrong case are refused. Callers add the place.
[[nodiscard]] Result<double> parse_quantity(std::string_view text, Dimension dimension);

// Shortest readable form: 3.35e12 bytes/s → "3.35 TB/s"; capacities in GiB.
[[nodiscard]] std::string format_quantity(double value, Dimension dimension);
[[nodiscard]] std::string_view allowed_units(Dimension dimension);

}  // namespace foretoken
