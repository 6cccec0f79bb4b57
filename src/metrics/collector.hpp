// The observer that turns a simulation into measures, in constant time and memory per request.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "foretoken/metrics/summary.hpp"
#include "foretoken/serving/observer.hpp"
#include "foretoken/workload/workload_config.hpp"

namespace foretoken {

// Which requests are steady state. The first and last `fraction` of the requests
// are cut, by index in order of arrival when the total is known; otherwise those
// that arrive in the first and last `fraction` of `arrival_period`; with neither,
// only whole-run figures exist.
struct SteadyWindow {
  double fraction = 0.1;
  std::optional<std::int64_t> requests;
  std::optional<Duration> arrival_period;
  // Instead of shares: the requests [first, end) by index, and rates and gaps between open_window and close_window.
  struct Indices {
    std::int64_t first = 0;
    std::int64_t end = 0;
  };
  std::optional<Indices> indices = std::nullopt;
};

struct CollectorConfig {
  SteadyWindow window;
  std::vector<std::string> classes;       // names; empty = one class without a name
  std::vector<GoodputLimits> goodput{1};  // per class, or one entry when there are no classes
  std::size_t adapters = 0;               // of LoRA
};

// One request more in a cell: what became of it, its latencies, whether it kept `limits`.
void count_request(Measures& cell, const GoodputLimits& limits, const RequestRecord& record);

// The classes' names and limits of a workload, a class's own limits before the workload's.
[[nodiscard]] CollectorConfig collector_config(const WorkloadConfig& workload, double warmup_fraction,
                                               std::optional<std::int64_t> requests);

// Output tokens and completions on the clock, in buckets of 125 ms that double
// their width when a run outgrows kBuckets of them (36 hours).
class RateSeries {
 public:
  // Address space only: pages are touched as the run goes on, and nothing is ever copied.
  RateSeries() { buckets_.reserve(kBuckets); }
  void tokens(TimePoint at, std::int64_t count) { bucket(at).output_tokens += count; }
  void tokens(const StepSpan& span);
  void completion(TimePoint at, std::int64_t input_tokens) {
    Bucket& b = bucket(at);
    ++b.completed;
    b.input_tokens += input_tokens;
  }
  // Buckets that the window's edges cut count by the share inside.
  [[nodiscard]] WindowRates between(TimePoint begin, TimePoint end) const;
  [[nodiscard]] double busiest_second() const;  // NaN when buckets are wider than 1 s

 private:
  static constexpr std::size_t kBuckets = std::size_t{1} << 20;
  struct Bucket {
    std::int64_t output_tokens = 0;
    std::int64_t completed = 0;
    std::int64_t input_tokens = 0;
  };
  Bucket& bucket(TimePoint at) {
    if (at < begin_ || at >= end_) look_up(at);
    return buckets_[current_];
  }
  void look_up(TimePoint at);
  void double_width();

  std::vector<Bucket> buckets_;
  Duration width_{std::chrono::milliseconds{125}};
  // The bucket of the last look-up, [begin_, end_), spares the next a division.
  std::size_t current_ = 0;
  TimePoint begin_{};
  TimePoint end_{};
};

// Parts of times, summed over requests: in 64 bits while they fit, which a machine adds two at a time.
class AttributionSums {
 public:
  // `whole` is the sum of the parts, 146 years at most.
  void add(const Attribution& parts, Duration whole) {
    for (std::size_t i = 0; i < parts.size(); ++i) recent_[i] += parts[i].count();
    recent_whole_ += whole;
    if (recent_whole_ > kMostRecent) [[unlikely]]
      settle();
  }
  [[nodiscard]] const std::array<FineTotal, kAttributionParts>& sums() {
    settle();
    return sums_;
  }

 private:
  static constexpr Duration kMostRecent{std::int64_t{1} << 61};
  void settle();

  std::array<FineTotal, kAttributionParts> sums_{};  // but for the recent ones
  std::array<std::int64_t, kAttributionParts> recent_{};
  Duration recent_whole_{};
};

class MetricsCollector final : public Observer {
 public:
  explicit MetricsCollector(CollectorConfig config);

  void on_request(const RequestRecord& record) override;
  void on_steps(const StepSpan& span) override;
  void on_answer(const RequestRecord& answer) override;
  void on_gap(Duration gap, std::int64_t rows) override;

  // When the first measured request arrives, and when the first after the last does. What happens within
  // (opened, closed] is counted one by one, so that a window of whole waves of a closed loop holds whole waves.
  void open_window(TimePoint at) { opened_ = at; }
  void close_window(TimePoint at) { closed_ = at; }

  // Everything measured; the collector is empty afterwards.
  [[nodiscard]] RunMeasures take(const SimulationOutcome& outcome);
  [[nodiscard]] std::int64_t requests_seen() const { return seen_; }

 private:
  [[nodiscard]] bool is_steady(const Request& request) const;
  void add_gaps(const StepSpan& span, std::int64_t begin, std::int64_t end, Distribution& itl) const;
  void count_in_window(const StepSpan& span, std::int64_t first_tokens);

  CollectorConfig config_;
  std::int64_t steady_begin_ = 0;  // by index, or ns of arrival when the total is not known
  std::int64_t steady_end_ = 0;
  void count_adapter(const RequestRecord& record);

  std::vector<Measures> cells_;     // [class][outside, inside the steady window]
  std::vector<Measures> adapters_;  // of LoRA, the base model last; empty: there are none
  LatencyDistributions answers_;
  std::int64_t answers_completed_ = 0;
  Distribution itl_;
  Distribution steady_itl_;
  TimePoint opened_ = TimePoint::max();
  TimePoint closed_ = TimePoint::max();
  WindowRates in_window_;
  RateSeries rates_;
  AttributionSums ttft_parts_, e2e_parts_;
  std::int64_t seen_ = 0;
};

}  // namespace foretoken
