// Both alternatives, replication by replication; then each change alone.
#include "foretoken/study/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/figures.hpp"
#include "experiment/cost_models.hpp"
#include "experiment/explain/what_fits.hpp"
#include "experiment/parallel.hpp"
#include "experiment/steady/sampler.hpp"
#include "study/compare/fields.hpp"
#include "study/compare/reason.hpp"
#include "study/compare/samples.hpp"

namespace foretoken {
namespace {

// More changes than these are not tried one by one.
constexpr std::size_t kMostAlone = 24;
constexpr const char* kHeadline[] = {"mean_ttft_ms", "p99_ttft_ms", "mean_tpot_ms", "output_throughput"};

std::vector<std::string> all_metrics(const Scenario& a, const Scenario& b) {
  std::vector<std::string> metrics;
  for (const Column& column : columns()) metrics.emplace_back(column.key);
  for (const LatencyMetric& metric : latency_metrics()) {
    for (const char* statistic : {"mean", "p50", "p90", "p95", "p99"})
      metrics.push_back(fmt::format("{}_{}_ms", statistic, metric.name));
  }
  for (const Scenario* s : {&a, &b}) {
    for (const SloLine& line : s->slo) {
      if (std::find(metrics.begin(), metrics.end(), line.metric) == metrics.end()) metrics.push_back(line.metric);
    }
  }
  return metrics;
}

class Comparing {
 public:
  Comparing(const CompareQuestion& question, const Scenario& a, const Scenario& b, const RunOptions& options)
      : question_(question), a_(a), b_(b), options_(options), metrics_(all_metrics(a, b)) {
    const int said = std::max(a.replications, b.replications);
    result_.replications = said > 1 ? said : kCompareReplications;
    result_.before_name = a.name;
    result_.after_name = b.name;
    result_.before_sha256 = scenario_sha256(a);
    result_.after_sha256 = scenario_sha256(b);
    result_.confidence = a.study.confidence;
    result_.pairing = a.seed == b.seed ? Pairing::paired : Pairing::unpaired;
    result_.fields = changed_fields(fields_of(a), fields_of(b));
    options_.cost_models = &models_;
  }

  Result<CompareResult> run() {
    for (const Scenario* s : {&a_, &b_}) {
      const Fit fit = fit_of(*s);
      if (!fit.feasible)
        result_.does_not_fit.push_back(fmt::format("{}: {}", s == &a_ ? "before" : "after", fit.memory.verdict));
    }
    if (!result_.does_not_fit.empty()) return std::move(result_);
    if (Diagnostics problems = find_common_length(); problems.has_errors()) return problems;
    Result<Samples> before = sample(a_, options_), after = sample(b_, options_);
    if (!before) return before.error();
    if (!after) return after.error();
    const int both = std::min(before->replications, after->replications);
    result_.interrupted = both < result_.replications;
    result_.replications = both;
    result_.requests += before->requests + after->requests;
    result_.metrics = changes_of(metrics_, *before, *after, result_.pairing, result_.confidence);
    add_objectives();
    if (!result_.interrupted) result_.why = reason_of_pools(a_, b_, options_);
    if (!result_.interrupted) change_one_at_a_time(*before);
    return std::move(result_);
  }

 private:
  // Both measure the same requests: for as long as the slower of them needs to settle.
  Diagnostics find_common_length() {
    for (const Scenario* s : {&a_, &b_}) {
      if (!has_steady_state(*s)) continue;
      ReplicationSampler sampler(*s, metrics_, options_);
      if (Diagnostics problems = sampler.prepare(); problems.has_errors()) return problems;
      const SteadyState& own = sampler.steady_state();
      result_.requests += sampler.pilot_requests();
      if (own.overloaded || !own.settled) {
        result_.warnings.push_back(
            own.overloaded
                ? fmt::format("{}: no steady state, the backlog grows by {} requests/s; its latencies depend on "
                              "how long it is watched",
                              s == &a_ ? "before" : "after", plain_figure(own.backlog_growth.value, 3))
                : fmt::format("{}: has not settled within the budget (study.max_requests)",
                              s == &a_ ? "before" : "after"));
      }
      if (own.measured > steady_.measured) steady_ = own;
    }
    return {};
  }

  Result<Samples> sample(const Scenario& scenario, const RunOptions& options) {
    ReplicationSampler sampler(scenario, metrics_, options);
    if (has_steady_state(scenario) && steady_.measured > 0) sampler.take_steady_state(steady_);
    if (Diagnostics problems = sampler.extend_to(result_.replications); problems.has_errors()) return problems;
    Samples samples;
    samples.replications = sampler.replications();
    samples.requests = sampler.requests();
    for (std::size_t i = 0; i < metrics_.size(); ++i) samples.values.push_back(sampler.values(i));
    return samples;
  }

  void add_objectives() {
    std::vector<SloLine> lines = a_.slo;
    for (const SloLine& line : b_.slo) {
      if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
    }
    for (const SloLine& line : lines) {
      const auto at = std::find_if(result_.metrics.begin(), result_.metrics.end(),
                                   [&](const MetricChange& m) { return m.metric == line.metric; });
      if (at == result_.metrics.end()) continue;
      result_.objectives.push_back({line, *at, judge(line, at->before).ok, judge(line, at->after).ok});
    }
  }

  [[nodiscard]] bool is_headline(const std::string& metric) const {
    return std::any_of(std::begin(kHeadline), std::end(kHeadline), [&](const char* h) { return metric == h; }) ||
           std::any_of(result_.objectives.begin(), result_.objectives.end(),
                       [&](const ObjectiveChange& o) { return o.line.metric == metric; });
  }

  void change_one_at_a_time(const Samples& before) {
    if (a_.pools.empty() != b_.pools.empty()) return;  // a key of pools alone is none
    std::vector<ChangeAlone> alone;
    for (std::size_t i = 0; i < result_.fields.size(); ++i) {
      const ChangedField& f = result_.fields[i];
      if (!f.given || !f.simulated) continue;
      ChangeAlone change;
      change.field = i;
      change.set = {fmt::format("{}={}", f.path, value_after(f))};
      alone.push_back(std::move(change));
    }
    if (alone.size() < 2) return;
    for (std::size_t i = kMostAlone; i < alone.size(); ++i) {
      alone[i].status = PointStatus::skipped;
      alone[i].why_not = fmt::format("only the first {} changes are tried alone", kMostAlone);
    }
    std::vector<std::int64_t> requests(alone.size());
    RunOptions single = options_;
    single.threads = 1;
    single.progress = nullptr;
    parallel_for(alone.size(), options_.threads,
                 [&](std::size_t i) { requests[i] = try_alone(alone[i], before, single); });
    for (const std::int64_t n : requests) result_.requests += n;
    result_.interrupted = options_.stop != nullptr && options_.stop->load();
    result_.alone = std::move(alone);
  }

  // What the second says; null where it says nothing and the default holds.
  [[nodiscard]] std::string value_after(const ChangedField& f) const { return is_given(b_, f.path) ? f.after : "null"; }

  std::int64_t try_alone(ChangeAlone& change, const Samples& before, const RunOptions& options) {
    if (change.status != PointStatus::ok) return 0;
    const auto refuse = [&](PointStatus status, std::string why) {
      change.status = status;
      change.why_not = std::move(why);
      return std::int64_t{0};
    };
    if (options.stop != nullptr && options.stop->load()) return refuse(PointStatus::skipped, "interrupted");
    const Result<Scenario> scenario = question_.before.without_sweep().with(change.set).scenario();
    if (!scenario) return refuse(PointStatus::invalid, scenario.error().items().front().message);
    const Fit fit = fit_of(*scenario);
    if (!fit.feasible) return refuse(PointStatus::does_not_fit, fit.memory.verdict);
    const Result<Samples> after = sample(*scenario, options);
    if (!after) return refuse(PointStatus::invalid, after.error().items().front().message);
    if (after->replications < result_.replications) return refuse(PointStatus::skipped, "interrupted");
    for (MetricChange& m : changes_of(metrics_, before, *after, Pairing::paired, result_.confidence)) {
      if (is_headline(m.metric)) change.metrics.push_back(std::move(m));
    }
    return after->requests;
  }

  const CompareQuestion& question_;
  const Scenario& a_;
  const Scenario& b_;
  RunOptions options_;
  CostModelPool models_;
  std::vector<std::string> metrics_;
  SteadyState steady_;
  CompareResult result_;
};

}  // namespace

std::string_view to_string(Pairing pairing) {
  switch (pairing) {
    case Pairing::paired:
      return "paired";
    case Pairing::unpaired:
      return "unpaired";
    case Pairing::not_kept:
      return "unpaired although the random numbers are the same";
    case Pairing::no_interval:
      return "no interval";
  }
  return "unknown";
}

Result<CompareResult> compare_scenarios(const CompareQuestion& question, const RunOptions& options) {
  Diagnostics problems;
  const Result<Scenario> before = question.before.without_sweep().scenario();
  const Result<Scenario> after = question.after.without_sweep().scenario();
  if (!before) problems.append(before.error());
  if (!after) problems.append(after.error());
  if (problems.has_errors()) return problems;
  return Comparing(question, *before, *after, options).run();
}

}  // namespace foretoken
