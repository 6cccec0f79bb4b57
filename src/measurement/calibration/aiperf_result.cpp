// AIPerf (and GenAI-Perf) exports: the summary profile_export_aiperf.json, and the records of single
// requests in profile_export.jsonl.
#include <fmt/format.h>

#include <algorithm>

#include "measurement/calibration/result_file.hpp"

namespace foretoken {
namespace {

struct MetricKey {
  Latency latency;
  const char* name;
};
// Its inter_token_latency is a request's mean: TPOT as vLLM says.
constexpr MetricKey kMetrics[] = {
    {Latency::ttft, "time_to_first_token"}, {Latency::tpot, "inter_token_latency"}, {Latency::e2e, "request_latency"}};

std::optional<double> to_ms(ResultObject& result, const Json& metric, const std::string& name) {
  const std::string* unit = metric["unit"].if_string();
  if (unit == nullptr || *unit == "ms") return 1;
  if (*unit == "s" || *unit == "sec") return 1e3;
  if (*unit == "us") return 1e-3;
  if (*unit == "ns") return 1e-6;
  result.problem(fmt::format("'{}' has the unit '{}'; ns, us, ms and s are known", name, *unit));
  return std::nullopt;
}

void read_aiperf_figures(ResultObject& result, MeasuredRun& run) {
  for (const MetricKey& key : kMetrics) {
    const Json& metric = result.json()[key.name];
    if (metric.is_null()) continue;
    const auto unit = to_ms(result, metric, key.name);
    if (!unit) continue;
    for (const auto& [statistic, percentile] :
         {std::pair("avg", -1.0), std::pair("p50", 50.0), std::pair("p90", 90.0), std::pair("p99", 99.0)}) {
      const auto value = result.number(metric[statistic], fmt::format("{}.{}", key.name, statistic));
      if (value && *value > 0) run.figures.push_back({key.latency, percentile, *value * *unit});
    }
  }
  if (run.figures.empty()) result.problem("the summary holds no latencies");
}

void read_aiperf_reported(ResultObject& result, MeasuredRun& run) {
  const auto add = [&](const Json& value, const std::string& metric, double factor) {
    const auto number = result.number(value, metric);
    if (number && *number > 0) run.reported.push_back({metric, *number * factor});
  };
  for (const MetricKey& key : kMetrics) {
    const Json& metric = result.json()[key.name];
    if (metric.is_null()) continue;
    const double factor = to_ms(result, metric, key.name).value_or(1);
    for (const auto& [statistic, name] : {std::pair("avg", "mean"), std::pair("p50", "median"), std::pair("p90", "p90"),
                                          std::pair("p95", "p95"), std::pair("p99", "p99")})
      add(metric[statistic], fmt::format("{}_{}_ms", name, to_string(key.latency)), factor);
  }
  add(result.json()["request_throughput"]["avg"], "request_throughput", 1);
  add(result.json()["output_token_throughput"]["avg"], "output_throughput", 1);
}

double average(ResultObject& result, const char* key) {
  return result.number(result.json()[key]["avg"], std::string(key) + ".avg").value_or(0);
}

// The model's name is one string, or a list of one.
void read_aiperf_model(ResultObject& result, MeasuredRun& run) {
  const Json& endpoint = result.json()["input_config"]["endpoint"];
  const Json::Array* names = endpoint["model_names"].if_array();
  const std::string* name =
      names != nullptr && names->size() == 1 ? names->front().if_string() : endpoint["model_names"].if_string();
  if (name != nullptr) run.model = *name;
}

void read_aiperf_load(ResultObject& result, MeasuredRun& run, bool counted) {
  const Json& load = result.json()["input_config"]["loadgen"];
  const auto rate = result.number(load["request_rate"], "input_config.loadgen.request_rate");
  const auto clients = result.number(load["concurrency"], "input_config.loadgen.concurrency");
  if (rate && *rate > 0) {
    run.overrides.push_back(fmt::format("workload.request_rate={}", *rate));
  } else if (clients && *clients >= 1) {
    run.overrides.push_back("workload.request_rate=inf");
  }
  if (clients && *clients >= 1)
    run.overrides.push_back(fmt::format("workload.max_concurrency={}", std::llround(*clients)));
  const std::int64_t sent = run.completed + run.failed;
  if (counted && sent > 0) run.overrides.push_back(fmt::format("workload.num_prompts={}", sent));
  for (const auto& [key, field] :
       {std::pair("input_sequence_length", "input"), std::pair("output_sequence_length", "output")}) {
    const Json& lengths = result.json()[key];
    const auto mean = result.number(lengths["avg"], std::string(key) + ".avg");
    (key == std::string_view("input_sequence_length") ? run.mean_prompt_tokens : run.mean_output_tokens) =
        mean.value_or(0);
    const double spread = result.number(lengths["std"], std::string(key) + ".std").value_or(0);
    // Without a spread the mean says it all; otherwise the scenario knows the distribution better.
    if (mean && *mean >= 1 && spread < 0.01 * *mean)
      run.overrides.push_back(fmt::format("workload.random_{}_len={}", field, std::llround(*mean)));
  }
}

std::optional<MeasuredRequest> request_of(ResultObject& result) {
  const std::size_t before = result.problems().items().size();
  const Json& metrics = result.json()["metrics"];
  const auto need = [&](const char* key) -> double {
    const Json& metric = metrics[key];
    const auto value = result.number(metric["value"], std::string("metrics.") + key);
    if (!value && result.problems().items().size() == before)
      result.problem(fmt::format("'metrics.{}' is missing", key));
    return value.value_or(0);
  };
  const auto milliseconds = [&](const char* key) { return need(key) * to_ms(result, metrics[key], key).value_or(1); };
  MeasuredRequest r;
  r.prompt_tokens = std::llround(need("input_sequence_length"));
  r.output_tokens = std::llround(need("output_sequence_length"));
  r.ttft_ms = milliseconds("time_to_first_token");
  r.e2e_ms = milliseconds("request_latency");
  r.tpot_ms = r.output_tokens > 1 ? (r.e2e_ms - r.ttft_ms) / static_cast<double>(r.output_tokens - 1) : std::nan("");
  const auto start = result.number(result.json()["metadata"]["request_start_ns"], "metadata.request_start_ns");
  if (!start && result.problems().items().size() == before) result.problem("'metadata.request_start_ns' is missing");
  r.arrival = start.value_or(0) * 1e-9;
  if (result.problems().items().size() != before) return std::nullopt;
  return r;
}

}  // namespace

bool is_aiperf_summary(const Json& json) {
  return !json["time_to_first_token"]["avg"].is_null() || !json["request_latency"]["avg"].is_null();
}

bool is_aiperf_record(const Json& json) {
  return json["metadata"].if_object() != nullptr && !json["metadata"]["request_start_ns"].is_null();
}

void read_aiperf_summary(ResultObject& result, MeasuredRun run, std::vector<MeasuredRun>& runs) {
  run.format = "aiperf";
  const std::size_t before = result.problems().items().size();
  const bool counted = !result.json()["request_count"].is_null();
  run.completed = counted ? std::llround(average(result, "request_count")) : 1;
  run.failed = std::llround(average(result, "error_request_count"));
  read_aiperf_model(result, run);
  if (run.completed > 0) read_aiperf_figures(result, run);
  if (result.problems().items().size() == before) read_aiperf_reported(result, run);
  read_aiperf_load(result, run, counted);
  if (result.problems().items().size() == before) runs.push_back(std::move(run));
}

void read_aiperf_records(const std::vector<std::pair<int, Json>>& lines, const std::string& path, MeasuredRun run,
                         Diagnostics& problems, std::vector<MeasuredRun>& runs) {
  run.format = "aiperf";
  run.has_arrivals = true;
  const std::size_t before = problems.items().size();
  for (const auto& [line, json] : lines) {
    ResultObject record(json, path, line, problems);
    const std::string* phase = json["metadata"]["benchmark_phase"].if_string();
    if (phase != nullptr && *phase != "profiling") continue;  // warm-up
    const bool* cancelled = json["metadata"]["was_cancelled"].if_bool();
    if (!json["error"].is_null() || (cancelled != nullptr && *cancelled)) {
      ++run.failed;
      continue;
    }
    if (const auto request = request_of(record)) run.requests.push_back(*request);
  }
  run.completed = static_cast<std::int64_t>(run.requests.size());
  run.overrides.push_back(
      fmt::format("workload.num_prompts={}", std::max<std::int64_t>(1, run.completed + run.failed)));
  if (problems.items().size() == before) runs.push_back(std::move(run));
}

}  // namespace foretoken
