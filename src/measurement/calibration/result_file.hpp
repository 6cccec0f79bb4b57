// Typed access to one JSON result of a benchmark tool; problems are collected with file and line.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "foretoken/base/json.hpp"
#include "measurement/calibration/measured_run.hpp"

namespace foretoken {

class ResultObject {
 public:
  ResultObject(const Json& json, std::string path, int line, Diagnostics& problems)
      : json_(json), path_(std::move(path)), line_(line), problems_(problems) {}

  [[nodiscard]] const Json& json() const { return json_; }
  [[nodiscard]] Diagnostics& problems() { return problems_; }
  void problem(std::string message, std::string hint = {}) {
    problems_.error({path_, line_, 0}, std::move(message), std::move(hint));
  }
  // Absent and null are nothing; anything else that is no finite number of at least 0 is a problem.
  [[nodiscard]] std::optional<double> number(const Json& value, const std::string& name);
  [[nodiscard]] std::optional<double> number(const std::string& key) { return number(json_[key], key); }
  [[nodiscard]] std::optional<std::int64_t> count(const std::string& key);
  // Numbers of a list; a problem names the first bad element.
  [[nodiscard]] std::vector<double> numbers(const std::string& key);

 private:
  const Json& json_;
  std::string path_;
  int line_;
  Diagnostics& problems_;
};

// One reader per tool. Each appends to `runs`, or says in `problems` why it cannot.
void read_bench_result(ResultObject& result, MeasuredRun run, std::vector<MeasuredRun>& runs);  // vllm, sglang
void read_guidellm_report(ResultObject& result, MeasuredRun run, std::vector<MeasuredRun>& runs);
void read_aiperf_summary(ResultObject& result, MeasuredRun run, std::vector<MeasuredRun>& runs);
// Lines of AIPerf's profile_export.jsonl.
void read_aiperf_records(const std::vector<std::pair<int, Json>>& lines, const std::string& path, MeasuredRun run,
                         Diagnostics& problems, std::vector<MeasuredRun>& runs);
// Orders requests by arrival, counts from the first, and refuses a run of failures.
void finish_requests(MeasuredRun& run, const std::string& path, int line, Diagnostics& problems);

[[nodiscard]] bool is_bench_result(const Json& json);
[[nodiscard]] bool is_guidellm_report(const Json& json);
[[nodiscard]] bool is_aiperf_summary(const Json& json);
[[nodiscard]] bool is_aiperf_record(const Json& json);

}  // namespace foretoken
