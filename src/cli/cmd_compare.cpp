// foretoken compare: two scenarios, a scenario and a change of it, or two stored results.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/interrupt.hpp"
#include "cli/judge.hpp"
#include "cli/pictures.hpp"
#include "cli/progress.hpp"
#include "cli/read_scenario.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/compare.hpp"
#include "measurement/validation/validate.hpp"
#include "scenario/scenario_text.hpp"

namespace foretoken {
namespace {

struct CompareCommand {
  ScenarioOptions after;  // what `set` changes
  std::string before;
  OutputOptions output;
  std::string replications;
  int jobs = 0;
};

// Results of long runs are larger than scenarios may be.
std::optional<Question> read_text(const std::string& path) {
  const Result<std::string> text = read_scenario_text(path);
  if (text) return Question{*text, path};
  say(text.error());
  return std::nullopt;
}

// Measurements are not compared on random numbers: says which command puts them beside a prediction.
bool has_measurements(const CompareCommand& command) {
  std::string scenario = "SCENARIO.yaml", measured, first;
  for (const std::string& path : {command.before, command.after.path}) {
    if (path.empty()) continue;
    const Result<std::string> text = read_scenario_text(path);
    if (!text) continue;
    const Question source{*text, path};
    if (is_foreign_result(source)) {
      measured += " " + path;
      if (first.empty()) first = path;
    } else if (!is_stored_result(source)) {
      scenario = path;
    }
  }
  if (first.empty()) return false;
  std::string set;
  for (const std::string& change : command.after.set) set += fmt::format(" --set '{}'", change);
  say(
      fmt::format("error: '{}' is a result of a benchmark tool, not of foretoken\n  hint: measured beside predicted: "
                  "foretoken validate {} --measured{}{}\n",
                  first, scenario, measured, set));
  return true;
}

std::optional<Result<CompareResult>> compare(const CompareCommand& command, const RunOptions& options) {
  if (has_measurements(command)) return std::nullopt;
  const bool one_file = command.after.path.empty();
  if (one_file && command.after.set.empty()) {
    say("error: there is nothing to compare with\n  hint: give a second scenario or result, or --set FIELD=VALUE for a "
        "change of this one\n");
    return std::nullopt;
  }
  const std::optional<Question> before = read_text(command.before);
  const std::optional<Question> after = one_file ? before : read_text(command.after.path);
  if (!before || !after) return std::nullopt;
  const bool stored = is_stored_result(*before);
  if (stored != is_stored_result(*after)) {
    say(fmt::format(
        "error: one of '{}' and '{}' is a scenario and the other a stored result\n  hint: compare two of a kind\n",
        command.before, command.after.path));
    return std::nullopt;
  }
  if (stored) {
    if (command.after.set.empty()) return compare_results(*before, *after);
    say("error: --set changes a scenario; a stored result is what it is\n  hint: compare the scenarios\n");
    return std::nullopt;
  }
  CompareQuestion question{*before, *after};
  question.after.options = command.after.load_options();
  question.before.options.catalog_dir = command.after.catalog_dir;
  if (!command.after.seed.empty()) question.before = question.before.with({"seed=" + command.after.seed});
  if (!command.replications.empty()) {
    for (Question* asked : {&question.before, &question.after})
      *asked = asked->with({"replications=" + command.replications});
  }
  return compare_scenarios(question, options);
}

int run(const CompareCommand& command) {
  if (!output_can_be_created(command.output) ||
      !files_are_distinct({{"the first scenario", command.before}, {"--output", command.output.output}}) ||
      !files_are_distinct({{"the second scenario", command.after.path}, {"--output", command.output.output}}))
    return kExitBadInput;
  RunOptions options;
  options.threads = command.jobs;
  options.stop = install_interrupt_handlers();
  std::unique_ptr<ProgressLine> line = follow(options.progress, "requests", command.output);
  const std::optional<Result<CompareResult>> result = compare(command, options);
  line.reset();
  if (!result) return kExitBadInput;
  if (!*result) {
    say(result->error());
    return kExitBadInput;
  }
  const CompareResult& r = **result;
  for (const std::string& verdict : r.does_not_fit) say(fmt::format("does not fit: {}\n", verdict));
  const int code = finish(document_of(r, command.output), r.interrupted, r.does_not_fit.empty(), command.output);
  return deliver_pictures(code, command.output, pictured(r));
}

}  // namespace

Action add_compare_command(CLI::App* compare_app) {
  auto command = std::make_shared<CompareCommand>();
  compare_app->add_option("before", command->before, "Scenario (YAML), or a result of `run --format json`")->required();
  compare_app->add_option("after", command->after.path, "The other one; without it, the first with --set");
  add_change_options(*compare_app, command->after);
  compare_app
      ->add_option("--replications", command->replications,
                   fmt::format("Runs of each (default: the scenarios' `replications`, or {})", kCompareReplications))
      ->type_name("N");
  add_output_options(*compare_app, command->output, {"table", "json"});
  add_picture_options(*compare_app, command->output);
  add_json_flag(*compare_app, command->output);
  add_jobs_option(*compare_app, command->jobs, "Threads for replications; 0 = one per core");
  return [command] { return run(*command); };
}

}  // namespace foretoken
