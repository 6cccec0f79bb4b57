// Differences of means, paired and not.
#include "study/compare/samples.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace foretoken {
namespace {

std::vector<double> existing(const std::vector<double>& values, std::size_t count) {
  std::vector<double> kept(values.begin(),
                           values.begin() + static_cast<std::ptrdiff_t>(std::min(count, values.size())));
  std::erase_if(kept, [](double v) { return std::isnan(v); });
  return kept;
}

}  // namespace

Interval difference_of(double before, double before_half_width, double after, double after_half_width,
                       double confidence) {
  // Infinite minus infinite is no difference.
  const double value = before == after ? 0 : after - before;
  const double half = std::sqrt(before_half_width * before_half_width + after_half_width * after_half_width);
  Interval interval;
  interval.value = value;
  interval.confidence = confidence;
  if (std::isfinite(value) && std::isfinite(half)) {
    interval.low = value - half;
    interval.high = value + half;
  }
  return interval;
}

std::vector<MetricChange> changes_of(const std::vector<std::string>& metrics, const Samples& before,
                                     const Samples& after, Pairing pairing, double confidence) {
  const auto both = static_cast<std::size_t>(std::min(before.replications, after.replications));
  std::vector<MetricChange> changes;
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const std::vector<double> a = existing(before.values[i], both), b = existing(after.values[i], both);
    if (a.empty() || b.empty()) continue;
    const Interval mean_a = mean_interval(a, confidence), mean_b = mean_interval(b, confidence);
    MetricChange change{metrics[i], mean_a.value, mean_b.value, {}};
    // A replication without the figure would shift the pairs.
    if (pairing == Pairing::paired && a.size() == both && b.size() == both) {
      change.change = paired_difference(a, b, confidence);
    } else {
      change.change.difference =
          difference_of(mean_a.value, mean_a.half_width(), mean_b.value, mean_b.half_width(), confidence);
    }
    if (std::isnan(change.change.difference.value))
      change.change.difference.value = mean_a.value == mean_b.value ? 0 : mean_b.value - mean_a.value;
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace foretoken
