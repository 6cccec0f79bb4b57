// Windows of equal length at every step time, short enough for the budget.
#include "experiment/uncertainty/step_response.hpp"

#include <algorithm>
#include <cmath>

#include "base/math.hpp"
#include "experiment/parallel.hpp"
#include "experiment/steady/sampler.hpp"

namespace foretoken {
namespace {

// A limit is kept by a figure that is really `error` longer than simulated when it is kept by one that is not, within
// a limit shorter by as much.
void shorten(std::optional<double>& limit, double error) {
  if (limit) *limit *= exact_exp(-error);
}

void shorten(GoodputLimits& limits, const StepError& e) {
  shorten(limits.ttft_ms, e.log_ttft - e.log_step);
  shorten(limits.e2el_ms, e.log_e2e - e.log_step);
}

Scenario with_error(const Scenario& scenario, const StepError& error) {
  Scenario s = with_step_times(scenario, exact_exp(error.log_step));
  shorten(s.workload.goodput, error);
  for (RequestClass& c : s.workload.classes) shorten(c.goodput, error);
  return s;
}

void scale_times(Deployment& deployment, EngineConfig& engine, double factor) {
  OverheadTerms& o = deployment.overhead;
  for (double* term : {&o.scale, &o.per_step, &o.per_layer, &o.per_sequence, &o.per_allreduce, &o.per_prefill_layer,
                       &o.per_prefill_moe_layer})
    *term *= factor;
  for (Duration* term : {&engine.per_request, &engine.per_prompt_token})
    *term = Duration{std::llround(static_cast<double>(term->count()) * factor)};
}

// The same window, cut to `each` requests: a ratio of two runs on the same random numbers needs no long ones.
SteadyState cut(SteadyState steady, std::int64_t each) {
  if (steady.measured == 0 || steady.warmup + steady.measured <= each) return steady;
  steady.warmup = std::min(steady.warmup, each / 2);
  steady.measured = each - steady.warmup;
  return steady;
}

}  // namespace

Scenario with_step_times(const Scenario& scenario, double factor) {
  Scenario s = scenario;
  scale_times(s.deployment, s.engine, factor);
  for (PoolPlan& pool : s.pools) scale_times(pool.deployment, pool.engine, factor);
  return s;
}

Result<StepResponse> step_response(const Scenario& scenario, const std::vector<std::string>& metrics,
                                   const std::vector<StepError>& errors, const SteadyState& steady,
                                   const UncertaintyOptions& options) {
  StepResponse response;
  const Result<WorkloadSummary> workload = workload_summary(scenario);
  if (!workload) return workload.error();
  const std::int64_t each = options.most_requests / static_cast<std::int64_t>(errors.size() + 1);
  const bool endless = steady.measured > 0;
  if (!endless && workload->requests.value_or(each + 1) > each) return response;
  std::vector<std::vector<double>> values(errors.size() + 1);
  std::vector<std::int64_t> requests(values.size());
  std::vector<Diagnostics> problems(values.size());
  RunOptions alone;
  alone.threads = 1;
  alone.stop = options.run.stop;
  alone.cost_models = options.run.cost_models;
  alone.step_by_step = options.run.step_by_step;
  parallel_for(values.size(), options.run.threads, [&](std::size_t i) {
    const Scenario s = with_error(scenario, i == 0 ? StepError{} : errors[i - 1]);
    ReplicationSampler sampler(s, metrics, alone);
    sampler.take_steady_state(cut(steady, each));
    if (problems[i] = sampler.extend_to(1); problems[i].has_errors() || sampler.interrupted()) return;
    for (std::size_t m = 0; m < metrics.size(); ++m) values[i].push_back(sampler.interval(m, 0.5).value);
    requests[i] = sampler.requests();
  });
  for (const Diagnostics& p : problems) {
    if (p.has_errors()) return p;
  }
  for (const std::int64_t n : requests) response.requests += n;
  response.interrupted = std::any_of(values.begin(), values.end(), [](const auto& v) { return v.empty(); });
  if (response.interrupted) return response;
  response.base = values.front();
  for (std::size_t i = 0; i < errors.size(); ++i) response.points.push_back({errors[i], std::move(values[i + 1])});
  std::sort(response.points.begin(), response.points.end(),
            [](const ResponsePoint& a, const ResponsePoint& b) { return a.error.log_step < b.error.log_step; });
  return response;
}

}  // namespace foretoken
