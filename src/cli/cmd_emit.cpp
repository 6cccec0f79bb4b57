// foretoken emit: the deployment of a scenario as what starts it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/judge.hpp"
#include "report/emit/engine_files.hpp"

namespace foretoken {
namespace {

struct EmitCommand : StudyOptions {
  std::string target;
  std::string engine;
};

Diagnostics refused(const Asked& asked, const std::string& message, const std::string& hint) {
  Diagnostics problems;
  problems.error(asked.question.whole(), message, hint);
  return problems;
}

Result<Answer> emitted(const EmitCommand& command, const Asked& asked) {
  if (asked.scenario.deployment.level == CostLevel::affine)
    return refused(asked, "a scenario with affine costs names no hardware and no model to start", "");
  const bool manifest = command.target == "kubernetes";
  std::optional<Program> program = program_named(manifest ? command.engine : command.target);
  if (!program) program = program_of(asked.scenario);
  if (!program)
    return refused(asked, fmt::format("'{}' exists only on paper: nothing starts it", asked.scenario.engine.name),
                   "--engine vllm, sglang or trtllm converts the knobs");
  const Result<TargetDeployment> target = target_deployment(asked.question, asked.scenario, *program);
  if (!target) return target.error();
  Answer answer;
  if (manifest) {
    const Result<std::string> text = to_manifest(*target);
    if (!text) return text.error();
    answer.document = *text;
  } else {
    answer.document = to_script(*target);
  }
  const MemoryPlan plan = plan_memory(target->scenario.deployment, target->scenario.memory);
  answer.feasible = plan.fits;
  answer.unfit = plan.verdict;
  return answer;
}

}  // namespace

Action add_emit_command(CLI::App* emit_app) {
  auto command = std::make_shared<EmitCommand>();
  emit_app->add_option("target", command->target, "vllm, sglang, trtllm: a script for sh; kubernetes: manifests")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"vllm", "sglang", "trtllm", "kubernetes"}));
  add_scenario_options(*emit_app, command->scenario);
  emit_app->add_option("--engine", command->engine, "Of kubernetes: the engine; default: the scenario's")
      ->check(CLI::IsMember(std::vector<std::string>{"vllm", "sglang", "trtllm"}));
  emit_app->add_option("-o,--output", command->output.output, "Write to a file instead of standard output")
      ->type_name("FILE");
  emit_app->add_flag("-q,--quiet", command->output.quiet, "No warnings");
  return [command] {
    return judge(*command, {.counts = ""}, [&](const Asked& asked) { return emitted(*command, asked); });
  };
}

}  // namespace foretoken
