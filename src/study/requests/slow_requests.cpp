// Two runs of the same replication: the first ranks the requests, the second adds up where the chosen ones' time went.
#include "study/requests/slow_requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "experiment/explain/what_fits.hpp"
#include "experiment/replication.hpp"
#include "experiment/run/request_limits.hpp"
#include "experiment/steady/sampler.hpp"
#include "metrics/backlog.hpp"
#include "study/requests/bottleneck_sentence.hpp"
#include "study/requests/try_knobs.hpp"

namespace foretoken {
namespace {

// A queue that takes up this share of the arrivals grows; a run of few requests near saturation shows less.
constexpr double kGrowthShare = 0.05;

struct Ranked {
  std::int64_t value = 0;  // ns
  std::int64_t index = 0;
  auto operator<=>(const Ranked&) const = default;
};

// When all seats of a rank were taken.
class SeatClock {
 public:
  // So many ranks more, with so many seats each.
  void add_ranks(std::size_t count, std::int64_t seats) {
    seats_.insert(seats_.end(), count, seats);
    full_.resize(seats_.size());
  }
  void add(const StepSpan& span) {
    const auto rank = static_cast<std::size_t>(span.replica);
    if (span.running < seats_[rank]) return;
    auto& spans = full_[rank];
    if (!spans.empty() && spans.back().second == span.begin)
      spans.back().second = span.end;
    else
      spans.emplace_back(span.begin, span.end);
  }
  [[nodiscard]] std::size_t ranks() const { return seats_.size(); }
  [[nodiscard]] Duration overlap(int replica, TimePoint begin, TimePoint end) const {
    const auto& spans = full_[static_cast<std::size_t>(replica)];
    auto at = std::upper_bound(spans.begin(), spans.end(), begin,
                               [](TimePoint t, const auto& span) { return t < span.second; });
    Duration sum{};
    for (; at != spans.end() && at->first < end; ++at) sum += std::min(at->second, end) - std::max(at->first, begin);
    return sum;
  }
  [[nodiscard]] Duration all() const {
    Duration sum{};
    for (const auto& spans : full_) {
      for (const auto& [begin, end] : spans) sum += end - begin;
    }
    return sum;
  }

 private:
  std::vector<std::int64_t> seats_;  // by rank
  std::vector<std::vector<std::pair<TimePoint, TimePoint>>> full_;
};

void add(RequestTime& time, const RequestRecord& r, RequestMetric metric, TpotConvention convention,
         const SeatClock& seats) {
  ++time.requests;
  time.preemptions += r.preemptions;
  const std::int64_t n = r.request.output_tokens;
  time.tokens += metric == RequestMetric::tpot ? (convention == TpotConvention::vllm ? n - 1 : n) : 1;
  const auto part = [&](std::size_t i) {
    if (metric == RequestMetric::ttft) return r.ttft_parts[i].count();
    if (metric == RequestMetric::e2el) return r.e2e_parts[i].count();
    return r.e2e_parts[i].count() - r.ttft_parts[i].count();
  };
  for (std::size_t i = 0; i < kAttributionParts; ++i) {
    time.parts[i] += part(i);
    time.total += part(i);
  }
  // Of one that was handed over nobody knows where it waited: only its last rank is known.
  const bool handed_over = r.e2e_parts[static_cast<std::size_t>(AttributionPart::hand_over_wait)] > Duration{} ||
                           r.e2e_parts[static_cast<std::size_t>(AttributionPart::kv_transfer)] > Duration{};
  const std::int64_t queued = part(static_cast<std::size_t>(AttributionPart::queue));
  if (queued > 0 && !handed_over)
    time.waiting_for_seat += std::min(queued, seats.overlap(r.replica, r.request.arrival, r.scheduled).count());
}

class Explainer {
 public:
  Explainer(RequestExplanation& result, const RunOptions& options)
      : result_(result), options_(options), limits_(result.scenario) {}

  Diagnostics run() {
    if (result_.selector.kind == RequestSelector::Kind::violators && !limits_.any())
      return refuse("no limits to violate", "add `goodput: {ttft: 500, tpot: 50}` (ms), or latencies to `slo`");
    if (Diagnostics problems = rank(); problems.has_errors() || result_.interrupted) return problems;
    if (Diagnostics problems = choose(); problems.has_errors()) return problems;
    if (Diagnostics problems = add_up(); problems.has_errors()) return problems;
    return {};
  }

 private:
  Diagnostics refuse(std::string what, std::string hint) const {
    Diagnostics problems;
    problems.error({"--request", 0, 0}, std::move(what), std::move(hint));
    return problems;
  }

  ReplicationOptions replication_options() const {
    ReplicationOptions options;
    options.stop = options_.stop;
    options.step_by_step = options_.step_by_step;
    return options;
  }

  Diagnostics rank() {
    BacklogSeries backlog;
    ReplicationOptions options = replication_options();
    options.on_request = [&](const RequestRecord& r) {
      backlog.add(r);
      if (r.outcome != Outcome::finished) ++result_.failed;
      if (r.request.index == result_.selector.id) seen_ = r;
      const auto value = latency_of(r, result_.metric, result_.scenario.tpot);
      if (!value) return;
      ranked_.push_back({*value, r.request.index});
      if (limits_.any() && limits_.misses(r)) violators_.push_back(r.request.index);
    };
    const Result<ReplicationResult> run = simulate_replication(result_.scenario, 0, options);
    if (!run) return run.error();
    result_.interrupted = run->outcome.interrupted;
    arrived_ = run->outcome.arrived;
    result_.finished = static_cast<std::int64_t>(ranked_.size());
    std::sort(ranked_.begin(), ranked_.end());
    const WorkloadConfig& w = result_.scenario.workload;
    const BacklogGrowth growth =
        backlog.growth(Duration{std::llround(run->measures.all.latency.e2el.percentile(0.95))});
    result_.arrival_rate = growth.arrival_rate;
    if (has_steady_state(w) && !w.max_concurrency) {
      result_.backlog_growth = std::max(0.0, growth.waiting);
      result_.overloaded = growth.waiting > kGrowthShare * growth.arrival_rate;
    }
    const MeasureView view =
        view_of(result_.scenario, device_figures(result_.scenario), run->measures, run->measures.all, Scope::run);
    result_.kv_peak = metric_value(view, "max_kv_cache_usage_perc", Population::completed).value_or(0);
    result_.preemptions = run->measures.all.preemptions;
    return {};
  }

  [[nodiscard]] std::size_t rank_of(double q) const { return nearest_rank(q, ranked_.size()); }

  void note_scarcity(double q) {
    if (q >= 1 || q <= 0) return;
    const double beyond = 1 / (1 - q);
    if (static_cast<double>(ranked_.size()) >= beyond - 1e-9) return;
    result_.notes.push_back(
        fmt::format("{} requests are too few for {}: it takes {:.0f} for one beyond it; this is the slowest one",
                    ranked_.size(), result_.selector.text, beyond));
  }

  Diagnostics choose_id() {
    const std::int64_t id = result_.selector.id;
    if (!seen_)
      return refuse(fmt::format("there is no request {}", id),
                    fmt::format("the run has {}: 0 to {}", arrived_, arrived_ - 1));
    if (latency_of(*seen_, result_.metric, result_.scenario.tpot)) {
      chosen_.push_back(id);
      return {};
    }
    const std::string_view what = seen_->outcome == Outcome::rejected    ? "was rejected"
                                  : seen_->outcome == Outcome::timed_out ? "left the queue unserved"
                                  : seen_->outcome == Outcome::finished  ? "has one output token"
                                                                         : "was not finished";
    return refuse(fmt::format("request {} {}: it has no {}", id, what, to_string(result_.metric)),
                  "choose another request or --metric");
  }

  Diagnostics choose() {
    using Kind = RequestSelector::Kind;
    const RequestSelector& selector = result_.selector;
    if (selector.kind == Kind::id) {
      if (Diagnostics problems = choose_id(); problems.has_errors()) return problems;
    }
    if (ranked_.empty())
      return refuse(fmt::format("no request of the run has a {}", to_string(result_.metric)),
                    result_.metric == RequestMetric::tpot ? "it takes two output tokens; try --metric ttft" : "");
    if (selector.kind == Kind::percentile) {
      note_scarcity(selector.high);
      chosen_.push_back(ranked_[rank_of(selector.high) - 1].index);
    }
    if (selector.kind == Kind::band) {
      for (std::size_t i = selector.low > 0 ? rank_of(selector.low) : 0; i < rank_of(selector.high); ++i)
        chosen_.push_back(ranked_[i].index);
      if (chosen_.empty())
        return refuse(fmt::format("no request lies in {} of {}", selector.text, ranked_.size()),
                      "widen the band, or raise workload.num_prompts");
    }
    if (selector.kind == Kind::violators) {
      chosen_ = violators_;
      result_.limits = limits_.text();
      if (chosen_.empty()) return refuse("no request misses its limits", "ask for a percentile: --request p99");
    }
    std::sort(chosen_.begin(), chosen_.end());
    median_ = ranked_[rank_of(0.5) - 1].index;
    return {};
  }

  // Of the time of all its places; 1: it stays.
  static double paid_share(const FleetTotals& fleet, TimePoint end) {
    const double all = static_cast<double>(fleet.places) * static_cast<double>(end.time_since_epoch().count());
    return fleet.on && all > 0 ? static_cast<double>(fleet.paid()) / all : 1;
  }

  // Replicas that were ready while they waited to be scheduled, and in the mean.
  void note_ready(const SimulationOutcome& outcome) {
    const std::vector<FleetTotals::Count>& counts = outcome.fleet.counts;
    const auto mean = [&](const std::vector<std::pair<TimePoint, TimePoint>>& times) {
      double sum = 0, seconds = 0;
      for (const auto& [from, to] : times) {
        for (std::size_t i = 0; i < counts.size(); ++i) {
          const TimePoint end = i + 1 < counts.size() ? counts[i + 1].at : outcome.end;
          const double here = std::max(0.0, to_seconds(std::min(to, end) - std::max(from, counts[i].at)));
          sum += counts[i].ready * here;
          seconds += here;
        }
      }
      return seconds > 0 ? sum / seconds : 0;
    };
    result_.ready_then = mean(waits_);
    result_.ready_mean = mean({{TimePoint{}, outcome.end}});
  }

  void note_busy_pools(const SimulationOutcome& outcome) {
    std::size_t rank = 0, pool = 0;
    for (const std::size_t end : outcome.pool_ends) {
      const std::size_t first = rank;
      double whole = to_seconds(outcome.end.time_since_epoch());
      if (!outcome.pool_fleets.empty()) whole *= paid_share(outcome.pool_fleets[pool], outcome.end);
      ++pool;
      double busy = 0;
      for (; rank < end; ++rank)
        busy += static_cast<double>(outcome.replicas[rank].busy) / FineDuration::kPerNanosecond * 1e-9;
      result_.pool_busy.push_back(whole > 0 ? busy / whole / static_cast<double>(end - first) : 0);
    }
  }

  Diagnostics add_up() {
    SeatClock seats;
    const auto add_ranks = [&](const ClusterConfig& cluster, const EngineConfig& engine) {
      seats.add_ranks(static_cast<std::size_t>(cluster.replicas) * static_cast<std::size_t>(engine.data_parallel_size),
                      engine.max_num_seqs);
    };
    const Scenario& s = result_.scenario;
    if (s.pools.empty()) add_ranks(s.cluster, s.engine);
    for (const PoolPlan& pool : s.pools) add_ranks(pool.cluster, pool.engine);
    const bool one = chosen_.size() == 1 && result_.selector.kind != RequestSelector::Kind::violators;
    ReplicationOptions options = replication_options();
    options.on_steps = [&](const StepSpan& span) { seats.add(span); };
    options.on_request = [&](const RequestRecord& r) {
      const auto take = [&](RequestTime& time) { add(time, r, result_.metric, result_.scenario.tpot, seats); };
      if (r.request.index == median_) {
        take(result_.median);
        result_.median_request = r;
      }
      if (!std::binary_search(chosen_.begin(), chosen_.end(), r.request.index)) return;
      take(result_.selected);
      if (r.scheduled > r.request.arrival) waits_.emplace_back(r.request.arrival, r.scheduled);
      if (one) result_.request = r;
    };
    const Result<ReplicationResult> run = simulate_replication(result_.scenario, 0, options);
    if (!run) return run.error();
    result_.interrupted = run->outcome.interrupted;
    const double whole = to_seconds(run->outcome.end.time_since_epoch()) * static_cast<double>(seats.ranks()) *
                         paid_share(run->outcome.fleet, run->outcome.end);
    if (run->outcome.fleet.on) note_ready(run->outcome);
    result_.seats_full = whole > 0 ? std::min(1.0, to_seconds(seats.all()) / whole) : 0;
    if (!s.pools.empty()) note_busy_pools(run->outcome);
    return {};
  }

  RequestExplanation& result_;
  const RunOptions& options_;
  RequestLimits limits_;
  std::vector<Ranked> ranked_;
  std::vector<std::int64_t> violators_;
  std::vector<std::int64_t> chosen_;                    // rising
  std::vector<std::pair<TimePoint, TimePoint>> waits_;  // of the chosen, until they were scheduled
  std::optional<RequestRecord> seen_;
  std::int64_t median_ = -1;
  std::int64_t arrived_ = 0;
};

}  // namespace

Result<RequestExplanation> explain_requests(const Scenario& scenario, const RequestSelector& selector,
                                            RequestMetric metric, const RunOptions& options) {
  RequestExplanation result;
  result.scenario = scenario;
  result.selector = selector;
  result.metric = metric;
  const Fit fit = fit_of(scenario);
  result.memory = fit.memory;
  result.feasible = fit.feasible;
  if (!result.feasible) return result;
  if (Diagnostics problems = Explainer(result, options).run(); problems.has_errors()) return problems;
  if (result.interrupted) return result;
  if (scenario.replications > 1) result.notes.emplace_back("of the first replication");
  say_bottleneck(result);
  return result;
}

Result<RequestExplanation> explain_requests(const Question& question, const Scenario& scenario,
                                            const RequestSelector& selector, RequestMetric metric,
                                            const RunOptions& options) {
  Result<RequestExplanation> e = explain_requests(scenario, selector, metric, options);
  if (!e || !e->feasible || e->interrupted) return e;
  if (Diagnostics problems = try_knobs(*e, question, options); problems.has_errors()) return problems;
  return e;
}

}  // namespace foretoken
