// Assembles the commands, and turns every way a command can fail into an exit code and a message.
#include "cli/app.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include "base/visible.hpp"
#include "cli/command_tree.hpp"
#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/interrupt.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "foretoken/base/result.hpp"
#include "foretoken/experiment/version.hpp"

namespace foretoken {
namespace {

// Words that could have stood in place of a misspelt one.
std::vector<std::string> words_of(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    words.push_back(command->get_name());
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
  return words;
}

const CLI::App& chosen_command(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

std::string spelling_hint(const CLI::App& app, int argc, char** argv) {
  const std::vector<std::string> words = words_of(chosen_command(app));
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (const auto equals = word.find('='); equals != std::string::npos && word.starts_with("--")) word.resize(equals);
    if (std::find(words.begin(), words.end(), word) != words.end()) continue;
    const std::string close = closest_match(word, words);
    if (!close.empty()) return fmt::format("did you mean '{}'?\n", close);
  }
  return {};
}

int parse_and_run(int argc, char** argv, PointRanks* ranks) {
  CLI::App app("Predicts how an LLM serving deployment behaves: TTFT, TPOT, end-to-end latency, throughput.",
               "foretoken");
  app.set_version_flag("-V,--version", fmt::format("foretoken {}", version()));
  app.require_subcommand(1);
  int exit_code = kExitOk;
  for (const Command& row : commands({std::vector<std::string>(argv, argv + argc), ranks})) {
    CLI::App* command = app.add_subcommand(row.name, row.about);
    command->footer(row.example);
    command->callback([action = row.add(command), &exit_code] { exit_code = action(); });
  }
  arrange_help(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return deliver(chosen_command(app).help(), {});
  } catch (const CLI::CallForAllHelp&) {
    return deliver(app.help("", CLI::AppFormatMode::All), {});
  } catch (const CLI::CallForVersion& version_text) {
    return deliver(std::string(version_text.what()) + "\n", {});
  } catch (const CLI::ParseError& error) {
    // It repeats the arguments, whatever is in them.
    say(visible(fmt::format("error: {}\n{}Run 'foretoken --help' for what is allowed.\n", error.what(),
                            spelling_hint(app, argc, argv))));
    return kExitBadInput;
  }
  return exit_code;
}

}  // namespace

LoadOptions ScenarioOptions::load_options() const {
  LoadOptions load{set, catalog_dir, over, recommend_over, spares_down};
  if (!load_factor.empty()) load.overrides.push_back("workload.load_factor=" + load_factor);
  if (!seed.empty()) load.overrides.push_back("seed=" + seed);
  return load;
}

void add_scenario_options(CLI::App& command, ScenarioOptions& options) {
  command.add_option("scenario", options.path, "Scenario file (YAML), or - for standard input")->required();
  add_change_options(command, options);
}

void add_change_options(CLI::App& command, ScenarioOptions& options) {
  command.add_option("--set", options.set, "Set a field: engine.max_num_seqs=128 (repeatable, wins over the file)")
      ->type_name("FIELD=VALUE")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  command.add_option("--seed", options.seed, "Set the seed")->type_name("N");
  command
      .add_option("--catalog", options.catalog_dir,
                  "Folder of gpus, models, links, calibration: wins over the built-in")
      ->type_name("DIR");
}

void add_load_factor_option(CLI::App& command, ScenarioOptions& options) {
  command
      .add_option("--load-factor", options.load_factor,
                  "So many times the traffic: rates, profiles and clients multiplied, a trace compressed in time")
      ->type_name("X");
}

void add_output_options(CLI::App& command, OutputOptions& options, std::vector<std::string> formats) {
  // What people read can also be pasted.
  const auto table = std::find(formats.begin(), formats.end(), "table");
  if (table != formats.end()) formats.insert(table + 1, "markdown");
  command.add_option("-f,--format", options.format, "How to print the result")
      ->check(CLI::IsMember(std::move(formats)))
      ->capture_default_str();
  command.add_option("-o,--output", options.output, "Write the result to a file instead of standard output")
      ->type_name("FILE");
  command.add_option("--color", options.color, "Colour in tables")
      ->check(CLI::IsMember(std::vector<std::string>{"auto", "always", "never"}))
      ->capture_default_str();
  command.add_flag("-q,--quiet", options.quiet, "No progress and no warnings");
  command.add_flag("--no-progress", options.no_progress, "No progress line");
}

int run_command_line(int argc, char** argv, PointRanks* ranks) {
  hold_standard_streams();
  let_writes_fail();
  try {
    return parse_and_run(argc, argv, ranks);
  } catch (const InternalError& error) {
    say(fmt::format("internal error: {}\nThis is a bug in foretoken; please report it with the scenario.\n",
                    error.what()));
  } catch (const std::bad_alloc&) {
    say("error: out of memory\n");
  } catch (const std::exception& error) {
    say(fmt::format("internal error: {}\n", error.what()));
  }
  return kExitInternal;
}

}  // namespace foretoken
