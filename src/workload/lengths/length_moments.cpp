// Means and maxima of length distributions by summing over them: exact for finite lists,
// to about 1e-4 for the lognormal's integral and the far part of Zipf's sum.
#include <algorithm>
#include <cmath>

#include "base/math.hpp"
#include "workload/lengths/lengths.hpp"

namespace foretoken {
namespace {

// Weighted sums of min(tokens, cap).
class Moments {
 public:
  explicit Moments(std::int64_t cap) : cap_(static_cast<double>(cap)) {}
  void add(double tokens, double weight) {
    const double value = std::min(tokens, cap_);
    weight_ += weight;
    first_ += weight * value;
    second_ += weight * value * value;
  }
  [[nodiscard]] LengthMoments of(std::int64_t max) const {
    return {first_ / weight_, second_ / weight_, std::min(max, static_cast<std::int64_t>(cap_))};
  }

 private:
  double cap_, weight_ = 0, first_ = 0, second_ = 0;
};

// Every value of [low, high] up to 65,536 of them, then blocks that grow by 1/1024, each
// represented by its middle. `mass(a, b)` is the probability of [a, b], up to a factor.
template <class Mass>
void add_integers(Moments& moments, std::int64_t low, std::int64_t high, Mass mass) {
  std::int64_t k = low;
  for (std::int64_t i = 0; k <= high && i < 65'536; ++i, ++k) moments.add(static_cast<double>(k), mass(k, k));
  while (k <= high) {
    const std::int64_t last = std::min(high, k + (k - low) / 1024);
    moments.add((static_cast<double>(k) + static_cast<double>(last)) / 2, mass(k, last));
    k = last + 1;
  }
}

}  // namespace

LengthMoments length_moments(const LengthConfig& config, std::int64_t cap) {
  Moments moments(cap);
  if (const auto* fixed = std::get_if<FixedLength>(&config)) {
    moments.add(static_cast<double>(fixed->tokens), 1);
    return moments.of(fixed->tokens);
  }
  if (const auto* uniform = std::get_if<UniformLength>(&config)) {
    add_integers(moments, uniform->low, uniform->high,
                 [](std::int64_t a, std::int64_t b) { return static_cast<double>(b - a + 1); });
    return moments.of(uniform->high);
  }
  if (const auto* lognormal = std::get_if<LognormalLength>(&config)) {
    // The normal density on a grid of +-9 standard deviations.
    constexpr int kPoints = 1 << 13;
    for (int i = 0; i <= kPoints; ++i) {
      const double z = -9.0 + 18.0 * i / kPoints;
      moments.add(static_cast<double>(lognormal_tokens(*lognormal, z)), exact_exp(-z * z / 2));
    }
    return moments.of(lognormal->max);
  }
  if (const auto* zipf = std::get_if<ZipfLength>(&config)) {
    const ZipfDistribution distribution(zipf->alpha, zipf->min, zipf->max);
    add_integers(moments, zipf->min, zipf->max, [&](std::int64_t a, std::int64_t b) {
      if (a == b) return exact_pow(static_cast<double>(a), -zipf->alpha);
      // Midpoint rule: the sum over [a, b] is the integral over [a - 1/2, b + 1/2].
      return distribution.integral(static_cast<double>(b) + 0.5) - distribution.integral(static_cast<double>(a) - 0.5);
    });
    return moments.of(zipf->max);
  }
  if (const auto* exponential = std::get_if<ExponentialLength>(&config)) {
    const auto above = [&](std::int64_t k) { return exact_exp(-static_cast<double>(k) / exponential->mean); };
    add_integers(moments, 1, exponential->max,
                 [&](std::int64_t a, std::int64_t b) { return above(a - 1) - (b == exponential->max ? 0 : above(b)); });
    return moments.of(exponential->max);
  }
  const auto& empirical = std::get<EmpiricalLength>(config);
  std::int64_t max = 0;
  for (std::size_t i = 0; i < empirical.tokens.size(); ++i) {
    const double weight = empirical.weights.empty() ? 1 : empirical.weights[i];
    moments.add(static_cast<double>(empirical.tokens[i]), weight);
    if (weight > 0) max = std::max(max, empirical.tokens[i]);
  }
  return moments.of(max);
}

}  // namespace foretoken
