// Sequential judgement: looks at 5, 10, 20 ... replications, the error shared out among them.
#include "foretoken/study/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "study/sampler.hpp"

namespace foretoken {
namespace {

// Fewer replications give intervals of little use: t(0.975, 3) is 1.6 times the normal quantile.
constexpr std::int64_t kFirstLook = 5;

// Numbers of replications after which to judge. They depend on the scenario alone.
std::vector<int> planned_looks(const Scenario& s, const std::optional<std::int64_t>& requests_each) {
  const std::int64_t each = std::max<std::int64_t>(1, requests_each.value_or(1));
  const std::int64_t most = std::clamp<std::int64_t>(s.study.max_requests / each, 1, s.study.max_replications);
  std::vector<int> looks;
  for (std::int64_t n = std::max<std::int64_t>(kFirstLook, s.replications); n < most; n *= 2)
    looks.push_back(static_cast<int>(n));
  looks.push_back(static_cast<int>(most));
  return looks;
}

bool is_latency(std::string_view metric, std::string_view name) {
  return metric.ends_with(fmt::format("_{}_ms", name));
}

// Without a steady state this grows (or, for goodput, falls) with the length of the run.
bool depends_on_backlog(const Scenario& s, const SloLine& line) {
  const bool upper = line.comparison == Comparison::at_most || line.comparison == Comparison::below;
  for (const char* name : {"ttft", "e2el", "queue_time"}) {
    if (is_latency(line.metric, name)) return upper;
  }
  const bool good =
      line.metric == "slo_attainment" || line.metric == "request_goodput" || line.metric == "goodput_output_throughput";
  const auto on_time = [](const GoodputLimits& g) { return g.ttft_ms || g.e2el_ms; };
  const bool limited =
      on_time(s.workload.goodput) || std::any_of(s.workload.classes.begin(), s.workload.classes.end(),
                                                 [&](const RequestClass& c) { return on_time(c.goodput); });
  return good && limited && !upper;
}

Decision decide(const SloLine& line, const Interval& interval) {
  if (std::isnan(interval.value)) return Decision::not_decided;
  const bool low = judge(line, interval.low).ok, high = judge(line, interval.high).ok;
  if (low != high) return Decision::not_decided;
  return low ? Decision::meets : Decision::misses;
}

std::vector<double> existing(std::vector<double> values) {
  std::erase_if(values, [](double v) { return std::isnan(v); });
  return values;
}

ObjectiveVerdict judge_objective(const Scenario& s, const SloLine& line, const ReplicationSampler& sampler,
                                 std::size_t metric, const SteadyState& steady, double confidence) {
  ObjectiveVerdict verdict;
  verdict.line = line;
  verdict.steady_state = sampler.in_steady_state(metric);
  const std::vector<double> values = sampler.values(metric);
  const std::vector<double> figures = existing(values);
  verdict.interval = mean_interval(figures, confidence);
  verdict.interval.confidence = s.study.confidence;
  verdict.margin = judge(line, verdict.interval.value).margin;
  if (steady.overloaded && depends_on_backlog(s, line)) {
    verdict.decision = Decision::misses;
    verdict.reason =
        fmt::format("no steady state: the backlog grows by {:.3g} requests/s, so any limit is missed in time",
                    steady.backlog_growth.value);
    return verdict;
  }
  if (figures.empty() && !values.empty()) {
    verdict.decision = Decision::misses;
    verdict.reason = "no request of the runs has this figure";
    return verdict;
  }
  if (figures.size() < values.size()) {
    verdict.reason =
        fmt::format("{} of {} replications have no such figure", values.size() - figures.size(), values.size());
    return verdict;
  }
  verdict.decision = decide(line, verdict.interval);
  return verdict;
}

void judge_all(const Scenario& s, const ReplicationSampler& sampler, double confidence, Verdict& verdict) {
  verdict.steady = sampler.steady_state();
  verdict.objectives.clear();
  verdict.precision.clear();
  for (std::size_t i = 0; i < s.slo.size(); ++i) {
    verdict.objectives.push_back(judge_objective(s, s.slo[i], sampler, i, verdict.steady, confidence));
  }
  for (std::size_t i = 0; i < s.study.until.size(); ++i) {
    PrecisionVerdict goal{s.study.until[i], mean_interval(existing(sampler.values(s.slo.size() + i)), confidence),
                          false};
    goal.interval.confidence = s.study.confidence;
    goal.reached = goal.interval.half_width() <= goal.goal.share * std::abs(goal.interval.value);
    verdict.precision.push_back(std::move(goal));
  }
}

bool is_done(const Verdict& v) {
  return std::none_of(v.objectives.begin(), v.objectives.end(),
                      [](const ObjectiveVerdict& o) { return o.decision == Decision::not_decided; }) &&
         std::all_of(v.precision.begin(), v.precision.end(), [](const PrecisionVerdict& p) { return p.reached; });
}

Decision overall_of(const Verdict& v) {
  const auto any = [&](Decision d) {
    return std::any_of(v.objectives.begin(), v.objectives.end(),
                       [d](const ObjectiveVerdict& o) { return o.decision == d; });
  };
  if (any(Decision::misses)) return Decision::misses;
  return any(Decision::not_decided) || v.objectives.empty() ? Decision::not_decided : Decision::meets;
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
      o.reason = fmt::format("the limit lies within the interval after {} replications, the budget", v.replications);
    }
  }
}

}  // namespace

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

Result<Verdict> reach_verdict(const Scenario& scenario, const RunOptions& options,
                              const std::vector<std::string>& also) {
  const Result<WorkloadSummary> workload = workload_summary(scenario);
  if (!workload) return workload.error();
  std::vector<std::string> metrics;
  for (const SloLine& line : scenario.slo) metrics.push_back(line.metric);
  for (const PrecisionGoal& goal : scenario.study.until) metrics.push_back(goal.metric);
  const std::size_t judged = metrics.size();
  metrics.insert(metrics.end(), also.begin(), also.end());
  const std::size_t objectives = scenario.slo.size();
  ReplicationSampler sampler(scenario, std::move(metrics), options);
  Verdict verdict;
  const std::vector<int> looks = planned_looks(scenario, workload->requests);
  verdict.budget_replications = looks.back();
  // Bonferroni over the looks: the chance that any of them errs is at most 1 - confidence.
  const double confidence = 1 - (1 - scenario.study.confidence) / static_cast<double>(looks.size());
  for (const int look : looks) {
    if (Diagnostics problems = sampler.extend_to(look); problems.has_errors()) return problems;
    judge_all(scenario, sampler, confidence, verdict);
    if (sampler.interrupted() || is_done(verdict)) break;
  }
  verdict.replications = sampler.replications();
  verdict.requests = sampler.requests();
  verdict.pilot_requests = sampler.pilot_requests();
  verdict.peak_running = sampler.peak_running();
  verdict.peak_kv_blocks = sampler.peak_kv_blocks();
  verdict.interrupted = sampler.interrupted();
  verdict.overall = overall_of(verdict);
  for (std::size_t i = 0; i < objectives; ++i) verdict.samples.push_back(sampler.values(i));
  for (std::size_t i = 0; i < also.size(); ++i)
    verdict.also.push_back(mean_interval(existing(sampler.values(judged + i)), scenario.study.confidence));
  explain_indecision(scenario, verdict);
  return verdict;
}

}  // namespace foretoken
