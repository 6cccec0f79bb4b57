// Physical quantities as types, and the reader of "3.35 TB/s", "80 GiB", "250 ms".
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "foretoken/base/result.hpp"

namespace foretoken {

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
