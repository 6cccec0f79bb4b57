// foretoken assert: does what a pipeline relies on still hold? The answer is the exit code, and JUnit XML.
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
#include "foretoken/report/assert_report.hpp"
#include "foretoken/report/atomic_file.hpp"

namespace foretoken {
namespace {

struct AssertCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  std::string junit;
  int jobs = 0;
};

int exit_code_of(const AssertionsResult& result) {
  if (!result.feasible) return kExitInfeasible;
  if (result.interrupted) return kExitInterrupted;
  return result.overall == Decision::meets    ? kExitOk
         : result.overall == Decision::misses ? kExitMissed
                                              : kExitNotDecided;
}

int run(const AssertCommand& command) {
  OutputOptions junit;
  junit.output = command.junit;
  const bool distinct = files_are_distinct(
      {{"the scenario", command.scenario.path}, {"--output", command.output.output}, {"--junit", command.junit}});
  if (!distinct || !output_can_be_created(command.output) || !output_can_be_created(junit)) return kExitBadInput;
  const std::atomic<bool>* stop = install_interrupt_handlers();
  const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read || !inputs_are_kept(read->scenario, command.scenario.path, {"--junit", command.junit}))
    return kExitBadInput;
  RunOptions options;
  options.threads = command.jobs;
  options.stop = stop;
  std::unique_ptr<ProgressLine> line = follow(options.progress, "requests", command.output);
  const Result<AssertionsResult> result = judge_assertions(read->scenario, options);
  line.reset();
  if (!result) {
    say(result.error());
    return kExitBadInput;
  }
  const Diagnostics lost = command.junit.empty() ? Diagnostics{} : write_file(command.junit, to_junit(*result));
  if (!lost.empty()) say(lost);
  const std::string text =
      command.output.format == "json" ? to_text(to_json(*result)) + "\n" : to_text(*result, text_style(command.output));
  const int delivered = deliver(text, command.output);
  if (delivered != kExitOk) return delivered;
  return deliver_pictures(lost.empty() ? exit_code_of(*result) : kExitInternal, command.output, pictured(*result));
}

}  // namespace

void add_assert_command(CLI::App& app, int& exit_code) {
  CLI::App* assert_app = app.add_subcommand(
      "assert", "Judge the scenario's `assert` lines: all hold (0), one fails (99), not decided (98)");
  auto command = std::make_shared<AssertCommand>();
  add_scenario_options(*assert_app, command->scenario);
  add_load_factor_option(*assert_app, command->scenario);
  command->scenario.spares_down = true;
  add_output_options(*assert_app, command->output, {"table", "json"});
  add_picture_options(*assert_app, command->output);
  assert_app->add_option("--junit", command->junit, "Also write JUnit XML, one test case per assertion")
      ->type_name("FILE");
  assert_app->add_option("-j,--jobs", command->jobs, "Threads for replications; 0 = one per core")
      ->check(CLI::Range(0, 4096));
  assert_app->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace foretoken
