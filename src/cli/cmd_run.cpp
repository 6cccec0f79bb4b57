// foretoken run: one scenario simulated, or every point of its what-if.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/interrupt.hpp"
#include "cli/judge.hpp"
#include "cli/options.hpp"
#include "cli/pictures.hpp"
#include "cli/progress.hpp"
#include "cli/read_scenario.hpp"
#include "cli/run_files.hpp"
#include "cli/sweep_run.hpp"
#include "cli/terminal.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "persistence/stored_result.hpp"
#include "report/common.hpp"
#include "report/openmetrics.hpp"
#include "report/result_series.hpp"
#include "report/sweep_front_report.hpp"
#include "report/uncertainty_report.hpp"

namespace foretoken {
namespace {

struct RunCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  RunFileOptions files;
  int jobs = 0;
  bool step_by_step = false;
  bool band = false;
  bool full = false;
};

Json document_of(const RunResult& result, const std::optional<ModelUncertainty>& uncertainty,
                 const ReadScenario& read) {
  const Provenance provenance{read.question, input_hashes(read.question, result.scenario)};
  Json json = to_json(result, provenance);
  if (uncertainty) json["model_uncertainty"] = to_json(*uncertainty);
  return json;
}

std::string render(const RunResult& result, const std::optional<ModelUncertainty>& uncertainty,
                   const ReadScenario& read, const RunCommand& command, const RunFiles& files) {
  const OutputOptions& output = command.output;
  if (output.format == "json") return to_text(document_of(result, uncertainty, read)) + "\n";
  if (output.format == "csv") return to_csv(result);
  if (output.format == "vllm") return to_text(to_vllm_json(result)) + "\n";
  if (files.metrics()) return to_openmetrics(result.scenario, *files.metrics(), command.files.metrics_start);
  TextStyle style = text_style(output);
  style.full = command.full;
  std::string text = to_text(result, style);
  if (uncertainty) text += "\nBand of the model\n" + uncertainty_lines(*uncertainty, style);
  return text;
}

int run_points(const RunCommand& command, const ReadScenario& read, const RunOptions& options) {
  if (command.band) {
    say(fmt::format("{}: error: --band is of one point, and this scenario has a sweep\n  hint: --set sweep=null\n",
                    command.scenario.path));
    return kExitBadInput;
  }
  std::string single;
  if (command.output.format == "vllm" || command.output.format == "openmetrics")
    single = "--format " + command.output.format;
  for (const auto& [option, file] : command.files.named()) {
    if (single.empty() && !file.empty()) single = option;
  }
  if (!single.empty()) {
    say(
        fmt::format("{}: error: a scenario with a sweep has no single result for {}\n  hint: --set sweep=null runs the "
                    "base point alone\n",
                    command.scenario.path, single));
    return kExitBadInput;
  }
  SweepRun sweep;
  sweep.question = {read.question, read.scenario};
  sweep.output = command.output;
  sweep.options.run = options;
  return run_and_deliver(sweep);
}

int run_one(const RunCommand& command, const ReadScenario& read, RunOptions options) {
  const Scenario& scenario = read.scenario;
  std::optional<RunFiles> files = RunFiles::open(command.files, command.output, scenario);
  if (!files) return kExitBadInput;
  files->watch(options);
  RunSeries series(kv_blocks_by_rank(scenario));
  if (wants_pictures(command.output)) options.watchers.push_back(&series);
  const Result<RunResult> result = run_scenario(scenario, options);
  if (!result) {
    say(result.error());
    return kExitBadInput;
  }
  if (!result->feasible) say(fmt::format("does not fit: {}\n", result->memory.verdict));
  if (!command.output.quiet && command.output.format != "table" && command.output.format != "markdown") {
    for (const std::string& warning : result->warnings) say(fmt::format("warning: {}\n", warning));
  }
  std::optional<ModelUncertainty> uncertainty;
  if (command.band && result->feasible && !result->interrupted) {
    Result<ModelUncertainty> band = uncertainty_of_headline(scenario, options);
    if (!band) {
      say(band.error());
      return kExitBadInput;
    }
    uncertainty = std::move(*band);
  }
  Diagnostics lost = result->feasible ? files->commit(command.output.quiet) : Diagnostics{};
  if (!lost.empty()) say(lost);
  // Rows that could not be written do not cost the user the result.
  const bool interrupted = result->interrupted || (uncertainty && uncertainty->interrupted);
  int code = finish(render(*result, uncertainty, read, command, *files), interrupted, result->feasible, command.output);
  code = deliver_pictures(code, command.output, [&] {
    Pictured pictured{document_of(*result, uncertainty, read), to_text(*result, {.full = true})};
    add_series(pictured.document, *result, series);
    add_roofline_of(pictured.document, scenario);
    return pictured;
  });
  return lost.empty() ? code : kExitInternal;
}

int run(const RunCommand& command) {
  std::vector<std::pair<std::string, std::string>> named = command.files.named();
  named.insert(named.begin(), {{"the scenario", command.scenario.path}, {"--output", command.output.output}});
  const bool distinct = files_are_distinct(named);
  if (!distinct || !output_can_be_created(command.output)) return kExitBadInput;
  const std::atomic<bool>* stop = install_interrupt_handlers();
  const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read) return kExitBadInput;
  for (const auto& file : command.files.named()) {
    if (!inputs_are_kept(read->scenario, command.scenario.path, file)) return kExitBadInput;
  }
  RunOptions options;
  options.threads = command.jobs;
  options.stop = stop;
  options.step_by_step = command.step_by_step;
  options.model_band = true;
  options.attribution_groups = true;
  options.load_slots = read->scenario.sweep.empty();
  const bool sweep = !read->scenario.sweep.empty();
  std::unique_ptr<ProgressLine> line;
  if (wants_progress(command.output)) {
    line = std::make_unique<ProgressLine>(sweep ? "points" : "requests");
    options.progress = [&](const Progress& progress) { line->update(progress); };
  }
  return sweep ? run_points(command, *read, options) : run_one(command, *read, options);
}

}  // namespace

Action add_run_command(CLI::App* run_app) {
  auto command = std::make_shared<RunCommand>();
  add_scenario_options(*run_app, command->scenario);
  add_load_factor_option(*run_app, command->scenario);
  add_output_options(*run_app, command->output, {"table", "json", "csv", "vllm", "openmetrics"});
  add_picture_options(*run_app, command->output);
  add_run_file_options(*run_app, command->files);
  add_jobs_option(*run_app, command->jobs, "Threads for replications, or replicas in turn; 0 = one per core");
  run_app->add_flag("--full", command->full, "All sections of the table, not the answer alone");
  run_app->add_flag(
      "--band", command->band,
      "Also count the model's error as measured on whole runs: a band on the headline figures, P(meets) of objectives");
  run_app->add_flag("--step-by-step", command->step_by_step,
                    "Simulate every engine step by itself: the same result, slower");
  return [command] { return run(*command); };
}

}  // namespace foretoken
