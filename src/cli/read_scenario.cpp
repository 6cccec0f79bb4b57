// Scenario files, standard input, and their warnings.
#include "cli/read_scenario.hpp"

#include <iostream>
#include <utility>
#include <vector>

#include "cli/pictures.hpp"
#include "cli/terminal.hpp"
#include "scenario/scenario_text.hpp"

namespace foretoken {
namespace {

// The scenario and the files it names, which no output may overwrite.
std::vector<std::pair<std::string, std::string>> files_of(const Scenario& s, const std::string& path) {
  std::vector<std::pair<std::string, std::string>> files{{"the scenario", path}};
  if (const auto* trace = std::get_if<TraceConfig>(&s.workload.arrivals)) files.emplace_back("the trace", trace->path);
  if (s.workload.lengths.paired) files.emplace_back("the dataset", s.workload.lengths.paired->path);
  for (const RequestClass& c : s.workload.classes) {
    if (c.lengths.paired) files.emplace_back("the dataset of class " + c.name, c.lengths.paired->path);
  }
  return files;
}

}  // namespace

bool inputs_are_kept(const Scenario& scenario, const std::string& path,
                     const std::pair<std::string, std::string>& output) {
  bool kept = true;
  for (const auto& file : files_of(scenario, path)) kept = files_are_distinct({file, output}) && kept;
  return kept;
}

std::optional<Question> read_question(const ScenarioOptions& options, bool silent) {
  if (options.path.empty()) return Question{"", "(no scenario)", options.load_options()};
  const std::string origin = options.path == "-" ? "<standard input>" : options.path;
  const Result<std::string> text =
      options.path == "-" ? read_scenario_text(std::cin, origin) : read_scenario_text(options.path);
  if (!text) {
    if (!silent) say(text.error());
    return std::nullopt;
  }
  return Question{*text, origin, options.load_options()};
}

std::optional<ReadScenario> read_scenario(const ScenarioOptions& options, const OutputOptions& output, bool silent) {
  std::optional<Question> question = read_question(options, silent);
  if (!question) return std::nullopt;
  Diagnostics warnings;
  const Result<Scenario> scenario = question->scenario(&warnings);
  if (!scenario) {
    if (!silent) say(scenario.error());
    return std::nullopt;
  }
  if (!silent && !inputs_are_kept(*scenario, options.path, {"--output", output.output})) return std::nullopt;
  for (const std::string& picture : picture_files(output))
    if (!silent && !inputs_are_kept(*scenario, options.path, {"a picture", picture})) return std::nullopt;
  if (!output.quiet && !warnings.empty()) say(warnings);
  return ReadScenario{*scenario, *std::move(question)};
}

}  // namespace foretoken
