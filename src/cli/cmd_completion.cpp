// foretoken completion and foretoken man: the option tree for shells and for man(1).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/command_tree.hpp"
#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/terminal.hpp"

namespace foretoken {
namespace {

struct ManCommand {
  std::string command;
  std::string folder;
};

int write_page(const std::string& page, const std::string& folder, const std::string& name) {
  OutputOptions output;
  output.output = (std::filesystem::path(folder) / (name + ".1")).string();
  return deliver(page, output);
}

int show_manual(const CommandTree& program, const ManCommand& man) {
  if (!man.folder.empty()) {
    int code = write_page(manual_page(program, nullptr), man.folder, "foretoken");
    for (const CommandTree& c : program.commands) {
      if (code == kExitOk) code = write_page(manual_page(program, &c), man.folder, "foretoken-" + c.name);
    }
    return code;
  }
  if (man.command.empty()) return deliver(manual_page(program, nullptr), {});
  const auto at = std::find_if(program.commands.begin(), program.commands.end(),
                               [&](const CommandTree& c) { return c.name == man.command; });
  if (at != program.commands.end()) return deliver(manual_page(program, &*at), {});
  std::vector<std::string> names;
  for (const CommandTree& c : program.commands) names.push_back(c.name);
  const std::string close = closest_match(man.command, names);
  say(fmt::format("error: no command '{}'\n{}", man.command,
                  close.empty() ? "" : fmt::format("  hint: did you mean '{}'?\n", close)));
  return kExitBadInput;
}

}  // namespace

Action add_completion_command(CLI::App* completion) {
  auto shell = std::make_shared<std::string>();
  completion->add_option("shell", *shell, "Which shell")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"bash", "zsh", "fish"}));
  return
      [completion, shell] { return deliver(completion_script(command_tree(*completion->get_parent()), *shell), {}); };
}

Action add_man_command(CLI::App* man_app) {
  auto man = std::make_shared<ManCommand>();
  CLI::Option* command = man_app->add_option("command", man->command, "Which command");
  command->type_name("NAME");
  man_app->add_option("--all", man->folder, "Write all pages into this folder")->type_name("DIR")->excludes(command);
  return [man_app, man] { return show_manual(command_tree(*man_app->get_parent()), *man); };
}

}  // namespace foretoken
