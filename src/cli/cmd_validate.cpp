// foretoken validate: what was measured beside what is predicted, without a fit.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/interrupt.hpp"
#include "cli/measured.hpp"
#include "cli/options.hpp"
#include "cli/pictures.hpp"
#include "cli/progress.hpp"
#include "cli/read_scenario.hpp"
#include "cli/shares.hpp"
#include "cli/terminal.hpp"
#include "foretoken/report/validation_report.hpp"

namespace foretoken {
namespace {

struct ValidateCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  std::vector<std::string> measured;
  std::string within;
  ValidationOptions options;
  bool json = false;
};

int run(ValidateCommand& command) {
  if (command.json) command.output.format = "json";
  std::optional<double> within;
  if (!command.within.empty()) {
    within = parse_share(command.within);
    const bool percent = command.within.back() == '%';
    if (!within || !(*within > 0) || !std::isfinite(*within) || (*within > 1 && !percent)) {
      say(fmt::format("error: --within: '{}' is no share\n  hint: write 10% or 0.1\n", command.within));
      return kExitBadInput;
    }
  }
  if (!output_can_be_created(command.output)) return kExitBadInput;
  command.options.stop = install_interrupt_handlers();
  const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read) return kExitBadInput;
  const std::optional<std::vector<MeasuredFile>> files =
      measured_files(command.measured, {{"--output", command.output.output}});
  if (!files) return kExitBadInput;
  std::unique_ptr<ProgressLine> line = follow(command.options.progress, "simulations", command.output);
  const Result<ValidationResult> result =
      validate(read->source, command.scenario.load_options(), *files, command.options);
  line.reset();
  if (!result) {
    say(result.error());
    return kExitBadInput;
  }
  const std::string text = command.output.format == "json" ? to_text(to_json(*result, within)) + "\n"
                                                           : to_text(*result, within, text_style(command.output));
  const ValidationResult::Place worst = result->worst();
  const bool kept = !within || worst.figure == nullptr || std::abs(worst.figure->error()) <= *within;
  const int code = finish(text, result->interrupted, true, command.output, kept ? kExitOk : kExitMissed);
  return deliver_pictures(code, command.output, [&] {
    return Pictured{to_json(*result, within), to_text(*result, within, {})};
  });
}

}  // namespace

void add_validate_command(CLI::App& app, int& exit_code) {
  CLI::App* validate_app = app.add_subcommand("validate", "Predicted beside measured, figure by figure, without a fit");
  auto command = std::make_shared<ValidateCommand>();
  add_scenario_options(*validate_app, command->scenario);
  add_measured_option(*validate_app, command->measured);
  validate_app->add_option("--within", command->within, "Exit with 99 when an error is larger, such as 10%")
      ->type_name("SHARE");
  validate_app->add_option("-j,--jobs", command->options.threads, "Threads; 0 = one per core")
      ->check(CLI::Range(0, 4096));
  add_output_options(*validate_app, command->output, {"table", "json"});
  add_picture_options(*validate_app, command->output);
  validate_app->add_flag("--json", command->json, "The same as --format json");
  validate_app->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace foretoken
