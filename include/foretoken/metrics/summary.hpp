// The figures of a result: one table of columns, from which come JSON, the printed
// table, the metric names of `slo`, and their documentation.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/metrics/measures.hpp"

namespace foretoken {

// What the measures are put in relation to.
struct DeviceFigures {
  int num_gpus = 1;
  double peak_flops = 0;              // dense, of one device in the format of its matrix products; 0 = none
  double memory_bandwidth = 0;        // bytes/s of one device; 0 = none
  std::int64_t usable_kv_blocks = 0;  // of one replica
  double usd_per_hour = 0;            // of all GPUs together; 0 = no price known
  bool example_price = false;         // ... and it is nobody's quote
  double tdp_watts = 0;               // of one device; 0 = not known: no figures of energy
  double idle_watts = 0;
  int pipeline_stages = 1;  // of which one works at a time
  double usd_per_kwh = 0;   // 0 = not said
  std::optional<double> grid_g_per_kwh = std::nullopt;
};

enum class Scope { run, steady, request_class };

// One set of requests of one run, seen under a TPOT convention.
struct MeasureView {
  const RunMeasures& run;
  const Measures& requests;
  Scope scope = Scope::run;
  TpotConvention tpot = TpotConvention::per_output_token;
  DeviceFigures device;
};

enum class ColumnGroup { requests, throughput, goodput, load, device, money, energy };

// A figure that does not exist, as JSON's null.
inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// Contract: `value` is kMissing where the figure does not exist in the view.
struct Column {
  std::string_view key;    // request_throughput
  std::string_view title;  // for people
  std::string_view unit;   // req/s, tok/s, s, ms, or empty
  ColumnGroup group = ColumnGroup::requests;
  bool integer = false;
  double (*value)(const MeasureView&) = nullptr;
  std::string_view meaning;
};
[[nodiscard]] std::span<const Column> columns();

// A time per request (or per token) with its family of keys: mean_ttft_ms, p99_ttft_ms ...
struct LatencyMetric {
  std::string_view name;   // ttft
  std::string_view title;  // Time to First Token
  std::string_view meaning;
  const Distribution* (*of)(const MeasureView&) = nullptr;  // null where it does not exist
  bool per_request = true;                                  // requests that failed can be counted at the top
};
[[nodiscard]] std::span<const LatencyMetric> latency_metrics();
// Percentiles that every summary shows.
inline constexpr double kSummaryPercentiles[] = {50, 90, 95, 99};

struct SummaryEntry {
  std::string key;
  double value = 0;  // NaN: does not exist; infinity: a percentile among the failed requests
  bool integer = false;
  bool operator==(const SummaryEntry&) const = default;
};
struct Summary {
  std::vector<SummaryEntry> entries;  // in the order of the tables
  // NaN when there is no such key.
  [[nodiscard]] double operator[](std::string_view key) const;
  bool operator==(const Summary&) const = default;
};

// Every key that exists in the view. Latencies are over completed requests, as
// benchmarks report them; when requests failed, offered_p99_ttft_ms and the like
// stand beside, with the failed ones counted as infinity.
[[nodiscard]] Summary summarise(const MeasureView& view);

// Which requests a percentile is over.
enum class Population { completed, offered };
// Any key of the summary, and any statistic of a latency metric (p99.9_ttft_ms).
// Empty when the name is not a metric, NaN when it has no value in this view.
[[nodiscard]] std::optional<double> metric_value(const MeasureView& view, std::string_view key, Population population);

// The key of the summary that `name` means (p99_ttft → p99_ttft_ms), or empty.
[[nodiscard]] std::string canonical_metric(std::string_view name);
[[nodiscard]] std::string_view metric_unit(std::string_view key);
// Every plain key and the usual statistics, for "did you mean" and help.
[[nodiscard]] std::vector<std::string> metric_names();

// What people make of a latency.
[[nodiscard]] std::string_view ttft_grade(double milliseconds);
[[nodiscard]] std::string_view tpot_grade(double milliseconds);

// The bound on which most of a phase's time was spent.
struct Bottleneck {
  std::string_view bound;  // compute, memory, network, overhead; none when the phase did not happen
  double share[kTimeParts] = {};
};
[[nodiscard]] Bottleneck bottleneck(const std::array<FineTotal, kTimeParts>& parts);
[[nodiscard]] std::string_view to_string(TimePart part);

}  // namespace foretoken
