// Seconds as doubles to exact integer times.
#include <cmath>
#include <limits>

#include "foretoken/base/units.hpp"

namespace foretoken {
namespace {

// Values at or beyond 2^63 do not fit; the comparison is exact in double.
constexpr double kTwoTo63 = 9223372036854775808.0;

std::int64_t saturated(double value) {
  if (std::isnan(value)) return 0;
  if (value >= kTwoTo63) return std::numeric_limits<std::int64_t>::max();
  if (value <= -kTwoTo63) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(value);
}

}  // namespace

Duration duration_from_seconds(double seconds) {
  return Duration{saturated(std::ceil(seconds * 1e9))};
}

FineDuration fine_from_seconds(double seconds) {
  return {saturated(std::nearbyint(seconds * 1e9 * static_cast<double>(FineDuration::kPerNanosecond)))};
}

}  // namespace foretoken
