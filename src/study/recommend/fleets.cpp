// Replicas that come and go: the cheapest candidate by what its run cost.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "experiment/parallel.hpp"
#include "study/recommend/kinds.hpp"
#include "study/recommend/search.hpp"

namespace foretoken {
namespace {

// Each is simulated to a verdict.
constexpr std::size_t kMostFleets = 1000;

Diagnostics unsearchable(const RecommendQuestion& question, std::size_t candidates) {
  Diagnostics problems;
  if (question.base.recommend.empty())
    problems.error(question.asked.whole(), "what a fleet costs follows from its run, so no usual domain is searched",
                   "name the fields: --over fleet.autoscaler.policy=hpa,keda --over fleet.max_replicas=4..8");
  else if (candidates > kMostFleets)
    problems.error(question.asked.whole(),
                   fmt::format("{} fleets would be simulated to a verdict each; at most {}", candidates, kMostFleets),
                   "shorten a list");
  return problems;
}

// Per hour of the run: of what was paid, in the mean.
DeploymentCost cost_of_run(DeploymentCost whole, double share) {
  if (whole.usd_per_hour) whole.usd_per_hour = *whole.usd_per_hour * share;
  whole.gpus = static_cast<int>(std::ceil(whole.gpus * share - 1e-9));
  return whole;
}

}  // namespace

Diagnostics search_fleets(const RecommendQuestion& question, const RecommendOptions& options, RecommendResult& result) {
  const std::size_t candidates = point_count(result.domain);
  Diagnostics problems = unsearchable(question, candidates);
  if (problems.has_errors()) return problems;
  CostModelPool models;
  const CandidateSource source(question, result.domain, models);
  const auto stopped = [&] { return options.run.stop != nullptr && options.run.stop->load(); };
  std::vector<Screened> screened(candidates);
  std::vector<Trial> trials(candidates);
  RunOptions alone = options.run;
  alone.threads = 1;
  alone.progress = nullptr;
  alone.cost_models = &models;
  std::mutex telling;
  std::int64_t done = 0;
  parallel_for(candidates, options.run.threads, [&](std::size_t i) {
    if (stopped()) return;
    screened[i] = source.screen(i);
    if (screened[i].fate != Fate::skipped) return;
    const Result<Scenario> scenario = source.scenario(i);
    Candidate candidate = source.describe(i, *scenario);
    trials[i] = try_fully(*scenario, candidate, alone);
    Trial& trial = trials[i];
    if (trial.candidate.fate == Fate::invalid) {
      screened[i].fate = Fate::invalid;
      screened[i].why = trial.candidate.why;
      return;
    }
    screened[i].cost = trial.candidate.cost = cost_of_run(screened[i].cost, trial.share_paid);
    screened[i].fate = trial.candidate.fate;
    screened[i].why = trial.candidate.why;
    const std::lock_guard lock(telling);
    ++done;
    if (options.run.progress) options.run.progress({done, static_cast<std::int64_t>(candidates)});
  });
  const bool all_invalid =
      std::all_of(screened.begin(), screened.end(), [](const Screened& s) { return s.fate == Fate::invalid; });
  if (all_invalid) {
    problems.error({question.asked.origin, 0, 0},
                   "no candidate of the domain is a valid scenario; the first says: " + screened.front().why);
    return problems;
  }
  const bool own_prices = std::any_of(screened.begin(), screened.end(), [](const Screened& s) { return s.own_price; });
  std::vector<bool> competing(candidates);
  std::vector<Trial> simulated;
  Kinds kinds;
  bool all_priced = true;
  result.effort.candidates = candidates;
  result.fate_of.assign(candidates, Fate::skipped);
  for (std::size_t i = 0; i < candidates; ++i) {
    const Screened& s = screened[i];
    competing[i] = !own_prices || s.own_price;
    result.fate_of[i] = s.fate;
    if (s.fate != Fate::invalid) kinds.add(s.gpu, competing[i]);
    if (s.fate == Fate::invalid || s.fate == Fate::does_not_fit) continue;
    ++result.effort.runnable;
    if (competing[i]) {
      all_priced = all_priced && s.cost.usd_per_hour.has_value();
      result.example_prices = result.example_prices || s.cost.example_price;
    }
    if (trials[i].candidate.values.empty()) continue;  // interrupted before its turn
    ++result.effort.verdicts;
    result.effort.requests += trials[i].requests;
    if (s.fate == Fate::meets) {
      if (competing[i]) result.ranked.push_back(trials[i].candidate);
    }
    simulated.push_back(trials[i]);
  }
  result.by_money = all_priced;
  std::vector<const Candidate*> cheapest_first;
  for (const Trial& t : simulated) {
    if (t.candidate.fate == Fate::meets) cheapest_first.push_back(&t.candidate);
  }
  std::stable_sort(cheapest_first.begin(), cheapest_first.end(), [&](const Candidate* a, const Candidate* b) {
    return a->cost.rank(result.by_money) < b->cost.rank(result.by_money);
  });
  for (const Candidate* c : cheapest_first) {
    if (kinds.wants(c->gpu)) kinds.found(*c);
  }
  result.example_prices = result.example_prices && result.by_money;
  result.interrupted = stopped();
  conclude_search(result, screened, competing, simulated, source);
  result.ranked.resize(std::min(result.ranked.size(), std::max<std::size_t>(1, options.top)));
  kinds.conclude(result, screened, simulated);
  return problems;
}

}  // namespace foretoken
