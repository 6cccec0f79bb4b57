// foretoken validate: what was measured beside what is predicted, without a fit.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <optional>

#include "cli/judge.hpp"
#include "cli/measured.hpp"
#include "cli/shares.hpp"
#include "report/validation_report.hpp"

namespace foretoken {
namespace {

struct ValidateCommand : StudyOptions {
  std::vector<std::string> measured;
  std::string within;
};

int run(const ValidateCommand& command) {
  std::optional<double> within;
  if (!command.within.empty()) {
    within = parse_share(command.within);
    const bool percent = command.within.back() == '%';
    if (!within || !(*within > 0) || !std::isfinite(*within) || (*within > 1 && !percent)) {
      say(fmt::format("error: --within: '{}' is no share\n  hint: write 10% or 0.1\n", command.within));
      return kExitBadInput;
    }
  }
  return judge(command, {.counts = "simulations"}, [&](const Asked& asked) -> Result<Answer> {
    const std::optional<std::vector<MeasuredFile>> files =
        measured_files(command.measured, {{"--output", command.output.output}});
    if (!files) return Diagnostics{};
    const Result<ValidationResult> result =
        validate(asked.question, *files, {asked.run.threads, asked.run.progress, asked.run.stop});
    if (!result) return result.error();
    const ValidationResult::Place worst = result->worst();
    const bool kept = !within || worst.figure == nullptr || std::abs(worst.figure->error()) <= *within;
    Answer answer;
    answer.document = command.output.format == "json" ? to_text(to_json(*result, within)) + "\n"
                                                      : to_text(*result, within, text_style(command.output));
    answer.exit_code = kept ? kExitOk : kExitMissed;
    if (wants_pictures(command.output))
      answer.pictured = Pictured{to_json(*result, within), to_text(*result, within, {})};
    answer.interrupted = result->interrupted;
    return answer;
  });
}

}  // namespace

Action add_validate_command(CLI::App* validate_app) {
  auto command = std::make_shared<ValidateCommand>();
  add_scenario_options(*validate_app, command->scenario);
  add_measured_option(*validate_app, command->measured);
  validate_app->add_option("--within", command->within, "Exit with 99 when an error is larger, such as 10%")
      ->type_name("SHARE");
  add_jobs_option(*validate_app, command->jobs);
  add_output_options(*validate_app, command->output, {"table", "json"});
  add_picture_options(*validate_app, command->output);
  add_json_flag(*validate_app, command->output);
  return [command] { return run(*command); };
}

}  // namespace foretoken
