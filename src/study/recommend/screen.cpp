// What can be said of a candidate without simulating its load.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiment/explain/what_fits.hpp"
#include "experiment/latency_key.hpp"
#include "experiment/steady/sampler.hpp"
#include "serving/engines/engine_profile.hpp"
#include "study/recommend/search.hpp"

namespace foretoken {
namespace {

// Everything that a lone request depends on: the cluster, prices and questions left out.
std::string deployment_key(const Scenario& s) {
  std::string key;
  for (const ResolvedField& f : s.fields) {
    const bool deployment = f.path == "model" || f.path.starts_with("hardware.") || f.path.starts_with("engine.") ||
                            f.path.starts_with("cost.") || f.path.starts_with("memory.") ||
                            f.path.starts_with("pools") || f.path.starts_with("disaggregation");
    if (!deployment || f.path == "hardware.num_gpus" || f.path == "hardware.nodes") continue;
    key += f.path + "=" + to_text(f.value, 0) + "\n";
  }
  return key;
}

// With a load of next to nothing on each replica.
bool is_impossible_alone(const Scenario& s, const std::vector<LoneRequest>& lone) {
  constexpr int kMany = 1024;
  Scenario wide = s;
  wide.cluster.replicas *= kMany;
  wide.num_gpus *= kMany;
  const Result<std::vector<Bound>> bounds = bounds_with(wide, lone);
  return bounds && std::any_of(bounds->begin(), bounds->end(), [](const Bound& b) { return b.impossible; });
}

// Room between a bound and its objective; a bound that leaves a rate as offered says nothing.
double room_of(const Scenario& s, const std::vector<Bound>& bounds, const WorkloadSummary& workload) {
  double room = 1;
  for (const Bound& b : bounds) {
    const SloLine& line = s.slo[b.objective];
    if (!is_upper_limit(line.comparison)) continue;
    const double margin = judge(line, b.value).margin;
    if (!std::isnan(margin)) room = std::min(room, margin);
  }
  const double capacity = roofline_capacity(s, workload).requests_per_second;
  if (std::isfinite(capacity) && workload.offered_rate > 0) room = std::min(room, 1 - workload.offered_rate / capacity);
  return room;
}

}  // namespace

// Prices enter here and nowhere else. An example is better than the number of GPUs of unlike kinds, if it is said.
DeploymentCost cost_of_deployment(const Scenario& scenario) {
  DeploymentCost cost{scenario.num_gpus, std::nullopt, false};
  if (const std::optional<HourlyPrice> price = price_per_hour(scenario, true)) {
    cost.usd_per_hour = price->usd;
    cost.example_price = price->example;
  }
  return cost;
}

std::string twin_key_of(const Scenario& s) {
  // Figures of the KV cache are shares of its size, which differs.
  const bool plain = std::all_of(s.slo.begin(), s.slo.end(), [](const SloLine& line) {
    if (latency_key_parts(line.metric)) return true;
    const auto all = columns();
    const auto column = std::find_if(all.begin(), all.end(), [&](const Column& c) { return c.key == line.metric; });
    return column != all.end() && (column->group == ColumnGroup::throughput || column->group == ColumnGroup::goodput);
  });
  if (!find_engine(s.engine.name).seats_only_cap || may_find_prefixes(s) || !plain) return {};
  std::string key;
  for (const ResolvedField& f : s.fields) {
    if (f.path != "engine.max_num_seqs") key += f.path + "=" + to_text(f.value, 0) + "\n";
  }
  return key;
}

CandidateSource::CandidateSource(const RecommendQuestion& question, const std::vector<SweepAxis>& domain,
                                 CostModelPool& models)
    : question_(question), domain_(domain), models_(models) {}

Result<Scenario> CandidateSource::scenario(std::size_t index) const {
  return candidate_scenario(question_, domain_, index);
}

Screened CandidateSource::screen(std::size_t index) const {
  Screened screened;
  const Result<Scenario> s = scenario(index);
  if (!s) {
    screened.fate = Fate::invalid;
    screened.why = s.error().items().front().message;
    return screened;
  }
  const Fit fit = fit_of(*s);
  screened.cost = cost_of_deployment(*s);
  screened.gpu = s->deployment.gpu.id;
  screened.own_price = price_per_hour(*s).has_value();
  screened.replicas = replicas_in_all(*s);
  if (!fit.feasible) {
    screened.fate = Fate::does_not_fit;
    screened.why = fit.memory.verdict;
  }
  return screened;
}

Result<std::vector<LoneRequest>> CandidateSource::lone(const Scenario& scenario) {
  const std::string key = deployment_key(scenario);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = lone_.find(key); found != lone_.end()) return found->second;
  }
  // Two threads may both get here with one key: they compute the same.
  Result<std::vector<LoneRequest>> requests = lone_requests(scenario, lone_requests_of(scenario), &models_);
  if (!requests) return requests;
  constexpr std::size_t kMostKept = 512;  // some 50 KB each
  const std::lock_guard lock(mutex_);
  if (lone_.size() >= kMostKept) lone_.clear();
  lone_.emplace(key, *requests);
  return requests;
}

void CandidateSource::bound(std::size_t index, Screened& screened) {
  const Result<Scenario> s = scenario(index);
  const auto refuse = [&](const Diagnostics& problems) {
    screened.fate = Fate::invalid;
    screened.why = problems.items().front().message;
  };
  if (!s) return refuse(s.error());
  const Result<WorkloadSummary> workload = workload_summary(*s);
  if (!workload) return refuse(workload.error());
  const Result<std::vector<LoneRequest>> requests = lone(*s);
  if (!requests) return refuse(requests.error());
  const Result<std::vector<Bound>> bounds = bounds_with(*s, *requests);
  if (!bounds) return refuse(bounds.error());
  screened.room = room_of(*s, *bounds, *workload);
  screened.max_num_seqs = s->engine.max_num_seqs;
  screened.twin_key = twin_key_of(*s);
  for (const Bound& b : *bounds) {
    if (!b.impossible) continue;
    screened.fate = Fate::impossible;
    screened.why = s->slo[b.objective].expression + ": " + b.text;
    screened.never = is_impossible_alone(*s, *requests);
    return;
  }
}

Candidate CandidateSource::describe(std::size_t index, const Scenario& s) const {
  Candidate c;
  c.index = index;
  c.values = point_values(domain_, index);
  c.cost = cost_of_deployment(s);
  c.gpu = s.deployment.gpu.id;
  c.parallelism = s.deployment.parallelism;
  c.replicas = replicas_in_all(s);
  for (const PoolPlan& pool : s.pools) {
    const Parallelism& split = pool.deployment.parallelism;
    c.pools += fmt::format("{}{}{} {} TP{}", c.pools.empty() ? "" : " + ", pool.cluster.fleet.on ? "up to " : "",
                           pool.cluster.replicas, pool.name, split.tensor);
    if (split.pipeline > 1) c.pools += fmt::format(" PP{}", split.pipeline);
    if (split.data > 1) c.pools += fmt::format(" DP{}", split.data);
  }
  c.max_num_seqs = s.engine.max_num_seqs;
  c.token_budget = find_engine(s.engine.name).token_budget.of(s.engine);
  return c;
}

}  // namespace foretoken
