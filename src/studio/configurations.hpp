// The configurations that a page asks about: the started scenario with what its controls say.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "studio/controls.hpp"

namespace foretoken {

// Beside each other on a page.
inline constexpr std::size_t kMostConfigurations = 3;

struct Configuration {
  Question question;
  std::optional<Scenario> scenario;  // empty: see problems
  std::string problems;              // as text
  std::vector<std::string> warnings;
};

// {"configs": [{"set": {...}}, ...]}. Errors: a body that is not of this form. What is wrong with one configuration
// stands in it.
[[nodiscard]] Result<std::vector<Configuration>> configurations_of(const std::string& body, const Question& base,
                                                                   const Controls& controls);

// A, B, C.
[[nodiscard]] std::string name_of_configuration(std::size_t index);

}  // namespace foretoken
