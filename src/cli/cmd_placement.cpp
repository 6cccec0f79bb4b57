// foretoken placement: which model on which GPU, how many replicas, at least cost.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/judge.hpp"
#include "cli/shares.hpp"
#include "report/placement_report.hpp"

namespace foretoken {
namespace {

struct PlacementCommand : StudyOptions {
  std::string precision = "5%";
  int tries = 12;
  bool no_model_error = false;
};

int exit_code_of(const Placement& placement) {
  if (placement.answer) return kExitOk;
  return placement.sure ? kExitMissed : kExitNotDecided;
}

int run(const PlacementCommand& command) {
  const std::optional<double> precision = parse_share(command.precision);
  if (!precision || !(*precision >= 0.001) || *precision > 0.5) {
    say(fmt::format("error: --precision: '{}' is no share of a capacity\n  hint: from 0.1% to 50%\n",
                    command.precision));
    return kExitBadInput;
  }
  return judge(command, {.of_a_sweep = "note: the sweep of the scenario is left out\n"},
               [&](const Asked& asked) -> Result<Answer> {
                 PlacementOptions options;
                 options.run = asked.run;
                 options.precision = *precision;
                 options.tries = command.tries;
                 options.model_error = !command.no_model_error;
                 const Result<Placement> placement = find_placement(asked.question, asked.scenario, options);
                 if (!placement) return placement.error();
                 return answer_of(*placement, command.output, exit_code_of(*placement));
               });
}

}  // namespace

Action add_placement_command(CLI::App* placement) {
  auto command = std::make_shared<PlacementCommand>();
  add_scenario_options(*placement, command->scenario);
  add_output_options(*placement, command->output, {"table", "json"});
  add_picture_options(*placement, command->output);
  add_json_flag(*placement, command->output);
  placement->add_option("--precision", command->precision, "Of the capacities, relative")
      ->type_name("SHARE")
      ->capture_default_str();
  placement->add_option("--tries", command->tries, "So many plans are simulated at most")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  placement->add_flag("--no-model-error", command->no_model_error, "Leave out P(meets)");
  add_jobs_option(*placement, command->jobs);
  return [command] { return run(*command); };
}

}  // namespace foretoken
