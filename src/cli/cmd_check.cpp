// foretoken check: are the objectives met, how sure is that, and what would help?
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/judge.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/check.hpp"

namespace foretoken {
namespace {

struct CheckCommand : StudyOptions {
  bool no_fixes = false;
  bool no_model_error = false;
};

int exit_code_of(const CheckResult& result) {
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
  const Judging judging{.of_a_sweep = "note: check judges the scenario itself, not the points of its sweep\n"};
  return judge(command, judging, [&](const Asked& asked) -> Result<Answer> {
    const Result<CheckResult> result =
        check(asked.question, asked.scenario, {asked.run, !command.no_fixes, !command.no_model_error});
    if (!result) return result.error();
    Answer answer = answer_of(*result, command.output, exit_code_of(*result));
    answer.says_interrupted = true;
    if (answer.pictured && result->feasible) add_one_run(answer.pictured->document, result->scenario, asked.run);
    return answer;
  });
}

}  // namespace

Action add_check_command(CLI::App* check_app) {
  auto command = std::make_shared<CheckCommand>();
  add_scenario_options(*check_app, command->scenario);
  add_load_factor_option(*check_app, command->scenario);
  command->scenario.spares_down = true;
  add_output_options(*check_app, command->output, {"table", "json"});
  add_picture_options(*check_app, command->output);
  add_jobs_option(*check_app, command->jobs, "Threads for replications and fixes; 0 = one per core");
  check_app->add_flag("--no-fixes", command->no_fixes, "Only the verdict: do not look for changes that would help");
  check_app->add_flag(
      "--no-model-error", command->no_model_error,
      "Only the interval of the simulation: do not say how likely the objectives hold when the model errs as measured");
  return [command] { return run(*command); };
}

}  // namespace foretoken
