// A candidate simulated: briefly, to tell those that miss by far, or to a verdict.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/figures.hpp"
#include "experiment/steady/short_runs.hpp"
#include "foretoken/experiment/uncertainty.hpp"
#include "study/recommend/search.hpp"

namespace foretoken {
namespace {

const std::vector<std::string> kCandidateFigures{
    "tokens_per_s_per_gpu",      "interactivity_tok_s",           "output_throughput", "p99_ttft_ms", "mean_tpot_ms",
    "cost_per_1m_output_tokens", "full_cost_per_1m_output_tokens"};
constexpr const char* kPaid = "cost_per_hour";
std::vector<std::string> figures_for(const Scenario& s) {
  std::vector<std::string> keys = kCandidateFigures;
  if (s.cluster.fleet.on) keys.emplace_back(kPaid);
  return keys;
}
// A price changes no run, but figures in money need one. Of pools that come and go apart it says what is paid: the
// catalog's, or where that has none the same for all GPUs.
Scenario with_some_price(const Scenario& s) {
  Scenario priced = s;
  if (price_per_hour(s)) return priced;
  priced.prices.examples = !s.pools.empty();
  if (price_per_hour(priced)) return priced;
  priced.prices.gpu_hour = 1;
  for (PoolPlan& pool : priced.pools) pool.gpu_hour = 1;
  return priced;
}

CandidateFigures figures_of(const Scenario& s, const Verdict& v) {
  if (v.also.size() < kCandidateFigures.size()) return {};
  const double usd_per_gpu = price_per_hour(with_some_price(s))->usd_per_gpu;
  return {v.also[0].value,
          v.also[1].value,
          v.also[2].value,
          v.also[3].value,
          v.also[4].value,
          v.also[5].value / usd_per_gpu,
          v.also[6].value / usd_per_gpu};
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

// A candidate that is closer to call than this allows stays undecided.
constexpr std::int64_t kMostRequestsOfCandidate = 2'000'000;

std::string figure_text(const ObjectiveVerdict& o) {
  const std::string_view unit = metric_unit(o.line.metric);
  return fmt::format("{}: {} in [{}, {}]{}{}", o.line.expression, plain_figure(o.interval.value),
                     plain_figure(o.interval.low), plain_figure(o.interval.high), unit.empty() ? "" : " ", unit);
}

bool never_waits_for_blocks(const Trial& trial, const EngineConfig& engine) {
  const double kept_back = engine.watermark * static_cast<double>(engine.num_gpu_blocks);
  return static_cast<double>(engine.usable_blocks()) - kept_back >= static_cast<double>(trial.blocks_needed);
}

Trial trial_of(const Scenario& s, Candidate candidate, const Verdict& v) {
  Trial trial;
  candidate.objectives = v.objectives;
  candidate.figures = figures_of(s, v);
  candidate.room = least_room(v);
  trial.candidate = std::move(candidate);
  trial.twin_key = twin_key_of(s);
  trial.max_num_seqs = s.engine.max_num_seqs;
  // With asynchronous scheduling those that left with the step before are still there for one call.
  trial.peak_running = 2 * v.peak_running;
  // Room for what was in use, a block more for each request, and the longest request that could ask for admission.
  trial.blocks_needed = 2 * v.peak_kv_blocks + s.engine.kv_layout.groups() * (trial.peak_running + 1) +
                        s.engine.most_blocks_of(s.engine.max_model_len);
  trial.requests = v.requests + v.pilot_requests;
  trial.interrupted = v.interrupted;
  if (s.cluster.fleet.on && !v.also.empty())
    trial.share_paid = v.also.back().value / price_per_hour(with_some_price(s))->usd;
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

Trial try_briefly(const Scenario& brief, Candidate candidate, const RunOptions& options) {
  const Result<ShortRuns> runs = run_briefly(with_some_price(brief), options, kCandidateFigures);
  if (!runs) return broken(std::move(candidate), runs.error());
  Trial trial = trial_of(brief, std::move(candidate), runs->verdict);
  trial.requests = runs->requests;
  trial.candidate.short_run = true;
  if (runs->far_off) {
    trial.candidate.fate = Fate::far_off;
    trial.candidate.why = figure_text(runs->verdict.objectives[*runs->far_off]);
  }
  return trial;
}

Trial try_fully(const Scenario& scenario, Candidate candidate, const RunOptions& options) {
  Scenario bounded = with_some_price(scenario);
  bounded.study.max_requests = std::min(scenario.study.max_requests, kMostRequestsOfCandidate);
  VerdictHints hints;
  hints.misses_at_a_glance = true;
  const Result<Verdict> v = reach_verdict(bounded, options, figures_for(bounded), hints);
  if (!v) return broken(std::move(candidate), v.error());
  Trial trial = trial_of(scenario, std::move(candidate), *v);
  Candidate& c = trial.candidate;
  c.fate = v->overall == Decision::meets    ? Fate::meets
           : v->overall == Decision::misses ? Fate::misses
           : v->interrupted                 ? Fate::skipped
                                            : Fate::not_decided;
  if (v->interrupted) c.fate = Fate::skipped;
  if (c.fate == Fate::meets) {
    UncertaintyOptions how;
    how.run = options;
    const Result<ModelUncertainty> found = model_uncertainty(scenario, *v, how);
    if (!found) return broken(std::move(c), found.error());
    c.all_meet = found->meets_all;
    trial.requests += found->requests;
    if (found->interrupted) c.fate = Fate::skipped;
  }
  for (const ObjectiveVerdict& o : v->objectives) {
    if (o.decision != v->overall || c.fate == Fate::meets) continue;
    c.why = o.reason.empty() ? figure_text(o) : fmt::format("{}: {}", o.line.expression, o.reason);
    break;
  }
  return trial;
}

}  // namespace foretoken
