// Simulates measured runs and forms the figures to compare.
#include "measurement/calibration/prediction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.hpp"
#include "experiment/replication.hpp"
#include "foretoken/base/statistics.hpp"
#include "foretoken/serving/simulation.hpp"
#include "measurement/calibration/measured_source.hpp"

namespace foretoken {
namespace {

double milliseconds(Duration d) {
  return static_cast<double>(d.count()) * 1e-6;
}

class LatencyObserver final : public Observer {
 public:
  void on_request(const RequestRecord& r) override {
    const auto index = static_cast<std::size_t>(r.request.index);
    if (index >= run.requests.size()) {
      run.requests.resize(index + 1, {std::nan(""), std::nan(""), std::nan(""), std::nan("")});
      run.prompt_tokens.resize(index + 1, 0);
      run.output_tokens.resize(index + 1, 0);
    }
    if (r.outcome != Outcome::finished) return;
    const std::int64_t n = r.request.output_tokens;
    const double decode = milliseconds(r.finish - r.first_token);
    const double gap = n > 1 ? decode / static_cast<double>(n - 1) : std::nan("");
    run.requests[index] = {milliseconds(r.first_token - r.request.arrival), gap,
                           milliseconds(r.finish - r.request.arrival), gap};
    run.prompt_tokens[index] = r.request.prompt_tokens;
    run.output_tokens[index] = n;
  }
  void on_steps(const StepSpan&) override {}
  void on_gap(Duration, std::int64_t) override {}

  PredictedRun run;
};

// Values of one latency over a part; ITL is weighted by the gaps of a request.
struct Sample {
  std::vector<double> values;
  std::vector<double> weights;
  [[nodiscard]] double mean() const {
    double sum = 0, weight = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      sum += values[i] * weights[i];
      weight += weights[i];
    }
    return weight > 0 ? sum / weight : std::nan("");
  }
  void add(double value, double weight) {
    if (!(value > 0)) return;
    values.push_back(value);
    weights.push_back(weight);
  }
};

double weight_of(Latency latency, std::int64_t output_tokens) {
  return latency == Latency::itl ? static_cast<double>(std::max<std::int64_t>(0, output_tokens - 1)) : 1;
}

Sample predicted_sample(const PredictedRun& run, const Part& part, Latency latency) {
  Sample sample;
  for (std::size_t i = part.begin; i < std::min(part.end, run.requests.size()); ++i)
    sample.add(run.requests[i][static_cast<std::size_t>(latency)], weight_of(latency, run.output_tokens[i]));
  return sample;
}

double measured_value(const MeasuredRequest& r, Latency latency) {
  return latency == Latency::ttft ? r.ttft_ms : latency == Latency::e2e ? r.e2e_ms : r.tpot_ms;
}

Sample measured_sample(const MeasuredRun& run, const Part& part, Latency latency) {
  Sample sample;
  for (std::size_t i = part.begin; i < std::min(part.end, run.requests.size()); ++i)
    sample.add(measured_value(run.requests[i], latency), weight_of(latency, run.requests[i].output_tokens));
  return sample;
}

double percentile(Sample sample, double p) {
  if (sample.values.empty()) return std::nan("");
  std::sort(sample.values.begin(), sample.values.end());
  return percentile_of_sorted(sample.values, p / 100);
}

constexpr Latency kFitted[] = {Latency::ttft, Latency::tpot, Latency::e2e};

void add_group(std::vector<Figure>& all, std::vector<Figure> group) {
  std::erase_if(group, [](const Figure& f) { return !(f.measured > 0) || !(f.predicted > 0); });
  double weight = 0;
  for (const Figure& f : group) weight += f.weight;
  for (Figure& f : group) {
    f.weight /= weight;
    all.push_back(f);
  }
}

// Requests that were sent one after another: means of ten groups, which also say how the run developed.
std::vector<Figure> figures_by_arrival(const MeasuredRun& measured, const PredictedRun& predicted, const Part& part) {
  const std::size_t count = std::min(part.end, measured.requests.size()) - part.begin;
  const std::size_t groups = independent_groups(measured, part);
  std::vector<Figure> all;
  for (const Latency latency : kFitted) {
    std::vector<Figure> group;
    for (std::size_t g = 0; g < groups; ++g) {
      const Part some{part.begin + count * g / groups, part.begin + count * (g + 1) / groups};
      group.push_back({latency, measured_sample(measured, some, latency).mean(),
                       predicted_sample(predicted, some, latency).mean(), 1});
    }
    add_group(all, std::move(group));
  }
  return all;
}

// Percentiles far out have few requests behind them.
double weight_of_percentile(double p) {
  return p < 0 ? 2 : p > 95 ? 0.25 : p > 75 ? 0.5 : 1;
}

std::vector<Figure> figures_of_distribution(const MeasuredRun& measured, const PredictedRun& predicted,
                                            const Part& part) {
  std::vector<Figure> all;
  for (std::size_t l = 0; l < kLatencies; ++l) {
    const auto latency = static_cast<Latency>(l);
    const Sample simulated = predicted_sample(predicted, part, latency);
    std::vector<Figure> group;
    const auto add = [&](double p, double value) {
      group.push_back({latency, value, p < 0 ? simulated.mean() : percentile(simulated, p), weight_of_percentile(p)});
    };
    if (measured.requests.empty()) {
      for (const MeasuredFigure& f : measured.figures) {
        if (f.latency == latency) add(f.percentile, f.milliseconds);
      }
    } else if (latency != Latency::itl) {
      const Sample real = measured_sample(measured, part, latency);
      add(-1, real.mean());
      for (const double p : {50.0, 90.0}) add(p, percentile(real, p));
    }
    add_group(all, std::move(group));
  }
  return all;
}

}  // namespace

Result<SimulationOutcome> simulate_measured(const RunToFit& run, const Scenario& scenario, int replication,
                                            Observer& observer, const std::atomic<bool>* stop) {
  Diagnostics problems;
  auto source = make_measured_source(run.measured, scenario, replication);
  if (!source) return source.error();
  SimulationOutcome outcome = simulate_deployment(scenario, {.seed = scenario.seed, .stop = stop}, **source, observer);
  if (stop != nullptr && *stop) throw Interrupted{};
  if (Diagnostics broken = (*source)->problems(); broken.has_errors()) return broken;
  if (outcome.finished < outcome.arrived || outcome.arrived == 0) {
    problems.error({run.measured.name, 0, 0},
                   fmt::format("{} of {} requests are refused by the simulated engine: its limits are not those of the "
                               "measured one",
                               outcome.arrived - outcome.finished, outcome.arrived),
                   "check engine.max_model_len, engine.max_waiting_requests and engine.queue_timeout");
    return problems;
  }
  return outcome;
}

Result<PredictedRun> predict(const RunToFit& run, const Scenario& scenario, const std::atomic<bool>* stop) {
  LatencyObserver observer;
  const Result<SimulationOutcome> outcome = simulate_measured(run, scenario, 0, observer, stop);
  if (!outcome) return outcome.error();
  return std::move(observer.run);
}

std::size_t fitted_latencies(const MeasuredRun& measured) {
  if (!measured.requests.empty()) return std::size(kFitted);
  std::set<Latency> seen;
  for (const MeasuredFigure& f : measured.figures) seen.insert(f.latency);
  return seen.size();
}

std::size_t independent_latencies(const MeasuredRun& measured) {
  if (!measured.requests.empty()) return 2;
  std::set<Latency> seen;
  for (const MeasuredFigure& f : measured.figures) seen.insert(f.latency == Latency::itl ? Latency::tpot : f.latency);
  return std::min<std::size_t>(2, seen.size());
}

std::size_t independent_groups(const MeasuredRun& measured, const Part& part) {
  if (!measured.has_arrivals) return 1;
  return std::clamp<std::size_t>((std::min(part.end, measured.requests.size()) - part.begin) / 5, 1, 10);
}

std::vector<Figure> figures(const MeasuredRun& measured, const PredictedRun& predicted, const Part& part) {
  return measured.has_arrivals ? figures_by_arrival(measured, predicted, part)
                               : figures_of_distribution(measured, predicted, part);
}

std::optional<MeanPair> means(const MeasuredRun& measured, const PredictedRun& predicted, const Part& part,
                              Latency latency) {
  MeanPair pair{std::nan(""), predicted_sample(predicted, part, latency).mean()};
  if (!measured.requests.empty()) {
    pair.measured = measured_sample(measured, part, latency).mean();
  } else {
    for (const MeasuredFigure& f : measured.figures) {
      if (f.latency == latency && f.percentile < 0) pair.measured = f.milliseconds;
    }
  }
  if (!(pair.measured > 0) || !(pair.predicted > 0)) return std::nullopt;
  return pair;
}

}  // namespace foretoken
