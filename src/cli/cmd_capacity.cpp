// foretoken capacity: the largest load that meets the objectives, and what it means for the plan.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/judge.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/capacity.hpp"
#include "report/measured_loads.hpp"

namespace foretoken {
namespace {

struct CapacityCommand : StudyOptions {
  std::string measured;
  std::string variable, growth, precision;
};

int exit_code_of(const CapacityResult& result) {
  switch (result.outcome) {
    case CapacityOutcome::found:
    case CapacityOutcome::everything_meets:
      return kExitOk;
    case CapacityOutcome::nothing_meets:
      return kExitMissed;
    case CapacityOutcome::not_decided:
      break;
  }
  return kExitNotDecided;
}

// Flags are keys of the scenario, so that a result says where they came from. Quoted: what YAML would make of
// 5 %/month or null is not meant.
void add_flags(CapacityCommand& command) {
  const auto add = [&](const char* key, const std::string& value, const char* quote) {
    if (!value.empty()) command.scenario.set.push_back(fmt::format("capacity.{}={}{}{}", key, quote, value, quote));
  };
  add("variable", command.variable, "");
  add("growth", command.growth, "\"");
  add("precision", command.precision, "");
}

int run(CapacityCommand command) {
  add_flags(command);
  const Judging judging{.of_a_sweep = "note: capacity looks at the scenario itself, not at the points of its sweep\n"};
  return judge(command, judging, [&](const Asked& asked) -> Result<Answer> {
    const Result<CapacityResult> result = find_capacity(asked.question, asked.scenario, asked.run);
    if (!result) return result.error();
    Answer answer = answer_of(*result, command.output, exit_code_of(*result));
    if (answer.pictured && !command.measured.empty()) {
      Result<Json> measured = read_measured_loads(command.measured, to_string(result->variable));
      if (!measured) return measured.error();
      answer.pictured->document["measured"] = std::move(*measured);
    }
    if (answer.pictured && result->feasible) add_one_run(answer.pictured->document, result->scenario, asked.run);
    return answer;
  });
}

}  // namespace

Action add_capacity_command(CLI::App* capacity) {
  auto command = std::make_shared<CapacityCommand>();
  add_scenario_options(*capacity, command->scenario);
  add_load_factor_option(*capacity, command->scenario);
  command->scenario.spares_down = true;
  capacity
      ->add_option("--variable", command->variable,
                   "What to raise: request_rate, max_concurrency or users (capacity.variable)")
      ->type_name("NAME");
  capacity->add_option("--growth", command->growth, "Growth of the load, for the days until it is full: 5%/month")
      ->type_name("RATE");
  capacity->add_option("--precision", command->precision, "Relative width at which to stop: 0.02 (capacity.precision)")
      ->type_name("SHARE");
  capacity
      ->add_option("--measured", command->measured,
                   "Figures of real runs by load, as dots in the pictures (CSV: request_rate,mean_e2el_ms,...)")
      ->type_name("FILE");
  add_output_options(*capacity, command->output, {"table", "json"});
  add_picture_options(*capacity, command->output);
  add_json_flag(*capacity, command->output);
  add_jobs_option(*capacity, command->jobs, "Threads for replications; 0 = one per core");
  return [command] { return run(*command); };
}

}  // namespace foretoken
