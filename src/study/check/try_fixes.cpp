// Each change simulated on the random numbers of the base, or, where the base was impossible, only bounded.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiment/latency_key.hpp"
#include "experiment/parallel.hpp"
#include "foretoken/metrics/summary.hpp"
#include "study/check/fixes.hpp"

namespace foretoken {
namespace {

// A fix need not be known more closely than this; it can be checked by itself.
constexpr std::int64_t kReplicationsOfAFix = 128;
constexpr std::int64_t kRequestsOfAFix = 1'000'000;

FixCost cost_of(const Scenario& base, const Scenario& changed) {
  FixCost cost{changed.num_gpus - base.num_gpus, changed.deployment.gpu.id != base.deployment.gpu.id, {}, false};
  const std::optional<HourlyPrice> before = price_per_hour(base), after = price_per_hour(changed);
  if (before && after) {
    cost.usd_per_hour_added = after->usd - before->usd;
    cost.example_price = before->example || after->example;
  }
  return cost;
}

// In one unit for all fixes of a check: USD per hour with prices, GPUs without. NaN = not known.
double amount(const FixCost& cost, bool in_money) {
  if (in_money) return cost.usd_per_hour_added.value_or(std::nan(""));
  return cost.other_gpu ? std::nan("") : cost.gpus_added;
}

// Missed (or undecided) objectives, the worst margin first.
std::vector<std::size_t> to_rescue(const CheckResult& base) {
  std::vector<std::size_t> order;
  if (!base.verdict) {
    for (const Bound& b : base.bounds) {
      if (b.impossible) order.push_back(b.objective);
    }
    return order;
  }
  const auto& objectives = base.verdict->objectives;
  for (std::size_t i = 0; i < objectives.size(); ++i) {
    if (objectives[i].decision == Decision::misses) order.push_back(i);
  }
  // An infinite figure is the worst; one without a margin has nothing to compare.
  const auto margin = [&](std::size_t i) { return std::isnan(objectives[i].margin) ? 0 : objectives[i].margin; };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return margin(a) < margin(b); });
  return order;
}

FixEffect effect_of(const CheckResult& base, const Verdict& after, std::size_t objective) {
  FixEffect effect;
  effect.objective = objective;
  effect.after = after.objectives[objective].interval;
  effect.decision = after.objectives[objective].decision;
  effect.before = base.verdict->objectives[objective].interval.value;
  const std::vector<double>& a = base.verdict->samples[objective];
  const std::vector<double>& b = after.samples[objective];
  const std::size_t both = std::min(a.size(), b.size());
  effect.paired = paired_difference(std::span(a).first(both), std::span(b).first(both), base.scenario.study.confidence);
  return effect;
}

void simulate_fix(Fix& fix, const Scenario& changed, const CheckResult& base,
                  const std::vector<std::size_t>& objectives, const RunOptions& options) {
  Scenario briefly = changed;
  briefly.study.max_replications = std::min(briefly.study.max_replications, kReplicationsOfAFix);
  briefly.study.max_requests = std::min(briefly.study.max_requests, kRequestsOfAFix);
  briefly.study.until.clear();
  RunOptions alone = options;
  alone.threads = 1;
  alone.progress = nullptr;
  VerdictHints hints;
  hints.decision_only = true;
  const Result<Verdict> verdict = reach_verdict(briefly, alone, {}, hints);
  if (!verdict) {
    fix.status = PointStatus::invalid;
    fix.why_not = format(verdict.error());
    return;
  }
  if (verdict->interrupted) {
    fix.status = PointStatus::skipped;
    return;
  }
  fix.simulated = true;
  fix.decision = verdict->overall;
  for (const std::size_t i : objectives) fix.effects.push_back(effect_of(base, *verdict, i));
  const FixEffect& worst = fix.effects.front();
  const bool upper = is_upper_limit(base.scenario.slo[worst.objective].comparison);
  fix.recovered = upper ? -worst.paired.difference.value : worst.paired.difference.value;
}

void bound_fix(Fix& fix, const std::vector<Bound>& bounds, const std::vector<std::size_t>& objectives) {
  fix.recovered = std::nan("");
  for (const std::size_t i : objectives) {
    FixEffect effect;
    effect.objective = i;
    effect.before = std::nan("");
    for (const Bound& b : bounds) {
      if (b.objective != i) continue;
      effect.after.value = b.value;
      if (b.impossible) effect.decision = Decision::misses;
    }
    fix.effects.push_back(effect);
  }
  const bool impossible = std::any_of(bounds.begin(), bounds.end(), [](const Bound& b) { return b.impossible; });
  fix.decision = impossible ? Decision::misses : Decision::not_decided;
}

void try_fix(Fix& fix, const CheckResult& base, const std::vector<std::size_t>& objectives, const Question& question,
             const RunOptions& options) {
  if (options.stop != nullptr && options.stop->load()) {
    fix.status = PointStatus::skipped;
    return;
  }
  const auto refuse = [&](PointStatus status, std::string why) {
    fix.status = status;
    fix.why_not = std::move(why);
  };
  const Result<Scenario> changed = question.with(fix.set).scenario();
  if (!changed) return refuse(PointStatus::invalid, changed.error().items().front().message);
  const MemoryPlan memory = plan_memory(changed->deployment, changed->memory);
  if (!memory.fits && changed->deployment.level != CostLevel::affine)
    return refuse(PointStatus::does_not_fit, memory.verdict);
  fix.cost = cost_of(base.scenario, *changed);
  const Result<std::vector<Bound>> bounds = objective_bounds(*changed);
  if (!bounds) return refuse(PointStatus::invalid, format(bounds.error()));
  if (base.verdict)
    simulate_fix(fix, *changed, base, objectives, options);
  else
    bound_fix(fix, *bounds, objectives);
}

// Free changes by what they gain, then those that cost by what they cost per unit gained. Without prices other GPUs
// stand between; with them, those whose price is not known stand at the end.
void rank(std::vector<Fix>& fixes, bool in_money) {
  const auto status = [](const Fix& f) {
    if (f.status != PointStatus::ok) return 3;
    return f.decision == Decision::meets ? 0 : f.decision == Decision::not_decided ? 1 : 2;
  };
  const auto tier = [&](const Fix& f) {
    if (in_money) return !f.cost.usd_per_hour_added ? 2 : *f.cost.usd_per_hour_added > 0 ? 1 : 0;
    return f.cost.gpus_added > 0 ? 2 : f.cost.other_gpu ? 1 : 0;
  };
  const auto price = [&](const Fix& f) {
    return in_money ? f.cost.usd_per_hour_added.value_or(0) : static_cast<double>(f.cost.gpus_added);
  };
  const auto gain = [](const Fix& f) { return std::isnan(f.recovered) ? 0.0 : f.recovered; };
  for (Fix& f : fixes) {
    f.cost_per_recovered = gain(f) > 0 ? amount(f.cost, in_money) / f.recovered : std::nan("");
  }
  std::stable_sort(fixes.begin(), fixes.end(), [&](const Fix& a, const Fix& b) {
    if (status(a) != status(b)) return status(a) < status(b);
    // A loss is no fix, however little it costs.
    const bool loses_a = status(a) == 2 && gain(a) <= 0, loses_b = status(b) == 2 && gain(b) <= 0;
    if (loses_a != loses_b) return loses_b;
    if (tier(a) != tier(b)) return tier(a) < tier(b);
    if (price(a) != price(b) && status(a) < 2) return price(a) < price(b);
    const double cost_a = price(a) * gain(b), cost_b = price(b) * gain(a);
    return cost_a != cost_b ? cost_a < cost_b : gain(a) > gain(b);
  });
}

}  // namespace

void try_fixes(CheckResult& base, const Question& question, const RunOptions& options) {
  const std::vector<std::size_t> objectives = to_rescue(base);
  if (objectives.empty()) return;
  std::vector<Fix> fixes = candidate_fixes(base.scenario, question.options.catalog_dir);
  parallel_for(fixes.size(), options.threads,
               [&](std::size_t i) { try_fix(fixes[i], base, objectives, question, options); });
  rank(fixes, base.price.has_value());
  base.fixes = std::move(fixes);
}

}  // namespace foretoken
