// A candidate simulated: briefly, to tell those that miss by far, or to a verdict.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "study/latency_key.hpp"
#include "study/recommend/search.hpp"
#include "study/sampler.hpp"

namespace foretoken {
namespace {

const std::vector<std::string> kFigures{"tokens_per_s_per_gpu", "interactivity_tok_s", "output_throughput",
                                        "p99_ttft_ms", "mean_tpot_ms"};
// A dismissal after a short run errs at most this often, and lies at least so far beyond the limit.
constexpr double kShortConfidence = 0.995;
constexpr double kFar = 0.1;

CandidateFigures figures_of(const Verdict& v) {
  if (v.also.size() != kFigures.size()) return {};
  return {v.also[0].value, v.also[1].value, v.also[2].value, v.also[3].value, v.also[4].value};
}

double least_room(const Verdict& v) {
  double room = std::numeric_limits<double>::infinity();
  for (const ObjectiveVerdict& o : v.objectives) {
    if (std::isnan(o.margin)) {
      if (o.decision != Decision::meets) room = -std::numeric_limits<double>::infinity();
      continue;
    }
    room = std::min(room, o.margin);
  }
  return room;
}

// A system that starts empty and is watched for a while sees no more load than one that has run for long: a
// latency found in it is no overestimate, nor is a share of requests that were too late. Rates are no such figures:
// filling and emptying take their share of a short run.
bool grows_with_length(const SloLine& line) {
  if (line.metric == "slo_attainment") return !is_upper_limit(line.comparison);
  return latency_key_parts(line.metric).has_value() && is_upper_limit(line.comparison);
}

// The end of the interval that speaks for the candidate, brought nearer to the limit by the margin.
bool is_far_off(const ObjectiveVerdict& o) {
  if (!grows_with_length(o.line) || std::isnan(o.interval.value)) return false;
  if (o.line.metric == "slo_attainment") {
    const double too_late = 1 - o.interval.high;
    return too_late > 0 && !judge(o.line, 1 - too_late * (1 - kFar)).ok;
  }
  return !judge(o.line, o.interval.low * (1 - kFar)).ok;
}

// Longer and longer runs from an empty system: most candidates that miss do so by far, and soon.
constexpr std::int64_t kBriefly[] = {250, 1500, 9000};
// A candidate that is closer to call than this allows stays undecided.
constexpr std::int64_t kMostRequests = 2'000'000;

// The first requests of an empty system; a closed loop turns a few times.
SteadyState from_empty(const WorkloadConfig& workload, std::int64_t requests) {
  SteadyState steady;
  steady.exists = true;
  steady.settled = false;
  steady.measured = std::max(requests, 4 * workload.max_concurrency.value_or(0));
  return steady;
}

std::string figure_text(const ObjectiveVerdict& o) {
  const std::string_view unit = metric_unit(o.line.metric);
  return fmt::format("{}: {:.4g} in [{:.4g}, {:.4g}]{}{}", o.line.expression, o.interval.value, o.interval.low,
                     o.interval.high, unit.empty() ? "" : " ", unit);
}

bool never_waits_for_blocks(const Trial& trial, const EngineConfig& engine) {
  const double kept_back = engine.watermark * static_cast<double>(engine.num_gpu_blocks);
  return static_cast<double>(engine.usable_blocks()) - kept_back >= static_cast<double>(trial.blocks_needed);
}

Trial trial_of(const Scenario& s, Candidate candidate, const Verdict& v) {
  Trial trial;
  candidate.objectives = v.objectives;
  candidate.figures = figures_of(v);
  candidate.room = least_room(v);
  trial.candidate = std::move(candidate);
  trial.twin_key = twin_key_of(s);
  trial.max_num_seqs = s.engine.max_num_seqs;
  // With asynchronous scheduling those that left with the step before are still there for one call.
  trial.peak_running = 2 * v.peak_running;
  // Room for what was in use, a block more for each request, and the longest request that could ask for admission.
  const std::int64_t block = std::max(1, s.engine.block_size);
  trial.blocks_needed = 2 * v.peak_kv_blocks + trial.peak_running + (s.engine.max_model_len + block - 1) / block + 1;
  trial.requests = v.requests + v.pilot_requests;
  trial.interrupted = v.interrupted;
  if (trial.peak_running >= trial.max_num_seqs || !never_waits_for_blocks(trial, s.engine)) trial.twin_key.clear();
  return trial;
}

Trial broken(Candidate candidate, const Diagnostics& problems) {
  Trial trial;
  candidate.fate = Fate::invalid;
  candidate.why = problems.items().front().message;
  trial.candidate = std::move(candidate);
  return trial;
}

}  // namespace

bool is_same_run(const Trial& trial, const Screened& other, const Scenario& other_scenario) {
  return !trial.twin_key.empty() && trial.twin_key == other.twin_key && trial.peak_running < other.max_num_seqs &&
         never_waits_for_blocks(trial, other_scenario.engine);
}

std::optional<Scenario> short_form(const Scenario& scenario) {
  const bool caches = scenario.engine.enable_prefix_caching && may_share_prefixes(scenario.workload);
  if (!has_steady_state(scenario.workload) || caches) return std::nullopt;
  if (std::none_of(scenario.slo.begin(), scenario.slo.end(), grows_with_length)) return std::nullopt;
  Scenario brief = scenario;
  brief.replications = 1;
  brief.study.until.clear();
  brief.study.confidence = std::max(kShortConfidence, scenario.study.confidence);
  brief.study.max_replications = 5;
  return brief;
}

Trial try_briefly(const Scenario& brief, Candidate candidate, const RunOptions& options) {
  Trial trial;
  std::int64_t requests = 0;
  for (const std::int64_t length : kBriefly) {
    VerdictHints hints;
    hints.steady = from_empty(brief.workload, length);
    const Result<Verdict> v = reach_verdict(brief, options, kFigures, hints);
    if (!v) return broken(std::move(candidate), v.error());
    trial = trial_of(brief, candidate, *v);
    trial.requests = requests += v->requests;
    trial.candidate.short_run = true;
    const auto far_off = std::find_if(v->objectives.begin(), v->objectives.end(), is_far_off);
    if (v->interrupted) break;
    if (far_off == v->objectives.end()) continue;
    trial.candidate.fate = Fate::far_off;
    trial.candidate.why = figure_text(*far_off);
    break;
  }
  return trial;
}

Trial try_fully(const Scenario& scenario, Candidate candidate, const RunOptions& options) {
  Scenario bounded = scenario;
  bounded.study.max_requests = std::min(scenario.study.max_requests, kMostRequests);
  const Result<Verdict> v = reach_verdict(bounded, options, kFigures);
  if (!v) return broken(std::move(candidate), v.error());
  Trial trial = trial_of(scenario, std::move(candidate), *v);
  Candidate& c = trial.candidate;
  c.fate = v->overall == Decision::meets    ? Fate::meets
           : v->overall == Decision::misses ? Fate::misses
           : v->interrupted                 ? Fate::skipped
                                            : Fate::not_decided;
  if (v->interrupted) c.fate = Fate::skipped;
  for (const ObjectiveVerdict& o : v->objectives) {
    if (o.decision != v->overall || c.fate == Fate::meets) continue;
    c.why = o.reason.empty() ? figure_text(o) : fmt::format("{}: {}", o.line.expression, o.reason);
    break;
  }
  return trial;
}

}  // namespace foretoken
