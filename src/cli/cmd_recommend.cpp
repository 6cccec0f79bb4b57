// foretoken recommend: the cheapest deployment that meets the objectives.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/judge.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/recommend.hpp"
#include "report/recommend_emit.hpp"

namespace foretoken {
namespace {

struct RecommendCommand : StudyOptions {
  std::string emit;
  std::size_t top = 5;
};

int exit_code_of(const RecommendResult& result) {
  switch (result.overall) {
    case Decision::meets:
      return kExitOk;
    case Decision::misses:
      return result.effort.runnable == 0 ? kExitInfeasible : kExitMissed;
    case Decision::not_decided:
      break;
  }
  return kExitNotDecided;
}

int emit(const RecommendQuestion& question, const RecommendResult& result, const std::string& folder) {
  const Result<std::vector<EmittedScenario>> scenarios = emitted_scenarios(question, result);
  const Diagnostics problems = scenarios ? write_scenarios(*scenarios, folder) : scenarios.error();
  if (problems.has_errors()) say(problems);
  return problems.has_errors() ? kExitInternal : kExitOk;
}

int run(const RecommendCommand& command) {
  if (!output_can_be_created(command.output)) return kExitBadInput;
  if (!command.emit.empty()) {
    if (const Diagnostics problems = check_emit_folder(command.emit); problems.has_errors()) {
      say(problems);
      return kExitBadInput;
    }
  }
  return judge(command, {.counts = "candidates"}, [&](const Asked& asked) -> Result<Answer> {
    const RecommendQuestion question{asked.question, asked.scenario};
    const Result<RecommendResult> result = recommend(question, {asked.run, command.top});
    if (!result) return result.error();
    Answer answer = answer_of(*result, command.output, exit_code_of(*result));
    answer.says_interrupted = true;
    if (!command.emit.empty()) answer.write = [=, folder = command.emit] { return emit(question, *result, folder); };
    return answer;
  });
}

}  // namespace

Action add_recommend_command(CLI::App* recommend_app) {
  auto command = std::make_shared<RecommendCommand>();
  add_scenario_options(*recommend_app, command->scenario);
  add_load_factor_option(*recommend_app, command->scenario);
  command->scenario.spares_down = true;
  recommend_app
      ->add_option(
          "--over", command->scenario.recommend_over,
          "Search over these values of a field: hardware.gpu=h100_sxm,l40s (repeatable; replaces that axis of the "
          "usual domain, or joins the scenario's own `recommend.over`)")
      ->type_name("FIELD=VALUES")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  add_output_options(*recommend_app, command->output, {"table", "json"});
  add_picture_options(*recommend_app, command->output);
  add_json_flag(*recommend_app, command->output);
  recommend_app->add_option("--top", command->top, "So many that meet are ranked")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  recommend_app
      ->add_option("--emit", command->emit, "Write the ranked candidates and the fronts as scenarios into this folder")
      ->type_name("DIR");
  add_jobs_option(*recommend_app, command->jobs);
  return [command] { return run(*command); };
}

}  // namespace foretoken
