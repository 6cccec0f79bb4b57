// How far predictions were from measurements of whole runs, and how likely objectives hold when that is counted:
// src/experiment/statistics.md.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/verdict.hpp"

namespace foretoken {

enum class ErrorMetric { ttft, tpot, e2e, throughput };
inline constexpr std::size_t kErrorMetrics = 4;
[[nodiscard]] std::string_view to_string(ErrorMetric metric);

// One measured run.
struct RunErrorSample {
  std::string cell;    // its system; systems have equal weight
  std::string engine;  // of the simulator
  bool inside_range = true;
  std::array<std::optional<double>, kErrorMetrics> log_ratio;  // of measured / predicted
};

// The errors of one metric in one group of runs.
struct RunErrors {
  static constexpr std::array<double, 9> kLevels{0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975};
  ErrorMetric metric = ErrorMetric::ttft;
  std::string engine;                              // empty: all engines
  std::optional<bool> inside_range;                // empty: both
  int cells = 0;                                   // measured systems of the group
  std::array<double, kLevels.size()> quantiles{};  // of log(measured / predicted), for a system not among these

  // The quantile at a normal score (1.645: 95 %), and the score of a quantile. Straight between the levels; beyond
  // them as steep as from the median to the last.
  [[nodiscard]] double quantile(double score) const;
  [[nodiscard]] double score(double log_ratio) const;
  // Systems that the quantiles are worth: those of the group, and the share that all systems have in it.
  [[nodiscard]] int worth() const;
  bool operator==(const RunErrors&) const = default;
};

struct RunErrorTable {
  std::vector<RunErrors> groups;
  // Of the normal scores of two metrics of one run.
  std::array<std::array<double, kErrorMetrics>, kErrorMetrics> correlation{};

  // Those of the engine in (or out of) its calibrated range; else of the engine; else of all. Null: the metric was
  // never measured.
  [[nodiscard]] const RunErrors* of(ErrorMetric metric, std::string_view engine, bool inside_range) const;
};

// All measured systems count in each group as so many: what single outliers of a group do to its tails would otherwise
// be claimed of the next system. Found by cross-validation (src/experiment/statistics.md).
inline constexpr int kPooledSystems = 10;
[[nodiscard]] RunErrorTable fit_run_errors(std::span<const RunErrorSample> samples);

// As measured on development data; src/experiment/uncertainty/measured_errors.inc says by what command.
[[nodiscard]] const RunErrorTable& measured_run_errors();

// A probability that errors of few systems can tell apart from 0 and 1: never above 1 - 1 / (n + 1), nor below 1 /
// (cells + 1).
struct Probability {
  double value = 0;
  enum class End { none, at_least, at_most } end = End::none;  // the value is where the data end
  bool operator==(const Probability&) const = default;
};
[[nodiscard]] Probability limited_by_data(double probability, int systems);

// Normal scores of the metrics of equally likely runs, correlated as in the table: the same points every time (an
// additive recurrence, so a probability is exact to about 0.3 %).
inline constexpr std::size_t kErrorDraws = 4096;
[[nodiscard]] std::vector<std::array<double, kErrorMetrics>> error_scores(const RunErrorTable& table);
// Of more dimensions beside, independent of those and of each other.
[[nodiscard]] double other_score(std::size_t draw, std::size_t dimension);

// Limits around predictions: how often they hold where the table says p. Fitted to half of the systems, asked about the
// other.
struct ReliabilityBin {
  std::optional<ErrorMetric> metric;  // empty: TTFT and TPOT of a run together
  double from = 0, to = 1;            // stated
  double stated = 0;                  // mean
  double observed = 0;                // share that held
  int cells = 0;                      // systems asked about
};
// Systems without all but their errors; `splits` of them in halves.
[[nodiscard]] std::vector<ReliabilityBin> cross_validate(std::span<const RunErrorSample> samples, int splits = 20);

// How likely objectives hold when the error of the model is counted as it was measured on whole runs, together with the
// interval of the simulation: see src/experiment/statistics.md.

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
