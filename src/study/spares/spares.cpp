// One spare more until the objectives hold often enough.
#include "study/spares/spares.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "experiment/cost_models.hpp"

namespace foretoken {
namespace {

// Of the pool whose replicas are spared, or of the one kind that there is.
const ClusterConfig& cluster_of(const Scenario& s, const std::string& pool) {
  const auto at = std::find_if(s.pools.begin(), s.pools.end(), [&](const PoolPlan& p) { return p.name == pool; });
  return at == s.pools.end() ? s.cluster : at->cluster;
}

bool has_pool(const Scenario& s, const std::string& pool) {
  return std::any_of(s.pools.begin(), s.pools.end(), [&](const PoolPlan& p) { return p.name == pool; });
}

Diagnostics unanswerable(const Question& question, const Scenario& s, const std::string& pool) {
  Diagnostics problems;
  if (s.pools.empty() ? !pool.empty() : !has_pool(s, pool)) {
    std::string names;
    for (const PoolPlan& p : s.pools) names += (names.empty() ? "" : ", ") + p.name;
    problems.error(question.whole(),
                   pool.empty() ? "spares are of one pool, and the scenario has several"
                                : fmt::format("--pool: there is no pool '{}'", pool),
                   names.empty() ? "leave --pool out" : "--pool NAME: one of " + names);
    return problems;
  }
  const FleetConfig& fleet = cluster_of(s, pool).fleet;
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

Question with_spares(const Question& question, const Scenario& s, const std::string& pool, int spares) {
  const ClusterConfig& cluster = cluster_of(s, pool);
  const std::string at = pool.empty() ? "" : "pools." + pool + ".";
  std::vector<std::string> set{fmt::format("{}replicas={}", at, cluster.fleet.at_start + spares),
                               fmt::format("{}fleet.max_replicas={}", at, cluster.replicas + spares)};
  for (const char* path : {"hardware.num_gpus", "hardware.nodes"}) {
    if (is_given(s, path)) set.push_back(std::string(path) + "=null");
  }
  return question.without_sweep().with(set);
}

SparesStep step_of(const RunResult& run, const std::string& pool, int spares, double target) {
  SparesStep step;
  step.spares = spares;
  step.replicas = cluster_of(run.scenario, pool).fleet.at_start;
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
  Diagnostics problems = unanswerable(question, scenario, options.pool);
  if (problems.has_errors()) return problems;
  Spares result;
  result.scenario = scenario;
  result.target = options.target;
  result.runs = options.runs;
  CostModelPool models;
  for (int spares = 0; spares <= options.most && !result.answer; ++spares) {
    Result<Scenario> candidate = with_spares(question, scenario, options.pool, spares).scenario();
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
    result.steps.push_back(step_of(*outcome, options.pool, spares, options.target));
    if (result.steps.back().decision == Decision::meets)
      result.answer = spares;
    else if (result.steps.back().decision == Decision::not_decided)
      result.sure = false;
  }
  return result;
}

}  // namespace foretoken
