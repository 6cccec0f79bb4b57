// Capacities of each demand on each kind, the cheapest plans by them, and verdicts on these until one meets.
#include "study/placement/placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "experiment/steady/short_runs.hpp"
#include "study/placement/demand_capacity.hpp"

namespace foretoken {
namespace {

// So many plans by capacities alone; what comes behind them costs more than their neighbours with a replica more.
constexpr std::size_t kMostPlans = 8;
// A queue shared by more replicas gains little more.
constexpr int kMostTogether = 16;

Diagnostics placement_problems(const Question& question, const Scenario& s) {
  Diagnostics problems;
  const auto refuse = [&](std::string what, std::string hint) {
    problems.error(question.whole(), std::move(what), std::move(hint));
  };
  if (s.pools.empty())
    refuse(
        "there is nothing to place: the scenario has no pools",
        "pools: [{name: chat-l4, hardware: {gpu: l4}}, {name: chat-h100, hardware: {gpu: h100_sxm}}], each a model on "
        "a kind of GPU");
  for (const PoolPlan& pool : s.pools) {
    if (pool.role != PoolRole::both)
      refuse(fmt::format("pool '{}' of role {} is not placed", pool.name, to_string(pool.role)),
             "role: both; `recommend` takes such pools");
  }
  if (s.slo.empty())
    refuse("there is nothing to keep: 'slo' is empty", "objectives of a class: slo: [p99_ttft of NAME <= 500 ms]");
  if (!std::holds_alternative<RenewalArrivals>(s.workload.arrivals) || s.workload.max_concurrency)
    refuse("placements are for requests at a constant rate", "workload.request_rate, without max_concurrency");
  for (const PoolPlan& pool : s.pools) {
    if (!price_per_hour(only_pool(s, pool), true))
      refuse(fmt::format("pool '{}' has no price", pool.name), "prices: {gpu_hour: {h100_sxm: 3, l4: 0.7}}");
  }
  return problems;
}

// Numbers of names, in the order in which they appear.
int number_of(std::vector<std::string>& names, const std::string& name) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) names.push_back(name);
  return static_cast<int>(std::find(names.begin(), names.end(), name) - names.begin());
}

std::string gpu_name_of(const PoolPlan& pool) {
  return pool.deployment.gpu.id;
}

class Placer {
 public:
  Placer(const Question& question, const Scenario& scenario, const PlacementOptions& options)
      : question_(question.without_sweep()), s_(scenario), options_(options) {
    result_.scenario = scenario;
    options_.run.cost_models = &models_;
  }

  Result<Placement> run() {
    describe();
    if (Diagnostics problems = measure(); problems.has_errors()) return problems;
    if (!result_.interrupted) {
      plan();
      if (Diagnostics problems = judge_plans(); problems.has_errors()) return problems;
    }
    return std::move(result_);
  }

 private:
  void describe() {
    std::vector<std::string> models;
    const auto& classes = s_.workload.classes;
    const double rate = std::get<RenewalArrivals>(s_.workload.arrivals).rate;
    double weights = 0;
    for (const RequestClass& c : classes) weights += c.weight;
    for (const PoolPlan& pool : s_.pools) {
      const HourlyPrice price = *price_per_hour(only_pool(s_, pool), true);
      const int gpus = pool.deployment.parallelism.gpus();
      result_.example_prices = result_.example_prices || price.example;
      result_.pools.push_back({pool.name, pool.served_model_name, gpu_name_of(pool), gpus, price.usd_per_gpu * gpus});
      problem_.kinds.push_back({number_of(models, pool.served_model_name), price.usd_per_gpu * gpus, gpus,
                                number_of(gpus_, gpu_name_of(pool))});
    }
    for (std::size_t c = 0; c < std::max<std::size_t>(1, classes.size()); ++c) {
      const double share = classes.empty() ? 1 : classes[c].weight / weights;
      if (!(share > 0)) continue;
      const std::string& model =
          classes.empty() || classes[c].model.empty() ? s_.pools.front().served_model_name : classes[c].model;
      problem_.demands.push_back({rate * share, number_of(models, model)});
      classes_.push_back(c);
      result_.demands.push_back(classes.empty() ? "all" : classes[c].name);
    }
    for (const std::string& gpu : gpus_) {
      const auto stock =
          std::find_if(s_.available.begin(), s_.available.end(), [&](const GpuStock& g) { return g.gpu == gpu; });
      problem_.available.push_back(stock == s_.available.end() ? -1 : stock->count);
    }
    problem_.capacity.assign(problem_.demands.size(), std::vector<double>(problem_.kinds.size(), 0));
  }

  // By one replica, then by as many as the demand needs.
  Diagnostics measure() {
    for (std::size_t d = 0; d < problem_.demands.size(); ++d) {
      for (std::size_t k = 0; k < problem_.kinds.size(); ++k) {
        if (problem_.kinds[k].model != problem_.demands[d].model) continue;
        DemandOnKind one;
        one.demand = result_.demands[d];
        one.pool = result_.pools[k].name;
        one.rate = problem_.demands[d].rate;
        if (Diagnostics problems = measure_one(d, k, one); problems.has_errors()) return problems;
        if (result_.interrupted) return {};
        problem_.capacity[d][k] = one.most;
        result_.capacities.push_back(std::move(one));
      }
    }
    return {};
  }

  Diagnostics measure_one(std::size_t d, std::size_t k, DemandOnKind& one) {
    const PoolPlan& pool = s_.pools[k];
    const auto look = [&](int replicas, double near) {
      return demand_capacity(s_, pool, classes_[d], replicas, near, options_.precision, options_.run);
    };
    const Result<DemandCapacity> alone = look(1, 0);
    if (!alone) return alone.error();
    note(*alone);
    one.alone = one.each = alone->requests_per_second;
    one.most = one.alone > 0 ? std::max(one.alone, alone->missed) : 0;
    one.why_none = alone->why_none;
    if (result_.interrupted || !(one.alone > 0)) return {};
    one.together = static_cast<int>(std::clamp(std::ceil(one.rate / one.alone), 1.0, double{kMostTogether}));
    if (one.together == 1) return {};
    const Result<DemandCapacity> together = look(one.together, one.alone * one.together);
    if (!together) return together.error();
    note(*together);
    one.each = std::max(one.alone, together->requests_per_second / one.together);
    one.most = std::max({one.each, one.most, together->missed / one.together});
    return {};
  }

  void note(const DemandCapacity& found) {
    result_.requests += found.requests;
    result_.interrupted = result_.interrupted || found.interrupted;
  }

  void plan() {
    CheapestPlans cheapest = cheapest_plans(problem_, kMostPlans);
    result_.exact = cheapest.exact;
    waiting_ = std::move(cheapest.plans);
    if (waiting_.empty()) result_.why_none = why_nothing_carries();
    for (std::size_t g = 0; g < gpus_.size() && gpus_.size() > 1; ++g) {
      PlacementProblem only = problem_;
      for (std::size_t other = 0; other < gpus_.size(); ++other) {
        if (other != g) only.available[other] = 0;
      }
      const CheapestPlans one = cheapest_plans(only);
      result_.alone.push_back({gpus_[g], one.plans.empty() ? std::nullopt : std::optional(one.plans.front().cost)});
    }
  }

  [[nodiscard]] std::string why_nothing_carries() const {
    for (std::size_t d = 0; d < problem_.demands.size(); ++d) {
      const auto& row = problem_.capacity[d];
      if (std::any_of(row.begin(), row.end(), [](double capacity) { return capacity > 0; })) continue;
      std::string text = fmt::format("no pool keeps the objectives of '{}' at any load", result_.demands[d]);
      for (const DemandOnKind& one : result_.capacities) {
        if (one.demand == result_.demands[d]) text += fmt::format("; {}: {}", one.pool, one.why_none);
      }
      return text;
    }
    return "the GPUs available do not carry all demands";
  }

  Diagnostics judge_plans() {
    while (!waiting_.empty() && static_cast<int>(result_.tries.size()) < options_.tries && !result_.interrupted) {
      std::stable_sort(waiting_.begin(), waiting_.end(), [](const PlacementPlan& a, const PlacementPlan& b) {
        return std::tie(a.cost, a.gpus, a.parts) < std::tie(b.cost, b.gpus, b.parts);
      });
      const PlacementPlan plan = waiting_.front();
      waiting_.erase(waiting_.begin());
      if (!seen_.insert(placement_settings(s_, plan)).second) continue;
      if (Diagnostics problems = judge(plan); problems.has_errors()) return problems;
      if (result_.interrupted || result_.answer) break;
      add_neighbours(result_.tries.back());
    }
    if (!result_.answer && result_.why_none.empty())
      result_.why_none = fmt::format("none of the {} plans that were simulated meets", result_.tries.size());
    if (result_.answer && !result_.interrupted) {
      if (Diagnostics problems = take_away(); problems.has_errors()) return problems;
    }
    return result_.answer && !result_.interrupted ? conclude() : Diagnostics{};
  }

  Result<Scenario> placed(const PlacementPlan& plan) const {
    return question_.with(placement_settings(s_, plan)).scenario();
  }

  // What misses by far is told by short runs; what meets has its figures as `check` has them.
  Result<Verdict> verdict_on(const Scenario& scenario) {
    if (const std::optional<Scenario> brief = short_form(scenario)) {
      Result<ShortRuns> runs = run_briefly(*brief, options_.run, {});
      if (!runs) return runs.error();
      result_.requests += runs->requests;
      if (runs->far_off) {
        runs->verdict.overall = Decision::misses;
        return std::move(runs->verdict);
      }
    }
    VerdictHints hints;
    hints.misses_at_a_glance = true;
    Result<Verdict> verdict = reach_verdict(scenario, options_.run, {}, hints);
    if (verdict) result_.requests += verdict->requests + verdict->pilot_requests;
    return verdict;
  }

  Diagnostics judge(const PlacementPlan& plan) {
    const Result<Scenario> scenario = placed(plan);
    if (!scenario) return scenario.error();
    const Result<Verdict> verdict = verdict_on(*scenario);
    if (!verdict) return verdict.error();
    if (verdict->interrupted) {
      result_.interrupted = true;
      return {};
    }
    PlacementTry judged{plan, verdict->overall, {}};
    for (const ObjectiveVerdict& o : verdict->objectives) {
      if (o.decision != Decision::meets) judged.missed.push_back(o.line.expression);
    }
    result_.tries.push_back(std::move(judged));
    if (verdict->overall == Decision::not_decided) result_.sure = false;
    if (verdict->overall == Decision::meets) {
      result_.answer = result_.tries.size() - 1;
      result_.verdict = *verdict;
    }
    return {};
  }

  // Does the kind serve a class whose objective was not kept? An objective on all requests is of every class.
  [[nodiscard]] bool helps(const PlacementTry& tried, std::size_t kind) const {
    for (const SloLine& line : s_.slo) {
      const auto is_line = [&](const std::string& missed) { return missed == line.expression; };
      if (std::none_of(tried.missed.begin(), tried.missed.end(), is_line)) continue;
      const std::string_view of = split_metric(line.metric).request_class;
      for (std::size_t d = 0; d < result_.demands.size(); ++d) {
        if ((of.empty() || of == result_.demands[d]) && tried.plan.share[d][kind] > 0) return true;
      }
    }
    return false;
  }

  void add_neighbours(const PlacementTry& tried) {
    for (std::size_t k = 0; k < problem_.kinds.size(); ++k) {
      if (!helps(tried, k)) continue;
      PlacementPlan more = tried.plan;
      ++more.replicas[k];
      more.cost += problem_.kinds[k].cost;
      more.gpus += problem_.kinds[k].gpus;
      if (is_available(more)) waiting_.push_back(std::move(more));
    }
  }

  [[nodiscard]] bool is_available(const PlacementPlan& plan) const {
    for (std::size_t g = 0; g < problem_.available.size(); ++g) {
      int used = 0;
      for (std::size_t k = 0; k < problem_.kinds.size(); ++k)
        used +=
            static_cast<std::size_t>(problem_.kinds[k].gpu_kind) == g ? plan.replicas[k] * problem_.kinds[k].gpus : 0;
      if (problem_.available[g] >= 0 && used > problem_.available[g]) return false;
    }
    return true;
  }

  // Loads that share replicas need fewer than their sum: the dearest replica that may go, as long as one may.
  Diagnostics take_away() {
    std::vector<std::size_t> kinds;
    for (std::size_t k = 0; k < problem_.kinds.size(); ++k) kinds.push_back(k);
    std::stable_sort(kinds.begin(), kinds.end(),
                     [&](std::size_t a, std::size_t b) { return problem_.kinds[a].cost > problem_.kinds[b].cost; });
    for (std::size_t i = 0; i < kinds.size();) {
      const std::size_t k = kinds[i];
      PlacementPlan fewer = result_.tries[*result_.answer].plan;
      if (fewer.replicas[k] < 2 || static_cast<int>(result_.tries.size()) >= options_.tries) {
        ++i;
        continue;
      }
      --fewer.replicas[k];
      fewer.cost -= problem_.kinds[k].cost;
      fewer.gpus -= problem_.kinds[k].gpus;
      const std::size_t before = *result_.answer;
      if (seen_.insert(placement_settings(s_, fewer)).second) {
        if (Diagnostics problems = judge(fewer); problems.has_errors()) return problems;
        if (result_.interrupted) return {};
      }
      if (*result_.answer == before) ++i;
    }
    return {};
  }

  Diagnostics conclude() {
    const PlacementPlan& plan = result_.tries[*result_.answer].plan;
    result_.set = placement_settings(s_, plan);
    const Result<Scenario> scenario = placed(plan);
    if (!scenario) return scenario.error();
    UncertaintyOptions how;
    how.run = options_.run;
    how.run.progress = nullptr;
    how.enabled = options_.model_error;
    const Result<ModelUncertainty> uncertainty = model_uncertainty(*scenario, *result_.verdict, how);
    if (!uncertainty) return uncertainty.error();
    result_.requests += uncertainty->requests;
    result_.interrupted = uncertainty->interrupted;
    result_.uncertainty = *uncertainty;
    return {};
  }

  Question question_;
  const Scenario& s_;
  PlacementOptions options_;
  CostModelPool models_;
  PlacementProblem problem_;
  std::vector<std::string> gpus_;     // kinds of them
  std::vector<std::size_t> classes_;  // of the demands
  std::vector<PlacementPlan> waiting_;
  std::set<std::vector<std::string>> seen_;  // settings
  Placement result_;
};

// As YAML reads it back.
std::string in_quotes(const std::string& name) {
  return to_text(Json(name), 0);
}

}  // namespace

std::vector<std::string> placement_settings(const Scenario& s, const PlacementPlan& plan) {
  std::vector<std::string> set;
  const std::vector<int> part = routers_of(plan.share, s.pools.size());
  // Where the pools of one model are apart, each part has a name of its own.
  const auto is_divided = [&](const std::string& model) {
    std::set<int> parts;
    for (std::size_t k = 0; k < s.pools.size(); ++k) {
      if (part[k] >= 0 && s.pools[k].served_model_name == model) parts.insert(part[k]);
    }
    return parts.size() > 1;
  };
  const auto name_of = [&](int wanted) {
    const auto at = std::find(part.begin(), part.end(), wanted) - part.begin();
    const PoolPlan& pool = s.pools[static_cast<std::size_t>(at)];
    return pool.served_model_name.empty() ? pool.name : fmt::format("{}@{}", pool.served_model_name, pool.name);
  };
  // What the pools of a part are called.
  const auto served = [&](int wanted) {
    const auto at = std::find(part.begin(), part.end(), wanted) - part.begin();
    const std::string& model = s.pools[static_cast<std::size_t>(at)].served_model_name;
    return is_divided(model) ? name_of(wanted) : model;
  };
  for (std::size_t k = 0; k < s.pools.size(); ++k) {
    const PoolPlan& pool = s.pools[k];
    set.push_back(fmt::format("pools.{}.replicas={}", pool.name, plan.replicas[k]));
    if (plan.replicas[k] > 0 && is_divided(pool.served_model_name))
      set.push_back(fmt::format("pools.{}.served_model_name={}", pool.name, in_quotes(name_of(part[k]))));
  }
  const auto used = static_cast<int>(*std::max_element(part.begin(), part.end()));
  std::size_t demand = 0;
  for (std::size_t c = 0; c < s.workload.classes.size(); ++c) {
    if (!(s.workload.classes[c].weight > 0)) {  // nobody comes, and its own model may have no replica
      set.push_back(fmt::format("workload.classes[{}].model={}", c, in_quotes(served(used))));
      continue;
    }
    const std::vector<double>& share = plan.share[demand++];
    const auto first = static_cast<std::size_t>(
        std::find_if(share.begin(), share.end(), [](double x) { return x > 0; }) - share.begin());
    if (is_divided(s.pools[first].served_model_name))
      set.push_back(fmt::format("workload.classes[{}].model={}", c, in_quotes(name_of(part[first]))));
  }
  return set;
}

Result<Placement> find_placement(const Question& question, const Scenario& scenario, const PlacementOptions& options) {
  if (Diagnostics problems = placement_problems(question, scenario); problems.has_errors()) return problems;
  return Placer(question, scenario, options).run();
}

}  // namespace foretoken
