// foretoken capacity: the largest load that meets the objectives, and what it means for the plan.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/interrupt.hpp"
#include "cli/options.hpp"
#include "cli/pictures.hpp"
#include "cli/progress.hpp"
#include "cli/read_scenario.hpp"
#include "cli/terminal.hpp"
#include "foretoken/report/capacity_report.hpp"

namespace foretoken {
namespace {

struct CapacityCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  std::string variable, growth, precision;
  int jobs = 0;
  bool json = false;
};

int exit_code_of(const CapacityResult& result) {
  switch (result.outcome) {
    case CapacityOutcome::found:
    case CapacityOutcome::everything_meets:
      return kExitOk;
    case CapacityOutcome::nothing_meets:
      return kExitMissed;
    case CapacityOutcome::not_decided:
      break;
  }
  return kExitNotDecided;
}

// Flags are keys of the scenario, so that a result says where they came from. Quoted: what YAML would make of
// 5 %/month or null is not meant.
void add_flags(CapacityCommand& command) {
  const auto add = [&](const char* key, const std::string& value, const char* quote) {
    if (!value.empty()) command.scenario.set.push_back(fmt::format("capacity.{}={}{}{}", key, quote, value, quote));
  };
  add("variable", command.variable, "");
  add("growth", command.growth, "\"");
  add("precision", command.precision, "");
}

int run(CapacityCommand command) {
  if (command.json) command.output.format = "json";
  if (!output_can_be_created(command.output)) return kExitBadInput;
  const std::atomic<bool>* stop = install_interrupt_handlers();
  add_flags(command);
  const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read) return kExitBadInput;
  if (!command.output.quiet && !read->scenario.sweep.empty())
    say("note: capacity looks at the scenario itself, not at the points of its sweep\n");
  RunOptions options;
  options.threads = command.jobs;
  options.stop = stop;
  std::unique_ptr<ProgressLine> line = follow(options.progress, "requests", command.output);
  const Result<CapacityResult> result =
      find_capacity(read->source, command.scenario.load_options(), read->scenario, options);
  line.reset();
  if (!result) {
    say(result.error());
    return kExitBadInput;
  }
  if (!result->feasible) say(fmt::format("does not fit: {}\n", result->memory.verdict));
  const std::string text =
      command.output.format == "json" ? to_text(to_json(*result)) + "\n" : to_text(*result, text_style(command.output));
  const int code = finish(text, result->interrupted, result->feasible, command.output, exit_code_of(*result));
  return deliver_pictures(code, command.output, [&] {
    Pictured pictured{to_json(*result), to_text(*result)};
    if (result->feasible) add_one_run(pictured.document, result->scenario, options);
    return pictured;
  });
}

}  // namespace

void add_capacity_command(CLI::App& app, int& exit_code) {
  CLI::App* capacity = app.add_subcommand(
      "capacity", "The largest load that meets the objectives: found (0), none (99) or not decided (98)");
  auto command = std::make_shared<CapacityCommand>();
  add_scenario_options(*capacity, command->scenario);
  add_load_factor_option(*capacity, command->scenario);
  command->scenario.spares_down = true;
  capacity
      ->add_option("--variable", command->variable,
                   "What to raise: request_rate, max_concurrency or users (capacity.variable)")
      ->type_name("NAME");
  capacity->add_option("--growth", command->growth, "Growth of the load, for the days until it is full: 5%/month")
      ->type_name("RATE");
  capacity->add_option("--precision", command->precision, "Relative width at which to stop: 0.02 (capacity.precision)")
      ->type_name("SHARE");
  add_output_options(*capacity, command->output, {"table", "json"});
  add_picture_options(*capacity, command->output);
  capacity->add_flag("--json", command->json, "The same as --format json");
  capacity->add_option("-j,--jobs", command->jobs, "Threads for replications; 0 = one per core")
      ->check(CLI::Range(0, 4096));
  capacity->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace foretoken
