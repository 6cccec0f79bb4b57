// A Latin hypercube over the errors of prefill and decode steps; each draw is a deployment whose GPU reaches more or less.
#include "foretoken/study/model_uncertainty.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "foretoken/base/math.hpp"
#include "foretoken/base/random.hpp"
#include "foretoken/base/statistics.hpp"
#include "study/parallel.hpp"
#include "study/sampler.hpp"
#include "workload/distributions.hpp"

namespace foretoken {
namespace {

constexpr double kNormal95 = 1.96;  // half-width of a 95 % band over the standard deviation
// No draw moves an efficiency by more than this factor: where overheads dominate a step, no efficiency could reach the error.
constexpr double kMostFactor = 3;

// Factors on the time of a prefill and of a decode step.
struct StepErrors {
  double prefill = 0;  // logarithms
  double decode = 0;
};

// Midpoints of n equally likely strata; the decode's in an order of their own, from the scenario's seed.
std::vector<StepErrors> latin_hypercube(const ModelBand& band, int n, std::uint64_t seed) {
  std::vector<std::size_t> order(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  RandomStream stream(seed, "model_uncertainty");
  for (std::size_t i = order.size() - 1; i > 0; --i)
    std::swap(order[i], order[static_cast<std::size_t>(stream.uniform_int(0, static_cast<std::int64_t>(i)))]);
  const auto z = [&](std::size_t stratum) { return normal_quantile((static_cast<double>(stratum) + 0.5) / n); };
  // A band b is (1 + b) up and 1 / (1 + b) down, so that no time turns negative.
  const auto deviation = [](double half_width) { return exact_log(1 + half_width) / kNormal95; };
  std::vector<StepErrors> draws;
  for (std::size_t i = 0; i < order.size(); ++i)
    draws.push_back({z(i) * deviation(band.prefill), z(order[i]) * deviation(band.decode)});
  return draws;
}

struct StepTimes {
  double prefill = 0;
  double decode = 0;
};

// The last decode step is that of the expected batch.
StepTimes typical_steps(const Explanation& explanation) {
  StepTimes times;
  for (const StepExplanation& step : explanation.steps)
    (step.prefill_tokens > 0 ? times.prefill : times.decode) = step.breakdown.seconds;
  return times;
}

Result<StepTimes> typical_steps(const Scenario& s) {
  const Result<Explanation> explanation = explain(s);
  if (!explanation) return explanation.error();
  return typical_steps(*explanation);
}

// By Little's law with the latency at the batch found so far: the decode batch that the load makes, not the fullest. Only
// the seats of this copy are cut to it, for explain() to price.
Result<Scenario> at_expected_batch(const Scenario& scenario) {
  Scenario s = scenario;
  for (int i = 0; i < 3; ++i) {
    const Result<Explanation> e = explain(s);
    if (!e) return e.error();
    if (!(e->workload.offered_rate > 0) || scenario.workload.max_concurrency) return s;
    const double ranks = static_cast<double>(s.cluster.replicas) * s.engine.data_parallel_size;
    const double step = i == 0 ? e->floors.tpot_ms * 1e-3 : e->steps.back().breakdown.seconds;
    const double seconds = e->floors.ttft_ms * 1e-3 + static_cast<double>(e->floors.output_tokens) * step;
    const double batch = e->workload.offered_rate / ranks * seconds;
    s.engine.max_num_seqs = std::clamp<std::int64_t>(std::llround(std::min(batch, 1e6)), 1, scenario.engine.max_num_seqs);
  }
  return s;
}

// How the logarithms of both step times follow those of the efficiencies: finite differences at 10 % less.
class StepResponse {
 public:
  static Result<StepResponse> of(const Scenario& s) {
    constexpr double kLess = 0.9;
    const Result<StepTimes> now = typical_steps(s);
    Scenario less_compute = s, less_memory = s;
    less_compute.deployment.efficiency.compute *= kLess;
    less_memory.deployment.efficiency.memory *= kLess;
    const Result<StepTimes> compute = typical_steps(less_compute), memory = typical_steps(less_memory);
    for (const auto* times : {&now, &compute, &memory}) {
      if (!*times) return times->error();
    }
    const double log_less = exact_log(kLess);
    const auto slope = [&](double changed, double base) { return exact_log(changed / base) / log_less; };
    StepResponse r;
    r.prefill_by_compute_ = slope(compute->prefill, now->prefill);
    r.prefill_by_memory_ = slope(memory->prefill, now->prefill);
    r.decode_by_compute_ = slope(compute->decode, now->decode);
    r.decode_by_memory_ = slope(memory->decode, now->decode);
    return r;
  }

  // The efficiencies that make both steps err as drawn, to first order; alike for both where one alone cannot.
  [[nodiscard]] EfficiencyScales efficiencies(const StepErrors& e) const {
    constexpr double kSingular = 0.05;
    const double determinant = prefill_by_compute_ * decode_by_memory_ - prefill_by_memory_ * decode_by_compute_;
    double compute = 0, memory = 0;
    if (std::abs(determinant) >= kSingular) {
      compute = (e.prefill * decode_by_memory_ - e.decode * prefill_by_memory_) / determinant;
      memory = (e.decode * prefill_by_compute_ - e.prefill * decode_by_compute_) / determinant;
    } else {
      const double together = decode_by_compute_ + decode_by_memory_;
      compute = memory = together < -kSingular ? e.decode / together : 0;
    }
    const auto factor = [](double logarithm) {
      return exact_exp(std::clamp(logarithm, -exact_log(kMostFactor), exact_log(kMostFactor)));
    };
    return {factor(compute), factor(memory)};
  }

 private:
  double prefill_by_compute_ = 0, prefill_by_memory_ = 0, decode_by_compute_ = 0, decode_by_memory_ = 0;
};

// What a draw says of the prediction: the ratio on the same random numbers (the difference for shares, which may be 0),
// carried over to the mean of all replications.
double carried_over(const std::string& metric, const std::vector<double>& predicted, double drawn) {
  double mean = 0;
  for (const double v : predicted) mean += v / static_cast<double>(predicted.size());
  const double same = predicted.front();
  const bool ratio = !metric_unit(metric).empty() && same > 0;
  return ratio ? mean * drawn / same : mean + drawn - same;
}

std::string why_no_draws(const ModelBand& band, int draws, std::int64_t each, const UncertaintyOptions& options) {
  if (options.draws <= 0) return "switched off";
  if (band.decode <= 0 && band.prefill <= 0) return "this cost level predicts no hardware";
  if (draws < UncertaintyOptions::kFewestDraws)
    return fmt::format("{} requests a run, and {} for all draws, allow fewer than {}", each, options.most_requests,
                       UncertaintyOptions::kFewestDraws);
  return {};
}

void fill_figures(const Scenario& s, const std::vector<std::string>& metrics,
                  const std::vector<std::vector<double>>& predicted, const std::vector<std::vector<double>>& drawn,
                  ModelUncertainty& result) {
  const auto n = static_cast<double>(drawn.size());
  std::vector<char> all_met(drawn.size(), 1);
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    FigureBand figure;
    figure.metric = metrics[m];
    std::vector<double> values;
    double met = 0;
    for (std::size_t d = 0; d < drawn.size(); ++d) {
      const double value = predicted[m].empty() ? drawn[d][m] : carried_over(metrics[m], predicted[m], drawn[d][m]);
      values.push_back(value);
      if (m >= s.slo.size()) continue;
      const bool ok = judge(s.slo[m], value).ok;
      met += ok ? 1 : 0;
      all_met[d] = all_met[d] != 0 && ok ? 1 : 0;
    }
    std::sort(values.begin(), values.end());
    figure.low = percentile_of_sorted(values, 0.025);
    figure.high = percentile_of_sorted(values, 0.975);
    for (const double v : predicted[m]) figure.value += v / static_cast<double>(predicted[m].size());
    if (m < s.slo.size()) figure.meets = met / n;
    result.figures.push_back(std::move(figure));
  }
  if (!s.slo.empty()) result.meets_all = static_cast<double>(std::count(all_met.begin(), all_met.end(), 1)) / n;
}

}  // namespace

Result<ModelUncertainty> draw_model(const Scenario& scenario, const std::vector<std::string>& more_metrics,
                                    const std::vector<std::vector<double>>& predicted, const SteadyState& steady,
                                    const UncertaintyOptions& options) {
  ModelUncertainty result;
  const Result<Scenario> typical = at_expected_batch(scenario);
  if (!typical) return typical.error();
  const Result<Explanation> explanation = explain(*typical);
  if (!explanation) return explanation.error();
  const ModelBand band = model_band(*explanation);
  result.batch = explanation->steps.empty() ? 0 : explanation->steps.back().sequences;
  const bool endless = steady.measured > 0;
  const std::int64_t each =
      std::max<std::int64_t>(1, endless ? steady.warmup + steady.measured : explanation->workload.requests.value_or(1));
  const auto draws = static_cast<int>(std::min<std::int64_t>(options.draws, options.most_requests / each));
  result.why_not = why_no_draws(band, draws, each, options);
  if (!result.why_not.empty()) return result;
  const Result<StepResponse> response = StepResponse::of(*typical);
  if (!response) return response.error();
  std::vector<std::string> metrics;
  for (const SloLine& line : scenario.slo) metrics.push_back(line.metric);
  metrics.insert(metrics.end(), more_metrics.begin(), more_metrics.end());

  const std::vector<StepErrors> errors = latin_hypercube(band, draws, scenario.seed);
  std::vector<std::vector<double>> drawn(errors.size());
  std::vector<Diagnostics> problems(errors.size());
  parallel_for(errors.size(), options.run.threads, [&](std::size_t i) {
    Scenario s = scenario;
    const EfficiencyScales by = response->efficiencies(errors[i]);
    s.deployment.efficiency.compute *= by.compute;
    s.deployment.efficiency.memory *= by.memory;
    RunOptions alone;
    alone.threads = 1;
    alone.stop = options.run.stop;
    alone.step_by_step = options.run.step_by_step;
    ReplicationSampler sampler(s, metrics, alone);
    sampler.take_steady_state(steady);
    if (problems[i] = sampler.extend_to(1); problems[i].has_errors() || sampler.interrupted()) return;
    for (std::size_t m = 0; m < metrics.size(); ++m) drawn[i].push_back(sampler.values(m).front());
  });
  for (const Diagnostics& p : problems) {
    if (p.has_errors()) return p;
  }
  result.interrupted = std::any_of(drawn.begin(), drawn.end(), [](const auto& d) { return d.empty(); });
  if (result.interrupted) {
    result.why_not = "interrupted";
    return result;
  }
  result.draws = draws;
  result.replications = 1;
  fill_figures(scenario, metrics, predicted, drawn, result);
  return result;
}

Result<ModelUncertainty> draw_model_of_runs(const Scenario& scenario, const std::vector<std::string>& more_metrics,
                                            const UncertaintyOptions& options) {
  std::vector<std::string> metrics;
  for (const SloLine& line : scenario.slo) metrics.push_back(line.metric);
  metrics.insert(metrics.end(), more_metrics.begin(), more_metrics.end());
  ReplicationSampler sampler(scenario, metrics, options.run);
  if (Diagnostics problems = sampler.extend_to(std::max(1, scenario.replications)); problems.has_errors()) return problems;
  std::vector<std::vector<double>> predicted;
  for (std::size_t m = 0; m < metrics.size(); ++m) predicted.push_back(sampler.values(m));
  if (sampler.interrupted()) {
    ModelUncertainty result;
    result.interrupted = true;
    result.why_not = "interrupted";
    return result;
  }
  return draw_model(scenario, more_metrics, predicted, sampler.steady_state(), options);
}

Result<ModelUncertainty> draw_model_of_headline(const Scenario& scenario, const RunOptions& options) {
  UncertaintyOptions drawing;
  drawing.run = options;
  drawing.run.progress = nullptr;
  drawing.run.on_request = nullptr;
  drawing.most_requests = std::numeric_limits<std::int64_t>::max();
  std::vector<std::string> headline{"mean_ttft_ms", "p99_ttft_ms", "mean_tpot_ms",
                                    "p99_tpot_ms",  "p99_e2el_ms", "output_throughput"};
  for (const SloLine& line : scenario.slo) std::erase(headline, line.metric);
  return draw_model_of_runs(scenario, headline, drawing);
}

}  // namespace foretoken
