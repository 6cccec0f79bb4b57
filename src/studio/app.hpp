// What the studio answers, whoever carries it.
#pragma once

#include <string>

#include "studio/configurations.hpp"
#include "studio/exchange.hpp"
#include "studio/page.hpp"
#include "studio/work_queue.hpp"

namespace foretoken {

class StudioApp {
 public:
  // `threads`: of one simulation.
  StudioApp(Question question, Controls controls, StudioPage page, int threads);
  // Answers at once or later; the request was let in by the guard.
  void answer(const StudioRequest& request, ExchangePointer exchange);

 private:
  void later(WorkQueue& queue, const StudioRequest& request, ExchangePointer exchange,
             void (StudioApp::*how)(Exchange&, const std::vector<Configuration>&));
  void answer_estimate(Exchange& exchange, const std::vector<Configuration>& configurations);
  void answer_simulate(Exchange& exchange, const std::vector<Configuration>& configurations);
  void answer_export(Exchange& exchange, const std::vector<Configuration>& configurations);
  void answer_report(Exchange& exchange, const std::vector<Configuration>& configurations);

  Question question_;
  Controls controls_;
  StudioPage page_;
  int threads_;
  // Apart, so that a long simulation lets no slider wait; two at a time, so that one does not keep out another's.
  WorkQueue quick_{2, 64};
  WorkQueue slow_{2, 32};
};

}  // namespace foretoken
