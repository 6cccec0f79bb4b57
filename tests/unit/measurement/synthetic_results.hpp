// Result files as benchmark tools would have written them, of a deployment that the test makes up.
#pragma once

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/run.hpp"

namespace foretoken::test {

struct SyntheticRequest {
  std::int64_t prompt = 0, output = 0;
  double arrival = 0, ttft = 0, e2e = 0;  // seconds
};

// What clients see of `scenario`; `stretch(i)` is a factor on the times of request i.
inline std::vector<SyntheticRequest> serve(const Scenario& scenario,
                                           const std::function<double(std::size_t)>& stretch) {
  std::vector<SyntheticRequest> requests(static_cast<std::size_t>(*scenario.workload.num_prompts));
  RunOptions options;
  options.threads = 1;
  options.on_request = [&](int, const RequestRecord& r) {
    const auto i = static_cast<std::size_t>(r.request.index);
    const double factor = stretch(i);
    requests.at(i) = {
        r.request.prompt_tokens, r.request.output_tokens, to_seconds(r.request.arrival.time_since_epoch()),
        to_seconds(r.first_token - r.request.arrival) * factor, to_seconds(r.finish - r.request.arrival) * factor};
  };
  if (!run_scenario(scenario, options)) throw std::runtime_error("the synthetic scenario does not run");
  return requests;
}

inline double tpot_of(const SyntheticRequest& r) {
  return r.output > 1 ? (r.e2e - r.ttft) / static_cast<double>(r.output - 1) : 0;
}

inline Json numbers(const std::vector<SyntheticRequest>& requests, double (*of)(const SyntheticRequest&)) {
  Json list = Json::array();
  for (const SyntheticRequest& r : requests) list.push_back(of(r));
  return list;
}

// vllm bench serve --save-detailed; its start times are of a clock of its own.
inline Json vllm_detailed(const std::vector<SyntheticRequest>& requests) {
  Json json = Json::object();
  json["model_id"] = "meta-llama/Llama-3.1-8B";
  json["num_prompts"] = static_cast<std::int64_t>(requests.size());
  json["request_rate"] = 8.0;
  json["max_concurrency"] = nullptr;
  json["completed"] = static_cast<std::int64_t>(requests.size());
  json["failed"] = 0;
  json["input_lens"] = Json::array();
  json["output_lens"] = Json::array();
  json["itls"] = Json::array();
  for (const SyntheticRequest& r : requests) {
    json["input_lens"].push_back(r.prompt);
    json["output_lens"].push_back(r.output);
    Json gaps = Json::array();
    for (std::int64_t i = 1; i < r.output; ++i) gaps.push_back(tpot_of(r));
    json["itls"].push_back(std::move(gaps));
  }
  json["ttfts"] = numbers(requests, [](const SyntheticRequest& r) { return r.ttft; });
  json["start_times"] = numbers(requests, [](const SyntheticRequest& r) { return 4711.5 + r.arrival; });
  return json;
}

inline Json sglang_line(const std::vector<SyntheticRequest>& requests) {
  Json json = vllm_detailed(requests);
  Json line = Json::object();
  for (const auto& [key, value] : *json.if_object()) {
    if (key != "start_times" && key != "model_id" && key != "num_prompts") line[key] = value;
  }
  line["backend"] = "sglang";
  line["sharegpt_output_len"] = nullptr;
  line["mean_e2e_latency_ms"] = 1.0;
  return line;
}

inline Json guidellm_report(const std::vector<SyntheticRequest>& requests) {
  Json benchmark = Json::object();
  benchmark["config"]["strategy"]["type_"] = "poisson";
  benchmark["config"]["strategy"]["rate"] = 8.0;
  benchmark["metrics"]["request_totals"]["successful"] = static_cast<std::int64_t>(requests.size());
  Json list = Json::array();
  for (const SyntheticRequest& r : requests) {
    Json one = Json::object();
    one["prompt_tokens"] = r.prompt;
    one["output_tokens"] = r.output;
    one["request_start_time"] = 1.7e9 + r.arrival;
    one["time_to_first_token_ms"] = r.ttft * 1e3;
    one["request_latency"] = r.e2e;
    list.push_back(std::move(one));
  }
  benchmark["requests"]["successful"] = std::move(list);
  Json json = Json::object();
  json["benchmarks"].push_back(std::move(benchmark));
  return json;
}

inline std::string aiperf_records(const std::vector<SyntheticRequest>& requests) {
  std::string text;
  const auto metric = [](Json value, const char* unit) {
    Json json = Json::object();
    json["value"] = std::move(value);
    json["unit"] = unit;
    return json;
  };
  for (const SyntheticRequest& r : requests) {
    Json json = Json::object();
    json["metadata"]["request_start_ns"] =
        1'700'000'000'000'000'000 + static_cast<std::int64_t>(std::llround(r.arrival * 1e9));
    json["metadata"]["benchmark_phase"] = "profiling";
    json["metrics"]["input_sequence_length"] = metric(r.prompt, "tokens");
    json["metrics"]["output_sequence_length"] = metric(r.output, "tokens");
    json["metrics"]["time_to_first_token"] = metric(r.ttft * 1e3, "ms");
    json["metrics"]["request_latency"] = metric(r.e2e * 1e3, "ms");
    json["error"] = nullptr;
    text += to_text(json, 0) + "\n";
  }
  return text;
}

// A folder with meta.json, requests.jsonl and timeseries.csv, with two clocks.
class RecordedFolder {
 public:
  explicit RecordedFolder(const std::vector<SyntheticRequest>& requests, double skew = 0) {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("h100_sxm-recorded-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_);
    std::ofstream(path_ / "meta.json")
        << R"({"model": "meta-llama/Llama-3.1-8B", "vllm_version": "0.19.0", "engine_kwargs": {"max_num_seqs": 128}})";
    std::ofstream(path_ / "timeseries.csv") << "t,running,waiting,kv_cache_pct\n1,1,0,0\n";
    std::ofstream rows(path_ / "requests.jsonl");
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const SyntheticRequest& r = requests[i];
      const double sent = 5000 + r.arrival + (i == 1 ? skew : 0);
      Json json = Json::object();
      json["request_id"] = "r" + std::to_string(i);
      json["input_toks"] = r.prompt;
      json["output_toks"] = r.output;
      json["arrival_time"] = 1.7e9 + r.arrival;
      json["queued_ts"] = sent;
      json["scheduled_ts"] = sent;
      json["first_token_ts"] = sent + r.ttft;
      json["last_token_ts"] = sent + r.e2e;
      rows << to_text(json, 0) << "\n";
    }
  }
  ~RecordedFolder() { std::filesystem::remove_all(path_); }
  RecordedFolder(const RecordedFolder&) = delete;
  RecordedFolder& operator=(const RecordedFolder&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace foretoken::test
