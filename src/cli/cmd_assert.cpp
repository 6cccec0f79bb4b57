// foretoken assert: does what a pipeline relies on still hold? The answer is the exit code, and JUnit XML.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/judge.hpp"
#include "cli/read_scenario.hpp"
#include "persistence/atomic_file.hpp"
#include "report/assert_report.hpp"

namespace foretoken {
namespace {

struct AssertCommand : StudyOptions {
  std::string junit;
};

int exit_code_of(const AssertionsResult& result) {
  return result.overall == Decision::meets    ? kExitOk
         : result.overall == Decision::misses ? kExitMissed
                                              : kExitNotDecided;
}

int write_junit(const AssertionsResult& result, const std::string& file) {
  const Diagnostics lost = write_file(file, to_junit(result));
  if (!lost.empty()) say(lost);
  return lost.empty() ? kExitOk : kExitInternal;
}

int run(const AssertCommand& command) {
  OutputOptions junit;
  junit.output = command.junit;
  const bool distinct = files_are_distinct(
      {{"the scenario", command.scenario.path}, {"--output", command.output.output}, {"--junit", command.junit}});
  if (!distinct || !output_can_be_created(command.output) || !output_can_be_created(junit)) return kExitBadInput;
  return judge(command, {}, [&](const Asked& asked) -> Result<Answer> {
    if (!inputs_are_kept(asked.scenario, command.scenario.path, {"--junit", command.junit})) return Diagnostics{};
    const Result<AssertionsResult> result = judge_assertions(asked.scenario, asked.run);
    if (!result) return result.error();
    Answer answer = answer_of(*result, command.output, exit_code_of(*result));
    answer.says_interrupted = true;
    if (!command.junit.empty()) answer.write = [=, file = command.junit] { return write_junit(*result, file); };
    return answer;
  });
}

}  // namespace

Action add_assert_command(CLI::App* assert_app) {
  auto command = std::make_shared<AssertCommand>();
  add_scenario_options(*assert_app, command->scenario);
  add_load_factor_option(*assert_app, command->scenario);
  command->scenario.spares_down = true;
  add_output_options(*assert_app, command->output, {"table", "json"});
  add_picture_options(*assert_app, command->output);
  assert_app->add_option("--junit", command->junit, "Also write JUnit XML, one test case per assertion")
      ->type_name("FILE");
  add_jobs_option(*assert_app, command->jobs, "Threads for replications; 0 = one per core");
  return [command] { return run(*command); };
}

}  // namespace foretoken
