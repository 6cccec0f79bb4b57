// foretoken init: a commented scenario to start from.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "scenario/starters.hpp"

namespace foretoken {
namespace {

struct InitCommand {
  std::string use_case = "chatbot";
  OutputOptions output;
  bool list = false;
  bool force = false;
};

std::string list_of_starters() {
  std::size_t width = 0;
  for (const Starter& s : starters()) width = std::max(width, s.name.size());
  std::string text;
  for (const Starter& s : starters()) text += fmt::format("{:<{}}  {}\n", s.name, width, s.about);
  return text;
}

const Starter* find_starter(const std::string& name) {
  for (const Starter& s : starters())
    if (s.name == name) return &s;
  std::vector<std::string> names;
  for (const Starter& s : starters()) names.push_back(s.name);
  const std::string close = closest_match(name, names);
  say(fmt::format("error: no use case is called '{}'\n  hint: {}{}\n", name,
                  close.empty() ? "" : fmt::format("did you mean '{}'? All: ", close), fmt::join(names, ", ")));
  return nullptr;
}

// A file that somebody may have worked on.
bool would_overwrite(const InitCommand& command) {
  std::error_code ignored;
  const std::string& file = command.output.output;
  if (file.empty() || command.force || !std::filesystem::is_regular_file(file, ignored)) return false;
  say(fmt::format("error: '{}' is there already\n  hint: --force replaces it\n", file));
  return true;
}

int run(const InitCommand& command) {
  const Starter* starter = command.list ? nullptr : find_starter(command.use_case);
  if (starter == nullptr && !command.list) return kExitBadInput;
  if (would_overwrite(command) || !output_can_be_created(command.output)) return kExitBadInput;
  if (command.list) return deliver(list_of_starters(), command.output);
  const int code = deliver(starter->text, command.output);
  if (code == kExitOk && !command.output.output.empty() && !command.output.quiet)
    say(fmt::format("{}: change the model, the GPU, the load and the objectives; then: foretoken check {}\n",
                    starter->name, command.output.output));
  return code;
}

}  // namespace

Action add_init_command(CLI::App* init) {
  auto command = std::make_shared<InitCommand>();
  init->add_option("use-case", command->use_case, "What the model is for: see --list")->capture_default_str();
  init->add_flag("--list", command->list, "The use cases, one a line");
  init->add_option("-o,--output", command->output.output, "Write the scenario to a file instead of standard output")
      ->type_name("FILE");
  init->add_flag("--force", command->force, "Replace the file where there is one");
  init->add_flag("-q,--quiet", command->output.quiet, "Do not say what comes next");
  return [command] { return run(*command); };
}

}  // namespace foretoken
