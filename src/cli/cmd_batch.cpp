// foretoken batch: how many requests to serve at once.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/interrupt.hpp"
#include "cli/options.hpp"
#include "cli/pictures.hpp"
#include "cli/progress.hpp"
#include "cli/read_scenario.hpp"
#include "cli/terminal.hpp"
#include "foretoken/report/batch_report.hpp"

namespace foretoken {
namespace {

struct BatchCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  BatchOptions options;
  bool json = false;
};

int run(const BatchCommand& command) {
  if (!output_can_be_created(command.output)) return kExitBadInput;
  const std::atomic<bool>* stop = install_interrupt_handlers();
  const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read) return kExitBadInput;
  BatchOptions options = command.options;
  options.run.stop = stop;
  std::unique_ptr<ProgressLine> line = follow(options.run.progress, "batch sizes", command.output);
  const Result<BatchStudy> study = study_batch(read->source, command.scenario.load_options(), read->scenario, options);
  line.reset();
  if (!study) {
    say(study.error());
    return kExitBadInput;
  }
  if (!study->feasible) say(fmt::format("does not fit: {}\n", study->sizes.front().reason));
  const bool json = command.json || command.output.format == "json";
  const std::string text = json ? to_text(to_json(*study)) + "\n" : to_text(*study, text_style(command.output));
  return deliver_pictures(finish(text, study->interrupted, study->feasible, command.output), command.output,
                          pictured(*study));
}

}  // namespace

void add_batch_command(CLI::App& app, int& exit_code) {
  CLI::App* batch =
      app.add_subcommand("batch", "Batch sizes side by side, and the largest throughput within the objectives");
  auto command = std::make_shared<BatchCommand>();
  add_scenario_options(*batch, command->scenario);
  add_output_options(*batch, command->output, {"table", "json"});
  add_picture_options(*batch, command->output);
  batch->add_flag("--json", command->json, "The same as --format json");
  batch->add_option("--sizes", command->options.sizes, "Batch sizes, of one replica: values and ranges")
      ->type_name("VALUES")
      ->capture_default_str();
  batch->add_option("-j,--jobs", command->options.run.threads, "Threads; 0 = one per core")->check(CLI::Range(0, 4096));
  batch->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace foretoken
