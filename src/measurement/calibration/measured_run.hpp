// One measured run, whatever tool wrote it: what was sent, and how long it took.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "foretoken/base/json.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {

enum class Latency { ttft, tpot, e2e, itl };
inline constexpr std::size_t kLatencies = 4;
[[nodiscard]] std::string_view to_string(Latency latency);  // ttft, tpot, e2el, itl as result files say

// As measured by the client; TPOT divides by N - 1 and is NaN for one token.
struct MeasuredRequest {
  std::int64_t prompt_tokens = 0, output_tokens = 0;
  double arrival = 0;  // s since the first send, where MeasuredRun::has_arrivals
  double ttft_ms = 0, tpot_ms = 0, e2e_ms = 0;
};
// A figure of the whole run; mean or percentile.
struct MeasuredFigure {
  Latency latency = Latency::ttft;
  double percentile = -1;  // 50 = median; below 0: the mean
  double milliseconds = 0;
};

// A figure as the tool printed it, under the key of the summary that means the same: p95_ttft_ms, output_throughput.
struct ReportedFigure {
  std::string metric;
  double value = 0;
};

struct MeasuredRun {
  std::string name;    // the file, and which of its runs if it has several
  std::string format;  // vllm, sglang, guidellm, aiperf, replay
  std::string sha256;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  // In the order of sending; empty where the file has figures only.
  std::vector<MeasuredRequest> requests;
  bool has_arrivals = false;
  std::vector<MeasuredFigure> figures;   // where there are no requests
  std::vector<ReportedFigure> reported;  // all that the file says itself, whatever is fitted
  // What the file says about its load and engine, as --set takes it.
  std::vector<std::string> overrides;
  // 0 and empty where the file does not say it.
  std::int64_t num_prompts = 0;  // sent
  double mean_prompt_tokens = 0, mean_output_tokens = 0;
  std::string model;    // as the file calls it
  std::string backend;  // what the tool talked to: vllm, sglang, openai-chat ...
  std::vector<std::string> notes;
};

// Every run of one file, or the one of a replay folder. Errors: foreign and empty files, missing keys,
// broken numbers, runs in which all requests failed.
[[nodiscard]] Result<std::vector<MeasuredRun>> read_measured(const std::string& path);
// Whether the text begins as a result that read_measured() knows.
[[nodiscard]] bool is_result_of_a_tool(const std::string& text, const std::string& origin);

}  // namespace foretoken
