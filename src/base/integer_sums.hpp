// Exact integer sums that moments need: 256-bit accumulation and sums over
// floor((a*i + b) / c) in closed form.
#pragma once

#include <array>
#include <cstdint>

namespace foretoken {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;
using UInt256 = std::array<std::uint64_t, 4>;  // lowest limb first

// total += value * 2^(64 * limb), modulo 2^256.
void add_at(UInt256& total, std::size_t limb, UInt128 value);
// total += value, modulo 2^256. Inline, as the next: every value measured passes here.
inline void add_small(UInt256& total, UInt128 value) {
  UInt128 low = (UInt128{total[1]} << 64) | total[0];
  const bool carry = __builtin_add_overflow(low, value, &low);
  total[0] = static_cast<std::uint64_t>(low);
  total[1] = static_cast<std::uint64_t>(low >> 64);
  if (carry) [[unlikely]]
    add_at(total, 2, 1);
}
// total += factor * weight, modulo 2^256.
inline void add_product(UInt256& total, UInt128 factor, std::uint64_t weight) {
  if ((factor >> 96) == 0 && (weight >> 32) == 0) [[likely]]
    return add_small(total, factor * weight);
  const UInt128 low = UInt128{static_cast<std::uint64_t>(factor)} * weight;
  const UInt128 high = (factor >> 64) * weight;
  const UInt128 first = UInt128{total[0]} + static_cast<std::uint64_t>(low);
  const UInt128 second = UInt128{total[1]} + (low >> 64) + static_cast<std::uint64_t>(high) + (first >> 64);
  total[0] = static_cast<std::uint64_t>(first);
  total[1] = static_cast<std::uint64_t>(second);
  if (const UInt128 carry = (high >> 64) + (second >> 64); carry != 0) [[unlikely]]
    add_at(total, 2, carry);
}
void add_to(UInt256& total, const UInt256& more);
[[nodiscard]] UInt256 product(const UInt256& a, std::uint64_t b);
[[nodiscard]] UInt256 square(UInt128 a);
// a - b for a >= b.
[[nodiscard]] UInt256 difference(const UInt256& a, const UInt256& b);
[[nodiscard]] double to_double(const UInt256& a);

// Over i = 0..n, with v(i) = floor((a*i + b) / c).
struct FloorSums {
  Int128 values = 0;   // sum of v(i)
  Int128 indexed = 0;  // sum of i * v(i)
  Int128 squares = 0;  // sum of v(i)^2
};

// a, b >= 0, c > 0, n >= -1; the sums must fit. O(log min(a, c)), Euclid's algorithm on (a, c).
[[nodiscard]] FloorSums floor_sums(Int128 a, Int128 b, Int128 c, Int128 n);

}  // namespace foretoken
