// Sequential judgement: looks at twice and twice as many replications, the error shared out among them.
#include "foretoken/experiment/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/figures.hpp"
#include "base/quantiles.hpp"
#include "experiment/steady/sampler.hpp"

namespace foretoken {
namespace {

struct Look {
  int replications = 0;
  double confidence = 0;
  bool glance = false;
};

// Endless runs are few and long, and Student's t wants parts enough; whole runs are as long as the scenario says.
constexpr std::int64_t kFirstEndless = 32;
// Fewer parts say little, but what lies beyond such a confidence of theirs is clear.
constexpr std::array<Look, 2> kGlances = {{{8, 0.999, true}, {16, 0.99, true}}};
constexpr std::int64_t kFirstWhole = 5;

// The chance that any of the looks but the glances errs is at most 1 - confidence: the k-th has 6 / (pi k)^2 of it, of
// which all sum to 1 however many there are. The first look, which decides what is clear, then costs little.
double confidence_of_look(const Scenario& s, std::size_t look) {
  constexpr double kShare = 0.6079271018540267;  // 6 / pi^2
  const auto k = static_cast<double>(look + 1);
  return 1 - (1 - s.study.confidence) * kShare / (k * k);
}

// When to judge, and how strictly. It depends on the scenario alone.
std::vector<Look> planned_looks(const Scenario& s, const ReplicationSampler& sampler, bool with_glances) {
  if (sampler.repeats_itself()) return {{1, confidence_of_look(s, 0)}};
  const std::int64_t each = std::max<std::int64_t>(1, sampler.requests_each().value_or(1));
  const std::int64_t left = s.study.max_requests - sampler.pilot_requests();
  const std::int64_t most = std::clamp<std::int64_t>(left / each, 1, s.study.max_replications);
  const bool endless = sampler.steady_state().measured > 0;
  std::vector<std::int64_t> numbers;
  for (std::int64_t n = std::max<std::int64_t>(endless ? kFirstEndless : kFirstWhole, s.replications); n < most; n *= 2)
    numbers.push_back(n);
  numbers.push_back(most);
  std::vector<Look> looks;
  for (const Look& glance : kGlances) {
    if (with_glances && endless && glance.replications < numbers.front())
      looks.push_back({glance.replications, std::max(glance.confidence, s.study.confidence), true});
  }
  for (std::size_t k = 0; k < numbers.size(); ++k)
    looks.push_back({static_cast<int>(numbers[k]), confidence_of_look(s, k)});
  return looks;
}

bool is_latency(std::string_view metric, std::string_view name) {
  return metric.ends_with(fmt::format("_{}_ms", name));
}

// 1234567 -> 1.2 million: more digits would promise too much.
std::string rounded_count(std::int64_t count) {
  if (count >= 950'000) return fmt::format("{:.2g} million", static_cast<double>(count) * 1e-6);
  return fmt::format("{},000", std::max<std::int64_t>(1, (count + 500) / 1000));
}

Decision decide(const SloLine& line, const Interval& interval) {
  if (std::isnan(interval.value)) return Decision::not_decided;
  const bool low = judge(line, interval.low).ok, high = judge(line, interval.high).ok;
  if (low != high) return Decision::not_decided;
  return low ? Decision::meets : Decision::misses;
}

// Does the figure get worse while a backlog of its requests grows?
bool grows_with_backlog(const Scenario& s, const SloLine& line) {
  const bool upper = is_upper_limit(line.comparison);
  const MetricName name = split_metric(line.metric);
  for (const char* latency : {"ttft", "e2el", "queue_time"}) {
    if (is_latency(name.key, latency)) return upper;
  }
  const bool good =
      name.key == "slo_attainment" || name.key == "request_goodput" || name.key == "goodput_output_throughput";
  const auto on_time = [](const GoodputLimits& g) { return g.ttft_ms || g.e2el_ms; };
  const bool limited =
      on_time(s.workload.goodput) || std::any_of(s.workload.classes.begin(), s.workload.classes.end(),
                                                 [&](const RequestClass& c) { return on_time(c.goodput); });
  return good && limited && !upper;
}

// Starting empty a run has seen less of the backlog than it will: what it has seen already misses for good. Where
// prefixes may be cached, a cold cache is slower: there the figure must not be falling, and lie beyond even twice the
// limit.
bool misses_whatever_follows(const Scenario& s, const ObjectiveVerdict& o, const SteadyState& steady) {
  if (!grows_with_backlog(s, o.line) || o.decision != Decision::misses) return false;
  if (!may_find_prefixes(s)) return true;
  return !steady.improving && is_upper_limit(o.line.comparison) && !judge(o.line, o.interval.low / 2).ok;
}

std::string unsettled_reason(const SteadyState& steady) {
  std::string reason = "the figure still moves with the length of the run";
  if (steady.needed > 0) reason += fmt::format(": about {} requests would tell", rounded_count(steady.needed));
  if (steady.stability_limit)
    reason += fmt::format("; saturated, the deployment lets through {} of {} requests/s",
                          plain_figure(steady.stability_limit->value), plain_figure(steady.arrival_rate));
  return reason;
}

ObjectiveVerdict judge_objective(const Scenario& s, const SloLine& line, const ReplicationSampler& sampler,
                                 std::size_t metric, double confidence) {
  const SteadyState& steady = sampler.steady_state();
  ObjectiveVerdict verdict;
  verdict.line = line;
  verdict.steady_state = sampler.in_steady_state(metric);
  verdict.interval = sampler.interval(metric, confidence);
  verdict.interval.confidence = s.study.confidence;
  verdict.margin = judge(line, verdict.interval.value).margin;
  if (steady.overloaded && depends_on_backlog(s, line)) {
    verdict.decision = Decision::misses;
    verdict.reason = fmt::format("no steady state: the backlog grows by {} requests/s, so any limit is missed in time",
                                 plain_figure(steady.backlog_growth.value, 3));
    return verdict;
  }
  const std::vector<double> values = sampler.values(metric);
  const auto missing = std::count_if(values.begin(), values.end(), [](double v) { return std::isnan(v); });
  if (missing > 0) {
    const bool never = missing == static_cast<std::ptrdiff_t>(values.size());
    verdict.decision = never ? Decision::misses : Decision::not_decided;
    verdict.reason = never ? "no request of the runs has this figure"
                           : fmt::format("{} of {} parts of the runs have no such figure", missing, values.size());
    return verdict;
  }
  verdict.decision = decide(line, verdict.interval);
  if (steady.settled || !verdict.steady_state || misses_whatever_follows(s, verdict, steady)) return verdict;
  verdict.decision = Decision::not_decided;
  verdict.reason = unsettled_reason(steady);
  return verdict;
}

void judge_all(const Scenario& s, const ReplicationSampler& sampler, double confidence, Verdict& verdict) {
  verdict.steady = sampler.steady_state();
  verdict.objectives.clear();
  verdict.precision.clear();
  for (std::size_t i = 0; i < s.slo.size(); ++i)
    verdict.objectives.push_back(judge_objective(s, s.slo[i], sampler, i, confidence));
  for (std::size_t i = 0; i < s.study.until.size(); ++i) {
    const std::size_t metric = s.slo.size() + i;
    PrecisionVerdict goal{s.study.until[i], sampler.interval(metric, confidence), false};
    goal.interval.confidence = s.study.confidence;
    goal.reached = (verdict.steady.settled || !sampler.in_steady_state(metric)) &&
                   goal.interval.half_width() <= goal.goal.share * std::abs(goal.interval.value);
    verdict.precision.push_back(std::move(goal));
  }
}

bool is_done(const Verdict& v) {
  return std::none_of(v.objectives.begin(), v.objectives.end(),
                      [](const ObjectiveVerdict& o) { return o.decision == Decision::not_decided; }) &&
         std::all_of(v.precision.begin(), v.precision.end(), [](const PrecisionVerdict& p) { return p.reached; });
}

Decision overall_of(const Verdict& v) {
  const auto some = [&](Decision d) {
    return std::any_of(v.objectives.begin(), v.objectives.end(),
                       [d](const ObjectiveVerdict& o) { return o.decision == d; });
  };
  if (some(Decision::misses)) return Decision::misses;
  return some(Decision::not_decided) || v.objectives.empty() ? Decision::not_decided : Decision::meets;
}

double students_t(const Look& look) {
  const int parts = std::min(look.replications, static_cast<int>(PooledFigures::kMostParts));
  return students_t_quantile((1 + look.confidence) / 2, parts - 1);
}

// Would all the replications of the budget leave it open as well? The interval narrows with Student's t and the root of
// their number, and the figure moves by two standard errors of those to come at most.
bool is_hopeless(const ObjectiveVerdict& o, const Look& now, const Look& last) {
  const Interval& i = o.interval;
  const double away = std::abs(i.value - o.line.limit);
  const double half = i.value < o.line.limit ? i.high - i.value : i.value - i.low;
  if (!o.reason.empty() || !std::isfinite(away) || !std::isfinite(half)) return false;
  const double error = half / students_t(now), share = static_cast<double>(now.replications) / last.replications;
  return away + 2 * error * std::sqrt(1 - share) < error * students_t(last) * std::sqrt(share);
}

bool is_hopeless(const Verdict& v, const Look& now, const Look& last) {
  constexpr int kFewestToGiveUp = 16;  // the error of a quantile of fewer is too rough
  if (now.replications < kFewestToGiveUp || now.replications >= last.replications) return false;
  return std::all_of(v.objectives.begin(), v.objectives.end(), [&](const ObjectiveVerdict& o) {
    return o.decision != Decision::not_decided || is_hopeless(o, now, last);
  });
}

// Is a backlog that grows the whole answer? Then nobody need wait for figures of a load that has none.
bool overload_decides(const Scenario& s, bool decision_only) {
  const auto decided = [&](const SloLine& line) { return depends_on_backlog(s, line); };
  if (decision_only) return std::any_of(s.slo.begin(), s.slo.end(), decided);
  return !s.slo.empty() && s.study.until.empty() && std::all_of(s.slo.begin(), s.slo.end(), decided);
}

void explain_indecision(const Scenario& s, Verdict& v) {
  for (ObjectiveVerdict& o : v.objectives) {
    if (o.decision != Decision::not_decided || !o.reason.empty()) continue;
    if (v.interrupted) {
      o.reason = "interrupted";
    } else if (v.replications < 2) {
      o.reason =
          fmt::format("study.max_requests {} allows one replication, which gives no interval", s.study.max_requests);
    } else {
      const bool gave_up = v.replications < v.budget_replications;
      o.reason = fmt::format("the limit lies within the interval after {} replications", v.replications) +
                 (gave_up ? fmt::format(" and most likely after the {} of the budget", v.budget_replications)
                          : ", the budget");
    }
  }
}

}  // namespace

bool depends_on_backlog(const Scenario& s, const SloLine& line) {
  // The requests that pile up may be of other classes, where not all stand in one queue.
  const bool of_class = !split_metric(line.metric).request_class.empty();
  if (of_class && (s.engine.scheduling_policy != "fcfs" || has_several_models(s))) return false;
  return grows_with_backlog(s, line);
}

std::string_view to_string(Decision decision) {
  switch (decision) {
    case Decision::meets:
      return "meets";
    case Decision::misses:
      return "misses";
    case Decision::not_decided:
      return "not decided";
  }
  return "unknown";
}

Result<Verdict> reach_verdict(const Scenario& scenario, const RunOptions& options, const std::vector<std::string>& also,
                              const VerdictHints& hints) {
  std::vector<std::string> metrics;
  for (const SloLine& line : scenario.slo) metrics.push_back(line.metric);
  for (const PrecisionGoal& goal : scenario.study.until) metrics.push_back(goal.metric);
  const std::size_t judged = metrics.size();
  metrics.insert(metrics.end(), also.begin(), also.end());
  const bool overload_misses = overload_decides(scenario, hints.decision_only);
  ReplicationSampler sampler(scenario, std::move(metrics), options,
                             {hints.stability_limit, hints.likely_length, overload_misses});
  if (hints.steady) sampler.take_steady_state(*hints.steady);
  if (Diagnostics problems = sampler.prepare(); problems.has_errors()) return problems;
  Verdict verdict;
  const bool only_decides = hints.decision_only || hints.misses_at_a_glance;
  const std::vector<Look> looks = planned_looks(scenario, sampler, only_decides);
  verdict.budget_replications = looks.back().replications;
  const bool backlog_decides = overload_misses && sampler.steady_state().overloaded;
  for (const Look& look : looks) {
    if (Diagnostics problems = sampler.extend_to(backlog_decides ? kGlances[0].replications : look.replications);
        problems.has_errors())
      return problems;
    judge_all(scenario, sampler, look.confidence, verdict);
    // More replications of a length that is too short only narrow the interval around a wrong value.
    if (sampler.interrupted() || !verdict.steady.settled || backlog_decides) break;
    const bool only_misses = look.glance && hints.misses_at_a_glance;
    if (only_misses ? overall_of(verdict) == Decision::misses : is_done(verdict)) break;
    if (only_decides && overall_of(verdict) == Decision::not_decided && is_hopeless(verdict, look, looks.back())) break;
  }
  verdict.replications = sampler.replications();
  verdict.requests = sampler.requests();
  verdict.pilot_requests = sampler.pilot_requests();
  verdict.peak_running = sampler.peak_running();
  verdict.peak_kv_blocks = sampler.peak_kv_blocks();
  verdict.interrupted = sampler.interrupted();
  verdict.overall = overall_of(verdict);
  for (std::size_t i = 0; i < scenario.slo.size(); ++i) verdict.samples.push_back(sampler.values(i));
  for (std::size_t i = 0; i < also.size(); ++i)
    verdict.also.push_back(sampler.interval(judged + i, scenario.study.confidence));
  explain_indecision(scenario, verdict);
  return verdict;
}

}  // namespace foretoken
