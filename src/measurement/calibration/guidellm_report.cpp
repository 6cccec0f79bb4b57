// GuideLLM reports: a list of benchmarks, each with distributions and, unless they were left out, its requests.
#include <fmt/format.h>

#include <algorithm>

#include "measurement/calibration/result_file.hpp"

namespace foretoken {
namespace {

struct DistributionKey {
  Latency latency;
  const char* name;
  double to_ms;
};
// Its time_per_output_token_ms includes the first token; inter_token_latency_ms is TPOT as others say.
constexpr DistributionKey kDistributions[] = {{Latency::ttft, "time_to_first_token_ms", 1},
                                              {Latency::tpot, "inter_token_latency_ms", 1},
                                              {Latency::e2e, "request_latency", 1e3}};

void read_guidellm_figures(ResultObject& result, const Json& metrics, MeasuredRun& run) {
  for (const DistributionKey& key : kDistributions) {
    const Json& all = metrics[key.name]["successful"];
    const auto add = [&](const Json& value, const std::string& what, double percentile) {
      const auto number = result.number(value, fmt::format("metrics.{}.successful.{}", key.name, what));
      if (number && *number > 0) run.figures.push_back({key.latency, percentile, *number * key.to_ms});
    };
    add(all["mean"], "mean", -1);
    add(all["median"], "median", 50);
    add(all["percentiles"]["p90"], "percentiles.p90", 90);
    add(all["percentiles"]["p99"], "percentiles.p99", 99);
  }
  if (run.figures.empty()) result.problem("'metrics' holds no latencies of successful requests");
}

// Its own figures, whatever single requests say beside: their percentiles are points of the sample.
void read_guidellm_reported(ResultObject& result, const Json& metrics, MeasuredRun& run) {
  const auto add = [&](const Json& value, const std::string& metric, double factor) {
    const auto number = result.number(value, metric);
    if (number && *number > 0) run.reported.push_back({metric, *number * factor});
  };
  for (const DistributionKey& key : kDistributions) {
    const Json& all = metrics[key.name]["successful"];
    const std::string latency(to_string(key.latency));
    add(all["mean"], fmt::format("mean_{}_ms", latency), key.to_ms);
    add(all["median"], fmt::format("median_{}_ms", latency), key.to_ms);
    for (const char* p : {"p90", "p95", "p99"})
      add(all["percentiles"][p], fmt::format("{}_{}_ms", p, latency), key.to_ms);
  }
  add(metrics["requests_per_second"]["successful"]["mean"], "request_throughput", 1);
  add(metrics["output_tokens_per_second"]["successful"]["mean"], "output_throughput", 1);
}

std::optional<MeasuredRequest> request_of(ResultObject& result, const Json& json, std::size_t index) {
  const std::size_t before = result.problems().items().size();
  const auto need = [&](const char* key) {
    const auto value = result.number(json[key], fmt::format("requests.successful[{}].{}", index, key));
    if (!value && result.problems().items().size() == before)
      result.problem(fmt::format("'requests.successful[{}].{}' is missing", index, key));
    return value.value_or(0);
  };
  MeasuredRequest r;
  r.prompt_tokens = std::llround(need("prompt_tokens"));
  r.output_tokens = std::llround(need("output_tokens"));
  r.ttft_ms = need("time_to_first_token_ms");
  r.e2e_ms = need("request_latency") * 1e3;
  const char* start = json["request_start_time"].is_null() ? "start_time" : "request_start_time";
  r.arrival = need(start);
  r.tpot_ms = r.output_tokens > 1 ? (r.e2e_ms - r.ttft_ms) / static_cast<double>(r.output_tokens - 1) : std::nan("");
  if (result.problems().items().size() != before) return std::nullopt;
  return r;
}

// How the load was made: the profile's strategy in "config" (newer) or "args" (older reports).
void read_guidellm_load(ResultObject& result, const Json& benchmark, MeasuredRun& run) {
  const Json* strategy = &benchmark["config"]["strategy"];
  if (strategy->is_null()) strategy = &benchmark["args"]["strategy"];
  if (strategy->is_null()) strategy = &benchmark["scheduler"]["strategy"];
  const std::string* type = (*strategy)["type_"].if_string();
  const std::int64_t sent = run.completed + run.failed;
  run.overrides.push_back(fmt::format("workload.num_prompts={}", sent));
  if (type == nullptr) {
    if (!run.has_arrivals) run.notes.push_back("the report does not say how load was made: the scenario's is used");
    return;
  }
  const auto rate = result.number((*strategy)["rate"], "strategy.rate");
  const auto streams = result.number((*strategy)["streams"], "strategy.streams");
  const auto limit = result.number((*strategy)["max_concurrency"], "strategy.max_concurrency");
  const auto closed = [&](double clients) {
    run.overrides.push_back("workload.request_rate=inf");
    run.overrides.push_back(fmt::format("workload.max_concurrency={}", std::llround(clients)));
  };
  if (*type == "synchronous") {
    closed(1);
  } else if (*type == "concurrent" && streams && *streams >= 1) {
    closed(*streams);
  } else if (*type == "throughput") {
    if (limit && *limit >= 1)
      closed(*limit);
    else
      run.overrides.push_back("workload.request_rate=inf");
  } else if ((*type == "constant" || *type == "poisson" || *type == "async") && rate && *rate > 0) {
    run.overrides.push_back(fmt::format("workload.request_rate={}", *rate));
    if (*type != "poisson") run.overrides.push_back("workload.burstiness=inf");
  }
}

}  // namespace

bool is_guidellm_report(const Json& json) {
  return json["benchmarks"].if_array() != nullptr;
}

void read_guidellm_report(ResultObject& result, MeasuredRun run, std::vector<MeasuredRun>& runs) {
  const Json::Array& benchmarks = *result.json()["benchmarks"].if_array();
  if (benchmarks.empty()) result.problem("'benchmarks' is empty");
  const std::string file = run.name;
  for (std::size_t i = 0; i < benchmarks.size(); ++i) {
    MeasuredRun one = run;
    one.format = "guidellm";
    if (benchmarks.size() > 1) one.name = fmt::format("{}#{}", file, i + 1);
    const Json& benchmark = benchmarks[i];
    const std::size_t before = result.problems().items().size();
    const Json& totals = benchmark["metrics"]["request_totals"];
    const auto total = [&](const char* key) {
      return std::llround(result.number(totals[key], std::string("metrics.request_totals.") + key).value_or(0));
    };
    one.failed = total("errored") + total("incomplete");
    const Json::Array* requests = benchmark["requests"]["successful"].if_array();
    one.completed =
        requests != nullptr && !requests->empty() ? static_cast<std::int64_t>(requests->size()) : total("successful");
    if (requests != nullptr && !requests->empty()) {
      one.has_arrivals = true;
      for (std::size_t r = 0; r < requests->size(); ++r) {
        if (const auto request = request_of(result, (*requests)[r], r)) one.requests.push_back(*request);
      }
    } else if (one.completed > 0 || totals.is_null()) {
      read_guidellm_figures(result, benchmark["metrics"], one);
    }
    read_guidellm_reported(result, benchmark["metrics"], one);
    read_guidellm_load(result, benchmark, one);
    if (result.problems().items().size() == before) runs.push_back(std::move(one));
  }
}

}  // namespace foretoken
