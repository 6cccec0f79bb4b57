// The commands and their options as values: what help, completion and manual pages are made of.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace foretoken {

struct CommandOption {
  std::vector<std::string> names;    // --format, -f; of a positional its name alone
  std::string value;                 // FILE, N, {table,json}; empty for a flag
  std::vector<std::string> choices;  // when only these are allowed
  std::string default_value;
  std::string description;
  std::string group;
  bool positional = false;
  bool required = false;
  bool repeatable = false;
  [[nodiscard]] bool is_file() const {
    return value == "FILE" || value == "FOLDER" || value == "DIR" || (positional && choices.empty() && value != "NAME");
  }
};
struct CommandTree {
  std::string name;
  std::string description;
  std::string example;
  std::vector<CommandOption> options;
  std::vector<CommandTree> commands;
};
[[nodiscard]] CommandTree command_tree(const CLI::App& app);

// Groups of options, one example per command, and a layout that keeps to the width of the terminal.
void arrange_help(CLI::App& app);

// A script for `shell` (bash, zsh, fish).
[[nodiscard]] std::string completion_script(const CommandTree& program, const std::string& shell);
// In troff; `command` empty = of the program.
[[nodiscard]] std::string manual_page(const CommandTree& program, const CommandTree* command);

}  // namespace foretoken
