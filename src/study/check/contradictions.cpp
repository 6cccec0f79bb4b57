// Pairs of objectives that exclude each other by the definition of the metrics.
#include <fmt/format.h>

#include "base/figures.hpp"
#include "experiment/latency_key.hpp"
#include "foretoken/study/check.hpp"

namespace foretoken {
namespace {

// A request waits before its first token, and has its first token before its last.
int place_in_request(std::string_view metric) {
  if (metric == "queue_time") return 0;
  if (metric == "ttft") return 1;
  return metric == "e2el" ? 2 : -1;
}

// Is `low`'s figure at most `high`'s in every run?
bool never_above(const LatencyKeyParts& low, const LatencyKeyParts& high) {
  const bool same_or_contained =
      low.metric == high.metric ||
      (place_in_request(low.metric) >= 0 && place_in_request(low.metric) <= place_in_request(high.metric));
  if (!same_or_contained) return false;
  if (low.statistic == high.statistic) return low.statistic != "std";
  if (low.statistic == "mean") return high.statistic == "max";
  if (high.statistic == "mean") return low.statistic == "min";
  return low.quantile && high.quantile && *low.quantile <= *high.quantile;
}

// A mean above a high percentile needs a tail far beyond it: with a share 1 - q above the limit L and the rest at
// most L, the tail's mean is at least (mean - q L) / (1 - q).
constexpr double kAbsurdTail = 10;  // times the percentile's limit

std::string contradiction(const SloLine& floor, const SloLine& ceiling) {
  const bool touches = floor.comparison == Comparison::at_least && ceiling.comparison == Comparison::at_most;
  if (floor.limit < ceiling.limit || (floor.limit == ceiling.limit && touches)) return {};
  if (floor.metric == ceiling.metric) return "no value is both";
  if (split_metric(floor.metric).request_class != split_metric(ceiling.metric).request_class) return {};
  const auto low = latency_key_parts(floor.metric), high = latency_key_parts(ceiling.metric);
  if (!low || !high) return {};
  if (never_above(*low, *high)) return fmt::format("{} is never above {}", floor.metric, ceiling.metric);
  if (low->metric == high->metric && low->statistic == "mean" && high->quantile && *high->quantile < 1) {
    const double q = *high->quantile;
    const double tail = (floor.limit - q * ceiling.limit) / (1 - q);
    if (tail > kAbsurdTail * ceiling.limit) {
      return fmt::format("the slowest {:.3g} % would have to average {} ms or more", (1 - q) * 100, plain_figure(tail));
    }
  }
  return {};
}

}  // namespace

Diagnostics contradictions(const Scenario& scenario) {
  SourceLocation where{scenario.name, 0, 0};
  for (const ResolvedField& field : scenario.fields) {
    if (field.path == "slo" && field.where.line > 0) where = field.where;
  }
  Diagnostics problems;
  for (const SloLine& floor : scenario.slo) {
    for (const SloLine& ceiling : scenario.slo) {
      if (is_upper_limit(floor.comparison) || !is_upper_limit(ceiling.comparison)) continue;
      const std::string why = contradiction(floor, ceiling);
      if (why.empty()) continue;
      problems.error(where,
                     fmt::format("'{}' and '{}' contradict each other: {}", ceiling.expression, floor.expression, why),
                     "change one of them");
    }
  }
  return problems;
}

}  // namespace foretoken
