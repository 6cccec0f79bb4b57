// A shell's words, with the place where each stands.
#pragma once

#include <string>
#include <vector>

#include "foretoken/base/result.hpp"

namespace foretoken {

struct CommandWord {
  std::string text;
  SourceLocation where;
};
using CommandWords = std::vector<CommandWord>;

// Commands end at a line break that no backslash precedes, and at ; & && | ||. Comments and redirections are left out.
// `origin` names the text. Quotes that do not close are reported at their beginning.
[[nodiscard]] std::vector<CommandWords> split_commands(const std::string& text, const std::string& origin,
                                                       Diagnostics& problems);

}  // namespace foretoken
