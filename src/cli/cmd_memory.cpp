// foretoken memory: what fits in which precision, and what a token then takes.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/options.hpp"
#include "cli/pictures.hpp"
#include "cli/read_scenario.hpp"
#include "cli/terminal.hpp"
#include "foretoken/report/memory_report.hpp"

namespace foretoken {
namespace {

struct MemoryCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  MemoryOptions options;
  bool json = false;
};

int run(const MemoryCommand& command) {
  if (!output_can_be_created(command.output)) return kExitBadInput;
  const std::optional<ScenarioText> source = read_source(command.scenario);
  if (!source) return kExitBadInput;
  const Result<MemoryStudy> study = study_memory(*source, command.scenario.load_options(), command.options);
  if (!study) {
    say(study.error());
    return kExitBadInput;
  }
  if (!inputs_are_kept(study->scenario, command.scenario.path, {"--output", command.output.output}))
    return kExitBadInput;
  const bool json = command.json || command.output.format == "json";
  const std::string text = json ? to_text(to_json(*study)) + "\n" : to_text(*study, text_style(command.output));
  const bool fits = std::any_of(study->candidates.begin(), study->candidates.end(),
                                [](const MemoryCandidate& c) { return c.status == MemoryStatus::fits; });
  return deliver_pictures(finish(text, false, fits, command.output), command.output, pictured(*study));
}

}  // namespace

void add_memory_command(CLI::App& app, int& exit_code) {
  CLI::App* memory =
      app.add_subcommand("memory", "What fits by precision, context and GPU: weights, KV cache, requests, TPOT");
  auto command = std::make_shared<MemoryCommand>();
  memory->add_option("scenario", command->scenario.path,
                     "Scenario file (YAML), or - for standard input; none: --set model=... and --gpu say all");
  add_change_options(*memory, command->scenario);
  add_output_options(*memory, command->output, {"table", "json"});
  add_picture_options(*memory, command->output);
  memory->add_flag("--json", command->json, "The same as --format json");
  MemoryOptions& options = command->options;
  memory->add_option("--context", options.contexts, "Tokens of a request, prompt and output: 2048,4096..32768")
      ->type_name("TOKENS");
  memory->add_option("--gpu", options.gpus, "GPUs of the catalog: h100_sxm,l40s")->type_name("NAMES");
  memory->add_option("--quantization", options.quantizations, "Weight formats: none,fp8,awq,nvfp4")->type_name("NAMES");
  memory->add_option("--kv-cache-dtype", options.kv_cache_dtypes, "KV cache formats: auto,fp8")->type_name("NAMES");
  memory->add_option("-j,--jobs", options.threads, "Threads; 0 = one per core")->check(CLI::Range(0, 4096));
  memory->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace foretoken
