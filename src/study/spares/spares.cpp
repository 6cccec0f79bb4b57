// One spare more until the objectives hold often enough.
#include "study/spares/spares.hpp"

#include <fmt/format.h>

#include "experiment/cost_models.hpp"

namespace foretoken {
namespace {

Diagnostics unanswerable(const Question& question, const Scenario& s) {
  Diagnostics problems;
  const FleetConfig& fleet = s.cluster.fleet;
  const FailureConfig& failures = fleet.failures;
  if (s.slo.empty())
    problems.error(question.whole(), "there is nothing to keep: 'slo' is empty",
                   "write what is wanted, such as slo: [p99_ttft <= 500 ms]");
  else if (failures.planned.empty() && failures.mtbf == Duration{} && failures.domain_mtbf == Duration{})
    problems.error(question.whole(), "no replica dies, so none is to spare",
                   "fleet: {mtbf: 50000 h, mtbf_of: gpu, repair: 4 h, detection: 30 s}");
  else if (!fleet.schedule.empty() || fleet.autoscaler.policy != AutoscalerPolicy::none)
    problems.error(question.whole(), "spares are beside a fixed number of replicas, and here it changes",
                   "leave fleet.schedule and fleet.autoscaler out");
  return problems;
}

Question with_spares(const Question& question, const Scenario& s, int spares) {
  std::vector<std::string> set{fmt::format("replicas={}", s.cluster.fleet.at_start + spares)};
  if (is_given(s, "fleet.max_replicas"))
    set.push_back(fmt::format("fleet.max_replicas={}", s.cluster.replicas + spares));
  for (const char* path : {"hardware.num_gpus", "hardware.nodes"}) {
    if (is_given(s, path)) set.push_back(std::string(path) + "=null");
  }
  return question.without_sweep().with(set);
}

SparesStep step_of(const RunResult& run, int spares, double target) {
  SparesStep step;
  step.spares = spares;
  step.replicas = run.scenario.cluster.fleet.at_start;
  step.gpus = run.scenario.num_gpus;
  step.held = objectives_held(run);
  step.decision = step.held.share.low >= target   ? Decision::meets
                  : step.held.share.high < target ? Decision::misses
                                                  : Decision::not_decided;
  for (const ReplicationResult& r : run.replications) {
    step.failures += static_cast<double>(r.outcome.fleet.failures);
    step.lost += static_cast<double>(r.outcome.fleet.lost + r.outcome.fleet.refused);
  }
  const auto runs = static_cast<double>(std::max<std::size_t>(1, run.replications.size()));
  step.failures /= runs;
  step.lost /= runs;
  if (const auto price = price_per_hour(run.scenario, true)) step.usd_per_hour = price->usd;
  return step;
}

}  // namespace

Result<Spares> find_spares(const Question& question, const Scenario& scenario, const SparesOptions& options) {
  Diagnostics problems = unanswerable(question, scenario);
  if (problems.has_errors()) return problems;
  Spares result;
  result.scenario = scenario;
  result.target = options.target;
  result.runs = options.runs;
  CostModelPool models;
  for (int spares = 0; spares <= options.most && !result.answer; ++spares) {
    Result<Scenario> candidate = with_spares(question, scenario, spares).scenario();
    if (!candidate) return candidate.error();
    candidate->replications = options.runs;
    RunOptions run = options.run;
    run.cost_models = &models;
    const Result<RunResult> outcome = run_scenario(*candidate, run);
    if (!outcome) return outcome.error();
    if (!outcome->feasible) {
      problems.error(question.whole(), "the model does not fit: " + outcome->memory.verdict);
      return problems;
    }
    if (outcome->interrupted) {
      result.interrupted = true;
      break;
    }
    result.steps.push_back(step_of(*outcome, spares, options.target));
    if (result.steps.back().decision == Decision::meets)
      result.answer = spares;
    else if (result.steps.back().decision == Decision::not_decided)
      result.sure = false;
  }
  return result;
}

}  // namespace foretoken
