// foretoken sensitivity: what moves a metric, and what is worth paying for.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/judge.hpp"
#include "cli/shares.hpp"
#include "report/sensitivity_report.hpp"

namespace foretoken {
namespace {

struct SensitivityCommand : StudyOptions {
  std::string metric;
  std::string by = "10%";
};

int run(const SensitivityCommand& command) {
  const std::optional<double> by = parse_share(command.by);
  if (!by || !(*by > 0) || *by > 0.5) {
    say(fmt::format("error: --by: '{}' is no step\n  hint: more than 0 and at most 50 %, such as 10%\n", command.by));
    return kExitBadInput;
  }
  return judge(command, {.counts = "steps"}, [&](const Asked& asked) -> Result<Answer> {
    SensitivityOptions options;
    options.run = asked.run;
    options.metric = command.metric;
    options.by = *by;
    const Result<SensitivityStudy> study = study_sensitivity(asked.scenario, options);
    if (!study) return study.error();
    return answer_of(*study, command.output);
  });
}

}  // namespace

Action add_sensitivity_command(CLI::App* sensitivity) {
  auto command = std::make_shared<SensitivityCommand>();
  add_scenario_options(*sensitivity, command->scenario);
  add_output_options(*sensitivity, command->output, {"table", "json"});
  add_picture_options(*sensitivity, command->output);
  sensitivity
      ->add_option("--metric", command->metric,
                   "What to watch, such as p99_ttft_ms (default: of the objective with the least room)")
      ->type_name("METRIC");
  sensitivity->add_option("--by", command->by, "The step, down and up")->type_name("SHARE")->capture_default_str();
  add_jobs_option(*sensitivity, command->jobs);
  return [command] { return run(*command); };
}

}  // namespace foretoken
