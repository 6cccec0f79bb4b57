// The parts of a latency's key: p99 and ttft of p99_ttft_ms.
#pragma once

#include <optional>
#include <string_view>

#include "base/csv.hpp"
#include "foretoken/metrics/summary.hpp"

namespace foretoken {

struct LatencyKeyParts {
  std::string_view statistic;      // mean, median, p99 ...
  std::string_view metric;         // ttft
  std::optional<double> quantile;  // of a percentile, median, min or max; in [0, 1]
};

// Of a metric of all requests or of a class; empty for one that is no latency.
[[nodiscard]] inline std::optional<LatencyKeyParts> latency_key_parts(std::string_view key) {
  key = split_metric(key).key;
  if (key.starts_with("offered_")) key.remove_prefix(8);
  if (!key.ends_with("_ms")) return std::nullopt;
  key.remove_suffix(3);
  for (const LatencyMetric& metric : latency_metrics()) {
    if (key.size() <= metric.name.size() + 1 || !key.ends_with(metric.name)) continue;
    LatencyKeyParts parts{key.substr(0, key.size() - metric.name.size() - 1), metric.name, std::nullopt};
    double percent = 0;
    if (parts.statistic == "median") parts.quantile = 0.5;
    if (parts.statistic == "min") parts.quantile = 0;
    if (parts.statistic == "max") parts.quantile = 1;
    if (parts.statistic.starts_with("p") && parse_number(parts.statistic.substr(1), percent))
      parts.quantile = percent / 100;
    return parts;
  }
  return std::nullopt;
}

}  // namespace foretoken
