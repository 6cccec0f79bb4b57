// foretoken diff and verify: what two stored results do not share, and whether one can be made again.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/interrupt.hpp"
#include "cli/judge.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "cli/terminal.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "persistence/stored_result.hpp"
#include "report/difference_report.hpp"
#include "report/uncertainty_report.hpp"
#include "scenario/scenario_text.hpp"

namespace foretoken {
namespace {

struct DiffCommand {
  std::string before, after;
  OutputOptions output;
  bool exit_code = false;
};
struct VerifyCommand {
  std::string path;
  OutputOptions output;
  int jobs = 0;
};

int deliver_difference(const ResultDifference& d, const OutputOptions& output) {
  return deliver(output.format == "json" ? to_text(to_json(d)) + "\n" : to_text(d, text_style(output)), output);
}

std::optional<StoredResult> read(const std::string& path) {
  Result<StoredResult> stored = read_result(path);
  if (stored) return std::move(*stored);
  say(stored.error());
  return std::nullopt;
}

int run_diff(const DiffCommand& command) {
  const std::optional<StoredResult> before = read(command.before), after = read(command.after);
  if (!before || !after) return kExitBadInput;
  if (!files_are_distinct({{"the first result", command.before}, {"--output", command.output.output}}) ||
      !files_are_distinct({{"the second result", command.after}, {"--output", command.output.output}}))
    return kExitBadInput;
  const ResultDifference d = difference(before->document, after->document);
  const int delivered = deliver_difference(d, command.output);
  return delivered == kExitOk && command.exit_code && !d.none() ? kExitMissed : delivered;
}

int refuse(const std::string& path, std::string_view why, std::string_view hint) {
  say(fmt::format("{}: error: {}\n  hint: {}\n", path, why, hint));
  return kExitBadInput;
}

// The stored text is what is run; whether it is still that of the file is worth a word.
void compare_with_file(const Question& source) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(source.origin, ignored)) {
    say(fmt::format("note: there is no '{}' here; the scenario's text is taken from the result\n", source.origin));
    return;
  }
  const Result<std::string> now = read_scenario_text(source.origin);
  if (!now || *now != source.text)
    say(fmt::format("note: '{}' has changed since; the stored text is run\n", source.origin));
}

int run_verify(const VerifyCommand& command) {
  const std::optional<StoredResult> stored = read(command.path);
  if (!stored || !files_are_distinct({{"the result", command.path}, {"--output", command.output.output}}))
    return kExitBadInput;
  const std::optional<Provenance> made_from = provenance_of(stored->document);
  if (!made_from)
    return refuse(command.path, "the result does not say what it was made from",
                  "run its scenario again and store that");
  if (const bool* interrupted = stored->document["interrupted"].if_bool(); interrupted != nullptr && *interrupted)
    return refuse(command.path, "the run was interrupted: no second one ends at the same place", "run it to its end");
  const std::atomic<bool>* stop = install_interrupt_handlers();
  const Question& question = made_from->question;
  if (!command.output.quiet) compare_with_file(question);
  const Result<Scenario> scenario = question.scenario();
  if (!scenario) {
    say(scenario.error());
    return kExitBadInput;
  }
  RunOptions options;
  options.threads = command.jobs;
  options.stop = stop;
  options.model_band = true;
  options.attribution_groups = true;
  options.load_slots = true;
  std::unique_ptr<ProgressLine> line = follow(options.progress, "requests", command.output);
  const Result<RunResult> result = run_scenario(*scenario, options);
  line.reset();
  if (!result) {
    say(result.error());
    return kExitBadInput;
  }
  if (result->interrupted) {
    say("interrupted: nothing is known yet\n");
    return kExitInterrupted;
  }
  const Provenance now{question, input_hashes(question, *scenario)};
  Json document = to_json(*result, now);
  if (!std::as_const(stored->document)["model_uncertainty"].is_null()) {  // run --band
    const Result<ModelUncertainty> band = uncertainty_of_headline(*scenario, options);
    if (!band) {
      say(band.error());
      return kExitBadInput;
    }
    document["model_uncertainty"] = to_json(*band);
  }
  if (to_text(document) + "\n" == stored->text && command.output.format != "json")
    return deliver(fmt::format("reproduced byte for byte: {} bytes\n", stored->text.size()), command.output);
  const ResultDifference d = difference(stored->document, document);
  const int delivered = deliver_difference(d, command.output);
  if (delivered != kExitOk) return delivered;
  if (!d.none()) {
    const bool same = same_figures(d);
    say(same ? "reproduced: every figure is the same, though not every byte\n" : "not reproduced: stored → now\n");
    return same ? kExitOk : kExitMissed;
  }
  if (to_text(document) + "\n" != stored->text) say("the same values, laid out otherwise\n");
  return kExitOk;
}

}  // namespace

Action add_diff_command(CLI::App* diff) {
  auto command = std::make_shared<DiffCommand>();
  diff->add_option("before", command->before, "Result of `run --format json`")->required();
  diff->add_option("after", command->after, "Another one")->required();
  add_output_options(*diff, command->output, {"table", "json"});
  diff->add_flag("--exit-code", command->exit_code, "Exit with 99 when there is a difference");
  return [command] { return run_diff(*command); };
}

Action add_verify_command(CLI::App* verify) {
  auto command = std::make_shared<VerifyCommand>();
  verify->add_option("result", command->path, "Result of `run --format json`")->required();
  add_output_options(*verify, command->output, {"table", "json"});
  add_jobs_option(*verify, command->jobs, "Threads for replications; 0 = one per core");
  return [command] { return run_verify(*command); };
}

}  // namespace foretoken
