// What was asked: the text of a scenario and what is set on top of it, so that a study can ask the same with changes.
//
// Example:
//   const Question asked{yaml, "chat.yaml"};
//   const Result<Scenario> doubled = asked.with({"replicas=2"}).scenario();
#pragma once

#include <string>
#include <vector>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

struct Question {
  std::string text;    // YAML
  std::string origin;  // names the text in diagnostics; files in it are relative to its folder
  LoadOptions options = {};

  // The same with these on top, which win over everything before.
  [[nodiscard]] Question with(const std::vector<std::string>& overrides) const;
  // One scenario: none of its axes, whoever named them.
  [[nodiscard]] Question without_sweep() const;

  // Reads, checks and resolves anew. `warnings`, if given, receives what is legal but suspicious.
  [[nodiscard]] Result<Scenario> scenario(Diagnostics* warnings = nullptr) const;
  // Where a problem of the whole text is reported.
  [[nodiscard]] SourceLocation whole() const { return {origin, 0, 0}; }
};

}  // namespace foretoken
