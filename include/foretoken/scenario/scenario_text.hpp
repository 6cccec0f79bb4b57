// The text of a scenario file, for whoever parses it more than once with other overrides.
#pragma once

#include <string>

#include "foretoken/base/result.hpp"

namespace foretoken {

// What load_scenario() parses. A pipe can be read only once.
[[nodiscard]] Result<std::string> read_scenario_text(const std::string& path);

}  // namespace foretoken
