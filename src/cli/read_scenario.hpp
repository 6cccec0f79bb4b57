// Loading a scenario the way every command does it.
#pragma once

#include <optional>

#include "cli/options.hpp"
#include "foretoken/study/sweep.hpp"

namespace foretoken {

struct ReadScenario {
  Scenario scenario;
  ScenarioText source;
};

// Says what is wrong, unless `silent`; empty when anything is.
[[nodiscard]] std::optional<ReadScenario> read_scenario(const ScenarioOptions& options, const OutputOptions& output,
                                                        bool silent = false);

}  // namespace foretoken
