// Equally likely errors of a whole run, put on the predicted figures: those of the metric itself, and of step times
// where a figure does not follow them in proportion.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/math.hpp"
#include "experiment/latency_key.hpp"
#include "experiment/steady/sampler.hpp"
#include "experiment/uncertainty/step_response.hpp"
#include "foretoken/experiment/uncertainty.hpp"
#include "workload/lengths/distributions.hpp"

namespace foretoken {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Scores of the errors that are simulated; in between, and a little beyond, figures are interpolated.
constexpr double kScores[] = {-2, -1, 0, 1, 2};
// No step time moves further than this, whatever single runs were measured.
constexpr double kMostFactor = 3;

std::size_t at(ErrorMetric m) {
  return static_cast<std::size_t>(m);
}

// What a figure is to the errors.
enum class Kind {
  latency,     // errs as measured latencies do, and follows step times
  throughput,  // errs as measured throughput does, by way of step times: arrivals may cap it
  share,       // of requests within limits: those err
  other,       // follows step times
};
struct FigureKind {
  Kind kind = Kind::other;
  ErrorMetric metric = ErrorMetric::tpot;
  bool waits = false;  // without a steady state it grows for ever
};

FigureKind kind_of(const std::string& metric, const WorkloadConfig& workload) {
  if (const auto key = latency_key_parts(metric)) {
    if (key->metric == "ttft") return {Kind::latency, ErrorMetric::ttft, true};
    if (key->metric == "e2el") return {Kind::latency, ErrorMetric::e2e, true};
    if (key->metric == "queue_time") return {Kind::other, ErrorMetric::tpot, true};
    return {Kind::latency, ErrorMetric::tpot, false};
  }
  for (const char* share : {"slo_attainment", "request_goodput", "goodput_output_throughput"}) {
    if (split_metric(metric).key != share) continue;
    const auto limits = [&](auto has) {
      return has(workload.goodput) || std::any_of(workload.classes.begin(), workload.classes.end(),
                                                  [&](const RequestClass& c) { return has(c.goodput); });
    };
    // All limits err together; the metric that errs most leads.
    if (limits([](const GoodputLimits& g) { return g.ttft_ms.has_value(); }))
      return {Kind::share, ErrorMetric::ttft, false};
    if (limits([](const GoodputLimits& g) { return g.e2el_ms.has_value(); }))
      return {Kind::share, ErrorMetric::e2e, false};
    return {Kind::share, ErrorMetric::tpot, false};
  }
  for (const char* rate :
       {"request_throughput", "output_throughput", "total_token_throughput", "tokens_per_s_per_gpu"}) {
    if (metric == rate) return {Kind::throughput, ErrorMetric::throughput, false};
  }
  return {};
}

// The figure over an error of step times (of shares: over the score of the error); straight between what was simulated.
class Curve {
 public:
  void add(double x, double y) {
    const auto after = std::upper_bound(x_.begin(), x_.end(), x) - x_.begin();
    x_.insert(x_.begin() + after, x);
    y_.insert(y_.begin() + after, y);
  }
  [[nodiscard]] bool empty() const { return x_.empty(); }
  // Beyond the ends as steep as at them, or level.
  [[nodiscard]] double at(double x, bool level) const {
    if (x_.size() == 1) return y_.front();
    if (level) x = std::clamp(x, x_.front(), x_.back());
    const auto above = static_cast<std::size_t>(std::upper_bound(x_.begin(), x_.end(), x) - x_.begin());
    const std::size_t next = std::clamp<std::size_t>(above, 1, x_.size() - 1);
    const double width = x_[next] - x_[next - 1];
    return width <= 0 ? y_[next] : y_[next - 1] + (y_[next] - y_[next - 1]) * (x - x_[next - 1]) / width;
  }

 private:
  std::vector<double> x_, y_;
};

// Normal errors of the simulation on either side, of the logarithm where the figure is positive.
class SimulationError {
 public:
  SimulationError(const Interval& i, bool logarithmic) {
    const double scores = normal_quantile((1 + i.confidence) / 2);
    const auto deviation = [&](double from, double to) {
      const double width = logarithmic ? exact_log(to / from) : to - from;
      return std::isfinite(width) ? std::max(0.0, width) / scores : 0;
    };
    const bool possible = !logarithmic || (i.low > 0 && i.value > 0);
    up_ = possible ? deviation(i.value, i.high) : 0;
    down_ = possible ? deviation(i.low, i.value) : 0;
    if (!possible && i.value > 0 && i.high > 0) up_ = down_ = deviation(i.value, i.high);
  }
  [[nodiscard]] double at(double score) const { return score * (score > 0 ? up_ : down_); }

 private:
  double up_ = 0, down_ = 0;
};

class Uncertainty {
 public:
  Uncertainty(const Scenario& scenario, const ModelBand& band, const SteadyState& steady)
      : s_(scenario), steady_(steady), table_(measured_run_errors()), inside_(band.inside_range) {
    if (steady.stability_limit && steady.arrival_rate > 0)
      most_log_step_ = exact_log(steady.stability_limit->value / steady.arrival_rate);
  }

  [[nodiscard]] const RunErrors& errors_of(ErrorMetric m) const { return *table_.of(m, s_.engine.name, inside_); }

  [[nodiscard]] std::vector<StepError> errors_to_simulate() const {
    std::vector<StepError> errors;
    for (const double z : kScores) {
      const double most = exact_log(kMostFactor);
      errors.push_back({z, std::clamp(errors_of(ErrorMetric::tpot).quantile(z), -most, most),
                        errors_of(ErrorMetric::ttft).quantile(z), errors_of(ErrorMetric::e2e).quantile(z)});
    }
    return errors;
  }

  // Adds the figure and, for an objective, notes which draws meet it.
  void add(const PredictedFigure& predicted, std::size_t index, const StepResponse& response,
           const std::vector<std::array<double, kErrorMetrics>>& scores, ModelUncertainty& result) {
    const FigureKind kind = kind_of(predicted.metric, s_.workload);
    const RunErrors& errors = errors_of(kind.metric);
    FigureBand figure;
    figure.metric = predicted.metric;
    figure.value = predicted.interval.value;
    figure.cells = errors.cells;
    figure.rests_on = described(errors);
    const std::vector<double> values = values_of(kind, predicted.interval, index, response, scores);
    const bool objective = index < s_.slo.size();
    if (values.empty()) {
      everything_known_ = everything_known_ && !objective;
      figure.low = figure.high = figure.median = std::numeric_limits<double>::quiet_NaN();
      result.figures.push_back(std::move(figure));
      return;
    }
    if (objective) {
      std::size_t met = 0;
      all_met_.resize(values.size(), 1);
      for (std::size_t d = 0; d < values.size(); ++d) {
        const bool ok = judge(s_.slo[index], values[d]).ok;
        met += ok ? 1 : 0;
        all_met_[d] = all_met_[d] != 0 && ok ? 1 : 0;
      }
      figure.meets = limited_by_data(share_of(met, values.size()), errors.worth());
      least_worth_ = std::min(least_worth_, errors.worth());
    }
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const auto rank = [&](double q) {
      return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size()))];
    };
    figure.median = rank(0.5);
    figure.low = rank(0.025);
    figure.high = rank(0.975);
    result.figures.push_back(std::move(figure));
  }

  [[nodiscard]] std::optional<Probability> meets_all() const {
    if (all_met_.empty() || !everything_known_) return std::nullopt;
    const auto met = static_cast<std::size_t>(std::count(all_met_.begin(), all_met_.end(), 1));
    return limited_by_data(share_of(met, all_met_.size()), least_worth_);
  }

 private:
  static double share_of(std::size_t n, std::size_t of) { return static_cast<double>(n) / static_cast<double>(of); }

  static std::string described(const RunErrors& e) {
    return fmt::format("{} of {} measured {}systems{}", to_string(e.metric), e.cells,
                       e.engine.empty() ? "" : e.engine + " ",
                       !e.inside_range   ? ""
                       : *e.inside_range ? " inside the calibrated range"
                                         : " outside the calibrated range");
  }

  // What the simulated runs say, as logarithms where the figure errs by a factor. Empty: nothing is known.
  [[nodiscard]] Curve curve_of(const FigureKind& kind, double predicted, std::size_t index, const StepResponse& r,
                               bool logarithmic) const {
    Curve curve;
    const auto transformed = [&](double v) { return logarithmic ? exact_log(v) : v; };
    if (r.points.empty()) return proportional(kind, predicted);
    const double same = r.base[index];
    // The figure of an overload depends on how long it lasted; below it runs speak for themselves.
    const double carried = steady_.overloaded && kind.waits ? 0 : transformed(predicted) - transformed(same);
    if (!std::isfinite(carried)) return curve;
    for (const ResponsePoint& p : r.points) {
      const double y = transformed(p.values[index]) + carried;
      const bool endless = kind.waits && p.error.log_step > most_log_step_;
      if (std::isfinite(y) && !endless) curve.add(kind.kind == Kind::share ? p.error.score : p.error.log_step, y);
    }
    const bool base_counts = kind.kind != Kind::share && !(kind.waits && (steady_.overloaded || most_log_step_ < 0));
    if (base_counts) curve.add(0, transformed(predicted));
    return curve;
  }

  // Runs too long to be repeated: times follow step times, and so does throughput that arrivals do not cap.
  [[nodiscard]] Curve proportional(const FigureKind& kind, double predicted) const {
    Curve curve;
    const bool caps = steady_.exists && !s_.workload.max_concurrency;
    const double slope = kind.kind == Kind::latency ? 1 : caps ? 0 : -1;
    if (kind.kind != Kind::latency && kind.kind != Kind::throughput) return curve;
    for (const double x : {-1.0, 0.0, 1.0}) curve.add(x, exact_log(predicted) + slope * x);
    return curve;
  }

  [[nodiscard]] std::vector<double> values_of(const FigureKind& kind, const Interval& interval, std::size_t index,
                                              const StepResponse& response,
                                              const std::vector<std::array<double, kErrorMetrics>>& scores) const {
    std::vector<double> values;
    if (std::isnan(interval.value)) return values;
    const bool logarithmic =
        interval.value > 0 && (kind.kind == Kind::latency || kind.kind == Kind::throughput || kind.waits);
    const Curve curve = curve_of(kind, interval.value, index, response, logarithmic);
    if (curve.empty()) return values;
    const SimulationError simulated(interval, logarithmic);
    const RunErrors& steps = errors_of(ErrorMetric::tpot);
    const RunErrors& own = errors_of(kind.metric);
    for (std::size_t d = 0; d < scores.size(); ++d) {
      const double error = own.quantile(scores[d][at(kind.metric)]);
      const double log_step = kind.kind == Kind::throughput ? -error : steps.quantile(scores[d][at(ErrorMetric::tpot)]);
      if (kind.waits && log_step > most_log_step_) {
        values.push_back(kInfinity);
        continue;
      }
      double y =
          kind.kind == Kind::share ? curve.at(scores[d][at(kind.metric)], true) : curve.at(log_step, !logarithmic);
      if (kind.kind == Kind::latency) y += error - log_step;
      y += simulated.at(other_score(d, index));
      values.push_back(logarithmic ? exact_exp(y) : y);
    }
    return values;
  }

  const Scenario& s_;
  const SteadyState& steady_;
  const RunErrorTable& table_;
  bool inside_;
  double most_log_step_ = kInfinity;  // beyond it there is no steady state
  std::vector<char> all_met_;
  bool everything_known_ = true;
  int least_worth_ = std::numeric_limits<int>::max();
};

std::string why_none(const Scenario& scenario, const SteadyState& steady, const UncertaintyOptions& options) {
  if (!options.enabled) return "switched off";
  const CostLevel level = scenario.deployment.level;
  if (level == CostLevel::datasheet || level == CostLevel::affine) return "this cost level predicts no hardware";
  if (!steady.settled && !steady.overloaded) return "the figures still move with the length of the run";
  return {};
}

}  // namespace

Result<ModelUncertainty> model_uncertainty(const Scenario& scenario, const ModelBand& band,
                                           const std::vector<PredictedFigure>& predicted, const SteadyState& steady,
                                           const UncertaintyOptions& options) {
  ModelUncertainty result;
  result.why_not = why_none(scenario, steady, options);
  if (!result.why_not.empty()) return result;
  std::vector<std::string> metrics;
  for (const PredictedFigure& p : predicted) metrics.push_back(p.metric);
  const Result<StepResponse> response =
      step_response(scenario, metrics, errors_to_simulate(scenario, band), steady, options);
  if (!response) return response.error();
  result.interrupted = response->interrupted;
  if (result.interrupted) {
    result.why_not = "interrupted";
    return result;
  }
  return bands_of(scenario, band, predicted, steady, *response);
}

std::vector<StepError> errors_to_simulate(const Scenario& scenario, const ModelBand& band) {
  return Uncertainty(scenario, band, {}).errors_to_simulate();
}

ModelUncertainty bands_of(const Scenario& scenario, const ModelBand& band,
                          const std::vector<PredictedFigure>& predicted, const SteadyState& steady,
                          const StepResponse& response) {
  ModelUncertainty result;
  Uncertainty uncertainty(scenario, band, steady);
  result.runs = static_cast<int>(response.points.size());
  result.requests = response.requests;
  const auto scores = error_scores(measured_run_errors());
  for (std::size_t i = 0; i < predicted.size(); ++i) uncertainty.add(predicted[i], i, response, scores, result);
  result.meets_all = uncertainty.meets_all();
  return result;
}

Result<ModelUncertainty> model_uncertainty(const Scenario& scenario, const Verdict& verdict,
                                           const UncertaintyOptions& options) {
  const Result<Explanation> explanation = explain(scenario);
  if (!explanation) return explanation.error();
  std::vector<PredictedFigure> predicted;
  for (const ObjectiveVerdict& o : verdict.objectives) predicted.push_back({o.line.metric, o.interval});
  return model_uncertainty(scenario, model_band(*explanation), predicted, verdict.steady, options);
}

Result<ModelUncertainty> uncertainty_of_headline(const Scenario& scenario, const RunOptions& options) {
  UncertaintyOptions drawing;
  drawing.run = options;
  drawing.run.progress = nullptr;
  drawing.run.on_request = nullptr;
  std::vector<std::string> metrics;
  for (const SloLine& line : scenario.slo) metrics.push_back(line.metric);
  for (const char* metric :
       {"mean_ttft_ms", "p99_ttft_ms", "mean_tpot_ms", "p99_tpot_ms", "p99_e2el_ms", "output_throughput"}) {
    if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) metrics.emplace_back(metric);
  }
  ReplicationSampler sampler(scenario, metrics, drawing.run);
  if (Diagnostics problems = sampler.extend_to(std::max(1, scenario.replications)); problems.has_errors())
    return problems;
  if (sampler.interrupted()) {
    ModelUncertainty result;
    result.interrupted = true;
    result.why_not = "interrupted";
    return result;
  }
  const Result<Explanation> explanation = explain(scenario);
  if (!explanation) return explanation.error();
  std::vector<PredictedFigure> predicted;
  for (std::size_t m = 0; m < metrics.size(); ++m)
    predicted.push_back({metrics[m], sampler.interval(m, scenario.study.confidence)});
  return model_uncertainty(scenario, model_band(*explanation), predicted, sampler.steady_state(), drawing);
}

}  // namespace foretoken
