// foretoken explain: resolved values with their origin, memory, rooflines, floors; and where the time of requests went.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/interrupt.hpp"
#include "cli/options.hpp"
#include "cli/pictures.hpp"
#include "cli/read_scenario.hpp"
#include "cli/terminal.hpp"
#include "foretoken/report/json_report.hpp"
#include "foretoken/report/request_report.hpp"
#include "foretoken/report/text_report.hpp"

namespace foretoken {
namespace {

struct ExplainCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  std::string request;
  std::string metric = "ttft";
};

RequestMetric metric_of(const std::string& name) {
  return name == "tpot" ? RequestMetric::tpot : name == "e2el" ? RequestMetric::e2el : RequestMetric::ttft;
}

int explain_slow_requests(const ExplainCommand& command) {
  const Result<RequestSelector> selector = parse_request_selector(command.request);
  if (!selector) {
    say(selector.error());
    return kExitBadInput;
  }
  RunOptions options;
  options.stop = install_interrupt_handlers();
  const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read) return kExitBadInput;
  const Result<RequestExplanation> explanation = explain_requests(
      read->source, command.scenario.load_options(), read->scenario, *selector, metric_of(command.metric), options);
  if (!explanation) {
    say(explanation.error());
    return kExitBadInput;
  }
  if (!explanation->feasible) say(fmt::format("does not fit: {}\n", explanation->memory.verdict));
  const std::string text = command.output.format == "json" ? to_text(to_json(*explanation)) + "\n"
                                                           : to_text(*explanation, text_style(command.output));
  return deliver_pictures(finish(text, explanation->interrupted, explanation->feasible, command.output), command.output,
                          pictured(*explanation));
}

int run(const ExplainCommand& command) {
  if (!output_can_be_created(command.output)) return kExitBadInput;
  if (!command.request.empty()) return explain_slow_requests(command);
  const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read) return kExitBadInput;
  const Result<Explanation> explanation = explain(read->scenario);
  if (!explanation) {
    say(explanation.error());
    return kExitBadInput;
  }
  const std::string text = command.output.format == "json" ? to_text(to_json(*explanation)) + "\n"
                                                           : to_text(*explanation, text_style(command.output));
  const int delivered = deliver(text, command.output);
  if (delivered != kExitOk) return delivered;
  if (explanation->feasible) return deliver_pictures(kExitOk, command.output, pictured(*explanation));
  say(fmt::format("does not fit: {}\n", explanation->memory.verdict));
  return deliver_pictures(kExitInfeasible, command.output, pictured(*explanation));
}

}  // namespace

void add_explain_command(CLI::App& app, int& exit_code) {
  CLI::App* explain_app =
      app.add_subcommand("explain",
                         "Show resolved values with their origin, the memory plan, rooflines and floors; or "
                         "where the time of slow requests went (--request)");
  auto command = std::make_shared<ExplainCommand>();
  add_scenario_options(*explain_app, command->scenario);
  add_output_options(*explain_app, command->output, {"table", "json"});
  add_picture_options(*explain_app, command->output);
  CLI::Option* request = explain_app->add_option(
      "--request", command->request,
      "Simulate, and say where the time of these requests went: p99, p50, worst, p95..p99, violators, or an index");
  request->type_name("WHICH");
  explain_app->add_option("--metric", command->metric, "The latency that --request ranks and splits")
      ->check(CLI::IsMember(std::vector<std::string>{"ttft", "tpot", "e2el"}))
      ->needs(request)
      ->capture_default_str();
  explain_app->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace foretoken
