// Quantiles of the distributions that intervals are made of.
#pragma once

#include <cstdint>

namespace foretoken {

// Student's t; p in (0, 1), degrees > 0.
[[nodiscard]] double students_t_quantile(double p, double degrees);
// P(B <= k) for B binomial(n, q); q in [0, 1], n >= 0.
[[nodiscard]] double binomial_cdf(std::int64_t k, std::int64_t n, double q);

// Of the Beta distribution with both parameters above 0.
[[nodiscard]] double beta_quantile(double p, double a, double b);

}  // namespace foretoken
