// Figures of two alternatives and what lies between them.
#pragma once

#include <string>
#include <vector>

#include "foretoken/study/compare.hpp"

namespace foretoken {

struct Samples {
  std::vector<std::vector<double>> values;  // [metric][replication]; NaN where a run has no such figure
  int replications = 0;
  std::int64_t requests = 0;
};

// Of the metrics that both have. Unpaired: Welch's interval, with its degrees of freedom taken as those of the
// smaller sample, which is the cautious side.
[[nodiscard]] std::vector<MetricChange> changes_of(const std::vector<std::string>& metrics, const Samples& before,
                                                   const Samples& after, Pairing pairing, double confidence);

// The difference of two means known within these half widths, taken as independent.
[[nodiscard]] Interval difference_of(double before, double before_half_width, double after, double after_half_width,
                                     double confidence);

}  // namespace foretoken
