// Scenario, page, server, and what answers, in the order in which they need each other.
#include "studio/studio.hpp"

#include <fmt/format.h>

#include "studio/app.hpp"
#include "studio/http_server.hpp"
#include "studio/page.hpp"

namespace foretoken {

Diagnostics run_studio(const StudioOptions& options, const std::atomic<bool>& stop) {
  const Question question = options.question.without_sweep();
  const Result<Scenario> scenario = question.scenario();
  if (!scenario) return scenario.error();
  const Result<Controls> controls = Controls::of(question, *scenario);
  if (!controls) return controls.error();
  const Result<std::unique_ptr<HttpServer>> server = HttpServer::listen(options.port, options.token, options.limits);
  if (!server) return server.error();
  // Its threads end before the sockets that they answer to.
  StudioApp app(question, *controls, studio_page(*scenario, *controls), options.threads);
  if (options.ready) options.ready(fmt::format("http://127.0.0.1:{}/?token={}", (*server)->port(), options.token));
  (*server)->serve(
      [&app](const StudioRequest& request, ExchangePointer exchange) { app.answer(request, std::move(exchange)); },
      stop, options.idle);
  return {};
}

}  // namespace foretoken
