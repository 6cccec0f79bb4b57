// How sure an estimate is: confidence intervals on means, percentiles and paired
// differences.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace foretoken {

struct Interval {
  double value = std::numeric_limits<double>::quiet_NaN();  // the estimate; NaN = no values
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  double confidence = 0.95;
  bool operator==(const Interval&) const = default;

  [[nodiscard]] double half_width() const { return low == high ? 0 : (high - low) / 2; }
};

// Student's t over independent values (one per replication): mean ± t · s / sqrt(n). Unbounded with
// one value. When some are infinite (a percentile among requests that were never served) the mean
// is too, and the interval runs from the smallest value: the median is above it with probability 1 - 2^-n.
[[nodiscard]] Interval mean_interval(std::span<const double> values, double confidence);

// The same for one long correlated series: the means of `batches` consecutive batches of equal size
// count as independent (Law, Simulation Modeling and Analysis, 9.5.3). Values that fill no batch are left out
// at the front, where the warm-up is.
[[nodiscard]] Interval batch_means_interval(std::span<const double> series, std::size_t batches, double confidence);

// The q-quantile from order statistics of independent values in rising order: ranks from the binomial
// distribution, so no assumption about the shape (David and Nagaraja, Order Statistics, 7.1). A side
// that the sample is too small for is unbounded.
[[nodiscard]] Interval quantile_interval(std::span<const double> sorted, double q, double confidence);

// mean_interval with the end on the long side of a skewed sample moved out by the second-order term of the t statistic
// (Johnson 1978; Hall 1992, section 3.2).
[[nodiscard]] Interval skewed_mean_interval(std::span<const double> values, double confidence);

// Figures of pooled data that are smooth in it, such as the mean of parts of random size: what the figure is
// `without_each` of n independent parts of the data tells its error (Tukey's jackknife). The pseudo-values n whole - (n
// - 1) without_i behave like n independent estimates of it, and their mean is free of the bias of order 1/n. Not finite
// where the figures are not. Precondition: n > 1.
[[nodiscard]] std::vector<double> pseudo_values(double whole, std::span<const double> without_each);
// skewed_mean_interval over the pseudo-values, of the logarithm where all figures are positive: what is far too low by
// chance then does not also look far too certain.
[[nodiscard]] Interval jackknife_interval(double whole, std::span<const double> without_each, double confidence);

// What changed between two alternatives that shared their random numbers, value by value.
struct PairedDifference {
  Interval difference;  // mean of after - before
  // Variance of the difference of independent runs over that of the paired ones: how many times more
  // replications would be needed without common random numbers. Infinite when all differences are equal,
  // NaN with fewer than two pairs or without any variance.
  double variance_reduction = std::numeric_limits<double>::quiet_NaN();
  bool operator==(const PairedDifference&) const = default;
};
// Pairs of which one value is not finite are left out. Precondition: equally many.
[[nodiscard]] PairedDifference paired_difference(std::span<const double> before, std::span<const double> after,
                                                 double confidence);

}  // namespace foretoken
