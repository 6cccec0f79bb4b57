// foretoken sensitivity: what moves a metric, and what is worth paying for.
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
#include "cli/shares.hpp"
#include "cli/terminal.hpp"
#include "foretoken/report/sensitivity_report.hpp"

namespace foretoken {
namespace {

struct SensitivityCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  SensitivityOptions options;
  std::string by = "10%";
};

int run(const SensitivityCommand& command) {
  const std::optional<double> by = parse_share(command.by);
  if (!by || !(*by > 0) || *by > 0.5) {
    say(fmt::format("error: --by: '{}' is no step\n  hint: more than 0 and at most 50 %, such as 10%\n", command.by));
    return kExitBadInput;
  }
  if (!output_can_be_created(command.output)) return kExitBadInput;
  const std::atomic<bool>* stop = install_interrupt_handlers();
  const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read) return kExitBadInput;
  SensitivityOptions options = command.options;
  options.by = *by;
  options.run.stop = stop;
  std::unique_ptr<ProgressLine> line = follow(options.run.progress, "steps", command.output);
  const Result<SensitivityStudy> study = study_sensitivity(read->scenario, options);
  line.reset();
  if (!study) {
    say(study.error());
    return kExitBadInput;
  }
  if (!study->feasible) say(fmt::format("does not fit: {}\n", study->memory.verdict));
  const std::string text =
      command.output.format == "json" ? to_text(to_json(*study)) + "\n" : to_text(*study, text_style(command.output));
  return deliver_pictures(finish(text, study->interrupted, study->feasible, command.output), command.output,
                          pictured(*study));
}

}  // namespace

void add_sensitivity_command(CLI::App& app, int& exit_code) {
  CLI::App* sensitivity = app.add_subcommand(
      "sensitivity", "Move every hardware figure, cost term, knob and load by a step: what moves the objective most");
  auto command = std::make_shared<SensitivityCommand>();
  add_scenario_options(*sensitivity, command->scenario);
  add_output_options(*sensitivity, command->output, {"table", "json"});
  add_picture_options(*sensitivity, command->output);
  sensitivity
      ->add_option("--metric", command->options.metric,
                   "What to watch, such as p99_ttft_ms (default: of the objective with the least room)")
      ->type_name("METRIC");
  sensitivity->add_option("--by", command->by, "The step, down and up")->type_name("SHARE")->capture_default_str();
  sensitivity->add_option("-j,--jobs", command->options.run.threads, "Threads; 0 = one per core")
      ->check(CLI::Range(0, 4096));
  sensitivity->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace foretoken
