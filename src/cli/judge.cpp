// Studies of a scenario as commands.
#include "cli/judge.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "cli/interrupt.hpp"
#include "cli/progress.hpp"
#include "cli/read_scenario.hpp"

namespace foretoken {
namespace {

int tell(const Answer& answer, const OutputOptions& output) {
  if (!answer.feasible && !answer.unfit.empty()) say(fmt::format("does not fit: {}\n", answer.unfit));
  const int written = answer.write ? answer.write() : kExitOk;
  const bool told = answer.interrupted && answer.says_interrupted;
  const int answered = !answer.feasible ? kExitInfeasible : told ? kExitInterrupted : answer.exit_code;
  const int delivered = finish(answer.document, answer.interrupted && !told, answer.feasible, output, answered);
  const int code = delivered == answered && written != kExitOk ? written : delivered;
  if (!answer.pictured) return code;
  return deliver_pictures(code, output, [&] { return *answer.pictured; });
}

bool refuses_fleet(const Scenario& scenario, const std::string& path) {
  if (!scenario.cluster.fleet.on) return false;
  say(fmt::format(
      "{}: error: this question is of replicas that stay, and 'fleet' lets them come and go\n"
      "  hint: leave it out: --set fleet=null; or ask `run`, `check`, `capacity`, `promise`, `compare`, `explain`, "
      "`sensitivity`, `bill` or `recommend`\n",
      path));
  return true;
}

}  // namespace

bool refuses_pools(const Scenario& scenario, const std::string& path, const char* instead) {
  if (refuses_fleet(scenario, path)) return true;
  if (scenario.pools.empty()) return false;
  say(fmt::format("{}: error: this question is of one kind of replica, and 'pools' has several\n  hint: {}\n", path,
                  instead));
  return true;
}

int judge(const StudyOptions& options, const Judging& judging,
          const std::function<Result<Answer>(const Asked&)>& study) {
  const OutputOptions& output = options.output;
  if (!output_can_be_created(output)) return kExitBadInput;
  RunOptions run;
  run.threads = options.jobs;
  run.stop = install_interrupt_handlers();
  const std::optional<ReadScenario> read = read_scenario(options.scenario, output);
  if (!read) return kExitBadInput;
  if (*judging.instead_of_pools != '\0' &&
      refuses_pools(read->scenario, options.scenario.path, judging.instead_of_pools))
    return kExitBadInput;
  if (*judging.of_a_sweep != '\0' && !output.quiet && !read->scenario.sweep.empty()) say(judging.of_a_sweep);
  std::unique_ptr<ProgressLine> line;
  if (*judging.counts != '\0') line = follow(run.progress, judging.counts, output);
  const Result<Answer> answer = study({read->question, read->scenario, run});
  line.reset();
  if (!answer) {
    say(answer.error());
    return kExitBadInput;
  }
  return tell(*answer, output);
}

void add_json_flag(CLI::App& command, OutputOptions& output) {
  command.add_flag_callback(
      "--json", [&output] { output.format = "json"; }, "The same as --format json");
}

void add_jobs_option(CLI::App& command, int& jobs, const std::string& for_what) {
  command.add_option("-j,--jobs", jobs, for_what)->check(CLI::Range(0, 4096));
}

}  // namespace foretoken
