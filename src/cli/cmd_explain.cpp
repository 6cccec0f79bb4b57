// foretoken explain: resolved values with their origin, memory, rooflines, floors; and where the time of requests went.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/judge.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "report/request_report.hpp"

namespace foretoken {
namespace {

struct ExplainCommand : StudyOptions {
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
  return judge(command, {.counts = ""}, [&](const Asked& asked) -> Result<Answer> {
    const Result<RequestExplanation> explanation =
        explain_requests(asked.question, asked.scenario, *selector, metric_of(command.metric), asked.run);
    if (!explanation) return explanation.error();
    return answer_of(*explanation, command.output);
  });
}

int run(const ExplainCommand& command) {
  if (!output_can_be_created(command.output)) return kExitBadInput;
  if (!command.request.empty()) return explain_slow_requests(command);
  return judge(command, {.counts = ""}, [&](const Asked& asked) -> Result<Answer> {
    const Result<Explanation> explanation = explain(asked.scenario);
    if (!explanation) return explanation.error();
    return answer_of(*explanation, command.output);
  });
}

}  // namespace

Action add_explain_command(CLI::App* explain_app) {
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
  return [command] { return run(*command); };
}

}  // namespace foretoken
