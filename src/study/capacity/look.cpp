// Bounds from the load first, which cost nothing; then replications until decided.
#include "study/capacity/look.hpp"

#include <algorithm>
#include <cmath>

#include "base/math.hpp"
#include "experiment/latency_key.hpp"
#include "experiment/steady/sampler.hpp"
#include "experiment/steady/saturation.hpp"
#include "experiment/steady/short_runs.hpp"
#include "study/check/bounds.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kMostRequestsOfErrors = 60'000;

double also_of(const Verdict& v, std::string_view metric) {
  for (std::size_t i = 0; i < v.also.size(); ++i) {
    if (metric == kLookMetrics[i]) return v.also[i].value;
  }
  return std::nan("");
}

// Goodput falls when requests come too late: then there was load enough.
bool was_served_in_vain(const ObjectiveVerdict& o, const Verdict& v) {
  if (o.line.metric == "request_goodput") return also_of(v, "request_throughput") >= o.line.limit;
  if (o.line.metric == "goodput_output_throughput") return also_of(v, "output_throughput") >= o.line.limit;
  return false;
}

bool misses_only_for_want_of_load(const Verdict& v) {
  return std::all_of(v.objectives.begin(), v.objectives.end(), [&](const ObjectiveVerdict& o) {
    return o.decision != Decision::misses || (needs_load(o.line) && !v.steady.overloaded && !was_served_in_vain(o, v));
  });
}

}  // namespace

bool needs_load(const SloLine& line) {
  if (is_upper_limit(line.comparison)) return line.metric == "duration";
  for (const char* falls : {"slo_attainment", "interactivity_tok_s", "completed", "prefix_cache_hit_rate"}) {
    if (line.metric == falls) return false;
  }
  return true;
}

LoadSide side_of(const CapacityLook& look) {
  if (look.decision == Decision::meets) return LoadSide::meets;
  if (look.decision == Decision::not_decided) return LoadSide::not_decided;
  return look.too_little ? LoadSide::too_little : LoadSide::misses;
}

LoadJudge::LoadJudge(const Question& question, const RunOptions& run, std::int64_t replications)
    : question_(question.without_sweep()), run_(run), replications_(replications) {
  run_.cost_models = &models_;
  if (run.progress) {
    run_.progress = [this, report = run.progress](const Progress& p) {
      report({requests_ + p.requests, std::nullopt});
    };
  }
}

Result<Scenario> LoadJudge::scenario_with(const std::vector<std::string>& set) const {
  return question_.with(set).scenario();
}

Result<CapacityLook> LoadJudge::operator()(double load, const std::vector<std::string>& set,
                                           std::int64_t most_requests) {
  CapacityLook look;
  look.load = load;
  Result<Scenario> scenario = scenario_with(set);
  if (!scenario) return scenario.error();
  scenario->study.max_replications = std::min(scenario->study.max_replications, replications_);
  const bool service_only = std::none_of(scenario->slo.begin(), scenario->slo.end(),
                                         [&](const SloLine& line) { return depends_on_backlog(*scenario, line); });
  if (service_only) most_requests = std::max(most_requests, kMostRequestsOfService);
  scenario->study.max_requests = std::min(scenario->study.max_requests, most_requests);
  scenario->study.until.clear();  // a look is for the decision, not for closer figures
  const Result<WorkloadSummary> workload = workload_summary(*scenario);
  if (!workload) return workload.error();
  for (std::size_t i = 0; i < scenario->slo.size(); ++i) {
    const std::optional<Bound> bound = load_bound(*scenario, i, *workload);
    if (!bound || !bound->impossible) continue;
    look.decision = Decision::misses;
    look.too_little = needs_load(scenario->slo[i]) && (look.impossible.empty() || look.too_little);
    look.impossible = bound->text;
    look.bound = i;
    if (!look.too_little) return look;
  }
  if (look.bound) return look;
  const std::vector<std::string> also{std::begin(kLookMetrics), std::end(kLookMetrics)};
  if (load > largest_met_) {
    if (const std::optional<Scenario> brief = short_form(*scenario)) {
      Result<ShortRuns> runs = run_briefly(*brief, run_, also);
      if (!runs) return runs.error();
      requests_ += runs->requests;
      if (runs->far_off) {
        look.decision = Decision::misses;
        look.verdict = std::move(runs->verdict);
        return look;
      }
    }
  }
  VerdictHints hints;
  hints.stability_limit = stability_limit_;
  hints.decision_only = true;
  hints.likely_length = likely_length(load);
  Result<Verdict> verdict = reach_verdict(*scenario, run_, also, hints);
  if (!verdict) return verdict.error();
  requests_ += verdict->requests + verdict->pilot_requests;
  if (!stability_limit_ && one_kind_) stability_limit_ = verdict->steady.stability_limit;
  if (verdict->steady.settled) lengths_[load] = verdict->steady.warmup + verdict->steady.measured;
  look.decision = verdict->overall;
  if (look.decision == Decision::meets) largest_met_ = std::max(largest_met_, load);
  look.too_little = look.decision == Decision::misses && misses_only_for_want_of_load(*verdict);
  // What was under way when the user stopped decides nothing.
  if (!verdict->interrupted || look.decision == Decision::misses) look.verdict = std::move(*verdict);
  return look;
}

// Loads need longer runs the larger they are. Between two of known length it is between theirs, evenly in logarithms;
// beyond the largest, half of what that needed is no waste.
std::int64_t LoadJudge::likely_length(double load) const {
  const auto above = lengths_.lower_bound(load);
  if (above == lengths_.begin()) return 0;
  const auto below = std::prev(above);
  if (above == lengths_.end()) return below->second / 2;
  const double share = exact_log(load / below->first) / exact_log(above->first / below->first);
  const auto from = static_cast<double>(below->second), to = static_cast<double>(above->second);
  return std::llround(from * exact_pow(to / from, share));
}

Result<ModelUncertainty> LoadJudge::uncertainty(const Scenario& scenario, const Verdict& verdict) {
  UncertaintyOptions options;
  options.run = run_;
  options.run.progress = nullptr;
  options.most_requests = kMostRequestsOfErrors;
  // Found at another load, perhaps.
  Verdict with_limit = verdict;
  if (!with_limit.steady.stability_limit) with_limit.steady.stability_limit = stability_limit_;
  Result<ModelUncertainty> found = model_uncertainty(scenario, with_limit, options);
  if (found) requests_ += found->requests;
  return found;
}

Diagnostics LoadJudge::find_stability_limit(const Scenario& scenario) {
  const bool open = has_steady_state(scenario.workload) && !scenario.workload.max_concurrency;
  if (stability_limit_ || !open) return {};
  const Result<WorkloadSummary> workload = workload_summary(scenario);
  if (!workload) return workload.error();
  const Result<Saturation> found = saturate(scenario, workload->offered_rate, kMostRequestsOfLook, run_);
  if (!found) return found.error();
  requests_ += found->requests;
  stability_limit_ = found->limit;
  return {};
}

}  // namespace foretoken
