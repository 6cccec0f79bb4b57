// Text by the rules of https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md.
#include "report/openmetrics.hpp"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <vector>

#include "base/visible.hpp"
#include "report/launch_lines.hpp"

namespace foretoken {
namespace {

// vLLM's names and words; of a counter without `_total`, which its sample adds.
struct CounterName {
  ServerCounter counter;
  const char *name, *help, *label;  // label: one more, of the sample
};
constexpr CounterName kCounters[] = {
    {ServerCounter::prompt_tokens, "vllm:prompt_tokens", "Number of prefill tokens processed.", ""},
    {ServerCounter::generation_tokens, "vllm:generation_tokens", "Number of generation tokens processed.", ""},
    {ServerCounter::preemptions, "vllm:num_preemptions", "Cumulative number of preemption from the engine.", ""},
    {ServerCounter::prefix_cache_queries, "vllm:prefix_cache_queries",
     "Prefix cache queries, in terms of number of queried tokens.", ""},
    {ServerCounter::prefix_cache_hits, "vllm:prefix_cache_hits",
     "Prefix cache hits, in terms of number of cached tokens.", ""},
    {ServerCounter::finished, "vllm:request_success", "Count of successfully processed requests.", "length"},
    {ServerCounter::aborted, "vllm:request_success", "", "abort"}};

struct HistogramName {
  ServerHistogram histogram;
  const char *name, *help;
};
constexpr HistogramName kHistograms[] = {
    {ServerHistogram::ttft, "vllm:time_to_first_token_seconds", "Histogram of time to first token in seconds."},
    {ServerHistogram::inter_token, "vllm:inter_token_latency_seconds", "Histogram of inter-token latency in seconds."},
    {ServerHistogram::tpot, "vllm:request_time_per_output_token_seconds",
     "Histogram of time_per_output_token_seconds per request."},
    {ServerHistogram::e2e, "vllm:e2e_request_latency_seconds", "Histogram of e2e request latency in seconds."},
    {ServerHistogram::queue, "vllm:request_queue_time_seconds",
     "Histogram of time spent in WAITING phase for request."},
    {ServerHistogram::inference, "vllm:request_inference_time_seconds",
     "Histogram of time spent in RUNNING phase for request."},
    {ServerHistogram::prefill, "vllm:request_prefill_time_seconds",
     "Histogram of time spent in PREFILL phase for request."},
    {ServerHistogram::decode, "vllm:request_decode_time_seconds",
     "Histogram of time spent in DECODE phase for request."},
    {ServerHistogram::prompt_tokens, "vllm:request_prompt_tokens", "Number of prefill tokens processed."},
    {ServerHistogram::generation_tokens, "vllm:request_generation_tokens", "Number of generation tokens processed."},
    {ServerHistogram::max_generation_tokens, "vllm:request_max_num_generation_tokens",
     "Histogram of maximum number of requested generation tokens."},
    {ServerHistogram::max_generation_tokens, "vllm:request_params_max_tokens",
     "Histogram of the max_tokens request parameter."},
    {ServerHistogram::prefill_computed, "vllm:request_prefill_kv_computed_tokens",
     "Histogram of new KV tokens computed during prefill (excluding cached tokens)."},
    {ServerHistogram::step_tokens, "vllm:iteration_tokens_total", "Histogram of number of tokens per engine_step."}};

std::string label_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

// As Prometheus' clients spell a number, with a point; from a million on with an exponent.
std::string metric_number(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos || dot <= 6 || text.find('e') != std::string::npos) return text;
  std::string mantissa = fmt::format("{}.{}{}", text[0], text.substr(1, dot - 1), text.substr(dot + 1));
  mantissa.erase(mantissa.find_last_not_of('0') + 1);
  if (mantissa.back() == '.') mantissa.pop_back();
  return fmt::format("{}e+{:02}", mantissa, dot - 1);
}

// What the samples of a rank say of it.
struct RankFacts {
  std::string model;
  std::string cache;  // labels of vllm:cache_config_info
  std::int64_t kv_blocks = 0;
};

RankFacts facts_of(const Scenario& s, std::int64_t kv_blocks) {
  const EngineConfig& e = s.engine;
  return {
      label_value(visible(served_model_name(s))),
      fmt::format(
          ",block_size=\"{}\",enable_prefix_caching=\"{}\",gpu_memory_utilization=\"{:g}\",num_gpu_blocks=\"{}\"",
          e.block_size, e.enable_prefix_caching ? "True" : "False", s.memory.gpu_memory_utilization, e.num_gpu_blocks),
      kv_blocks};
}

std::vector<RankFacts> ranks_of(const Scenario& s) {
  const std::vector<const PoolPlan*> pools = pools_by_rank(s);
  const std::vector<std::int64_t> blocks = kv_blocks_by_rank(s);
  std::vector<RankFacts> ranks;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    if (i > 0 && pools[i] == pools[i - 1])
      ranks.push_back(ranks.back());
    else
      ranks.push_back(facts_of(pools[i] == nullptr ? s : only_pool(s, *pools[i]), blocks[i]));
  }
  return ranks;
}

class MetricsPage {
 public:
  MetricsPage(const Scenario& scenario, const ServerMetrics& metrics, std::int64_t start)
      : ranks_(ranks_of(scenario)), metrics_(metrics), timed_(metrics.interval() != Duration::max()), start_(start) {}

  std::string take() {
    gauges();
    counters();
    for (const HistogramName& h : kHistograms) histogram(h);
    cache_info();
    return std::move(text_) + "# EOF\n";
  }

 private:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    text_ += fmt::format("# TYPE {} {}\n", name, type);
    if (name.ends_with("_seconds")) text_ += fmt::format("# UNIT {} seconds\n", name);
    text_ += fmt::format("# HELP {} {}\n", name, help);
  }
  [[nodiscard]] std::string labels(int rank, std::string_view more = "") const {
    return fmt::format("{{engine=\"{}\",model_name=\"{}\"{}}}", rank, facts(rank).model, more);
  }
  // Behind a value: the end of the interval; `point` 0 is the run's beginning.
  [[nodiscard]] std::string time(std::size_t point) const {
    if (!timed_) return "\n";
    const std::int64_t ns = metrics_.interval().count() * static_cast<std::int64_t>(point);
    return fmt::format(" {}.{:03}\n", start_ + ns / 1'000'000'000, ns / 1'000'000 % 1000);
  }
  // Each rank's points in time, one rank after the other. Without times the end alone.
  void each_point(const std::function<void(int rank, std::size_t point, bool shown)>& at) const {
    const std::size_t points = metrics_.intervals() + 1;
    for (int rank = 0; rank < metrics_.ranks(); ++rank) {
      for (std::size_t point = 0; point < points; ++point) at(rank, point, timed_ || point + 1 == points);
    }
  }

  void gauge(std::string_view name, std::string_view help,
             const std::function<double(const ServerMetrics::Gauges&, int rank)>& value) {
    family(name, "gauge", help);
    each_point([&](int rank, std::size_t point, bool shown) {
      if (!shown) return;
      // Behind its last request an engine is empty.
      const bool idle = point == 0 || point == metrics_.intervals();
      const ServerMetrics::Gauges now = idle ? ServerMetrics::Gauges{} : metrics_.gauges(rank, point - 1);
      text_ += fmt::format("{}{} {}{}", name, labels(rank), metric_number(value(now, rank)), time(point));
    });
  }
  void gauges() {
    gauge("vllm:num_requests_running", "Number of requests in model execution batches.",
          [](const ServerMetrics::Gauges& g, int) { return static_cast<double>(g.running); });
    gauge("vllm:num_requests_waiting", "Number of requests waiting to be processed.",
          [](const ServerMetrics::Gauges& g, int) { return static_cast<double>(g.waiting); });
    gauge("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.",
          [this](const ServerMetrics::Gauges& g, int rank) {
            const std::int64_t blocks = facts(rank).kv_blocks;
            return blocks > 0 ? static_cast<double>(g.kv_blocks) / static_cast<double>(blocks) : 0.0;
          });
  }

  void counters() {
    for (const CounterName& c : kCounters) {
      if (*c.help != '\0') family(c.name, "counter", c.help);
      const std::string label = *c.label == '\0' ? "" : fmt::format(",finished_reason=\"{}\"", c.label);
      double total = 0;
      each_point([&](int rank, std::size_t point, bool shown) {
        total = point == 0 ? 0.0 : total + metrics_.count(rank, point - 1, c.counter);
        if (shown)
          text_ += fmt::format("{}_total{} {}{}", c.name, labels(rank, label), metric_number(total), time(point));
      });
    }
  }

  void histogram(const HistogramName& h) {
    family(h.name, "histogram", h.help);
    const std::span<const double> bounds = metrics_.bounds(h.histogram);
    std::vector<double> totals(bounds.size() + 1, 0.0);
    double sum = 0;
    each_point([&](int rank, std::size_t point, bool shown) {
      if (point == 0) {
        totals.assign(totals.size(), 0.0);
        sum = 0;
      } else {
        const std::span<const double> cells = metrics_.cells(rank, point - 1, h.histogram);
        for (std::size_t i = 0; i < cells.size(); ++i) totals[i] += cells[i];
        sum += metrics_.sum(rank, point - 1, h.histogram);
      }
      if (shown) histogram_point(h.name, bounds, totals, sum, rank, point);
    });
  }
  void histogram_point(const char* name, std::span<const double> bounds, const std::vector<double>& totals, double sum,
                       int rank, std::size_t point) {
    double below = 0;
    for (std::size_t i = 0; i < totals.size(); ++i) {
      below += totals[i];
      const std::string le = i < bounds.size() ? metric_number(bounds[i]) : "+Inf";
      text_ += fmt::format("{}_bucket{} {}{}", name, labels(rank, fmt::format(",le=\"{}\"", le)), metric_number(below),
                           time(point));
    }
    text_ += fmt::format("{}_count{} {}{}", name, labels(rank), metric_number(below), time(point));
    text_ += fmt::format("{}_sum{} {}{}", name, labels(rank), metric_number(sum), time(point));
  }

  void cache_info() {
    family("vllm:cache_config_info", "gauge", "Information of the LLMEngine CacheConfig");
    each_point([&](int rank, std::size_t point, bool shown) {
      if (shown) text_ += fmt::format("vllm:cache_config_info{} 1.0{}", labels(rank, facts(rank).cache), time(point));
    });
  }

  [[nodiscard]] const RankFacts& facts(int rank) const { return ranks_[static_cast<std::size_t>(rank)]; }

  std::vector<RankFacts> ranks_;
  const ServerMetrics& metrics_;
  bool timed_;
  std::int64_t start_;
  std::string text_;
};

}  // namespace

ServerMetricsConfig server_metrics_config(const Scenario& scenario, Duration interval) {
  return {static_cast<int>(pools_by_rank(scenario).size()), interval, scenario.engine.max_model_len,
          scenario.engine.enable_prefix_caching};
}

std::string to_openmetrics(const Scenario& scenario, const ServerMetrics& metrics, std::int64_t start) {
  return MetricsPage(scenario, metrics, start).take();
}

}  // namespace foretoken
