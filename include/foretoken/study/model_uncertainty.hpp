// What the cost model's own error does to an answer: the scenario simulated with step times drawn from the model band.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/study/verdict.hpp"

namespace foretoken {

struct FigureBand {
  std::string metric;
  double value = 0;  // as predicted
  // Over the draws, the 2.5th and 97.5th percentile (of few draws: their ends).
  double low = 0;
  double high = 0;
  std::optional<double> meets;  // share of the draws that meet the objective, for figures that have one
};

struct ModelUncertainty {
  int draws = 0;         // 0 = none, and why_not says why
  std::int64_t batch = 0;  // decoding sequences of one rank at which the error of a step was taken
  int replications = 0;  // of each draw
  std::string why_not;
  std::vector<FigureBand> figures;  // objectives first, in their order, then the other metrics asked for
  std::optional<double> meets_all;  // P(meets all objectives), a share of the draws
  bool interrupted = false;
};

struct UncertaintyOptions {
  RunOptions run;
  // At most; fewer where `most_requests` ends. Below kFewestDraws there is no band.
  int draws = 16;
  std::int64_t most_requests = 400'000;  // simulated for all draws together
  static constexpr int kFewestDraws = 4;
};

// `predicted[i]` are figures of the replications of objective i (or, after the objectives, of metric i), on which the
// draws' figures are paired by common random numbers; `steady` is the window they were taken from.
[[nodiscard]] Result<ModelUncertainty> draw_model(const Scenario& scenario, const std::vector<std::string>& more_metrics,
                                                  const std::vector<std::vector<double>>& predicted,
                                                  const SteadyState& steady, const UncertaintyOptions& options);

// The same of whole runs, their prediction simulated here too.
[[nodiscard]] Result<ModelUncertainty> draw_model_of_runs(const Scenario& scenario,
                                                          const std::vector<std::string>& more_metrics,
                                                          const UncertaintyOptions& options);

// Of the figures that people quote and the objectives, with as many draws as by default however long a run is.
[[nodiscard]] Result<ModelUncertainty> draw_model_of_headline(const Scenario& scenario, const RunOptions& options);

}  // namespace foretoken
