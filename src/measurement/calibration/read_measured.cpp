// Finds out which tool wrote a file, and reads it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "measurement/calibration/recorded_run.hpp"
#include "measurement/calibration/result_file.hpp"
#include "measurement/tables/csv_table.hpp"
#include "scenario/sha256.hpp"
#include "scenario/text_file.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 30;
constexpr const char* kKnown =
    "known are: vllm bench serve (JSON), SGLang bench_serving (JSON lines), GuideLLM (JSON), AIPerf (summary JSON, "
    "records in JSON lines), and folders with meta.json, requests.jsonl and timeseries.csv";

struct Document {
  std::vector<std::pair<int, Json>> values;  // with the line each begins on
};

// A file is one JSON value, or one a line.
Document parse_document(const std::string& text, const std::string& path, Diagnostics& problems) {
  Document document;
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) {
    problems.error({path, 0, 0}, "the file is empty", kKnown);
    return document;
  }
  const auto end = text.find_last_not_of(" \t\r\n");
  const auto first_break = text.find('\n', begin);
  const bool first_line_closes = first_break < end &&
                                 text.find_last_not_of(" \t\r", first_break - 1) != std::string::npos &&
                                 text[text.find_last_not_of(" \t\r", first_break - 1)] == '}';
  if (!first_line_closes) {
    Result<Json> json = parse_json(text, path);
    if (json)
      document.values.emplace_back(1, std::move(*json));
    else
      problems.append(json.error());
    return document;
  }
  int line = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t stop = std::min(text.find('\n', at), text.size());
    const std::string_view row = std::string_view(text).substr(at, stop - at);
    ++line;
    at = stop + 1;
    if (row.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Result<Json> json = parse_json(row, path);
    if (json) {
      document.values.emplace_back(line, std::move(*json));
      continue;
    }
    const Diagnostics found = json.error();
    for (const Diagnostic& d : found.items()) problems.error({path, line, d.where.column}, d.message, d.hint);
  }
  return document;
}

void read_values(const Document& document, const std::string& path, const MeasuredRun& empty, Diagnostics& problems,
                 std::vector<MeasuredRun>& runs) {
  if (is_aiperf_record(document.values.front().second)) {
    read_aiperf_records(document.values, path, empty, problems, runs);
    return;
  }
  for (std::size_t i = 0; i < document.values.size(); ++i) {
    const auto& [line, json] = document.values[i];
    MeasuredRun run = empty;
    if (document.values.size() > 1) run.name = fmt::format("{}#{}", path, i + 1);
    ResultObject result(json, path, line, problems);
    if (is_guidellm_report(json)) {
      read_guidellm_report(result, std::move(run), runs);
    } else if (is_bench_result(json)) {
      read_bench_result(result, std::move(run), runs);
    } else if (is_aiperf_summary(json)) {
      read_aiperf_summary(result, std::move(run), runs);
    } else {
      result.problem("not a result file of a known tool", kKnown);
    }
  }
}

}  // namespace

bool is_result_of_a_tool(const std::string& text, const std::string& origin) {
  Diagnostics ignored;
  const Document document = parse_document(text, origin, ignored);
  if (document.values.empty()) return false;
  const Json& first = document.values.front().second;
  return is_bench_result(first) || is_guidellm_report(first) || is_aiperf_summary(first) || is_aiperf_record(first);
}

std::string_view to_string(Latency latency) {
  constexpr std::string_view kNames[kLatencies] = {"ttft", "tpot", "e2el", "itl"};
  return kNames[static_cast<std::size_t>(latency)];
}

std::optional<double> ResultObject::number(const Json& value, const std::string& name) {
  if (value.is_null()) return std::nullopt;
  double number = 0;
  if (value.number(number) && std::isfinite(number) && number >= 0) return number;
  problem(fmt::format("'{}' must be a number of at least 0, got {}", name, to_text(value, 0).substr(0, 40)));
  return std::nullopt;
}

std::optional<std::int64_t> ResultObject::count(const std::string& key) {
  const auto value = number(key);
  if (!value) return std::nullopt;
  if (*value == std::floor(*value) && *value <= 1e9) return std::llround(*value);
  problem(fmt::format("'{}' must be a whole number, got {}", key, *value));
  return std::nullopt;
}

std::vector<double> ResultObject::numbers(const std::string& key) {
  const Json::Array* list = json_[key].if_array();
  std::vector<double> values;
  if (list == nullptr) {
    problem(fmt::format("'{}' is missing or not a list", key));
    return values;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto value = number((*list)[i], fmt::format("{}[{}]", key, i));
    if (!value) {
      if ((*list)[i].is_null()) problem(fmt::format("'{}[{}]' is null", key, i));
      return {};
    }
    values.push_back(*value);
  }
  return values;
}

void finish_requests(MeasuredRun& run, const std::string& path, int line, Diagnostics& problems) {
  if (run.completed == 0 || (run.requests.empty() && run.figures.empty())) {
    problems.error({path, line, 0}, run.failed > 0 ? fmt::format("{}: all {} requests failed", run.name, run.failed)
                                                   : fmt::format("{}: no request was completed", run.name));
    return;
  }
  for (const MeasuredRequest& r : run.requests) {
    if (r.prompt_tokens >= 1 && r.output_tokens >= 1 && r.ttft_ms > 0 && r.prompt_tokens <= 10'000'000 &&
        r.output_tokens <= 10'000'000 && r.e2e_ms >= r.ttft_ms)
      continue;
    problems.error({path, line, 0},
                   fmt::format("{}: a request of {} + {} tokens with TTFT {} ms and E2E {} ms cannot be", run.name,
                               r.prompt_tokens, r.output_tokens, r.ttft_ms, r.e2e_ms));
    return;
  }
  if (run.has_arrivals) {
    std::stable_sort(run.requests.begin(), run.requests.end(),
                     [](const MeasuredRequest& a, const MeasuredRequest& b) { return a.arrival < b.arrival; });
    const double first = run.requests.front().arrival;
    for (MeasuredRequest& r : run.requests) r.arrival -= first;
    constexpr double kLongest = 30 * 86400;
    if (run.requests.back().arrival > kLongest) {
      problems.error({path, line, 0},
                     fmt::format("{}: the sends are {:.0f} days apart: the time stamps are of several clocks", run.name,
                                 run.requests.back().arrival / 86400));
    }
  }
  if (run.failed > 0)
    run.notes.push_back(
        fmt::format("{} of {} requests failed and are left out", run.failed, run.failed + run.completed));
}

Result<std::vector<MeasuredRun>> read_measured(const std::string& path) {
  std::error_code ignored;
  std::vector<MeasuredRun> runs;
  Diagnostics problems;
  if (std::filesystem::is_directory(path, ignored)) {
    Result<MeasuredRun> run = read_recorded_run(path);
    if (!run) return run.error();
    runs.push_back(std::move(*run));
    return runs;
  }
  const auto text = read_text_file(path, kMostBytes, kKnown);
  if (!text) return text.error();
  const Document document = parse_document(*text, path, problems);
  if (problems.has_errors()) return first_problems(problems, path);
  MeasuredRun empty;
  empty.name = path;
  empty.sha256 = sha256(*text);
  read_values(document, path, empty, problems, runs);
  if (!problems.has_errors()) {
    for (MeasuredRun& run : runs) finish_requests(run, path, 0, problems);
  }
  if (problems.has_errors()) return first_problems(problems, path);
  return runs;
}

}  // namespace foretoken
