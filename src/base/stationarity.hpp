// Where a series has settled, and whether it keeps growing.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace foretoken {

// MSER (White, Cobb, Spratt 2000): the cut that minimises the squared standard error of the mean of what
// is left, sum((y - mean)^2) / (n - d)^2. With means of 5 consecutive values as `series` it is MSER-5.
struct WarmupCut {
  std::size_t cut = 0;   // values to leave out
  bool settled = false;  // false: the best cut is as late as allowed (half), so the series may never have settled
};
[[nodiscard]] WarmupCut mser_cut(std::span<const double> series);

// Integrated autocorrelation 1 + 2 (rho_1 + rho_2 + ...) of a stationary series, in values: so many of them are worth
// one independent one in a mean. Of several replications, around their common mean, so that a series which is still on
// its way, or wanders slower than it is long, counts as correlated over a good part of its length. Lags up to five
// times the result (Sokal, Monte Carlo Methods in Statistical Mechanics, 1996, section 3). At least 1; 1 for a constant
// series. Precondition: equally long.
[[nodiscard]] double correlation_length(std::span<const std::vector<double>> replications);

// Slope of the least-squares line through (x, y). 0 when it is not defined.
[[nodiscard]] double slope_of(std::span<const double> x, std::span<const double> y);

}  // namespace foretoken
