// Pieces of text that several reports print.
#pragma once

#include <string>
#include <string_view>

#include "foretoken/cost/memory_plan.hpp"
#include "persistence/sweep_store.hpp"

namespace foretoken {

// The scenario's name and its deployment: one line, below which an answer stands.
[[nodiscard]] std::string title(const Scenario& scenario, const TextStyle& style);
// Description, seed, hash and version, as a section for the end of an answer.
[[nodiscard]] std::string about_section(const Scenario& scenario, const TextStyle& style);
// Both, for documents that are no answer: scenario, deployment, hash, seed and version.
[[nodiscard]] std::string heading(const Scenario& scenario, const TextStyle& style);
[[nodiscard]] std::string heading(const SweepHead& head, const TextStyle& style);
// Empty when `body` is.
[[nodiscard]] std::string section(std::string_view title, const std::string& body, const TextStyle& style);
[[nodiscard]] std::string memory_section(const MemoryPlan& plan, const TextStyle& style);
// Green ticks and red crosses.
[[nodiscard]] std::string colored_ticks(const std::string& text);

}  // namespace foretoken
