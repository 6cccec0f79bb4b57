// Reads and checks measurements as calibrate does, simulates each, and puts figure beside figure.
#include "measurement/validation/validate.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/math.hpp"
#include "experiment/latency_key.hpp"
#include "experiment/parallel.hpp"
#include "experiment/uncertainty/step_response.hpp"
#include "measurement/calibration/measured_runs.hpp"
#include "measurement/validation/boundaries.hpp"
#include "measurement/validation/measured_figures.hpp"
#include "metrics/collector.hpp"

namespace foretoken {
namespace {

// Enough to say how far single runs stray; long runs stray little, and few will do.
constexpr int kReplications = 8;
constexpr std::int64_t kMostRequests = 200'000;  // of all replications of a run, and again of all step times

struct Simulated {
  std::vector<double> figures;  // in the order of the metrics; NaN where there is none
  std::int64_t requests = 0;
};

// The observer that the summary is made from, and nothing beside.
Result<Simulated> figures_of(const RunToFit& run, const Scenario& scenario, int replication,
                             const std::vector<ReportedFigure>& metrics, const std::atomic<bool>* stop) {
  MetricsCollector collector(collector_config(scenario.workload, scenario.warmup_fraction, std::nullopt));
  const Result<SimulationOutcome> outcome = simulate_measured(run, scenario, replication, collector, stop);
  if (!outcome) return outcome.error();
  const RunMeasures measures = collector.take(*outcome);
  const MeasureView view{measures, measures.all, Scope::run, TpotConvention::vllm, device_figures(scenario)};
  Simulated simulated;
  simulated.requests = outcome->arrived;
  for (const ReportedFigure& m : metrics)
    simulated.figures.push_back(metric_value(view, m.metric, Population::completed).value_or(std::nan("")));
  return simulated;
}

// Where one run more of the same load falls: the spread of single runs, and what is not known of their mean.
Interval interval_of_a_run(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  Interval mean = mean_interval(values, 0.95);
  if (values.size() < 3 || !std::isfinite(mean.value)) return {mean.value, mean.low, mean.high, 0.95};
  const double half = mean.half_width() * std::sqrt(n + 1);  // t s / sqrt(n), to t s sqrt(1 + 1 / n)
  return {mean.value, mean.value - half, mean.value + half, 0.95};
}

class Validation {
 public:
  Validation(const RunToFit& run, const ValidationOptions& options, ValidationResult& result)
      : run_(run), options_(options), result_(result), metrics_(measured_figures(run.measured)) {}

  Diagnostics operator()() {
    Result<Simulated> first = figures_of(run_, run_.scenario, 0, metrics_, options_.stop);
    if (!first) return first.error();
    advance();
    const std::int64_t each = std::max<std::int64_t>(1, first->requests);
    // Replayed sends and lengths leave nothing to chance.
    const bool chance = !replays_arrivals(run_.measured, run_.scenario);
    const int replications =
        chance ? static_cast<int>(std::clamp<std::int64_t>(kMostRequests / each, 1, kReplications)) : 1;
    if (Diagnostics problems = replicate(*first, replications); problems.has_errors()) return problems;
    ValidatedRun validated = head();
    validated.replications = replications;
    for (std::size_t m = 0; m < metrics_.size(); ++m) add_figure(m, chance, validated);
    if (validated.figures.empty()) {
      Diagnostics none;
      none.error({run_.measured.name, 0, 0}, "none of its figures has a prediction");
      return none;
    }
    if (Diagnostics problems = add_bands(each, validated); problems.has_errors()) return problems;
    result_.runs.push_back(std::move(validated));
    return {};
  }

 private:
  void advance() {
    const std::lock_guard lock(mutex_);
    ++result_.simulations;
    if (options_.progress) options_.progress({result_.simulations, std::nullopt});
  }

  // Simulations side by side; the first problem ends them.
  Diagnostics simulate_all(std::vector<std::optional<Simulated>>& into, const auto& scenario_of, const auto& seed_of) {
    std::vector<Diagnostics> problems(into.size());
    parallel_for(into.size(), options_.threads, [&](std::size_t i) {
      Result<Simulated> one = figures_of(run_, scenario_of(i), seed_of(i), metrics_, options_.stop);
      if (one)
        into[i] = std::move(*one);
      else
        problems[i] = one.error();
      advance();
    });
    for (const Diagnostics& p : problems) {
      if (p.has_errors()) return p;
    }
    return {};
  }

  Diagnostics replicate(const Simulated& first, int replications) {
    std::vector<std::optional<Simulated>> more(static_cast<std::size_t>(replications - 1));
    Diagnostics problems = simulate_all(
        more, [&](std::size_t) { return run_.scenario; }, [](std::size_t i) { return static_cast<int>(i) + 1; });
    if (problems.has_errors()) return problems;
    replications_ = {first};
    for (std::optional<Simulated>& one : more) replications_.push_back(std::move(*one));
    return {};
  }

  [[nodiscard]] ValidatedRun head() const {
    const MeasuredRun& m = run_.measured;
    ValidatedRun v;
    v.name = m.name;
    v.format = m.format;
    v.sha256 = m.sha256;
    v.load = load_of(run_);
    v.completed = m.completed;
    v.failed = m.failed;
    v.boundaries = boundaries_of(run_);
    return v;
  }

  void add_figure(std::size_t metric, bool chance, ValidatedRun& validated) const {
    std::vector<double> values;
    for (const Simulated& s : replications_) values.push_back(s.figures[metric]);
    const bool all = std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v) && v > 0; });
    if (!all) return;
    ValidatedFigure figure;
    figure.metric = metrics_[metric].metric;
    figure.measured = metrics_[metric].value;
    figure.predicted = interval_of_a_run(values);
    if (!chance) figure.predicted.low = figure.predicted.high = figure.predicted.value;
    validated.figures.push_back(std::move(figure));
  }

  // Bands of the same requests at other step times: how a figure follows them depends on the load.
  Diagnostics add_bands(std::int64_t each, ValidatedRun& validated) {
    Scenario scenario = run_.scenario;
    scenario.slo.clear();
    const CostLevel level = scenario.deployment.level;
    if (level == CostLevel::datasheet || level == CostLevel::affine) return {};
    const Result<Explanation> explanation = explain(scenario);
    if (!explanation) return explanation.error();
    const ModelBand band = model_band(*explanation);
    StepResponse response;
    const std::vector<StepError> errors = errors_to_simulate(scenario, band);
    if (static_cast<std::int64_t>(errors.size()) * each <= kMostRequests) {
      std::vector<std::optional<Simulated>> runs(errors.size());
      Diagnostics problems = simulate_all(
          runs, [&](std::size_t i) { return with_step_times(scenario, exact_exp(errors[i].log_step)); },
          [](std::size_t) { return 0; });
      if (problems.has_errors()) return problems;
      response.base = kept(replications_.front(), validated);
      for (std::size_t i = 0; i < errors.size(); ++i) response.points.push_back({errors[i], kept(*runs[i], validated)});
      std::sort(response.points.begin(), response.points.end(),
                [](const ResponsePoint& a, const ResponsePoint& b) { return a.error.log_step < b.error.log_step; });
    }
    std::vector<PredictedFigure> predicted;
    for (const ValidatedFigure& f : validated.figures) predicted.push_back({f.metric, f.predicted});
    const ModelUncertainty bands = bands_of(scenario, band, predicted, {}, response);
    for (std::size_t i = 0; i < validated.figures.size(); ++i) {
      validated.figures[i].model_low = bands.figures[i].low;
      validated.figures[i].model_high = bands.figures[i].high;
    }
    validated.rests_on = bands.figures.front().rests_on;
    return {};
  }

  // Figures of the metrics that are compared.
  [[nodiscard]] std::vector<double> kept(const Simulated& simulated, const ValidatedRun& validated) const {
    std::vector<double> values;
    std::size_t next = 0;
    for (std::size_t m = 0; m < metrics_.size() && next < validated.figures.size(); ++m) {
      if (metrics_[m].metric != validated.figures[next].metric) continue;
      values.push_back(simulated.figures[m]);
      ++next;
    }
    return values;
  }

  const RunToFit& run_;
  const ValidationOptions& options_;
  ValidationResult& result_;
  std::vector<ReportedFigure> metrics_;
  std::vector<Simulated> replications_;
  std::mutex mutex_;
};

std::optional<bool> lies_within(double value, double low, double high) {
  if (!std::isfinite(low) || !std::isfinite(high)) return std::nullopt;
  return value >= low && value <= high;
}

}  // namespace

std::optional<bool> ValidatedFigure::inside_chance() const {
  if (predicted.low == predicted.high) return std::nullopt;
  return lies_within(measured, predicted.low, predicted.high);
}

std::optional<bool> ValidatedFigure::inside_model() const {
  return lies_within(measured, model_low, model_high);
}

ValidationResult::Place ValidationResult::worst() const {
  Place worst;
  for (const ValidatedRun& run : runs) {
    for (const ValidatedFigure& f : run.figures) {
      if (worst.figure == nullptr || std::abs(f.error()) > std::abs(worst.figure->error())) worst = {&run, &f};
    }
  }
  return worst;
}

bool is_foreign_result(const Question& file) {
  const auto first = file.text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && file.text[first] == '{' && is_result_of_a_tool(file.text, file.origin);
}

Result<ValidationResult> validate(const Question& question, const std::vector<MeasuredFile>& files,
                                  const ValidationOptions& options) {
  ValidationResult result;
  auto scenario = question.scenario();
  if (!scenario) return scenario.error();
  result.scenario = std::move(*scenario);
  Diagnostics problems;
  MeasuredDoubts doubts;
  const std::vector<RunToFit> runs = read_runs(question, result.scenario, files, problems, doubts);
  if (problems.has_errors()) {
    problems.append(doubts.errors);
    return problems;
  }
  try {
    for (const RunToFit& run : runs) {
      const Result<PredictedRun> predicted = predict(run, run.scenario, options.stop);
      if (predicted)
        check_lengths(run, *predicted, doubts);
      else
        problems.append(predicted.error());
    }
    problems.append(doubts.errors);
    if (problems.has_errors()) return problems;
    result.warnings = std::move(doubts.warnings);
    for (const RunToFit& run : runs) {
      if (Diagnostics broken = Validation(run, options, result)(); broken.has_errors()) return broken;
    }
  } catch (const Interrupted&) {
    result.interrupted = true;
  }
  return result;
}

}  // namespace foretoken
