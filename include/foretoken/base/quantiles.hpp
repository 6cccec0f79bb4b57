// Quantiles of the distributions that intervals are made of.
#pragma once

namespace foretoken {

// Student's t; p in (0, 1), degrees > 0.
[[nodiscard]] double students_t_quantile(double p, double degrees);

}  // namespace foretoken
