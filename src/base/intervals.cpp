// Student t, batch means, order statistics, common random numbers.
#include "foretoken/base/intervals.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/math.hpp"
#include "base/quantiles.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

struct Moments {
  double count = 0;
  double mean = 0;
  double variance = 0;  // of the sample, n - 1
};

Moments moments_of(std::span<const double> values) {
  Moments m;
  m.count = static_cast<double>(values.size());
  if (values.empty()) return m;
  // Around the first value, so that equal values have a variance of exactly zero.
  const double origin = values.front();
  for (const double v : values) m.mean += v - origin;
  m.mean = origin + m.mean / m.count;
  if (values.size() < 2) return m;
  for (const double v : values) m.variance += (v - m.mean) * (v - m.mean);
  m.variance /= m.count - 1;
  return m;
}

// The smallest k with P(B <= k) >= p for B binomial(n, q), by bisection on the distribution function.
std::int64_t binomial_quantile(std::int64_t n, double q, double p) {
  std::int64_t low = -1, high = n;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (binomial_cdf(middle, n, q) >= p ? high : low) = middle;
  }
  return high;
}

}  // namespace

Interval mean_interval(std::span<const double> values, double confidence) {
  Interval interval;
  interval.confidence = confidence;
  if (values.empty()) return interval;
  const auto infinite = std::count_if(values.begin(), values.end(), [](double v) { return std::isinf(v); });
  if (infinite > 0) {
    interval.value = std::numeric_limits<double>::infinity();
    interval.low = *std::min_element(values.begin(), values.end());
    return interval;
  }
  const Moments m = moments_of(values);
  interval.value = m.mean;
  if (values.size() < 2) return interval;
  const double half =
      m.variance > 0 ? students_t_quantile(0.5 + confidence / 2, m.count - 1) * std::sqrt(m.variance / m.count) : 0;
  interval.low = m.mean - half;
  interval.high = m.mean + half;
  return interval;
}

Interval batch_means_interval(std::span<const double> series, std::size_t batches, double confidence) {
  invariant(batches > 0, "batch means need at least one batch");
  const std::size_t size = series.size() / batches;
  if (size == 0) return mean_interval(series.first(std::min<std::size_t>(series.size(), 1)), confidence);
  std::vector<double> means;
  means.reserve(batches);
  for (std::span<const double> rest = series.subspan(series.size() - size * batches); !rest.empty();
       rest = rest.subspan(size)) {
    means.push_back(moments_of(rest.first(size)).mean);
  }
  return mean_interval(means, confidence);
}

std::vector<double> pseudo_values(double whole, std::span<const double> without_each) {
  invariant(without_each.size() > 1, "a jackknife needs two parts");
  const auto n = static_cast<double>(without_each.size());
  std::vector<double> values;
  values.reserve(without_each.size());
  for (const double without : without_each) values.push_back(whole == without ? whole : n * whole - (n - 1) * without);
  return values;
}

namespace {

// How far the end on the long side of a skewed sample of mean values moves out, in standard errors.
double skewness_term(std::span<const double> values, const Moments& m, double t) {
  if (values.size() < 3 || !(m.variance > 0)) return 0;
  double cubes = 0;
  for (const double v : values) cubes += (v - m.mean) * (v - m.mean) * (v - m.mean);
  const double skewness = cubes * m.count / ((m.count - 1) * (m.count - 2)) / (m.variance * std::sqrt(m.variance));
  return skewness / std::sqrt(m.count) / 6 * (1 + 2 * t * t);
}

Interval with_infinite_parts(double whole, std::span<const double> without_each, double confidence) {
  Interval interval;
  interval.confidence = confidence;
  interval.value = whole;
  if (std::isnan(whole)) return interval;
  interval.low = std::min(whole, *std::min_element(without_each.begin(), without_each.end()));
  interval.high = std::numeric_limits<double>::infinity();
  return interval;
}

}  // namespace

Interval skewed_mean_interval(std::span<const double> values, double confidence) {
  Interval interval = mean_interval(values, confidence);
  const Moments m = moments_of(values);
  if (!(m.variance > 0) || !std::isfinite(m.mean)) return interval;
  const double t = students_t_quantile(0.5 + confidence / 2, m.count - 1);
  const double skew = skewness_term(values, m, t) * std::sqrt(m.variance / m.count);
  interval.low -= std::max(0.0, -skew);
  interval.high += std::max(0.0, skew);
  return interval;
}

Interval jackknife_interval(double whole, std::span<const double> without_each, double confidence) {
  const auto finite = [](double v) { return std::isfinite(v); };
  if (!finite(whole) || !std::all_of(without_each.begin(), without_each.end(), finite))
    return with_infinite_parts(whole, without_each, confidence);
  const bool logs = whole > 0 && std::all_of(without_each.begin(), without_each.end(), [](double v) { return v > 0; });
  std::vector<double> without(without_each.begin(), without_each.end());
  if (logs) std::transform(without.begin(), without.end(), without.begin(), [](double v) { return exact_log(v); });
  const std::vector<double> values = pseudo_values(logs ? exact_log(whole) : whole, without);
  Interval interval = skewed_mean_interval(values, confidence);
  if (interval.low == interval.high) {
    interval.value = interval.low = interval.high = whole;
  } else if (logs) {
    for (double* end : {&interval.value, &interval.low, &interval.high}) *end = exact_exp(*end);
  }
  return interval;
}

// P(X_(l) > quantile) = P(B <= l - 1) and P(X_(u) < quantile) = P(B >= u), with B the number of values at or
// below the quantile; ranks count from 1.
Interval quantile_interval(std::span<const double> sorted, double q, double confidence) {
  Interval interval;
  interval.confidence = confidence;
  if (sorted.empty()) return interval;
  const auto n = static_cast<std::int64_t>(sorted.size());
  const double tail = (1 - confidence) / 2;
  const auto at_rank = [&](std::int64_t rank) { return sorted[static_cast<std::size_t>(rank - 1)]; };
  interval.value =
      at_rank(std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(q * static_cast<double>(n))), 1, n));
  // The smallest k with P(B <= k) >= tail has P(B <= k - 1) < tail: rank k is the largest that is safe.
  const std::int64_t lower = binomial_quantile(n, q, tail);
  if (lower >= 1) interval.low = at_rank(lower);
  const std::int64_t upper = binomial_quantile(n, q, 1 - tail) + 1;
  if (upper <= n) interval.high = at_rank(upper);
  return interval;
}

PairedDifference paired_difference(std::span<const double> before, std::span<const double> after, double confidence) {
  invariant(before.size() == after.size(), "a paired difference needs as many values on both sides");
  std::vector<double> differences, kept_before, kept_after;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (!std::isfinite(before[i]) || !std::isfinite(after[i])) continue;
    differences.push_back(after[i] - before[i]);
    kept_before.push_back(before[i]);
    kept_after.push_back(after[i]);
  }
  PairedDifference paired;
  paired.difference = skewed_mean_interval(differences, confidence);
  if (differences.size() < 2) return paired;
  const double independent = moments_of(kept_before).variance + moments_of(kept_after).variance;
  const double together = moments_of(differences).variance;
  if (together > 0)
    paired.variance_reduction = independent / together;
  else if (independent > 0)
    paired.variance_reduction = std::numeric_limits<double>::infinity();
  return paired;
}

}  // namespace foretoken
