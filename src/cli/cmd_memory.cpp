// foretoken memory: what fits in which precision, and what a token then takes.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "cli/judge.hpp"
#include "cli/pictures.hpp"
#include "cli/read_scenario.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/memory.hpp"

namespace foretoken {
namespace {

struct MemoryCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  MemoryOptions options;
};

int run(const MemoryCommand& command) {
  if (!output_can_be_created(command.output)) return kExitBadInput;
  const std::optional<Question> question = read_question(command.scenario);
  if (!question) return kExitBadInput;
  const Result<MemoryStudy> study = study_memory(*question, command.options);
  if (!study) {
    say(study.error());
    return kExitBadInput;
  }
  if (!inputs_are_kept(study->scenario, command.scenario.path, {"--output", command.output.output}))
    return kExitBadInput;
  const bool fits = std::any_of(study->candidates.begin(), study->candidates.end(),
                                [](const MemoryCandidate& c) { return c.status == MemoryStatus::fits; });
  const int code = finish(document_of(*study, command.output), false, fits, command.output);
  return deliver_pictures(code, command.output, pictured(*study));
}

}  // namespace

Action add_memory_command(CLI::App* memory) {
  auto command = std::make_shared<MemoryCommand>();
  memory->add_option("scenario", command->scenario.path,
                     "Scenario file (YAML), or - for standard input; none: --set model=... and --gpu say all");
  add_change_options(*memory, command->scenario);
  add_output_options(*memory, command->output, {"table", "json"});
  add_picture_options(*memory, command->output);
  add_json_flag(*memory, command->output);
  MemoryOptions& options = command->options;
  memory->add_option("--context", options.contexts, "Tokens of a request, prompt and output: 2048,4096..32768")
      ->type_name("TOKENS");
  memory->add_option("--gpu", options.gpus, "GPUs of the catalog: h100_sxm,l40s")->type_name("NAMES");
  memory->add_option("--quantization", options.quantizations, "Weight formats: none,fp8,awq,nvfp4")->type_name("NAMES");
  memory->add_option("--kv-cache-dtype", options.kv_cache_dtypes, "KV cache formats: auto,fp8")->type_name("NAMES");
  memory->add_option("--pool", options.pool, "Of a scenario with pools the one that is asked about")->type_name("NAME");
  add_jobs_option(*memory, options.threads);
  return [command] { return run(*command); };
}

}  // namespace foretoken
