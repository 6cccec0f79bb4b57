// Warm-up cut and trend of a series.
#include "base/stationarity.hpp"

#include <algorithm>

#include "foretoken/base/result.hpp"

namespace foretoken {

// From the back, so that each cut's mean and sum of squares follow from the next by one update (Welford).
WarmupCut mser_cut(std::span<const double> series) {
  const std::size_t n = series.size();
  if (n < 4) return {0, false};
  const std::size_t latest = n / 2;
  double count = 0, mean = 0, squares = 0;
  double best = 0;
  std::size_t best_cut = n;
  for (std::size_t i = n; i-- > 0;) {
    count += 1;
    const double delta = series[i] - mean;
    mean += delta / count;
    squares += delta * (series[i] - mean);
    if (i > latest) continue;
    const double error = squares / (count * count);
    // Of equal errors the earliest cut: a constant series needs none.
    if (best_cut == n || error <= best) {
      best = error;
      best_cut = i;
    }
  }
  return {best_cut, best_cut < latest};
}

double correlation_length(std::span<const std::vector<double>> replications) {
  constexpr double kLagsPerLength = 5;
  if (replications.empty() || replications.front().empty()) return 1;
  const std::size_t n = replications.front().size();
  const double count = static_cast<double>(n * replications.size());
  double mean = 0;
  for (const auto& series : replications) {
    invariant(series.size() == n, "replications of one series are equally long");
    for (const double v : series) mean += v / count;
  }
  const auto covariance = [&](std::size_t lag) {
    double sum = 0;
    for (const auto& series : replications) {
      for (std::size_t i = 0; i + lag < n; ++i) sum += (series[i] - mean) * (series[i + lag] - mean);
    }
    return sum / count;
  };
  const double variance = covariance(0);
  // Rounding alone leaves a little of a constant.
  if (!(variance > 1e-24 * mean * mean)) return 1;
  double length = 1;
  for (std::size_t lag = 1; lag < n && static_cast<double>(lag) < kLagsPerLength * length; ++lag)
    length += 2 * covariance(lag) / variance;
  return std::max(1.0, length);
}

double slope_of(std::span<const double> x, std::span<const double> y) {
  invariant(x.size() == y.size(), "a trend needs as many x as y");
  if (x.empty()) return 0;
  double mean_x = 0, mean_y = 0;
  for (const double v : x) mean_x += v / static_cast<double>(x.size());
  for (const double v : y) mean_y += v / static_cast<double>(y.size());
  double products = 0, squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    products += (x[i] - mean_x) * (y[i] - mean_y);
    squares += (x[i] - mean_x) * (x[i] - mean_x);
  }
  return squares > 0 ? products / squares : 0;
}

}  // namespace foretoken
