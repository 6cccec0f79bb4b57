// Pieces of text that several reports print.
#pragma once

#include <string>
#include <string_view>

#include "foretoken/cost/memory_plan.hpp"
#include "foretoken/report/sweep_table.hpp"

namespace foretoken {

// Scenario, deployment, hash, seed and version.
[[nodiscard]] std::string heading(const Scenario& scenario, const TextStyle& style);
[[nodiscard]] std::string heading(const SweepHead& head, const TextStyle& style);
// Empty when `body` is.
[[nodiscard]] std::string section(std::string_view title, const std::string& body, const TextStyle& style);
[[nodiscard]] std::string memory_section(const MemoryPlan& plan);
// Green ticks and red crosses.
[[nodiscard]] std::string colored_ticks(const std::string& text);

}  // namespace foretoken
