// foretoken promise: for which lengths the objectives hold up to which load, and the longest context.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "cli/judge.hpp"
#include "report/promise_report.hpp"

namespace foretoken {
namespace {

struct PromiseCommand : StudyOptions {
  std::string variable, input_len, output_len;
};

int exit_code_of(const PromiseResult& r) {
  const auto any = [&](auto test) { return std::any_of(r.cells.begin(), r.cells.end(), test); };
  if (any([](const PromiseCell& c) { return c.capacity.has_value(); })) return kExitOk;
  const bool open = any([](const PromiseCell& c) { return !c.skipped && c.outcome == CapacityOutcome::not_decided; });
  return open ? kExitNotDecided : kExitMissed;
}

int run(PromiseCommand command) {
  auto& set = command.scenario.set;
  if (!command.variable.empty()) set.push_back("capacity.variable=" + command.variable);
  if (!command.input_len.empty()) set.push_back(fmt::format("promise.input_len=[{}]", command.input_len));
  if (!command.output_len.empty()) set.push_back(fmt::format("promise.output_len=[{}]", command.output_len));
  return judge(command, {}, [&](const Asked& asked) -> Result<Answer> {
    const Result<PromiseResult> result = find_promises(asked.question, asked.scenario, asked.run);
    if (!result) return result.error();
    return answer_of(*result, command.output, exit_code_of(*result));
  });
}

}  // namespace

Action add_promise_command(CLI::App* promise) {
  auto command = std::make_shared<PromiseCommand>();
  add_scenario_options(*promise, command->scenario);
  command->scenario.spares_down = true;
  promise->add_option("--variable", command->variable, "What to raise, as for capacity")->type_name("NAME");
  promise->add_option("--input-len", command->input_len, "Prompt lengths: 512,2048,8192 (promise.input_len)")
      ->type_name("TOKENS");
  promise->add_option("--output-len", command->output_len, "Output lengths: 128,512 (promise.output_len)")
      ->type_name("TOKENS");
  add_output_options(*promise, command->output, {"table", "json"});
  add_picture_options(*promise, command->output);
  add_json_flag(*promise, command->output);
  add_jobs_option(*promise, command->jobs, "Threads for rows of the grid; 0 = one per core");
  return [command] { return run(*command); };
}

}  // namespace foretoken
