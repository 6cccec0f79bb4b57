// One folder per point, with a file per replication.
#include "report/vllm_sweep.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "base/csv.hpp"
#include "foretoken/report/report.hpp"
#include "persistence/atomic_file.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

namespace fs = std::filesystem;

bool is_of_the_load(const std::string& path) {
  return path.starts_with("workload.") || path.starts_with("goodput.") || path == "seed";
}

// max_num_seqs of engine.max_num_seqs, as vLLM's flags are called.
std::string parameter_of(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

Json value_of(const std::string& text) {
  std::int64_t whole = 0;
  double number = 0;
  if (parse_number(text, whole)) return whole;
  if (parse_number(text, number) && number == number && number - number == 0) return number;
  if (text == "true" || text == "false") return text == "true";
  return text;
}

void replace_all_in(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

std::string folder_name(const std::vector<SweepAxis>& axes, const std::vector<std::string>& values) {
  std::string serve, bench;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    std::string& part = is_of_the_load(axes[i].path) ? bench : serve;
    part += fmt::format("{}{}={}", part.empty() ? "" : "-", parameter_of(axes[i].path), values[i]);
  }
  std::string name = serve.empty() ? "" : "SERVE--" + serve;
  if (!bench.empty()) name += (name.empty() ? "" : "-") + ("BENCH--" + bench);
  replace_all_in(name, "/", "_");
  replace_all_in(name, "..", "__");
  return name;
}

std::string csv_cell(const Json& value) {
  const std::string* text = value.if_string();
  if (value.is_null()) return {};
  return csv_text(text != nullptr ? *text : to_text(value, 0));
}

Diagnostics cannot_make(const std::string& folder, const std::string& why, const std::string& hint) {
  Diagnostics problems;
  problems.error({folder, 0, 0}, why, hint);
  return problems;
}

}  // namespace

Result<VllmSweep> VllmSweep::create(const std::string& folder, const std::vector<SweepAxis>& axes) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed || !fs::is_directory(folder))
    return cannot_make(folder, "cannot make the folder: " + failed.message(), "");
  if (!fs::is_empty(folder, failed))
    return cannot_make(folder, "the folder is not empty",
                       "results of another sweep would stand between; name a new one");
  if (!can_write_into(folder)) return cannot_make(folder, "cannot write into the folder", "");
  VllmSweep sweep;
  sweep.folder_ = folder;
  sweep.axes_ = axes;
  sweep.points_.resize(point_count(axes));
  return sweep;
}

void VllmSweep::add(std::size_t index, const Scenario& scenario, const RunResult& result) {
  if (!result.feasible) return;
  const std::vector<std::string> values = point_values(axes_, index);
  Point& point = points_[index];
  const fs::path folder = fs::path(folder_) / folder_name(axes_, values);
  std::error_code failed;
  fs::create_directories(folder, failed);
  for (std::size_t run = 0; run < result.replications.size(); ++run) {
    Json json = to_vllm_json(result, run);
    json["run_number"] = static_cast<std::int64_t>(run);
    // plot_pareto finds the number of GPUs by these; with replicas it needs --gpu-count-var num_gpus.
    json["tensor_parallel_size"] = scenario.deployment.parallelism.tensor;
    json["pipeline_parallel_size"] = scenario.deployment.parallelism.pipeline;
    json["data_parallel_size"] = scenario.deployment.parallelism.data;
    json["num_gpus"] = scenario.num_gpus;
    for (std::size_t i = 0; i < axes_.size(); ++i) json[parameter_of(axes_[i].path)] = value_of(values[i]);
    point.problems.append(write_file((folder / fmt::format("run={}.json", run)).string(), to_text(json, 4)));
    point.runs.push_back(std::move(json));
  }
  point.problems.append(write_file((folder / "summary.json").string(), to_text(Json(point.runs), 4)));
}

Diagnostics VllmSweep::commit() {
  Diagnostics problems;
  std::string csv, header;
  std::int64_t row = 0;
  for (const Point& point : points_) {
    problems.append(point.problems);
    for (const Json& run : point.runs) {
      std::string line = fmt::format("{}", row++);
      for (const auto& [key, value] : *run.if_object()) {
        if (row == 1) header += "," + csv_text(key);
        line += "," + csv_cell(value);
      }
      csv += line + "\n";
    }
  }
  if (row > 0) problems.append(write_file((fs::path(folder_) / "summary.csv").string(), header + "\n" + csv));
  return problems;
}

}  // namespace foretoken
