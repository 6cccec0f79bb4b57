// The requests of the page by their paths.
#include "studio/app.hpp"

#include <fmt/format.h>

#include "scenario/scenario_text.hpp"
#include "studio/configurations.hpp"
#include "studio/estimate.hpp"
#include "studio/simulate.hpp"

namespace foretoken {
namespace {

StudioReply problem(int status, const std::string& words) {
  Json json = Json::object();
  json["problems"] = words;
  return {status, "application/json", to_text(json, 0)};
}

StudioReply problem(const Diagnostics& problems) {
  return problem(400, format(problems));
}

constexpr const char* kEditorLine = "# yaml-language-server: $schema=foretoken.schema.json\n";

}  // namespace

StudioApp::StudioApp(Question question, Controls controls, StudioPage page, int threads)
    : question_(std::move(question)), controls_(std::move(controls)), page_(std::move(page)), threads_(threads) {}

void StudioApp::answer(const StudioRequest& request, ExchangePointer exchange) {
  if (request.path == "/") {
    exchange->reply({200, "text/html; charset=utf-8", page_.html, page_.policy});
  } else if (request.path == "/estimate") {
    later(quick_, request, std::move(exchange), &StudioApp::answer_estimate);
  } else if (request.path == "/export") {
    later(quick_, request, std::move(exchange), &StudioApp::answer_export);
  } else if (request.path == "/simulate") {
    later(slow_, request, std::move(exchange), &StudioApp::answer_simulate);
  } else {
    later(slow_, request, std::move(exchange), &StudioApp::answer_report);
  }
}

void StudioApp::later(WorkQueue& queue, const StudioRequest& request, ExchangePointer exchange,
                      void (StudioApp::*how)(Exchange&, const std::vector<Configuration>&)) {
  // Whoever has to wait knows that somebody works on it.
  if (how == &StudioApp::answer_simulate) exchange->event("queued", Json::object());
  const bool taken = queue.add(exchange, [this, how, body = request.body](Exchange& asked) {
    const Result<std::vector<Configuration>> configurations = configurations_of(body, question_, controls_);
    if (configurations)
      (this->*how)(asked, *configurations);
    else
      asked.reply(problem(configurations.error()));
  });
  if (!taken) exchange->reply(problem(503, "too much is asked at once: try again in a moment"));
}

void StudioApp::answer_estimate(Exchange& exchange, const std::vector<Configuration>& configurations) {
  exchange.reply({200, "application/json", to_text(estimate(configurations, controls_), 0)});
}

void StudioApp::answer_simulate(Exchange& exchange, const std::vector<Configuration>& configurations) {
  simulate_for(exchange, configurations, threads_);
}

void StudioApp::answer_export(Exchange& exchange, const std::vector<Configuration>& configurations) {
  const Configuration& one = configurations.front();
  if (!one.scenario) {
    exchange.reply(problem(400, one.problems));
    return;
  }
  const Result<std::string> text = scenario_text_of(one.question);
  if (!text) {
    exchange.reply(problem(text.error()));
    return;
  }
  exchange.reply({200, "application/yaml", kEditorLine + *text});
}

void StudioApp::answer_report(Exchange& exchange, const std::vector<Configuration>& configurations) {
  const Result<std::string> page = report_of(configurations, threads_, exchange.gone());
  if (!page)
    exchange.reply(problem(page.error()));
  else
    exchange.reply({200, "text/html; charset=utf-8", *page});
}

}  // namespace foretoken
