// Results of `vllm bench serve` and of SGLang's bench_serving: one flat object, with per-request lists
// where it was asked for them (--save-detailed, --output-details).
#include <fmt/format.h>

#include <algorithm>

#include "experiment/latency_key.hpp"
#include "measurement/calibration/result_file.hpp"

namespace foretoken {
namespace {

// Per-request lists are as long as the number of requests sent, failed ones included.
struct Details {
  std::vector<double> input_lens, output_lens, ttfts, start_times;
  const Json::Array* itls = nullptr;
  const Json::Array* errors = nullptr;
};

// The gaps of one request summed: from its first token to its last.
std::optional<double> seconds_after_first_token(ResultObject& result, const Json& gaps, std::size_t request) {
  const Json::Array* list = gaps.if_array();
  double sum = 0;
  if (list != nullptr) {
    for (const Json& gap : *list) {
      double seconds = 0;
      if (!gap.number(seconds) || !(seconds >= 0)) {
        list = nullptr;
        break;
      }
      sum += seconds;
    }
  }
  if (list != nullptr) return sum;
  result.problem(fmt::format("'itls[{}]' is not a list of seconds", request));
  return std::nullopt;
}

bool same_sizes(ResultObject& result, const Details& d) {
  const std::size_t n = d.ttfts.size();
  const std::pair<const char*, std::size_t> sizes[] = {
      {"input_lens", d.input_lens.size()},
      {"output_lens", d.output_lens.size()},
      {"itls", d.itls == nullptr ? 0 : d.itls->size()},
      {"start_times", d.start_times.empty() ? n : d.start_times.size()}};
  bool same = true;
  for (const auto& [key, size] : sizes) {
    if (size == n) continue;
    result.problem(
        fmt::format("'{}' has {} elements, 'ttfts' has {}: they must be of the same requests", key, size, n));
    same = false;
  }
  return same;
}

bool is_failed(const Details& d, std::size_t i) {
  const Json* error = d.errors != nullptr && i < d.errors->size() ? &(*d.errors)[i] : nullptr;
  const std::string* text = error == nullptr ? nullptr : error->if_string();
  return d.output_lens[i] < 1 || d.input_lens[i] < 1 || (text != nullptr && !text->empty());
}

void read_details(ResultObject& result, MeasuredRun& run) {
  Details d;
  const std::size_t before = result.problems().items().size();
  d.input_lens = result.numbers("input_lens");
  d.output_lens = result.numbers("output_lens");
  d.ttfts = result.numbers("ttfts");
  if (!result.json()["start_times"].is_null()) d.start_times = result.numbers("start_times");
  d.itls = result.json()["itls"].if_array();
  d.errors = result.json()["errors"].if_array();
  if (result.problems().items().size() != before || !same_sizes(result, d)) return;
  std::int64_t failed = 0;
  for (std::size_t i = 0; i < d.ttfts.size(); ++i) {
    if (is_failed(d, i)) {
      ++failed;
      continue;
    }
    const auto after = seconds_after_first_token(result, (*d.itls)[i], i);
    if (!after) return;
    MeasuredRequest r;
    r.prompt_tokens = std::llround(d.input_lens[i]);
    r.output_tokens = std::llround(d.output_lens[i]);
    if (!d.start_times.empty()) r.arrival = d.start_times[i];
    r.ttft_ms = d.ttfts[i] * 1e3;
    r.e2e_ms = (d.ttfts[i] + *after) * 1e3;
    r.tpot_ms = r.output_tokens > 1 ? *after * 1e3 / static_cast<double>(r.output_tokens - 1) : std::nan("");
    run.requests.push_back(r);
  }
  run.failed = failed;
  run.completed = static_cast<std::int64_t>(run.requests.size());
  run.has_arrivals = !d.start_times.empty();
}

struct FigureKey {
  Latency latency;
  const char* name;
};
// SGLang says e2e_latency where vLLM says e2el.
constexpr FigureKey kBenchFigures[] = {{Latency::ttft, "ttft"},
                                       {Latency::tpot, "tpot"},
                                       {Latency::e2e, "e2el"},
                                       {Latency::e2e, "e2e_latency"},
                                       {Latency::itl, "itl"}};

void read_bench_figures(ResultObject& result, MeasuredRun& run) {
  for (const FigureKey& figure : kBenchFigures) {
    const auto add = [&](const std::string& statistic, double percentile) {
      const auto value = result.number(fmt::format("{}_{}_ms", statistic, figure.name));
      if (value && *value > 0) run.figures.push_back({figure.latency, percentile, *value});
    };
    add("mean", -1);
    if (figure.latency == Latency::itl) continue;  // pooled over tokens: only its mean is predicted
    add("median", 50);
    for (const int p : {90, 99}) add(fmt::format("p{}", p), p);
  }
  const bool has_ttft = std::any_of(run.figures.begin(), run.figures.end(),
                                    [](const MeasuredFigure& f) { return f.latency == Latency::ttft; });
  if (!has_ttft) {
    result.problem("neither 'mean_ttft_ms' nor per-request 'ttfts' stand in this result",
                   "vllm bench serve writes them unless --percentile-metrics leaves ttft out");
  }
}

// mean_ttft_ms and p95_e2e_latency_ms to the keys of the summary; empty for anything else.
std::string summary_key(std::string key) {
  if (key == "total_throughput") return "total_token_throughput";
  for (const char* rate : {"request_throughput", "output_throughput", "total_token_throughput"}) {
    if (key == rate) return key;
  }
  if (const auto at = key.find("_e2e_latency_ms"); at != std::string::npos) key = key.substr(0, at) + "_e2el_ms";
  if (key.starts_with("p50_")) key.replace(0, 3, "median");
  const auto parts = latency_key_parts(key);
  return parts && (parts->statistic == "mean" || parts->quantile) && canonical_metric(key) == key ? key : std::string();
}

void read_reported(ResultObject& result, MeasuredRun& run) {
  const Json::Object* members = result.json().if_object();
  for (std::size_t i = 0; members != nullptr && i < members->size(); ++i) {
    const std::string metric = summary_key((*members)[i].first);
    double value = 0;
    if (metric.empty() || !(*members)[i].second.number(value) || !(value > 0)) continue;
    const bool known = std::any_of(run.reported.begin(), run.reported.end(),
                                   [&](const ReportedFigure& f) { return f.metric == metric; });
    if (!known) run.reported.push_back({metric, value});
  }
}

// A rate as the tools write it: a number, or "inf".
void read_rate(ResultObject& result, MeasuredRun& run) {
  const Json& rate = result.json()["request_rate"];
  const std::string* text = rate.if_string();
  if (text != nullptr && *text == "inf") {
    run.overrides.push_back("workload.request_rate=inf");
  } else if (const auto value = result.number(rate, "request_rate"); value && *value > 0) {
    run.overrides.push_back(fmt::format("workload.request_rate={}", *value));
  }
}

void read_bench_load(ResultObject& result, MeasuredRun& run, bool sglang) {
  read_rate(result, run);
  if (const auto burstiness = result.number("burstiness"); burstiness && *burstiness > 0 && *burstiness != 1)
    run.overrides.push_back(fmt::format("workload.burstiness={}", *burstiness));
  if (const auto limit = result.count("max_concurrency"); limit && *limit > 0)
    run.overrides.push_back(fmt::format("workload.max_concurrency={}", *limit));
  const auto prompts = result.count("num_prompts");
  run.num_prompts = prompts.value_or(0);
  const std::int64_t sent = prompts.value_or(run.completed + run.failed);
  if (sent > 0) run.overrides.push_back(fmt::format("workload.num_prompts={}", sent));
  if (!sglang || !run.requests.empty()) return;
  // SGLang draws random lengths from [range_ratio x L, L].
  const std::string* dataset = result.json()["dataset_name"].if_string();
  if (dataset == nullptr || *dataset != "random") return;
  const double ratio = result.number("random_range_ratio").value_or(0);
  for (const auto& [key, field] : {std::pair("random_input_len", "input"), std::pair("random_output_len", "output")}) {
    if (const auto length = result.count(key); length && *length > 0) {
      const auto least = std::max<std::int64_t>(1, static_cast<std::int64_t>(ratio * static_cast<double>(*length)));
      run.overrides.push_back(
          fmt::format("workload.{}_lengths={{distribution: uniform, min: {}, max: {}}}", field, least, *length));
      run.overrides.push_back(fmt::format("workload.random_{}_len=null", field));
    }
  }
}

// Totals are of completed requests.
void read_bench_lengths(ResultObject& result, MeasuredRun& run) {
  const auto requests = static_cast<double>(run.completed);
  if (!(requests > 0)) return;
  run.mean_prompt_tokens = result.number("total_input_tokens").value_or(0) / requests;
  run.mean_output_tokens = result.number("total_output_tokens").value_or(0) / requests;
}

}  // namespace

bool is_bench_result(const Json& json) {
  return !json["completed"].is_null() &&
         (!json["mean_ttft_ms"].is_null() || !json["ttfts"].is_null() || !json["request_throughput"].is_null());
}

void read_bench_result(ResultObject& result, MeasuredRun run, std::vector<MeasuredRun>& runs) {
  const bool sglang =
      !result.json()["mean_e2e_latency_ms"].is_null() || !result.json()["sharegpt_output_len"].is_null();
  run.format = sglang ? "sglang" : "vllm";
  if (const std::string* model = result.json()["model_id"].if_string()) run.model = *model;
  if (const std::string* backend = result.json()["backend"].if_string()) run.backend = *backend;
  const std::size_t before = result.problems().items().size();
  run.completed = result.count("completed").value_or(0);
  run.failed = result.count("failed").value_or(0);
  const Json::Array* ttfts = result.json()["ttfts"].if_array();
  if (ttfts != nullptr && !ttfts->empty() && run.completed > 0) {
    read_details(result, run);
  } else if (run.completed > 0) {
    read_bench_figures(result, run);
  }
  read_reported(result, run);
  read_bench_load(result, run, sglang);
  read_bench_lengths(result, run);
  if (result.problems().items().size() == before) runs.push_back(std::move(run));
}

}  // namespace foretoken
