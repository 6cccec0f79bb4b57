// foretoken accuracy: predictions held against files of measurements.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "foretoken/report/accuracy_report.hpp"

namespace foretoken {
namespace {

struct AccuracyCommand {
  std::string points;
  std::string kernels;
  AccuracyOptions options;
  OutputOptions output;
};

template <class Accuracy>
int deliver_accuracy(const Result<Accuracy>& accuracy, const OutputOptions& output) {
  if (!accuracy) {
    say(accuracy.error());
    return kExitBadInput;
  }
  return deliver(
      output.format == "json" ? to_text(to_json(*accuracy)) + "\n" : to_text(*accuracy, {wants_color(output)}), output);
}

int run(const AccuracyCommand& command) {
  return deliver_accuracy(compare_kernels(command.kernels, command.options), command.output);
}

}  // namespace

void add_accuracy_command(CLI::App& app, int& exit_code) {
  CLI::App* accuracy = app.add_subcommand("accuracy", "Hold predictions against files of measurements");
  auto command = std::make_shared<AccuracyCommand>();
  accuracy->add_option("--kernels", command->kernels, "Table of kernel times (CSV)")->type_name("FILE")->required();
  accuracy
      ->add_option("--names", command->options.names_path,
                   "What the file's names mean in the catalog (CSV kind,name_in_points,facts_name); default: names.csv "
                   "beside the file")
      ->type_name("FILE");
  accuracy
      ->add_option("--catalog", command->options.catalog_dir,
                   "Folder with gpus, models, links and calibration that win over the built-in ones")
      ->type_name("DIR");
  accuracy->add_option("-j,--jobs", command->options.threads, "Threads; 0 = one per core")->check(CLI::Range(0, 4096));
  add_output_options(*accuracy, command->output, {"table", "json"});
  accuracy->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace foretoken
