// foretoken recommend: the cheapest deployment that meets the objectives.
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
#include "foretoken/report/recommend_report.hpp"

namespace foretoken {
namespace {

struct RecommendCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  std::string emit;
  std::size_t top = 5;
  int jobs = 0;
  bool json = false;
};

int exit_code_of(const RecommendResult& result) {
  if (result.interrupted) return kExitInterrupted;
  switch (result.overall) {
    case Decision::meets:
      return kExitOk;
    case Decision::misses:
      return result.effort.runnable == 0 ? kExitInfeasible : kExitMissed;
    case Decision::not_decided:
      break;
  }
  return kExitNotDecided;
}

bool emit(const RecommendQuestion& question, const RecommendResult& result, const std::string& folder) {
  const Result<std::vector<EmittedScenario>> scenarios = emitted_scenarios(question, result);
  const Diagnostics problems = scenarios ? write_scenarios(*scenarios, folder) : scenarios.error();
  if (problems.has_errors()) say(problems);
  return !problems.has_errors();
}

int run(RecommendCommand command) {
  if (command.json) command.output.format = "json";
  if (!output_can_be_created(command.output)) return kExitBadInput;
  if (!command.emit.empty()) {
    if (const Diagnostics problems = check_emit_folder(command.emit); problems.has_errors()) {
      say(problems);
      return kExitBadInput;
    }
  }
  const std::atomic<bool>* stop = install_interrupt_handlers();
  std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read) return kExitBadInput;
  RecommendQuestion question{std::move(read->source), command.scenario.load_options(), std::move(read->scenario)};
  RecommendOptions options;
  options.top = command.top;
  options.run.threads = command.jobs;
  options.run.stop = stop;
  std::unique_ptr<ProgressLine> line = follow(options.run.progress, "candidates", command.output);
  const Result<RecommendResult> result = recommend(question, options);
  line.reset();
  if (!result) {
    say(result.error());
    return kExitBadInput;
  }
  const bool emitted = command.emit.empty() || emit(question, *result, command.emit);
  const std::string text =
      command.output.format == "json" ? to_text(to_json(*result)) + "\n" : to_text(*result, text_style(command.output));
  const int delivered = deliver(text, command.output);
  if (delivered != kExitOk) return delivered;
  return deliver_pictures(emitted ? exit_code_of(*result) : kExitInternal, command.output, pictured(*result));
}

}  // namespace

void add_recommend_command(CLI::App& app, int& exit_code) {
  CLI::App* recommend_app = app.add_subcommand(
      "recommend", "Find the cheapest deployment that meets the objectives: found (0), none (99), not decided (98)");
  auto command = std::make_shared<RecommendCommand>();
  add_scenario_options(*recommend_app, command->scenario);
  add_load_factor_option(*recommend_app, command->scenario);
  command->scenario.spares_down = true;
  recommend_app
      ->add_option(
          "--over", command->scenario.recommend_over,
          "Search over these values of a field: hardware.gpu=h100_sxm,l40s (repeatable; replaces that axis of the "
          "usual domain, or joins the scenario's own `recommend.over`)")
      ->type_name("FIELD=VALUES")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  add_output_options(*recommend_app, command->output, {"table", "json"});
  add_picture_options(*recommend_app, command->output);
  recommend_app->add_flag("--json", command->json, "The same as --format json");
  recommend_app->add_option("--top", command->top, "So many that meet are ranked")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  recommend_app
      ->add_option("--emit", command->emit, "Write the ranked candidates and the fronts as scenarios into this folder")
      ->type_name("DIR");
  recommend_app->add_option("-j,--jobs", command->jobs, "Threads; 0 = one per core")->check(CLI::Range(0, 4096));
  recommend_app->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace foretoken
