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
// Beyond the largest load of known length, by the growth before it.
constexpr double kMostStretch = 2;

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
    if (split_metric(line.metric).key == falls) return false;
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
  hints.steady = cannot_settle(*scenario, load, workload->offered_rate);
  Result<Verdict> verdict = reach_verdict(*scenario, run_, also, hints);
  if (!verdict) return verdict.error();
  requests_ += verdict->requests + verdict->pilot_requests;
  learn(*scenario, load, *verdict);
  look.decision = verdict->overall;
  if (look.decision == Decision::meets) largest_met_ = std::max(largest_met_, load);
  look.too_little = look.decision == Decision::misses && misses_only_for_want_of_load(*verdict);
  // What was under way when the user stopped decides nothing.
  if (!verdict->interrupted || look.decision == Decision::misses) look.verdict = std::move(*verdict);
  return look;
}

void LoadJudge::learn(const Scenario& scenario, double load, const Verdict& verdict) {
  const SteadyState& steady = verdict.steady;
  if (!stability_limit_ && one_kind_) stability_limit_ = steady.stability_limit;
  if (verdict.interrupted) return;
  if (steady.settled) {
    lengths_[load] = steady.warmup + steady.measured;
  } else if (!steady.overloaded && (!unsettled_ || load < unsettled_->load)) {
    unsettled_ = Unsettled{load, scenario.study.max_requests, steady};
  }
}

// A load needs no pilot to be found unsettled where a smaller one was, which forgets sooner, or where it is too near
// the stability limit: there a queue forgets in a time that grows with 1 / (1 - load / limit)^2. A guess costs a
// decision at most and makes none wrong: no load that has not settled meets, and it misses only by what a run from
// empty has seen already.
std::optional<SteadyState> LoadJudge::cannot_settle(const Scenario& scenario, double load, double rate) const {
  const bool is_open = has_steady_state(scenario) && !scenario.workload.max_concurrency;
  if (!is_open || !one_kind_ || !stability_limit_ || rate > stability_limit_->high) return std::nullopt;
  if (may_find_prefixes(scenario)) return std::nullopt;  // whether latencies fall must be watched
  SteadyState steady;
  if (unsettled_ && load > unsettled_->load && scenario.study.max_requests <= unsettled_->budget) {
    steady = unsettled_->steady;
  } else if (is_far_beyond_known_lengths(load, rate, longest_pilot(scenario))) {
    set_length(steady, std::min(likely_length(load), longest_pilot(scenario)));
  } else {
    return std::nullopt;
  }
  steady.exists = true;
  steady.settled = false;
  steady.arrival_rate = rate;
  steady.stability_limit = stability_limit_;
  return steady;
}

bool LoadJudge::is_far_beyond_known_lengths(double load, double rate, std::int64_t longest) const {
  constexpr double kFar = 2;  // the rule holds in the limit, and the limit has an error
  if (lengths_.empty() || load <= lengths_.rbegin()->first) return false;
  const auto& [known, length] = *lengths_.rbegin();
  const double room = stability_limit_->value - rate, room_there = stability_limit_->value - rate * known / load;
  if (room_there <= 0) return false;
  if (room <= 0) return true;
  const double ratio = room_there / room;
  return static_cast<double>(length) * ratio * ratio > kFar * static_cast<double>(longest);
}

// Loads need longer runs the larger they are: by a power of the load between two of known length, and beyond the
// largest, where what is a little too long is no waste but what is too short is.
std::int64_t LoadJudge::likely_length(double load) const {
  auto above = lengths_.lower_bound(load);
  if (above == lengths_.begin()) return 0;
  if (above == lengths_.end() && --above == lengths_.begin()) return above->second / 2;
  const auto below = std::prev(above);
  const double power = exact_log(static_cast<double>(above->second) / static_cast<double>(below->second)) /
                       exact_log(above->first / below->first);
  const double grown = exact_pow(load / above->first, std::max(0.0, power));
  return std::llround(static_cast<double>(above->second) * std::min(grown, kMostStretch));
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
  const bool open = has_steady_state(scenario) && !scenario.workload.max_concurrency;
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
