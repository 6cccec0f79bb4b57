// foretoken explain: resolved values with their origin, memory, rooflines, floors.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/options.hpp"
#include "cli/read_scenario.hpp"
#include "cli/terminal.hpp"
#include "foretoken/report/json_report.hpp"
#include "foretoken/report/text_report.hpp"

namespace foretoken {
namespace {

struct ExplainCommand {
  ScenarioOptions scenario;
  OutputOptions output;
};

int run(const ExplainCommand& command) {
  const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read) return kExitBadInput;
  const Result<Explanation> explanation = explain(read->scenario);
  if (!explanation) {
    say(explanation.error());
    return kExitBadInput;
  }
  const std::string text = command.output.format == "json" ? to_text(to_json(*explanation)) + "\n"
                                                           : to_text(*explanation, {wants_color(command.output)});
  const int delivered = deliver(text, command.output);
  if (delivered != kExitOk) return delivered;
  if (explanation->feasible) return kExitOk;
  say(fmt::format("does not fit: {}\n", explanation->memory.verdict));
  return kExitInfeasible;
}

}  // namespace

void add_explain_command(CLI::App& app, int& exit_code) {
  CLI::App* explain_app =
      app.add_subcommand("explain", "Show resolved values with their origin, the memory plan, rooflines and floors");
  auto command = std::make_shared<ExplainCommand>();
  add_scenario_options(*explain_app, command->scenario);
  add_output_options(*explain_app, command->output, {"table", "json"});
  explain_app->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace foretoken
