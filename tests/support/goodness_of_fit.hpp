// Is a sample from a distribution? Bounds for tests with fixed seeds: a right sampler passes
// with the stated confidence, and then always.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace foretoken::test {

// Largest distance between the sample's and the given distribution function. For
// distributions of integers give cdf(k) = P(X <= k) and `discrete`.
template <class Cdf>
double kolmogorov_distance(std::vector<double> sample, Cdf cdf, bool discrete = false) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double distance = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const bool last_of_value = i + 1 == sample.size() || sample[i + 1] > sample[i];
    const double p = cdf(sample[i]);
    if (last_of_value) distance = std::max(distance, std::abs(static_cast<double>(i + 1) / n - p));
    if (!discrete) distance = std::max(distance, std::abs(p - static_cast<double>(i) / n));
  }
  return distance;
}

// Exceeded by a right sampler with probability 1e-4 (Kolmogorov's limit, its leading term:
// 2 exp(-2 n d^2) = 1e-4); for discrete distributions less often still.
inline double kolmogorov_bound(std::size_t n) {
  return std::sqrt(-std::log(0.5e-4) / 2 / static_cast<double>(n));
}

struct Moments {
  double mean = 0, variance = 0, standard_error = 0;
};
inline Moments moments_of(const std::vector<double>& sample) {
  Moments m;
  const auto n = static_cast<double>(sample.size());
  for (const double x : sample) m.mean += x / n;
  for (const double x : sample) m.variance += (x - m.mean) * (x - m.mean) / (n - 1);
  m.standard_error = std::sqrt(m.variance / n);
  return m;
}
// Standard errors within which a mean lies with probability 1 - 1e-4.
inline constexpr double kSigmas = 3.89;

}  // namespace foretoken::test
