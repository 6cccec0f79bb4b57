// Scenario files, standard input, and their warnings.
#include "cli/read_scenario.hpp"

#include <fstream>
#include <iostream>
#include <iterator>

#include "cli/terminal.hpp"

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
  if (standard_input) source = {all_of(std::cin), "<standard input>"};
  const Result<Scenario> scenario = standard_input
                                        ? parse_scenario(source.text, source.origin, options.load_options(), &warnings)
                                        : load_scenario(options.path, options.load_options(), &warnings);
  if (!scenario) {
    if (!silent) say(scenario.error());
    return std::nullopt;
  }
  if (!output.quiet && !warnings.empty()) say(warnings);
  if (!standard_input && !scenario->sweep.empty()) {
    std::ifstream file(options.path, std::ios::binary);
    source = {all_of(file), options.path};
  }
  return ReadScenario{*scenario, std::move(source)};
}

}  // namespace foretoken
