// Short runs dismiss what misses by far; a verdict decides the rest.
#include "study/placement/demand_capacity.hpp"

#include <algorithm>
#include <cmath>

#include "experiment/steady/short_runs.hpp"
#include "study/capacity/range.hpp"

namespace foretoken {
namespace {

// A look is for a plan that will be judged as a whole: what it leaves open costs precision, no truth.
constexpr std::int64_t kMostRequestsOfDemand = 150'000;
// Beside the start of a search that knows where it is.
constexpr double kFarAround = 8;

class DemandSearch {
 public:
  DemandSearch(const Scenario& scenario, const PoolPlan& pool, std::size_t request_class, int replicas,
               const RunOptions& run)
      : scenario_(scenario), pool_(pool), class_(request_class), replicas_(replicas), run_(run) {}

  Result<DemandCapacity> run(double near, double precision) {
    const Result<LoadEstimate> estimate = estimated();
    if (!estimate) return estimate.error();
    const double likely = near > 0 ? near : std::max(1e-6, estimate->requests_per_second);
    SearchRange range;
    range.start = near > 0 ? near : 0.6 * likely;
    range.least = std::min(range.start, 0.02 / estimate->alone_seconds);
    range.most = kFarAround * 2 * likely;
    range.precision = precision;
    range.check_from = 1;
    const Result<std::optional<Bound>> impossible = impossible_alone(at(range.least));
    if (!impossible) return impossible.error();
    if (*impossible) {
      result_.why_none = (*impossible)->text;
      return result_;
    }
    LoadSearch search(range, [this](double rate) { return look(rate); });
    search.run();
    if (problems_.has_errors()) return problems_;
    result_.interrupted = search.interrupted();
    result_.requests_per_second = search.largest_met().value_or(0);
    result_.missed = search.smallest_missed().value_or(0);
    if (result_.requests_per_second == 0 && !result_.interrupted) result_.why_none = why_none(search);
    return result_;
  }

 private:
  [[nodiscard]] Scenario at(double rate) const { return alone_on(scenario_, pool_, class_, rate, replicas_); }

  [[nodiscard]] Result<LoadEstimate> estimated() const {
    const Scenario s = at(1);
    const Result<Explanation> explanation = explain(s);
    if (!explanation) return explanation.error();
    return estimate_of(s, *explanation);
  }

  std::string why_none(const LoadSearch& search) const {
    const std::optional<double> missed = search.smallest_missed();
    if (!missed) return "nothing was decided within the budget of the search";
    return missed_ + " is missed down to the smallest load";
  }

  std::optional<LoadSide> look(double rate) {
    Scenario s = at(rate);
    s.study.max_requests = std::min(s.study.max_requests, kMostRequestsOfDemand);
    s.study.until.clear();
    if (const std::optional<Scenario> brief = short_form(s)) {
      const Result<ShortRuns> runs = run_briefly(*brief, run_, {});
      if (!runs) return fail(runs.error());
      result_.requests += runs->requests;
      if (runs->far_off) return misses(s.slo[*runs->far_off]);
    }
    VerdictHints hints;
    hints.stability_limit = limit_;
    hints.decision_only = true;
    const Result<Verdict> verdict = reach_verdict(s, run_, {}, hints);
    if (!verdict) return fail(verdict.error());
    result_.requests += verdict->requests + verdict->pilot_requests;
    if (verdict->interrupted) return std::nullopt;
    if (!limit_) limit_ = verdict->steady.stability_limit;
    for (const ObjectiveVerdict& o : verdict->objectives) {
      if (o.decision == Decision::misses) return misses(o.line);
    }
    return verdict->overall == Decision::meets ? LoadSide::meets : LoadSide::not_decided;
  }

  std::optional<LoadSide> fail(const Diagnostics& problems) {
    problems_ = problems;
    return std::nullopt;
  }
  LoadSide misses(const SloLine& line) {
    missed_ = line.expression;
    return LoadSide::misses;
  }

  const Scenario& scenario_;
  const PoolPlan& pool_;
  std::size_t class_;
  int replicas_;
  const RunOptions& run_;
  std::optional<Interval> limit_;  // of stability
  std::string missed_;
  Diagnostics problems_;
  DemandCapacity result_;
};

}  // namespace

Scenario alone_on(const Scenario& scenario, const PoolPlan& pool, std::size_t request_class, double rate,
                  int replicas) {
  Scenario one = only_pool(scenario, pool);
  one.workload = scenario.workload;
  std::string name;
  if (request_class < scenario.workload.classes.size()) {
    one.workload.classes = {scenario.workload.classes[request_class]};
    one.workload.classes.front().weight = 1;
    one.workload.classes.front().model.clear();
    name = one.workload.classes.front().name;
  }
  std::get<RenewalArrivals>(one.workload.arrivals).rate = rate;
  std::erase_if(one.slo, [&](const SloLine& line) {
    const std::string_view of = split_metric(line.metric).request_class;
    return !of.empty() && of != name;
  });
  const int gpus = pool.deployment.parallelism.gpus();
  one.cluster.replicas = replicas;
  one.num_gpus = replicas * gpus;
  return one;
}

Result<DemandCapacity> demand_capacity(const Scenario& scenario, const PoolPlan& pool, std::size_t request_class,
                                       int replicas, double near, double precision, const RunOptions& run) {
  return DemandSearch(scenario, pool, request_class, replicas, run).run(near, precision);
}

}  // namespace foretoken
