// What the /metrics page of a vLLM server would have counted in a run: an observer whose memory does not grow with the
// run. Names and buckets are those of vLLM (vllm-project/vllm: vllm/v1/metrics/loggers.py, PrometheusStatLogger).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "foretoken/serving/observer.hpp"

namespace foretoken {

enum class ServerCounter {
  prompt_tokens,
  generation_tokens,
  preemptions,
  prefix_cache_queries,
  prefix_cache_hits,
  finished,  // by length, as every request here
  aborted,   // rejected or timed out
};
inline constexpr int kServerCounters = 7;

enum class ServerHistogram {
  ttft,
  inter_token,
  tpot,
  e2e,
  queue,
  inference,
  prefill,
  decode,
  prompt_tokens,
  generation_tokens,
  max_generation_tokens,
  prefill_computed,
  step_tokens,
};
inline constexpr int kServerHistograms = 13;

struct ServerMetricsConfig {
  int ranks = 1;
  Duration interval = Duration::max();  // of a sample; max: one for the whole run
  std::int64_t max_model_len = 8192;
  bool prefix_caching = false;
};

class ServerMetrics final : public Observer {
 public:
  // As it stood at the end of an interval.
  struct Gauges {
    std::int64_t running = 0, waiting = 0, kv_blocks = 0;
  };

  explicit ServerMetrics(const ServerMetricsConfig& config);

  void on_steps(const StepSpan& span) override;
  void on_request(const RequestRecord& record) override;
  void on_gap(Duration gap, std::int64_t rows) override;
  [[nodiscard]] bool wants_lifecycle() const override { return true; }
  void on_lifecycle(const LifecycleEvent& event) override;

  [[nodiscard]] int ranks() const { return static_cast<int>(samples_.size()); }
  // Wider than asked for when there would be too many.
  [[nodiscard]] Duration interval() const { return config_.interval; }
  [[nodiscard]] std::size_t intervals() const { return intervals_; }
  [[nodiscard]] std::span<const double> bounds(ServerHistogram histogram) const;

  // Of the interval alone; cells of a histogram are one per bound, and one beyond.
  [[nodiscard]] double count(int rank, std::size_t interval, ServerCounter counter) const;
  [[nodiscard]] std::span<const double> cells(int rank, std::size_t interval, ServerHistogram histogram) const;
  [[nodiscard]] double sum(int rank, std::size_t interval, ServerHistogram histogram) const;
  [[nodiscard]] Gauges gauges(int rank, std::size_t interval) const;

 private:
  struct Sample {
    std::vector<double> values;  // counters, then the cells and the sum of each histogram
    Gauges last;
    bool seen = false;
  };

  Sample& sample(int rank, TimePoint at);
  [[nodiscard]] const Sample* find(int rank, std::size_t interval) const;
  void double_interval();
  void add(Sample& to, ServerCounter counter, double amount) const;
  void observe(Sample& to, ServerHistogram histogram, double value, double times = 1) const;

  ServerMetricsConfig config_;
  std::vector<double> token_bounds_;
  std::vector<std::size_t> offsets_;  // of each histogram's cells
  std::size_t width_ = 0;             // values of a sample
  std::size_t intervals_ = 0;
  std::vector<std::vector<Sample>> samples_;  // by rank and interval
  int last_rank_ = 0;                         // of the last step: gaps name neither rank nor time
  TimePoint last_time_{};
};

}  // namespace foretoken
