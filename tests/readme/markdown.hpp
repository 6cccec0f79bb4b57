// Fenced blocks of a Markdown page, and the shell commands in them.
#pragma once

#include <fstream>
#include <ostream>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

namespace foretoken::testing {

struct Block {
  std::string language;  // what stands behind the fence
  int line = 0;          // of its first line
  std::vector<std::string> lines;
};

struct Command {
  std::string page;
  int line = 0;
  std::string text;
  int exit_code = 0;  // 3 with a comment `# exit 3`
};

inline void PrintTo(const Command& command, std::ostream* out) {
  *out << command.page << ":" << command.line << ": " << command.text;
}

inline std::vector<std::string> lines_of_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

inline std::vector<Block> fenced_blocks(const std::vector<std::string>& lines) {
  std::vector<Block> blocks;
  bool inside = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].starts_with("```")) {
      inside = !inside;
      if (inside) blocks.push_back({lines[i].substr(3), static_cast<int>(i) + 2, {}});
    } else if (inside) {
      blocks.back().lines.push_back(lines[i]);
    }
  }
  if (inside) throw std::runtime_error("a block is never closed");
  return blocks;
}

// Blocks without a language and `sh` blocks hold commands, one a line; a backslash joins two lines.
inline std::vector<Command> shell_commands(const std::string& page, const std::vector<Block>& blocks) {
  static const std::regex exit_comment(R"(#.*\bexit (\d+))");
  std::vector<Command> commands;
  for (const Block& block : blocks) {
    if (!block.language.empty() && block.language != "sh") continue;
    std::string joined;
    for (std::size_t i = 0; i < block.lines.size(); ++i) {
      joined += block.lines[i];
      if (joined.ends_with('\\')) {
        joined.pop_back();
        continue;
      }
      std::smatch exit;
      const int code = std::regex_search(joined, exit, exit_comment) ? std::stoi(exit[1]) : 0;
      if (const auto start = joined.find_first_not_of(' '); start != std::string::npos && joined[start] != '#')
        commands.push_back({page, block.line + static_cast<int>(i), joined.substr(start), code});
      joined.clear();
    }
  }
  return commands;
}

}  // namespace foretoken::testing
