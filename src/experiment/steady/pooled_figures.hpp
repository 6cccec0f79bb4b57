// Figures of many replications together: quantiles of the pooled requests, and what each part of them contributes.
#pragma once

#include <string>
#include <vector>

#include "foretoken/base/intervals.hpp"
#include "foretoken/metrics/summary.hpp"
#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

// A few independent parts, each of one or several replications, say everything about the error of a figure: of a mean
// by the jackknife, of a quantile by the share of each part's requests that lie above it.
class PooledFigures {
 public:
  // More parts than these add little to Student's t and much to the memory.
  static constexpr std::size_t kMostParts = 32;

  PooledFigures(const Scenario& scenario, const DeviceFigures& device, const std::string& metric);

  // In the order of the replications, each once.
  void add(const RunMeasures& run);

  // A latency's quantile or mean is that of the pooled requests; other figures are means over the parts. No value: no
  // part has one.
  [[nodiscard]] Interval interval(double confidence) const;
  // Independent estimates of the figure, one a part, whose mean it is: for differences between alternatives that share
  // their random numbers. NaN where a part has none.
  [[nodiscard]] std::vector<double> values() const;
  [[nodiscard]] std::size_t parts() const { return parts_.size(); }

 private:
  struct Part {
    BucketCounts latencies;
    std::int64_t failed = 0;
    double sum = 0;  // of the replications' figures, where it is no pooled one
    int replications = 0;
  };
  // All parts together.
  [[nodiscard]] Part pool() const;
  [[nodiscard]] double figure_of(const BucketCounts& latencies, std::int64_t failed) const;
  // Of a mean: of all parts, and of all but each.
  struct LeftOut {
    double whole = 0;
    std::vector<double> without_each;
  };
  [[nodiscard]] LeftOut leave_out() const;
  // Of a quantile: by how many of a part's requests more than 1 - q lie above this latency (ns), as shares of a mean
  // part.
  [[nodiscard]] std::vector<double> excess_above(double latency) const;
  [[nodiscard]] Interval quantile_interval(double confidence) const;
  [[nodiscard]] std::vector<double> quantile_values() const;
  [[nodiscard]] std::vector<double> mean_values() const;
  [[nodiscard]] std::vector<double> means() const;

  const Scenario& scenario_;
  const DeviceFigures& device_;
  std::string metric_;
  const LatencyMetric* latency_ = nullptr;  // of a pooled figure
  std::optional<double> quantile_;          // empty: the mean
  std::vector<Part> parts_;
  std::size_t added_ = 0;
};

// Has the metric a value that no longer run would change? A maximum grows with the run, and counts do.
[[nodiscard]] bool has_steady_value(std::string_view metric);

}  // namespace foretoken
