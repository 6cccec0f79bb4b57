// Scenarios to start one's own from, by use case.
#pragma once

#include <string>
#include <vector>

namespace foretoken {

struct Starter {
  std::string name;   // chatbot
  std::string about;  // in a sentence
  std::string text;   // YAML with comments, as `foretoken init` writes it
};

// By name.
[[nodiscard]] const std::vector<Starter>& starters();

}  // namespace foretoken
