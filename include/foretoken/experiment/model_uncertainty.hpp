// How likely objectives hold when the error of the model is counted as it was measured on whole runs, together with the
// interval of the simulation: see src/experiment/statistics.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/experiment/model_band.hpp"
#include "foretoken/experiment/run_errors.hpp"
#include "foretoken/experiment/verdict.hpp"

namespace foretoken {

struct FigureBand {
  std::string metric;
  double value = 0;  // as predicted
  // What a measurement would show: the middle, and 95 % of the cases.
  double median = 0;
  double low = 0;
  double high = 0;
  std::optional<Probability> meets;  // for figures that have an objective
  std::string rests_on;              // whose errors, in words
  int cells = 0;                     // measured systems among these
};

struct ModelUncertainty {
  std::string why_not;              // there is nothing else here when it is not empty
  std::vector<FigureBand> figures;  // objectives first, in their order, then the other metrics asked for
  std::optional<Probability> meets_all;
  // Runs at other step times, which show how the figures follow those (steeply near saturation); 0: taken as
  // proportional.
  int runs = 0;
  std::int64_t requests = 0;  // simulated in them
  bool interrupted = false;
};

struct UncertaintyOptions {
  RunOptions run;
  bool enabled = true;
  std::int64_t most_requests = 200'000;  // simulated for all runs together
};

// A prediction with what the simulation leaves open of it.
struct PredictedFigure {
  std::string metric;
  Interval interval;
};

// `predicted` are the objectives' figures in their order, then others; `steady` is what they are of. Errors: a workload
// that cannot be read.
[[nodiscard]] Result<ModelUncertainty> model_uncertainty(const Scenario& scenario, const ModelBand& band,
                                                         const std::vector<PredictedFigure>& predicted,
                                                         const SteadyState& steady,
                                                         const UncertaintyOptions& options = {});
[[nodiscard]] Result<ModelUncertainty> model_uncertainty(const Scenario& scenario, const Verdict& verdict,
                                                         const UncertaintyOptions& options = {});

// Of the figures that people quote and the objectives, their prediction simulated here too.
[[nodiscard]] Result<ModelUncertainty> uncertainty_of_headline(const Scenario& scenario, const RunOptions& options);

}  // namespace foretoken
