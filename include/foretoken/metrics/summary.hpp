// What is measured of a run, the objectives on it, and the figures that are quoted: one flat list of keys with their
// units.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/result.hpp"
#include "foretoken/base/statistics.hpp"
#include "foretoken/serving/simulation.hpp"

namespace foretoken {

enum class TpotConvention {
  per_output_token,  // (finish - first token) / N: E2E = TTFT + TPOT * N
  vllm,              // (finish - first token) / (N - 1), the benchmark convention
};
[[nodiscard]] constexpr std::string_view to_string(TpotConvention c) {
  return c == TpotConvention::vllm ? "vllm" : "per_output_token";
}

// Service-level objectives: one-line comparisons on the summary's own keys.

enum class Comparison { at_most, below, at_least, above };

// A metric of all requests, or of those of one class of the workload: `p99_ttft_ms of chat`.
struct MetricName {
  std::string_view key;            // of the summary
  std::string_view request_class;  // empty: all requests
};
[[nodiscard]] MetricName split_metric(std::string_view name);

// `p99_ttft <= 500 ms`, `p99_ttft_ms <= 500`, `output_throughput >= 2000`, `p99_ttft of chat <= 500 ms`.
struct SloLine {
  std::string expression;  // as written
  std::string metric;      // see MetricName: p99_ttft_ms
  Comparison comparison = Comparison::at_most;
  double limit = 0;  // in the key's unit
  bool operator==(const SloLine&) const = default;
};

// Any percentile of ttft, tpot, itl, e2el (p50, p99, p99.9), mean, median, std, min, max,
// and every plain key of the summary; behind ` of ` the class whose requests are meant, of latencies (but itl) and
// slo_attainment. Errors name the keys allowed; whether there is such a class is not known here.
[[nodiscard]] Result<SloLine> parse_slo_line(const std::string& text, const SourceLocation& where);

// `p99_ttft +- 3 %`: how closely a study must know a figure before it may stop.
struct PrecisionGoal {
  std::string expression;  // as written
  std::string metric;      // key of the summary
  double share = 0;        // half width of the interval over the figure
  bool operator==(const PrecisionGoal&) const = default;
};

// `p99_ttft ± 3 %`, `mean_tpot_ms +- 0.5 %`: the metrics of parse_slo_line, a share in percent.
[[nodiscard]] Result<PrecisionGoal> parse_precision_goal(const std::string& text, const SourceLocation& where);

struct SloVerdict {
  SloLine line;
  double value = 0;  // NaN when the metric does not exist in this run
  bool ok = false;
  double margin = 0;  // distance to the limit over the limit, positive = room; NaN when there is none
};

[[nodiscard]] SloVerdict judge(const SloLine& line, double value);
[[nodiscard]] std::string_view to_string(Comparison comparison);
[[nodiscard]] inline bool is_upper_limit(Comparison c) {
  return c == Comparison::at_most || c == Comparison::below;
}

// What was measured in one run: sums and distributions from which every figure of
// the summary is computed.

// Arrival a, first scheduled s, first token f, finish c, N output tokens; completed requests only.
struct LatencyDistributions {
  Distribution ttft;                 // f - a
  std::array<Distribution, 2> tpot;  // by TpotConvention; requests with N > 1
  Distribution e2el;                 // c - a
  Distribution queue_time;           // s - a
  void merge(const LatencyDistributions& other);
};

// A set of requests: all of them, those of the steady state, or those of one class.
struct Measures {
  LatencyDistributions latency;
  std::int64_t completed = 0;
  std::int64_t rejected = 0;
  std::int64_t timed_out = 0;
  std::int64_t unfinished = 0;
  std::int64_t lost = 0;          // their KV cache was, between pools
  std::int64_t aborted = 0;       // their clients closed the connection: no failure
  std::int64_t input_tokens = 0;  // of completed requests, as the next three
  std::int64_t output_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t preemptions = 0;
  FineTotal client_wait{};  // ns, of all requests: waited for a max_concurrency seat
  // Completed requests within every goodput limit of their class, by TPOT convention.
  std::array<std::int64_t, 2> good{};
  std::array<std::int64_t, 2> good_output_tokens{};
  // Requests for which limits were given, whatever became of them.
  std::int64_t limited = 0;
  TimePoint first_arrival = TimePoint::max();
  TimePoint last_arrival = TimePoint::min();
  TimePoint last_finish = TimePoint::min();

  [[nodiscard]] std::int64_t failed() const { return rejected + timed_out + unfinished + lost; }
  [[nodiscard]] std::int64_t offered() const { return completed + failed() + aborted; }
  void merge(const Measures& other);
};

struct ClassMeasures {
  std::string name;
  Measures measures;
};

// Rates within the steady window, counted on the clock and not by request.
struct WindowRates {
  double seconds = 0;
  double completed = 0;
  double input_tokens = 0;   // of requests that completed in the window
  double output_tokens = 0;  // emitted in the window
};

// What the ranks of one pool did.
struct PoolMeasures {
  ReplicaTotals engine;
  int ranks = 0;
  FleetTotals fleet = {};  // where any pool is a fleet
};

struct RunMeasures {
  Measures all;
  Measures steady;                       // without the first and last part of the requests
  std::vector<ClassMeasures> classes;    // empty when the workload has no named classes
  std::vector<Measures> steady_classes;  // what of them is in `steady`, in the same order
  std::vector<ClassMeasures> adapters;   // by LoRA adapter, the base model last; empty without any
  LatencyDistributions answers;          // of each answer, where requests have several
  std::int64_t answers_completed = 0;
  std::optional<WindowRates> window;                      // of `steady`; empty when it is too short to count in
  Distribution itl;                                       // gaps between tokens, pooled over all requests
  Distribution steady_itl;                                // of steps that end in a window that was opened on the clock
  std::array<FineTotal, kAttributionParts> ttft_parts{};  // ns, summed over completed requests
  std::array<FineTotal, kAttributionParts> e2e_parts{};
  double max_output_tokens_per_s = 0;        // busiest second; NaN when the run is too long for 1 s buckets
  std::int64_t max_concurrent_requests = 0;  // most in the system at once
  ReplicaTotals engine;                      // summed over replicas; peaks are maxima
  int replicas = 0;
  std::vector<PoolMeasures> pools;  // of several pools each; else empty
  FleetTotals fleet;                // on: replicas came and went
  ClientTotals clients;             // on: clients gave up and tried again
  std::vector<RouterTotals> routers;
  std::optional<std::int64_t> stale_admission_signals;
  TimePoint end = TimePoint::min();  // of the last event: a step may end after the last completion
  bool interrupted = false;

  // First send to last completion, in seconds; 0 when nothing completed.
  [[nodiscard]] double duration() const;
  // First send to the end of the last step: what shares of the engine's time are of.
  [[nodiscard]] double engine_duration() const;
};

// Sums, and maxima of the peaks.
[[nodiscard]] ReplicaTotals sum_of(const std::vector<ReplicaTotals>& replicas);
// Of several pools each; empty where there is one.
[[nodiscard]] std::vector<PoolMeasures> by_pool(const SimulationOutcome& outcome);

// The figures of a result: one table of columns, from which come JSON, the printed
// table, the metric names of `slo`, and their documentation.

// The devices of one pool, by its ranks.
struct PoolDevice {
  double gpus_per_rank = 1;
  double peak_flops = 0;  // of one device, as the next
  double memory_bandwidth = 0;
  double tdp_watts = 0;
  double idle_watts = 0;
  int pipeline_stages = 1;
  std::int64_t usable_kv_blocks = 0;  // of one rank
  double usd_per_hour = 0;            // of the pool
  PowerTerms power = {};
  double power_cap = 0;       // W; 0 = none
  double host_per_step = 0;   // s in which the device waits for its host
  double host_per_token = 0;  // the same for each token that comes out
};

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
  PowerTerms power = {};  // of one device, as the next three: see PoolDevice
  double power_cap = 0;
  double host_per_step = 0;
  double host_per_token = 0;
  std::vector<PoolDevice> pools = {};  // of several; the figures of one device above are then of no use
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

enum class ColumnGroup {
  requests,
  throughput,
  goodput,
  load,
  clients,
  fleet,
  answers,
  adapters,
  device,
  money,
  energy
};

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
// The same of one class of the run; of no requests where it has no such class. An empty name: the view itself.
[[nodiscard]] MeasureView of_class(const MeasureView& view, std::string_view request_class);
// Any key of the summary, any statistic of a latency metric (p99.9_ttft_ms), and either of a class.
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
