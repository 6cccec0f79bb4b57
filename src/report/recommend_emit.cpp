// Candidates as scenario files: what the table shows can be run, checked and changed.
#include "report/recommend_emit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string_view>

#include "foretoken/report/report.hpp"
#include "foretoken/study/recommend.hpp"
#include "persistence/atomic_file.hpp"
#include "report/bench_trace.hpp"
#include "report/common.hpp"
#include "report/launch_lines.hpp"
#include "scenario/scenario_text.hpp"
#include "scenario/text_file.hpp"

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

constexpr const char* kLoadFile = "load.jsonl";

// The load is the same for all candidates: written out once where flags do not say it.
std::string commands_of(const Scenario& s, const BenchTrace& load) {
  std::string text;
  if (const std::string serve = serve_line(s); !serve.empty()) {
    if (replicas_in_all(s) > 1) text += fmt::format("# {} times:\n", replicas_in_all(s));
    text += "# " + serve + "\n";
  }
  const bool replayed = load.requests > 0 && wants_bench_trace(s);
  const std::string bench = replayed ? replay_line(s, load, kLoadFile) : bench_line(s);
  if (!bench.empty()) text += "# " + bench + "\n";
  if (replayed) text += "# (a vLLM whose benchmark has the dataset timed_trace)\n";
  if (replayed && load.cut)
    text += fmt::format("# Differs: {} holds the first {} requests\n", kLoadFile, load.requests);
  for (const std::string& difference : launch_differences(s, replayed)) text += "# Differs: " + difference + "\n";
  return text;
}

// Stands in the folder while the files are written, and names them: who was killed meanwhile leaves a part that does
// not look whole, and that the next run replaces.
constexpr const char* kUnfinished = "UNFINISHED.txt";
constexpr const char* kUnfinishedHead =
    "`foretoken recommend --emit` has not finished writing these files; run it again, and it replaces them.\n";

// The files that an unfinished emission may have left; empty when there was none.
std::vector<std::string> left_behind(const fs::path& folder) {
  constexpr std::size_t kMost = 1 << 20;
  const Result<std::string> text = read_text_file((folder / kUnfinished).string(), kMost, "", OtherThanFiles::refused);
  if (!text || !text->starts_with(kUnfinishedHead)) return {};
  std::vector<std::string> files;
  std::istringstream lines(text->substr(std::string_view(kUnfinishedHead).size()));
  for (std::string line; std::getline(lines, line);) {
    const bool ours = line.ends_with(".yaml") || line == kLoadFile;
    if (line.find('/') == std::string::npos && ours) files.push_back(line);
  }
  return files;
}

bool stands_there(const fs::path& folder, const std::string& file, const std::vector<std::string>& unfinished) {
  std::error_code ignored;
  return fs::exists(folder / file, ignored) &&
         std::find(unfinished.begin(), unfinished.end(), file) == unfinished.end();
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
  BenchTrace load_file;
  if (wants_bench_trace(r.base)) {
    Result<BenchTrace> trace = bench_trace(r.base);
    if (!trace) return trace.error();
    load_file = std::move(*trace);
  }
  const auto emit = [&](const std::vector<Candidate>& candidates, std::string_view name, std::string_view what) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const Candidate& c = candidates[i];
      const Result<std::string> text = scenario_text_of(candidate_question(question, r.domain, c.index));
      const Result<Scenario> scenario = candidate_scenario(question, r.domain, c.index);
      if (!text || !scenario) {
        problems.append(text ? scenario.error() : text.error());
        continue;
      }
      emitted.push_back({fmt::format("{}-{}.yaml", name, i + 1), comment_of(r, c, fmt::format("{} {}", what, i + 1)) +
                                                                     commands_of(*scenario, load_file) + *text});
    }
  };
  emit(r.ranked, "rank", "Rank");
  emit(r.throughput_front, "throughput-front", "Front of tokens/s per GPU against tokens/s of a user, point");
  emit(r.cost_front, "cost-front",
       fmt::format("Front of cost against {}, point", r.base.slo[r.front_objective].metric));
  if (problems.has_errors()) return problems;
  if (!load_file.text.empty() && !emitted.empty()) emitted.push_back({kLoadFile, std::move(load_file.text)});
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
  } else if (!can_write_into(folder)) {
    refuse("cannot write into the folder");
  }
  // What was made for the attempt goes again.
  for (const fs::path& made : absent) fs::remove(made, failed);
  const std::vector<std::string> unfinished = left_behind(folder);
  for (const char* name : {"rank-1.yaml", "throughput-front-1.yaml", "cost-front-1.yaml", kLoadFile}) {
    if (stands_there(folder, name, unfinished))
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
  const std::vector<std::string> unfinished = left_behind(folder);
  for (const EmittedScenario& s : scenarios) {
    if (stands_there(folder, s.file, unfinished))
      problems.error({(fs::path(folder) / s.file).string(), 0, 0}, "this file exists already", "give an empty folder");
  }
  if (problems.has_errors()) return problems;
  std::string names = kUnfinishedHead;
  for (const EmittedScenario& s : scenarios) names += s.file + "\n";
  const std::string note = (fs::path(folder) / kUnfinished).string();
  for (const std::string& file : unfinished) fs::remove(fs::path(folder) / file, failed);
  problems.append(write_file(note, names));
  if (problems.has_errors()) return problems;
  for (const EmittedScenario& s : scenarios) problems.append(write_file((fs::path(folder) / s.file).string(), s.text));
  if (!problems.has_errors()) fs::remove(note, failed);
  return problems;
}

}  // namespace foretoken
