// foretoken check: are the objectives met, how sure is that, and what would help?
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
#include "foretoken/report/check_report.hpp"

namespace foretoken {
namespace {

struct CheckCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  int jobs = 0;
  bool no_fixes = false;
  bool no_model_error = false;
};

int exit_code_of(const CheckResult& result) {
  if (!result.feasible) return kExitInfeasible;
  if (result.interrupted) return kExitInterrupted;
  switch (result.overall) {
    case Decision::meets:
      return kExitOk;
    case Decision::misses:
      return kExitMissed;
    case Decision::not_decided:
      break;
  }
  return kExitNotDecided;
}

int run(const CheckCommand& command) {
  if (!output_can_be_created(command.output)) return kExitBadInput;
  const std::atomic<bool>* stop = install_interrupt_handlers();
  const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read) return kExitBadInput;
  if (!command.output.quiet && !read->scenario.sweep.empty())
    say("note: check judges the scenario itself, not the points of its sweep\n");
  CheckOptions options;
  options.run.threads = command.jobs;
  options.run.stop = stop;
  options.fixes = !command.no_fixes;
  options.model_error = !command.no_model_error;
  std::unique_ptr<ProgressLine> line = follow(options.run.progress, "requests", command.output);
  const Result<CheckResult> result = check(read->source, command.scenario.load_options(), read->scenario, options);
  line.reset();
  if (!result) {
    say(result.error());
    return kExitBadInput;
  }
  if (!result->feasible) say(fmt::format("does not fit: {}\n", result->memory.verdict));
  const std::string text =
      command.output.format == "json" ? to_text(to_json(*result)) + "\n" : to_text(*result, text_style(command.output));
  const int delivered = deliver(text, command.output);
  return deliver_pictures(delivered == kExitOk ? exit_code_of(*result) : delivered, command.output, [&] {
    Pictured pictured{to_json(*result), to_text(*result)};
    if (result->feasible) add_one_run(pictured.document, result->scenario, options.run);
    return pictured;
  });
}

}  // namespace

void add_check_command(CLI::App& app, int& exit_code) {
  CLI::App* check_app = app.add_subcommand(
      "check", "Judge the objectives: meets (0), misses (99) or not decided (98), with intervals, reasons and fixes");
  auto command = std::make_shared<CheckCommand>();
  add_scenario_options(*check_app, command->scenario);
  add_load_factor_option(*check_app, command->scenario);
  command->scenario.spares_down = true;
  add_output_options(*check_app, command->output, {"table", "json"});
  add_picture_options(*check_app, command->output);
  check_app->add_option("-j,--jobs", command->jobs, "Threads for replications and fixes; 0 = one per core")
      ->check(CLI::Range(0, 4096));
  check_app->add_flag("--no-fixes", command->no_fixes, "Only the verdict: do not look for changes that would help");
  check_app->add_flag(
      "--no-model-error", command->no_model_error,
      "Only the interval of the simulation: do not say how likely the objectives hold when the model errs as measured");
  check_app->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace foretoken
