// The file that vLLM's own plotting and sweep tools read.
#include "report/vllm_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "report/shape/shape.hpp"

namespace foretoken {
namespace {

// Keys of the benchmark's result, in its order.
constexpr const char* kPlainKeys[] = {"duration",
                                      "completed",
                                      "failed",
                                      "total_input_tokens",
                                      "total_output_tokens",
                                      "request_throughput",
                                      "request_goodput",
                                      "output_throughput",
                                      "total_token_throughput",
                                      "max_output_tokens_per_s",
                                      "max_concurrent_requests"};
constexpr const char* kLatencies[] = {"ttft", "tpot", "itl", "e2el"};
constexpr const char* kStatistics[] = {"mean", "median", "std", "p50", "p90", "p95", "p99"};

void add_load(Json& json, const WorkloadConfig& workload) {
  Json rate("inf");
  Json burstiness(1.0);
  if (const auto* renewal = std::get_if<RenewalArrivals>(&workload.arrivals)) {
    rate = Json(renewal->rate);
    burstiness = std::isinf(renewal->burstiness) ? Json("inf") : Json(renewal->burstiness);
  }
  json["request_rate"] = std::move(rate);
  json["burstiness"] = std::move(burstiness);
  json["max_concurrency"] = workload.max_concurrency ? Json(*workload.max_concurrency) : Json();
}

}  // namespace

Json vllm_shape() {
  using namespace shape;
  Keys keys{{"endpoint_type", text()},
            {"backend", text()},
            {"label", any()},
            {"model_id", text()},
            {"tokenizer_id", text()},
            {"num_prompts?", count()},
            {"request_rate?", either({figure(), constant("inf")})},
            {"burstiness?", either({figure(), constant("inf")})},
            {"max_concurrency?", or_null(count())}};
  for (const char* key : kPlainKeys) keys.push_back({fmt::format("{}?", key), figure()});
  for (const char* latency : kLatencies) {
    for (const char* statistic : kStatistics) keys.push_back({fmt::format("{}_{}_ms?", statistic, latency), figure()});
  }
  return object(keys);
}

Json to_vllm_json(const RunResult& result, std::size_t replication) {
  Json json = Json::object();
  const std::string& hf_id = result.scenario.deployment.model.hf_id;
  const std::string& model = hf_id.empty() ? result.scenario.deployment.model.id : hf_id;
  json["endpoint_type"] = "foretoken";
  json["backend"] = "foretoken";
  json["label"] = nullptr;
  json["model_id"] = model;
  json["tokenizer_id"] = model;
  if (replication >= result.replications.size()) return json;
  const RunMeasures& run = result.replications[replication].measures;
  json["num_prompts"] = run.all.offered();
  add_load(json, result.scenario.workload);
  const Summary summary = summarise({run, run.all, Scope::run, TpotConvention::vllm, result.device});
  const auto copy = [&](const std::string& key) {
    const auto same = [&](const SummaryEntry& e) { return e.key == key; };
    const auto it = std::find_if(summary.entries.begin(), summary.entries.end(), same);
    if (it == summary.entries.end()) {
      json[key] = nullptr;
    } else {
      json[key] = it->integer ? Json(static_cast<std::int64_t>(it->value)) : Json(it->value);
    }
  };
  for (const char* key : kPlainKeys) copy(key);
  for (const char* latency : kLatencies) {
    for (const char* statistic : kStatistics) copy(fmt::format("{}_{}_ms", statistic, latency));
  }
  return json;
}

}  // namespace foretoken
