// Candidates as scenario files: what the table shows can be run, checked and changed.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "foretoken/report/atomic_file.hpp"
#include "foretoken/report/recommend_report.hpp"
#include "foretoken/scenario/scenario_text.hpp"
#include "report/common.hpp"
#include "report/launch_lines.hpp"

namespace foretoken {
namespace {

namespace fs = std::filesystem;

std::string comment_of(const RecommendResult& r, const Candidate& c, const std::string& what) {
  std::string text = fmt::format("# {} of the {} candidates that `foretoken recommend` compared for {}.\n", what,
                                 r.effort.candidates, r.base.name);
  text += fmt::format(
      "# {} x {}{}; objectives: {}{}, room {}.\n", c.cost.gpus, c.gpu.empty() ? "replica" : c.gpu,
      r.by_money ? fmt::format(", {:.2f} $/h{}", *c.cost.usd_per_hour, r.example_prices ? " (example price)" : "") : "",
      to_string(c.fate), c.short_run ? " (in a short run)" : "", percent(c.room));
  if (!c.why.empty()) text += "# " + c.why + "\n";
  return text;
}

std::string commands_of(const Scenario& s) {
  std::string text;
  if (const std::string serve = serve_line(s); !serve.empty()) {
    if (s.cluster.replicas > 1) text += fmt::format("# {} times:\n", s.cluster.replicas);
    text += "# " + serve + "\n";
  }
  if (const std::string bench = bench_line(s); !bench.empty()) text += "# " + bench + "\n";
  return text;
}

// The folder and those above it that are not there yet, the deepest first.
std::vector<fs::path> absent_folders(const std::string& folder) {
  std::error_code failed;
  std::vector<fs::path> absent;
  fs::path path = fs::absolute(folder, failed).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  for (; !path.empty() && !fs::exists(path, failed) && path != path.parent_path(); path = path.parent_path())
    absent.push_back(path);
  return absent;
}

}  // namespace

Result<std::vector<EmittedScenario>> emitted_scenarios(const RecommendQuestion& question, const RecommendResult& r) {
  std::vector<EmittedScenario> emitted;
  Diagnostics problems;
  const auto emit = [&](const std::vector<Candidate>& candidates, std::string_view name, std::string_view what) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const Candidate& c = candidates[i];
      const LoadOptions load = candidate_options(question, r.domain, c.index);
      const Result<std::string> text = scenario_text_with(question.source.text, question.source.origin, load);
      const Result<Scenario> scenario = candidate_scenario(question, r.domain, c.index);
      if (!text || !scenario) {
        problems.append(text ? scenario.error() : text.error());
        continue;
      }
      emitted.push_back({fmt::format("{}-{}.yaml", name, i + 1),
                         comment_of(r, c, fmt::format("{} {}", what, i + 1)) + commands_of(*scenario) + *text});
    }
  };
  emit(r.ranked, "rank", "Rank");
  emit(r.throughput_front, "throughput-front", "Front of tokens/s per GPU against tokens/s of a user, point");
  emit(r.cost_front, "cost-front",
       fmt::format("Front of cost against {}, point", r.base.slo[r.front_objective].metric));
  if (problems.has_errors()) return problems;
  return emitted;
}

Diagnostics check_emit_folder(const std::string& folder) {
  Diagnostics problems;
  std::error_code failed;
  const auto refuse = [&](const std::string& why) { problems.error({"--emit " + folder, 0, 0}, why, "give a folder"); };
  const fs::file_status status = fs::status(folder, failed);
  if (fs::exists(status) && !fs::is_directory(status)) {
    refuse("is a file, not a folder");
    return problems;
  }
  const std::vector<fs::path> absent = absent_folders(folder);
  if (fs::create_directories(folder, failed); failed) {
    refuse("cannot make the folder: " + failed.message());
  } else if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    refuse("cannot write into the folder");
  }
  // What was made for the attempt goes again.
  for (const fs::path& made : absent) fs::remove(made, failed);
  for (const char* name : {"rank-1.yaml", "throughput-front-1.yaml", "cost-front-1.yaml"}) {
    if (fs::exists(fs::path(folder) / name, failed))
      refuse(fmt::format("there is a '{}' already, maybe of another search", name));
  }
  return problems;
}

Diagnostics write_scenarios(const std::vector<EmittedScenario>& scenarios, const std::string& folder) {
  Diagnostics problems;
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) {
    problems.error({"--emit " + folder, 0, 0}, "cannot make the folder: " + failed.message());
    return problems;
  }
  for (const EmittedScenario& s : scenarios) {
    if (fs::exists(fs::path(folder) / s.file, failed))
      problems.error({(fs::path(folder) / s.file).string(), 0, 0}, "this file exists already", "give an empty folder");
  }
  if (problems.has_errors()) return problems;
  for (const EmittedScenario& s : scenarios) problems.append(write_file((fs::path(folder) / s.file).string(), s.text));
  return problems;
}

}  // namespace foretoken
