// A body read, and each configuration resolved.
#include "studio/configurations.hpp"

#include <fmt/format.h>

namespace foretoken {
namespace {

// Without the file: all of it is about controls of the page.
std::string words_of(const Diagnostics& problems) {
  std::string text;
  for (const Diagnostic& d : problems.items()) {
    if (d.severity != Severity::error) continue;
    text += (text.empty() ? "" : "\n") + d.message;
    if (!d.hint.empty()) text += fmt::format(" ({})", d.hint);
  }
  return text;
}

Configuration configuration_of(const Json& set, const Question& base, const Controls& controls) {
  Configuration configuration;
  const Result<std::vector<std::string>> overrides = controls.overrides(set);
  if (!overrides) {
    configuration.problems = words_of(overrides.error());
    return configuration;
  }
  configuration.question = base.without_sweep().with(*overrides);
  Diagnostics warnings;
  const Result<Scenario> scenario = configuration.question.scenario(&warnings);
  for (const Diagnostic& d : warnings.items()) configuration.warnings.push_back(d.message);
  if (scenario)
    configuration.scenario = *scenario;
  else
    configuration.problems = words_of(scenario.error());
  return configuration;
}

}  // namespace

Result<std::vector<Configuration>> configurations_of(const std::string& body, const Question& base,
                                                     const Controls& controls) {
  const Result<Json> json = parse_json(body, "the page");
  if (!json) return json.error();
  const Json::Array* list = (*json)["configs"].if_array();
  if (list == nullptr || list->empty() || list->size() > kMostConfigurations) {
    Diagnostics problems;
    problems.error({"the page", 0, 0},
                   fmt::format("'configs' is a list of 1 to {} configurations", kMostConfigurations),
                   R"({"configs": [{"set": {"replicas": 2}}]})");
    return problems;
  }
  std::vector<Configuration> configurations;
  for (const Json& one : *list) configurations.push_back(configuration_of(one["set"], base, controls));
  return configurations;
}

std::string name_of_configuration(std::size_t index) {
  return std::string(1, static_cast<char>('A' + index));
}

}  // namespace foretoken
