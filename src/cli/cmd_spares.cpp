// foretoken spares: how many replicas more keep the objectives although replicas die.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/judge.hpp"
#include "cli/shares.hpp"
#include "report/spares_report.hpp"

namespace foretoken {
namespace {

struct SparesCommand : StudyOptions {
  std::string target = "95%";
  std::string pool;
  int runs = 200;
  int most = 8;
};

int exit_code_of(const Spares& spares) {
  if (spares.answer) return kExitOk;
  return spares.sure ? kExitMissed : kExitNotDecided;
}

int run(const SparesCommand& command) {
  const std::optional<double> target = parse_share(command.target);
  if (!target || !(*target > 0) || *target >= 1) {
    say(fmt::format("error: --target: '{}' is no share of runs\n  hint: between 0 and 1, such as 99%\n",
                    command.target));
    return kExitBadInput;
  }
  return judge(command, {.of_a_sweep = "note: the sweep of the scenario is left out\n"},
               [&](const Asked& asked) -> Result<Answer> {
                 SparesOptions options;
                 options.run = asked.run;
                 options.target = *target;
                 options.pool = command.pool;
                 options.runs = command.runs;
                 options.most = command.most;
                 const Result<Spares> spares = find_spares(asked.question, asked.scenario, options);
                 if (!spares) return spares.error();
                 return answer_of(*spares, command.output, exit_code_of(*spares));
               });
}

}  // namespace

Action add_spares_command(CLI::App* spares) {
  auto command = std::make_shared<SparesCommand>();
  add_scenario_options(*spares, command->scenario);
  add_output_options(*spares, command->output, {"table", "json"});
  add_picture_options(*spares, command->output);
  add_json_flag(*spares, command->output);
  spares->add_option("--target", command->target, "In so many of the runs all objectives hold")
      ->type_name("SHARE")
      ->capture_default_str();
  spares->add_option("--pool", command->pool, "Of this pool, where there are several")->type_name("NAME");
  spares->add_option("--runs", command->runs, "Runs of each number of spares")
      ->check(CLI::Range(10, 100000))
      ->capture_default_str();
  spares->add_option("--most", command->most, "So many spares at most")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  add_jobs_option(*spares, command->jobs);
  return [command] { return run(*command); };
}

}  // namespace foretoken
