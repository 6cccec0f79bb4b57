// Scenario files, standard input, and their warnings.
#include "cli/read_scenario.hpp"

#include <iostream>
#include <iterator>

#include "cli/terminal.hpp"
#include "foretoken/scenario/scenario_text.hpp"

namespace foretoken {
namespace {

std::string all_of(std::istream& stream) {
  return std::string(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
}

}  // namespace

std::optional<ReadScenario> read_scenario(const ScenarioOptions& options, const OutputOptions& output,
                                          bool silent) {
  Diagnostics warnings;
  const bool standard_input = options.path == "-";
  ScenarioText source;
  if (standard_input) {
    source = {all_of(std::cin), "<standard input>"};
  } else {
    const Result<std::string> text = read_scenario_text(options.path);
    if (!text) {
      if (!silent) say(text.error());
      return std::nullopt;
    }
    source = {*text, options.path};
  }
  const Result<Scenario> scenario = parse_scenario(source.text, source.origin, options.load_options(), &warnings);
  if (!scenario) {
    if (!silent) say(scenario.error());
    return std::nullopt;
  }
  if (!output.quiet && !warnings.empty()) say(warnings);
  return ReadScenario{*scenario, std::move(source)};
}

}  // namespace foretoken
