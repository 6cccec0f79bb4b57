// Reads meta.json, requests.jsonl and timeseries.csv.
#include "measurement/accuracy/recording.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "base/csv.hpp"
#include "measurement/tables/csv_table.hpp"

namespace foretoken {
namespace {

Result<Json> read_json_file(const std::string& path) {
  auto lines = LineReader::open(path);
  if (!lines) return lines.error();
  std::string text, line;
  while (lines->next(line)) text += line + "\n";
  if (!lines->diagnostics().empty()) return lines->diagnostics();
  return parse_json(text, path);
}

void read_meta(const std::string& path, Recording& recording, Diagnostics& problems) {
  const Result<Json> json = read_json_file(path);
  if (!json) {
    problems.append(json.error());
    return;
  }
  const std::string* model = (*json)["model"].if_string();
  const std::string* version = (*json)["vllm_version"].if_string();
  if (model == nullptr) problems.error({path, 0, 0}, "'model' is missing or not a text");
  if (version == nullptr) problems.error({path, 0, 0}, "'vllm_version' is missing or not a text");
  if ((*json)["engine_kwargs"].if_object() == nullptr) {
    problems.error({path, 0, 0}, "'engine_kwargs' is missing or not an object");
  }
  if (model != nullptr) recording.model = *model;
  if (version != nullptr) recording.version = *version;
  recording.arguments = (*json)["engine_kwargs"];
}

class RequestReader {
 public:
  RequestReader(const std::string& path, Diagnostics& problems) : path_(path), problems_(problems) {}

  void read(std::vector<RecordedRequest>& requests) {
    auto lines = LineReader::open(path_);
    if (!lines) {
      problems_.append(lines.error());
      return;
    }
    std::string line;
    while (lines->next(line)) {
      if (line.find_first_not_of(" \t") == std::string::npos) continue;
      line_ = lines->line_number();
      if (const auto request = parse(line)) requests.push_back(*request);
    }
    problems_.append(lines->diagnostics());
    if (requests.empty() && !problems_.has_errors()) problems_.error({path_, 0, 0}, "the file holds no requests");
  }

 private:
  std::optional<RecordedRequest> parse(const std::string& line) {
    const Result<Json> json = parse_json(line, path_);
    if (!json) {
      const Diagnostics found = json.error();
      for (const Diagnostic& d : found.items()) problems_.error({path_, line_, d.where.column}, d.message, d.hint);
      return std::nullopt;
    }
    const std::size_t before = problems_.items().size();
    RecordedRequest r;
    r.line = line_;
    const std::string* id = (*json)["request_id"].if_string();
    r.id = id != nullptr ? *id : fmt::format("line {}", line_);
    r.prompt_tokens = tokens(*json, "input_toks");
    r.output_tokens = tokens(*json, "output_toks");
    r.arrival = seconds(*json, "arrival_time");
    r.queued = seconds(*json, "queued_ts");
    r.scheduled = seconds(*json, "scheduled_ts");
    r.first_token = seconds(*json, "first_token_ts");
    r.last_token = seconds(*json, "last_token_ts");
    if (problems_.items().size() != before) return std::nullopt;
    check_order(r);
    return r;
  }
  double seconds(const Json& json, const char* key) {
    double value = 0;
    if (json[key].number(value) && value >= 0) return value;
    problem(fmt::format("'{}' is missing or not a time of at least 0", key));
    return 0;
  }
  std::int64_t tokens(const Json& json, const char* key) {
    const std::int64_t* value = json[key].if_int();
    if (value != nullptr && *value >= 1 && static_cast<double>(*value) <= kMostTokens) return *value;
    problem(fmt::format("'{}' is missing or not a whole number from 1 to {:.0f}", key, kMostTokens));
    return 0;
  }
  void check_order(const RecordedRequest& r) {
    const auto after = [&](double earlier, double later, const char* what) {
      if (later < earlier)
        problem(fmt::format("{} by {:.6f} s: the clocks of this file disagree", what, earlier - later));
    };
    after(r.queued, r.scheduled, "scheduled_ts lies before queued_ts");
    after(r.scheduled, r.first_token, "first_token_ts lies before scheduled_ts");
    after(r.first_token, r.last_token, "last_token_ts lies before first_token_ts");
  }
  void problem(std::string message) { problems_.error({path_, line_, 0}, std::move(message)); }

  const std::string& path_;
  Diagnostics& problems_;
  int line_ = 0;
};

void read_seconds(const std::string& path, Recording& recording, Diagnostics& problems) {
  const std::vector<std::string_view> columns = {"t", "running", "waiting", "kv_cache_pct"};
  const Result<CsvTable> table = CsvTable::read(path, {columns, columns, {}});
  if (!table) {
    problems.append(table.error());
    return;
  }
  for (std::size_t i = 0; i < table->size(); ++i) {
    const auto value = [&](std::string_view column) { return table->number(i, column).value_or(0); };
    recording.seconds.push_back({value("t"), value("running"), value("waiting"), value("kv_cache_pct")});
    if (i > 0 && recording.seconds[i].time <= recording.seconds[i - 1].time) {
      problems.error({path, table->line(i), 0}, "t does not grow");
    }
  }
}

// Requests of one client reach the engine within minutes; more is another clock or another run.
void align_clocks(const std::string& path, Recording& recording, Diagnostics& problems) {
  constexpr double kLongestDelay = 600;
  double offset = std::numeric_limits<double>::infinity();
  for (const RecordedRequest& r : recording.requests) offset = std::min(offset, r.queued - r.arrival);
  recording.clock_offset = offset;
  for (RecordedRequest& r : recording.requests) {
    r.arrival += offset;
    if (r.queued - r.arrival <= kLongestDelay) continue;
    problems.error(
        {path, r.line, 0},
        fmt::format("queued_ts lies {:.0f} s after arrival_time on the common clock: the two clocks drift apart "
                    "or the stamps are of different runs",
                    r.queued - r.arrival));
  }
  std::stable_sort(recording.requests.begin(), recording.requests.end(),
                   [](const RecordedRequest& a, const RecordedRequest& b) { return a.arrival < b.arrival; });
}

}  // namespace

Result<Recording> read_recording(const std::string& folder) {
  std::error_code ignored;
  Diagnostics problems;
  if (!std::filesystem::is_directory(folder, ignored)) {
    problems.error({folder, 0, 0}, "a folder with meta.json, requests.jsonl and timeseries.csv is expected");
    return problems;
  }
  const auto file = [&](const char* name) { return (std::filesystem::path(folder) / name).string(); };
  Recording recording;
  read_meta(file("meta.json"), recording, problems);
  const std::string requests = file("requests.jsonl");
  RequestReader(requests, problems).read(recording.requests);
  read_seconds(file("timeseries.csv"), recording, problems);
  if (!problems.has_errors()) align_clocks(requests, recording, problems);
  if (problems.has_errors()) return first_problems(problems, folder);
  return recording;
}

}  // namespace foretoken
