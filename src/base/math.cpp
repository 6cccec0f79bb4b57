// exp and log from IEEE additions, multiplications and divisions only, in double-double where
// pow needs it; -ffp-contract=off keeps the same bits everywhere.
#include "base/math.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace foretoken {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
// ln 2 in two parts; the first has 32 trailing zero bits, so k * kLn2High is exact.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kLog2E = 0x1.71547652b82fep+0;

constexpr std::array<double, 14> kInverseFactorials = [] {
  std::array<double, 14> inverse{};
  double factorial = 1;  // exact
  for (int n = 0; n < 14; ++n) {
    factorial *= n > 0 ? n : 1;
    inverse[static_cast<std::size_t>(n)] = 1 / factorial;
  }
  return inverse;
}();

// A number as an unevaluated sum, high + low.
struct Pair {
  double high;
  double low;
};

Pair two_sum(double a, double b) {  // Knuth
  const double s = a + b;
  const double bb = s - a;
  return {s, (a - (s - bb)) + (b - bb)};
}

Pair two_product(double a, double b) {    // Dekker, Veltkamp split
  constexpr double kSplit = 134217729.0;  // 2^27 + 1
  const double p = a * b;
  const double ta = kSplit * a, ah = ta - (ta - a), al = a - ah;
  const double tb = kSplit * b, bh = tb - (tb - b), bl = b - bh;
  return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

double scale_by_power(double x, int k) {
  // In two steps, so that results near the ends of the range do not pass through infinity.
  const auto power = [](int e) { return std::bit_cast<double>(static_cast<std::uint64_t>(e + 1023) << 52); };
  const int half = k / 2;
  return x * power(half) * power(k - half);
}

// exp(x.high + x.low) for |x| within the double range.
double exp_of(Pair x) {
  if (x.high > 709.79) return kInfinity;
  if (x.high < -745.2) return 0;
  constexpr double kRound = 0x1.8p52;  // adding it leaves no place for a fraction
  const double k = (x.high * kLog2E + kRound) - kRound;
  const Pair reduced = two_sum(x.high - k * kLn2High, -(k * kLn2Low));
  const double r = reduced.high;
  // Taylor to r^13 for |r| <= 0.35: the first term left out is below 1e-17.
  double sum = kInverseFactorials[13];
  for (int n = 12; n >= 2; --n) sum = sum * r + kInverseFactorials[n];
  sum *= r;
  const double low = reduced.low + x.low;
  // exp(r) = 1 + r + r*sum, small parts added first.
  return scale_by_power(1.0 + (r + (r * sum + low * (1.0 + r + r * sum))), static_cast<int>(k));
}

// ln(x) for finite x > 0 as a pair good to about 1e-19 relative.
Pair log_of(double x) {
  int exponent = 0;
  if (x < 0x1.0p-1022) {
    x *= 0x1.0p54;
    exponent = -54;
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  exponent += static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  // ln m = 2 atanh(s), s = (m-1)/(m+1), as a pair.
  const double top = m - 1.0;  // exact
  const Pair bottom = two_sum(m, 1.0);
  const double s = top / bottom.high;
  const Pair back = two_product(s, bottom.high);
  const double s_low = ((top - back.high) - back.low - s * bottom.low) / bottom.high;
  const double s2 = s * s;
  double series = 0;  // s^2/3 + s^4/5 + ..., |s| <= 0.1716
  for (int n = 23; n >= 3; n -= 2) series = (series + 1.0 / n) * s2;
  const Pair head = two_sum(exponent * kLn2High, 2.0 * s);
  const double tail = head.low + (2.0 * s_low + 2.0 * s * series + exponent * kLn2Low);
  return two_sum(head.high, tail);
}

double norm(double p, double largest, double a, double b, double c) {
  if (!(largest > 0)) return a + b + c;  // all zero, or NaN
  if (largest == kInfinity) return kInfinity;
  const double sum = exact_pow(a / largest, p) + exact_pow(b / largest, p) + exact_pow(c / largest, p);
  return largest * exact_pow(sum, 1.0 / p);
}

}  // namespace

double exact_exp(double x) {
  if (std::isnan(x)) return x;
  return exp_of({x, 0.0});
}

double exact_log(double x) {
  if (std::isnan(x) || x < 0) return kNan;
  if (x == 0) return -kInfinity;
  if (x == kInfinity) return kInfinity;
  const Pair result = log_of(x);
  return result.high + result.low;
}

double exact_pow(double base, double exponent) {
  if (exponent == 0 || base == 1) return 1;
  if (std::isnan(base) || std::isnan(exponent) || base < 0) return kNan;
  if (base == 0) return exponent > 0 ? 0 : kInfinity;
  if (base == kInfinity) return exponent > 0 ? kInfinity : 0;
  if (exponent == 1) return base;
  const Pair log = log_of(base);
  if (std::abs(log.high * exponent) > 800 || std::isinf(exponent)) return log.high * exponent > 0 ? kInfinity : 0;
  const Pair product = two_product(log.high, exponent);
  return exp_of({product.high, product.low + log.low * exponent});
}

double p_norm(double p, double a, double b) {
  return norm(p, a > b ? a : b, a, b, 0);
}

double p_norm(double p, double a, double b, double c) {
  const double larger = a > b ? a : b;
  return norm(p, larger > c ? larger : c, a, b, c);
}

}  // namespace foretoken
