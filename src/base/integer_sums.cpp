// 256-bit limb arithmetic and the Euclid-like recursion for sums of floors.
#include "base/integer_sums.hpp"

#include <cmath>

namespace foretoken {
void add_at(UInt256& total, std::size_t limb, UInt128 value) {
  for (; limb < total.size() && value != 0; ++limb) {
    const UInt128 sum = UInt128{total[limb]} + static_cast<std::uint64_t>(value);
    total[limb] = static_cast<std::uint64_t>(sum);
    value = (value >> 64) + (sum >> 64);
  }
}

void add_to(UInt256& total, const UInt256& more) {
  for (std::size_t i = 0; i < more.size(); ++i) add_at(total, i, more[i]);
}

UInt256 product(const UInt256& a, std::uint64_t b) {
  UInt256 result{};
  for (std::size_t i = 0; i < a.size(); ++i) add_at(result, i, UInt128{a[i]} * b);
  return result;
}

UInt256 square(UInt128 a) {
  const std::uint64_t low = static_cast<std::uint64_t>(a), high = static_cast<std::uint64_t>(a >> 64);
  UInt256 result{};
  add_at(result, 0, UInt128{low} * low);
  add_at(result, 1, UInt128{low} * high);
  add_at(result, 1, UInt128{low} * high);
  add_at(result, 2, UInt128{high} * high);
  return result;
}

UInt256 difference(const UInt256& a, const UInt256& b) {
  UInt256 result{};
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const UInt128 taken = UInt128{b[i]} + borrow;
    result[i] = static_cast<std::uint64_t>(a[i] - taken);
    borrow = a[i] < taken ? 1 : 0;
  }
  return result;
}

double to_double(const UInt256& a) {
  double value = 0;
  for (std::size_t i = a.size(); i-- > 0;) value += std::ldexp(static_cast<double>(a[i]), static_cast<int>(64 * i));
  return value;
}

// With q = a/c, r = b/c split off, v(i) = q*i + r + u(i), u(i) < i + 1. For
// a, b < c, count lattice points by columns instead of rows: with m = v(n),
// v(i) > j <=> i > floor((c*j + c - b - 1) / a) =: w(j), j = 0..m-1, so that
//   sum v = n*m - sum w,  sum i*v = (m*n*(n+1) - sum w^2 - sum w) / 2,
//   sum v^2 = n*m*(m+1) - 2 sum j*w - 2 sum w - sum v.
// (Graham, Knuth, Patashnik, Concrete Mathematics, 3.5, in all three moments.)
FloorSums floor_sums(Int128 a, Int128 b, Int128 c, Int128 n) {
  if (n < 0) return {};
  if (a >= c || b >= c) {
    const Int128 q = a / c, r = b / c;
    const FloorSums u = floor_sums(a % c, b % c, c, n);
    const Int128 indices = n * (n + 1) / 2, index_squares = n * (n + 1) * (2 * n + 1) / 6;
    return {q * indices + r * (n + 1) + u.values, q * index_squares + r * indices + u.indexed,
            q * q * index_squares + r * r * (n + 1) + 2 * q * r * indices + u.squares + 2 * r * u.values +
                2 * q * u.indexed};
  }
  const Int128 m = (a * n + b) / c;
  if (m == 0) return {};
  const FloorSums w = floor_sums(c, c - b - 1, a, m - 1);
  FloorSums v;
  v.values = n * m - w.values;
  v.indexed = (m * n * (n + 1) - w.squares - w.values) / 2;
  v.squares = n * m * (m + 1) - 2 * w.indexed - 2 * w.values - v.values;
  return v;
}

}  // namespace foretoken
