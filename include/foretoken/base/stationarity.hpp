// Where a series has settled, and whether it keeps growing.
#pragma once

#include <cstddef>
#include <span>

namespace foretoken {

// MSER (White, Cobb, Spratt 2000): the cut that minimises the squared standard error of the mean of what
// is left, sum((y - mean)^2) / (n - d)^2. With means of 5 consecutive values as `series` it is MSER-5.
struct WarmupCut {
  std::size_t cut = 0;   // values to leave out
  bool settled = false;  // false: the best cut is as late as allowed (half), so the series may never have settled
};
[[nodiscard]] WarmupCut mser_cut(std::span<const double> series);

// Slope of the least-squares line through (x, y). 0 when it is not defined.
[[nodiscard]] double slope_of(std::span<const double> x, std::span<const double> y);

}  // namespace foretoken
