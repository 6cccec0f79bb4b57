// Loading a scenario the way every command does it.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "cli/options.hpp"
#include "foretoken/experiment/sweep.hpp"

namespace foretoken {

struct ReadScenario {
  Scenario scenario;
  Question question;
};

// No output (its option, its path) may overwrite the scenario or a file it names: says which it would.
[[nodiscard]] bool inputs_are_kept(const Scenario& scenario, const std::string& path,
                                   const std::pair<std::string, std::string>& output);

// Not resolved; of no file at all, no text, where --set says everything. Says what is wrong.
[[nodiscard]] std::optional<Question> read_question(const ScenarioOptions& options, bool silent = false);

// Says what is wrong, also where --output would overwrite an input, unless `silent`; empty when anything is.
[[nodiscard]] std::optional<ReadScenario> read_scenario(const ScenarioOptions& options, const OutputOptions& output,
                                                        bool silent = false);

}  // namespace foretoken
