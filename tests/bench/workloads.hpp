// The workloads of this folder, typed, for its programs.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "foretoken/scenario/scenario.hpp"
#include "foretoken/serving/simulation.hpp"
#include "test_paths.hpp"

namespace foretoken::bench {

class NobodyWatches final : public Observer {
 public:
  void on_request(const RequestRecord&) override {}
  void on_steps(const StepSpan&) override {}
  void on_gap(Duration, std::int64_t) override {}
};

inline Scenario workload(const std::string& file, std::vector<std::string> settings = {}) {
  Result<Scenario> scenario = load_scenario(FORETOKEN_SOURCE_DIR "/tests/bench/" + file, {std::move(settings), {}});
  if (!scenario) throw std::runtime_error(format(scenario.error()));
  return std::move(*scenario);
}

// Without metrics and report.
inline SimulationOutcome simulate_unwatched(const Scenario& scenario, const CostModel& cost,
                                            bool step_by_step = false) {
  SimulationConfig config;
  config.engine = scenario.engine;
  config.cluster = scenario.cluster;
  config.step_by_step = step_by_step;
  const auto source = make_request_source(scenario.workload, scenario.seed).value();
  NobodyWatches observer;
  return simulate(config, *source, cost, observer);
}

}  // namespace foretoken::bench
