// The text of a scenario file, for whoever parses it more than once with other overrides.
#pragma once

#include <iosfwd>
#include <string>

#include "foretoken/base/result.hpp"
#include "foretoken/scenario/question.hpp"

namespace foretoken {

// What load_scenario() parses. A pipe can be read only once.
[[nodiscard]] Result<std::string> read_scenario_text(const std::string& path);
[[nodiscard]] Result<std::string> read_scenario_text(std::istream& stream, const std::string& name);

// The question with its overrides in it, as the text of a file of its own: comments are gone, a file named
// relative to the scenario's folder is named by its absolute path.
[[nodiscard]] Result<std::string> scenario_text_of(const Question& question);

}  // namespace foretoken
