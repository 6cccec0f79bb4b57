// foretoken accuracy: predictions held against files of measurements.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/judge.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "report/accuracy_report.hpp"

namespace foretoken {
namespace {

struct AccuracyCommand {
  std::string points;
  std::string kernels;
  std::string replay;
  std::string gpu;
  std::string by;
  AccuracyOptions options;
  OutputOptions output;
};

template <class Accuracy, class Text>
int deliver_accuracy(const Result<Accuracy>& accuracy, const OutputOptions& output, const Text& text) {
  if (!accuracy) {
    say(accuracy.error());
    return kExitBadInput;
  }
  return deliver(output.format == "json" ? to_text(to_json(*accuracy)) + "\n" : text(*accuracy), output);
}

int run(const AccuracyCommand& command) {
  for (const std::string& measured : {command.points, command.kernels}) {
    if (!files_are_distinct({{"the measurements", measured}, {"--output", command.output.output}}))
      return kExitBadInput;
  }
  if (command.output.format == "errors" && command.points.empty()) {
    say("--format errors is of measured serving runs\n");
    return kExitBadInput;
  }
  const TextStyle style = text_style(command.output);
  if (!command.kernels.empty()) {
    return deliver_accuracy(compare_kernels(command.kernels, command.options), command.output,
                            [&](const KernelAccuracy& accuracy) { return to_text(accuracy, style); });
  }
  if (!command.replay.empty()) {
    return deliver_accuracy(compare_replay(command.replay, command.gpu, command.options), command.output,
                            [&](const ReplayAccuracy& accuracy) { return to_text(accuracy, style); });
  }
  return deliver_accuracy(compare_points(command.points, command.options), command.output,
                          [&](const PointAccuracy& accuracy) {
                            return command.output.format == "errors" ? to_source(accuracy.run_errors)
                                                                     : to_text(accuracy, command.by == "cell", style);
                          });
}

}  // namespace

Action add_accuracy_command(CLI::App* accuracy) {
  auto command = std::make_shared<AccuracyCommand>();
  CLI::Option_group* what = accuracy->add_option_group("What to compare");
  CLI::Option* points =
      what->add_option("points", command->points, "Measured serving runs (CSV), each of which is simulated");
  points->type_name("FILE");
  what->add_option("--kernels", command->kernels, "Table of kernel times (CSV)")->type_name("FILE");
  CLI::Option* replay = what->add_option(
      "--replay", command->replay, "Recorded engine run: folder with meta.json, requests.jsonl and timeseries.csv");
  replay->type_name("FOLDER");
  what->require_option(1);
  accuracy->add_option("--gpu", command->gpu, "GPU of the replay; default: what the folder's name begins with")
      ->type_name("NAME")
      ->needs(replay);
  accuracy->add_option("--by", command->by, "Also list the errors of every cell")
      ->check(CLI::IsMember(std::vector<std::string>{"cell"}))
      ->needs(points);
  accuracy
      ->add_option("--names", command->options.names_path,
                   "What the file's names mean in the catalog (CSV kind,name_in_points,facts_name); default: names.csv "
                   "beside the file")
      ->type_name("FILE");
  accuracy
      ->add_option("--catalog", command->options.catalog_dir,
                   "Folder of gpus, models, links, calibration: wins over the built-in")
      ->type_name("DIR");
  accuracy
      ->add_option("--set", command->options.overrides,
                   "Set a field of every row's scenario: what a mechanism is worth (repeatable)")
      ->type_name("KEY=VALUE")
      ->needs(points);
  add_jobs_option(*accuracy, command->options.threads);
  add_output_options(*accuracy, command->output, {"table", "json", "errors"});
  return [command] { return run(*command); };
}

}  // namespace foretoken
