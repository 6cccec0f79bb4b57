// Normal, exponential, gamma and Zipf variates and weighted indices, from uniform draws and
// the exact kernels of base.
#include "workload/lengths/distributions.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/math.hpp"

namespace foretoken {
namespace {

using Coefficients = std::array<double, 8>;

// Numerator and denominator of AS 241's three regions, constant term first.
constexpr Coefficients kCentreTop = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                                     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                     3.3430575583588128105e4, 2.5090809287301226727e3};
constexpr Coefficients kCentreBottom = {1.0,
                                        4.2313330701600911252e1,
                                        6.8718700749205790830e2,
                                        5.3941960214247511077e3,
                                        2.1213794301586595867e4,
                                        3.9307895800092710610e4,
                                        2.8729085735721942674e4,
                                        5.2264952788528545610e3};
constexpr Coefficients kTailTop = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                   3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                   2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr Coefficients kTailBottom = {1.0,
                                      2.05319162663775882187e0,
                                      1.67638483018380384940e0,
                                      6.89767334985100004550e-1,
                                      1.48103976427480074590e-1,
                                      1.51986665636164571966e-2,
                                      5.47593808499534494600e-4,
                                      1.05075007164441684324e-9};
constexpr Coefficients kFarTop = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                  2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                  2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr Coefficients kFarBottom = {1.0,
                                     5.99832206555887937690e-1,
                                     1.36929880922735805310e-1,
                                     1.48753612908506148525e-2,
                                     7.86869131145613259100e-4,
                                     1.84631831751005468180e-5,
                                     1.42151175831644588870e-7,
                                     2.04426310338993978564e-15};

double polynomial(const Coefficients& c, double x) {
  double sum = c[7];
  for (std::size_t i = 7; i-- > 0;) sum = sum * x + c[i];
  return sum;
}

// (exp(x) - 1) / x and log(1 + x) / x, by their series where the difference would cancel.
double expm1_over(double x) {
  if (std::abs(x) > 0.02) return (exact_exp(x) - 1) / x;
  return 1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6 * (1 + x / 7)))));
}

double log1p_over(double x) {
  if (std::abs(x) > 0.02) return exact_log(1 + x) / x;
  double sum = 0;
  for (int k = 9; k >= 1; --k) sum = 1.0 / k - x * sum;
  return sum;
}

}  // namespace

double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(kCentreTop, r) / polynomial(kCentreBottom, r);
  }
  double r = std::sqrt(-exact_log(std::min(p, 1 - p)));
  double value = 0;
  if (r <= 5) {
    r -= 1.6;
    value = polynomial(kTailTop, r) / polynomial(kTailBottom, r);
  } else {
    r -= 5;
    value = polynomial(kFarTop, r) / polynomial(kFarBottom, r);
  }
  return q < 0 ? -value : value;
}

double draw_exponential(RandomStream& stream) {
  return -exact_log(stream.uniform());
}

double draw_gamma(double shape, RandomStream& stream) {
  if (shape < 1) {
    const double larger = draw_gamma(shape + 1, stream);
    return larger * exact_exp(exact_log(stream.uniform()) / shape);
  }
  const double d = shape - 1.0 / 3.0;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = normal_quantile(stream.uniform());
    const double t = 1 + c * x;
    if (t <= 0) continue;
    const double v = t * t * t;
    const double u = stream.uniform();
    const double x2 = x * x;
    if (u < 1 - 0.0331 * x2 * x2) return d * v;
    if (exact_log(u) < 0.5 * x2 + d * (1 - v + exact_log(v))) return d * v;
  }
}

Duration draw_pause(const PauseConfig& pause, RandomStream& stream) {
  if (!pause.exponential) return pause.mean;
  const double ns = static_cast<double>(pause.mean.count()) * draw_exponential(stream);
  if (ns >= 0x1p62) return Duration{std::int64_t{1} << 62};
  return Duration{static_cast<std::int64_t>(ns)};
}

TimePoint add_saturated(TimePoint a, Duration b) {
  const TimePoint last = kNever - Duration{1};
  return b > last - a ? last : a + b;
}

AliasTable::AliasTable(const std::vector<double>& weights) : columns_(weights.size()) {
  double total = 0;
  for (const double weight : weights) total += weight;
  std::vector<double> filled(weights.size());
  std::vector<std::uint32_t> poor, rich;
  for (std::uint32_t i = 0; i < weights.size(); ++i) {
    filled[i] = weights[i] / total * static_cast<double>(weights.size());
    (filled[i] < 1 ? poor : rich).push_back(i);
  }
  while (!poor.empty() && !rich.empty()) {
    const std::uint32_t needy = poor.back(), giver = rich.back();
    poor.pop_back();
    columns_[needy] = {static_cast<std::uint64_t>(filled[needy] * 0x1p64), giver};
    filled[giver] -= 1 - filled[needy];
    if (filled[giver] < 1) {
      rich.pop_back();
      poor.push_back(giver);
    }
  }
  // Whatever is left is full but for rounding; a column whose alias is itself is exact.
  for (const auto* rest : {&poor, &rich}) {
    for (const std::uint32_t i : *rest) columns_[i] = {0, i};
  }
}

ZipfDistribution::ZipfDistribution(double alpha, std::int64_t min, std::int64_t max)
    : alpha_(alpha), min_(min), max_(max) {
  const auto first = static_cast<double>(min);
  area_below_ = integral(first + 0.5) - height(first);
  area_above_ = integral(static_cast<double>(max) + 0.5);
  sure_ = first + 1 - inverse_integral(integral(first + 1.5) - height(first + 1));
}

double ZipfDistribution::height(double x) const {
  return exact_exp(-alpha_ * exact_log(x));
}

double ZipfDistribution::integral(double x) const {
  const double log_x = exact_log(x);
  return expm1_over((1 - alpha_) * log_x) * log_x;
}

double ZipfDistribution::inverse_integral(double area) const {
  // Not below -1, where rounding could take the logarithm's argument below zero.
  const double t = std::max(area * (1 - alpha_), -1.0);
  return exact_exp(log1p_over(t) * area);
}

std::int64_t ZipfDistribution::draw(RandomStream& stream) const {
  while (true) {
    const double area = area_above_ + stream.uniform() * (area_below_ - area_above_);
    const double x = inverse_integral(area);
    const double rounded = std::clamp(std::floor(x + 0.5), static_cast<double>(min_), static_cast<double>(max_));
    if (rounded - x <= sure_ || area >= integral(rounded + 0.5) - height(rounded)) {
      return static_cast<std::int64_t>(rounded);
    }
  }
}

}  // namespace foretoken
