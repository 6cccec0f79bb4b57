// foretoken calibrate: cost terms fitted to measured runs, and the file that keeps them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/interrupt.hpp"
#include "cli/judge.hpp"
#include "cli/measured.hpp"
#include "cli/options.hpp"
#include "cli/pictures.hpp"
#include "cli/progress.hpp"
#include "cli/read_scenario.hpp"
#include "cli/terminal.hpp"
#include "report/calibration_report.hpp"
#include "report/kernel_fit_report.hpp"

namespace foretoken {
namespace {

struct CalibrateCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  std::vector<std::string> measured;
  std::string save;
  std::string date;
  std::string kernels;
  std::vector<std::string> operations;
  std::string names;
  CalibrationOptions options;
};

// A fit is judged on measurements that it has not seen.
std::string next_step(const CalibrateCommand& command) {
  return fmt::format(
      "What the fit predicts of another measurement:\n  foretoken validate {} --set "
      "cost.calibration={} --measured OTHER.json\n",
      command.scenario.path, command.save);
}

// The sets as a catalog that --catalog names.
int save_sets(const KernelFit& fit, const std::string& folder) {
  const std::filesystem::path inside = std::filesystem::path(folder) / "calibration";
  std::error_code failed;
  std::filesystem::create_directories(inside, failed);
  if (failed) {
    say(fmt::format("error: {}: {}\n", inside.string(), failed.message()));
    return kExitBadInput;
  }
  for (const CatalogFile& file : to_catalog_files(fit)) {
    OutputOptions output;
    output.output = (inside / (file.stem + ".yaml")).string();
    if (const int saved = deliver(file.text, output); saved != kExitOk) return saved;
  }
  return kExitOk;
}

int fit_table(const CalibrateCommand& command) {
  if (!command.scenario.path.empty() || !command.measured.empty()) {
    say("error: --kernels fits coefficient sets to a table; it takes neither a scenario nor --measured\n");
    return kExitBadInput;
  }
  const Result<KernelFit> fit = fit_kernels(
      command.kernels, {command.names, command.scenario.catalog_dir, command.operations, command.options.threads});
  if (!fit) {
    say(fit.error());
    return kExitBadInput;
  }
  if (!command.save.empty()) {
    if (const int saved = save_sets(*fit, command.save); saved != kExitOk) return saved;
  }
  if (command.output.format == "experts") return deliver(to_measured_experts(*fit), command.output);
  return deliver(
      command.output.format == "json" ? to_text(to_json(*fit)) + "\n" : to_text(*fit, text_style(command.output)),
      command.output);
}

int run(CalibrateCommand& command) {
  if (!command.kernels.empty()) return fit_table(command);
  if (command.output.format == "experts") {
    say("error: --format experts is the table of expert kernels that were timed\n"
        "  hint: calibrate --kernels TABLE --format experts; fits of a scenario are table or json\n");
    return kExitBadInput;
  }
  for (const auto& [missing, name] :
       {std::pair(command.scenario.path.empty(), "scenario"), std::pair(command.measured.empty(), "--measured")}) {
    if (!missing) continue;
    say(fmt::format("error: {} is required, or --kernels TABLE\n", name));
    return kExitBadInput;
  }
  OutputOptions file;
  file.output = command.save;
  if (!output_can_be_created(command.output) || !output_can_be_created(file)) return kExitBadInput;
  if (!files_are_distinct({{"--save", command.save}, {"--output", command.output.output}}) ||
      !files_are_distinct({{"the scenario", command.scenario.path}, {"--save", command.save}}))
    return kExitBadInput;
  command.options.stop = install_interrupt_handlers();
  const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read ||
      refuses_pools(read->scenario, command.scenario.path, "fit one kind of replica, and give its file to the pools"))
    return kExitBadInput;
  const std::optional<std::vector<MeasuredFile>> files =
      measured_files(command.measured, {{"--save", command.save}, {"--output", command.output.output}});
  if (!files) return kExitBadInput;
  std::unique_ptr<ProgressLine> line;
  if (wants_progress(command.output)) {
    line = std::make_unique<ProgressLine>("simulations");
    command.options.progress = [&](const Progress& progress) { line->update(progress); };
  }
  const Result<CalibrationResult> result = calibrate(read->question, *files, command.options);
  line.reset();
  if (!result) {
    say(result.error());
    return kExitBadInput;
  }
  if (result->interrupted && result->terms.empty()) {
    say("interrupted: nothing is known yet\n");
    return kExitInterrupted;
  }
  if (!command.save.empty()) {
    const int saved = deliver(to_calibration_file(*result, command.date), file);
    if (saved != kExitOk) return saved;
  }
  std::string text =
      command.output.format == "json" ? to_text(to_json(*result)) + "\n" : to_text(*result, text_style(command.output));
  if (command.output.format != "json" && !command.save.empty()) text += next_step(command);
  return deliver_pictures(finish(text, result->interrupted, true, command.output), command.output, pictured(*result));
}

}  // namespace

Action add_calibrate_command(CLI::App* calibrate) {
  auto command = std::make_shared<CalibrateCommand>();
  add_scenario_options(*calibrate, command->scenario);
  add_measured_option(*calibrate, command->measured);
  for (const char* name : {"scenario", "--measured"}) calibrate->get_option(name)->required(false);
  calibrate
      ->add_option(
          "--save", command->save,
          "Write the calibration file that cost.calibration names; of --kernels the folder that --catalog names")
      ->type_name("FILE");
  CLI::Option* kernels =
      calibrate->add_option("--kernels", command->kernels, "Fit coefficient sets to a table of kernel times (CSV)");
  kernels->type_name("TABLE");
  calibrate->add_option("--operations", command->operations, "Of the table only these, comma-separated")
      ->type_name("NAMES")
      ->delimiter(',')
      ->needs(kernels);
  calibrate->add_option("--names", command->names, "Names of the table's GPUs (CSV kind,name_in_points,facts_name)")
      ->type_name("FILE")
      ->needs(kernels);
  calibrate->add_option("--date", command->date, "Date to note in the calibration file")
      ->type_name("YYYY-MM-DD")
      ->check([](const std::string& text) {
        const bool digits = text.size() == 10 && text[4] == '-' && text[7] == '-' &&
                            (text.substr(0, 4) + text.substr(5, 2) + text.substr(8)).find_first_not_of("0123456789") ==
                                std::string::npos;
        return digits ? std::string{} : "a date is YYYY-MM-DD, got '" + text + "'";
      });
  calibrate
      ->add_option("--fit-first", command->options.fit_first,
                   "Fit on the first N requests of each run and predict the rest")
      ->type_name("N")
      ->check(CLI::Range(20, 1'000'000'000));
  calibrate->add_option("--terms", command->options.terms, "Only these terms, comma-separated")
      ->type_name("NAMES")
      ->delimiter(',');
  add_jobs_option(*calibrate, command->options.threads);
  add_output_options(*calibrate, command->output, {"table", "json", "experts"});
  add_picture_options(*calibrate, command->output);
  return [command] { return run(*command); };
}

}  // namespace foretoken
