// One replication of a scenario, simulated and measured.
#pragma once

#include <functional>

#include "foretoken/metrics/collector.hpp"
#include "foretoken/study/run.hpp"

namespace foretoken {

struct ReplicationOptions {
  // Which requests count as steady state; empty = the scenario's warmup_fraction at both ends.
  std::optional<SteadyWindow> window;
  std::optional<std::int64_t> requests;  // in all, when known
  const std::atomic<bool>* stop = nullptr;
  bool step_by_step = false;
  CostModelPool* cost_models = nullptr;
  std::function<void(const RequestRecord&)> on_request;
  std::function<void(const StepSpan&)> on_steps;
  std::function<void(std::int64_t)> report;  // so many more requests have left, now and then
};

// The seed is replication_seed(scenario.seed, index). Errors: a workload that cannot be opened or read.
[[nodiscard]] Result<ReplicationResult> simulate_replication(const Scenario& scenario, int index,
                                                             const ReplicationOptions& options);

// The run, or a part of its requests, as the summary's columns want it.
[[nodiscard]] inline MeasureView view_of(const Scenario& scenario, const DeviceFigures& device, const RunMeasures& run,
                                         const Measures& requests, Scope scope) {
  return {run, requests, scope, scenario.tpot, device};
}

}  // namespace foretoken
