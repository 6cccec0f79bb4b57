// How figures follow the time of a step: the scenario simulated with all steps longer or shorter by a factor.
#pragma once

#include <string>
#include <vector>

#include "foretoken/experiment/uncertainty.hpp"

namespace foretoken {

// Errors that go together: all at the same normal score.
struct StepError {
  double score = 0;
  double log_step = 0;               // of step times (those of TPOT)
  double log_ttft = 0, log_e2e = 0;  // of what limits of goodput are compared with
};

struct ResponsePoint {
  StepError error;
  // Of the metrics. Infinite: there is no steady state at this step time.
  std::vector<double> values;
};

struct StepResponse {
  std::vector<ResponsePoint> points;  // by step time; the one without an error is `base`
  std::vector<double> base;
  std::int64_t requests = 0;
  bool interrupted = false;
};

// One replication at each, on the same random numbers, of at most `most_requests` requests together. Without any points
// where a run is longer than that.
[[nodiscard]] Result<StepResponse> step_response(const Scenario& scenario, const std::vector<std::string>& metrics,
                                                 const std::vector<StepError>& errors, const SteadyState& steady,
                                                 const UncertaintyOptions& options);

// The errors of step times to simulate for this deployment, and the bands that their response makes of predictions:
// what model_uncertainty() does, for whoever simulates something else than the scenario's own load.
[[nodiscard]] std::vector<StepError> errors_to_simulate(const Scenario& scenario, const ModelBand& band);
[[nodiscard]] ModelUncertainty bands_of(const Scenario& scenario, const ModelBand& band,
                                        const std::vector<PredictedFigure>& predicted, const SteadyState& steady,
                                        const StepResponse& response);

// All steps take `factor` times as long, but for what no GPU can beat.
[[nodiscard]] Scenario with_step_times(const Scenario& scenario, double factor);

}  // namespace foretoken
