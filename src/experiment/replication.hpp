// One replication of a scenario, simulated and measured.
#pragma once

#include <functional>

#include "foretoken/experiment/run.hpp"
#include "metrics/collector.hpp"

namespace foretoken {

// Of a load that goes on for ever: the requests [warmup, warmup + measured) are measured, and others keep arriving
// until the last of them has left, so that none sees an end.
struct EndlessRun {
  std::int64_t warmup = 0;
  std::int64_t measured = 1;
  // At each arrival: the request's index, and how many were in the system before it.
  std::function<void(std::int64_t, std::int64_t)> on_arrival;
};

struct ReplicationOptions {
  // Instead of the scenario's num_prompts and duration; its load must have a steady state.
  std::optional<EndlessRun> endless;
  std::optional<std::int64_t> requests;  // in all, when known
  const std::atomic<bool>* stop = nullptr;
  bool step_by_step = false;
  int threads = 1;  // for replicas that know nothing of each other; the result does not depend on it
  CostModelPool* cost_models = nullptr;
  std::function<void(const RequestRecord&)> on_request;
  std::function<void(const StepSpan&)> on_steps;
  std::vector<Observer*> watchers;           // also see all of it
  std::function<void(std::int64_t)> report;  // so many more requests have left, now and then
  std::function<void()> begin_again;         // what was told is void, and all is told again
};

// The seed is replication_seed(scenario.seed, index). Errors: a workload that cannot be opened or read.
[[nodiscard]] Result<ReplicationResult> simulate_replication(const Scenario& scenario, int index,
                                                             const ReplicationOptions& options);

// The pools of a scenario that has several, without their cost models.
[[nodiscard]] PoolsConfig pools_config(const Scenario& scenario, std::uint64_t seed);

struct DeploymentRun {
  std::uint64_t seed = 0;  // of what the deployment itself draws
  CostModelPool* cost_models = nullptr;
  const std::atomic<bool>* stop = nullptr;
  bool step_by_step = false;
  int threads = 1;                            // see ReplicationOptions
  std::optional<std::int64_t> requests = {};  // in all, when known
};
// What the scenario deploys, under any load.
[[nodiscard]] SimulationOutcome simulate_deployment(const Scenario& scenario, const DeploymentRun& run,
                                                    RequestSource& source, Observer& observer);

// The run, or a part of its requests, as the summary's columns want it.
[[nodiscard]] inline MeasureView view_of(const Scenario& scenario, const DeviceFigures& device, const RunMeasures& run,
                                         const Measures& requests, Scope scope) {
  return {run, requests, scope, scenario.tpot, device};
}

}  // namespace foretoken
