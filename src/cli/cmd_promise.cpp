// foretoken promise: for which lengths the objectives hold up to which load, and the longest context.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
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
#include "foretoken/report/promise_report.hpp"

namespace foretoken {
namespace {

struct PromiseCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  std::string variable, input_len, output_len;
  int jobs = 0;
  bool json = false;
};

int exit_code_of(const PromiseResult& r) {
  const auto any = [&](auto test) { return std::any_of(r.cells.begin(), r.cells.end(), test); };
  if (any([](const PromiseCell& c) { return c.capacity.has_value(); })) return kExitOk;
  const bool open = any([](const PromiseCell& c) { return !c.skipped && c.outcome == CapacityOutcome::not_decided; });
  return open ? kExitNotDecided : kExitMissed;
}

int run(PromiseCommand command) {
  if (command.json) command.output.format = "json";
  if (!output_can_be_created(command.output)) return kExitBadInput;
  RunOptions options;
  options.threads = command.jobs;
  options.stop = install_interrupt_handlers();
  auto& set = command.scenario.set;
  if (!command.variable.empty()) set.push_back("capacity.variable=" + command.variable);
  if (!command.input_len.empty()) set.push_back(fmt::format("promise.input_len=[{}]", command.input_len));
  if (!command.output_len.empty()) set.push_back(fmt::format("promise.output_len=[{}]", command.output_len));
  const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read) return kExitBadInput;
  std::unique_ptr<ProgressLine> line = follow(options.progress, "requests", command.output);
  const Result<PromiseResult> result =
      find_promises(read->source, command.scenario.load_options(), read->scenario, options);
  line.reset();
  if (!result) {
    say(result.error());
    return kExitBadInput;
  }
  if (!result->feasible) say(fmt::format("does not fit: {}\n", result->memory.verdict));
  const std::string text =
      command.output.format == "json" ? to_text(to_json(*result)) + "\n" : to_text(*result, text_style(command.output));
  return deliver_pictures(finish(text, result->interrupted, result->feasible, command.output, exit_code_of(*result)),
                          command.output, pictured(*result));
}

}  // namespace

void add_promise_command(CLI::App& app, int& exit_code) {
  CLI::App* promise = app.add_subcommand(
      "promise", "The load that keeps the objectives for each prompt and output length, and the longest context");
  auto command = std::make_shared<PromiseCommand>();
  add_scenario_options(*promise, command->scenario);
  command->scenario.spares_down = true;
  promise->add_option("--variable", command->variable, "What to raise, as for capacity")->type_name("NAME");
  promise->add_option("--input-len", command->input_len, "Prompt lengths: 512,2048,8192 (promise.input_len)")
      ->type_name("TOKENS");
  promise->add_option("--output-len", command->output_len, "Output lengths: 128,512 (promise.output_len)")
      ->type_name("TOKENS");
  add_output_options(*promise, command->output, {"table", "json"});
  add_picture_options(*promise, command->output);
  promise->add_flag("--json", command->json, "The same as --format json");
  promise->add_option("-j,--jobs", command->jobs, "Threads for rows of the grid; 0 = one per core")
      ->check(CLI::Range(0, 4096));
  promise->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace foretoken
