// Levels of replications, each longer than the one before, judged by correlation length, drift and backlog.
#include "experiment/steady/pilot.hpp"

#include <algorithm>
#include <cmath>

#include "base/stationarity.hpp"
#include "experiment/parallel.hpp"
#include "experiment/replication.hpp"
#include "experiment/steady/saturation.hpp"
#include "experiment/steady/state_series.hpp"

namespace foretoken {
namespace {

// What the constants follow from: src/experiment/statistics.md.
constexpr int kPilots = 8;
// Random numbers of their own: a length that was chosen for looking calm must not be measured on the same calm.
constexpr int kFirstPilot = 1 << 20;
constexpr std::int64_t kShortest = 500;
constexpr double kWarmupShare = 0.25;
constexpr double kLengths = 20;  // measured part over correlation length
constexpr double kInFlight = 8;  // length over requests in flight: two turnovers of warm-up, six measured
constexpr double kDriftConfidence = 0.99;
// Of the mean. Where nothing is random, a part of a wave more in one half than in the other would be certain drift.
constexpr double kNoDrift = 1e-3;
// Of the mean. Replications that agree so closely, and do not move, need not have forgotten anything: some patterns of
// equal requests last for ever.
constexpr double kAgreed = 0.1, kAtRest = 0.01;
constexpr double kMostStretch = 8;     // from one level to the next
constexpr std::int64_t kDoubtful = 2;  // levels after which a load that has not settled may be an overload

// Of all pilots together: the other half is for what they are flown for.
std::int64_t budget_of(const Scenario& scenario) {
  return scenario.study.max_requests / 2;
}

enum Series : std::size_t { kInSystem, kQueueTime, kTtft, kTpot, kSeries };

struct Pilot {
  explicit Pilot(std::int64_t requests) : series(kSeries, StateSeries(requests)) {}
  std::vector<StateSeries> series;
  double in_system = 0;  // mean over the second half of the arrivals
  std::int64_t arrived = 0;
  std::int64_t peak_running = 0;
  std::int64_t peak_kv_blocks = 0;
  bool interrupted = false;
};

Result<Pilot> fly(const Scenario& s, int index, std::int64_t length, const RunOptions& run) {
  Pilot pilot(length);
  double in_system = 0;
  ReplicationOptions options;
  options.stop = run.stop;
  options.cost_models = run.cost_models;
  options.step_by_step = run.step_by_step;
  EndlessRun endless;
  endless.measured = length;
  endless.on_arrival = [&](std::int64_t i, std::int64_t before) {
    if (i >= length) return;
    pilot.series[kInSystem].add(i, static_cast<double>(before));
    if (2 * i >= length) in_system += static_cast<double>(before);
  };
  options.endless = std::move(endless);
  options.on_request = [&](const RequestRecord& r) {
    if (r.request.index >= length) return;
    if (r.outcome != Outcome::finished) return;
    pilot.series[kQueueTime].add(r.request.index, to_seconds(r.scheduled - r.request.arrival));
    pilot.series[kTtft].add(r.request.index, to_seconds(r.first_token - r.request.arrival));
    if (r.request.output_tokens > 1)
      pilot.series[kTpot].add(r.request.index, to_seconds(r.finish - r.first_token) / r.request.output_tokens);
  };
  const Result<ReplicationResult> result = simulate_replication(s, index, options);
  if (!result) return result.error();
  pilot.in_system = 2 * in_system / static_cast<double>(length);
  pilot.arrived = result->outcome.arrived;
  pilot.peak_running = result->measures.engine.peak_running;
  pilot.peak_kv_blocks = result->measures.engine.peak_kv_blocks;
  pilot.interrupted = result->outcome.interrupted;
  return pilot;
}

// What one level says of one series.
struct Calm {
  double needed = 0;  // requests a replication, warm-up included
  double correlation = 0;
  bool drifts = false;
  bool falls = false;
};

double spread_of(const std::vector<double>& values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return *most - *least;
}

Calm judge_series(const std::vector<Pilot>& pilots, Series which, std::int64_t length) {
  std::vector<std::vector<double>> series;
  std::vector<double> changes, means;
  for (const Pilot& p : pilots) {
    series.push_back(p.series[which].means(kWarmupShare));
    const std::vector<double>& s = series.back();
    const std::size_t half = s.size() / 2;
    double first = 0, second = 0;
    for (std::size_t i = 0; i < half; ++i) first += s[i], second += s[s.size() - half + i];
    changes.push_back((second - first) / static_cast<double>(half));
    means.push_back((first + second) / static_cast<double>(2 * half));
  }
  Calm calm;
  const double batch = static_cast<double>(length) / static_cast<double>(StateSeries::kBatches);
  calm.correlation = batch * correlation_length(series);
  calm.needed = kLengths * calm.correlation / (1 - kWarmupShare);
  const Interval change = mean_interval(changes, kDriftConfidence);
  const double mean = mean_interval(means, kDriftConfidence).value;
  if (spread_of(means) <= kAgreed * mean && std::abs(change.value) + change.half_width() <= kAtRest * mean) {
    calm.needed = 0;
    return calm;
  }
  calm.falls = change.high < -kNoDrift * mean;
  calm.drifts = calm.falls || change.low > kNoDrift * mean;
  return calm;
}

class Flight {
 public:
  // `rate`: what the workload says of it, requests per second.
  Flight(const Scenario& scenario, double rate, const RunOptions& options, const PilotHints& hints)
      : scenario_(scenario), options_(options), hints_(hints), open_(!scenario.workload.max_concurrency) {
    result_.steady.exists = true;
    if (open_) result_.steady.arrival_rate = rate;
    result_.steady.stability_limit = hints.stability_limit;
    asked_for_limit_ = hints.stability_limit.has_value();
    options_.on_request = nullptr;
  }

  Result<PilotResult> run() {
    std::int64_t length = first_length();
    // A closed loop begins with everybody at once: generations must pass before they have spread out.
    if (!open_) length = std::max(length, clients() * static_cast<std::int64_t>(kInFlight));
    for (int level = 1;; ++level) {
      if (Diagnostics problems = fly_level(length); problems.has_errors()) return problems;
      if (result_.interrupted) break;
      const double needed = judge_level(length);
      take_length(length);
      if (settled_) break;
      if (open_ && (level >= kDoubtful || asked_for_limit_)) {
        if (Diagnostics problems = ask_for_limit(); problems.has_errors()) return problems;
        if (result_.steady.overloaded && (service_settled_ || hints_.overload_ends_it)) {
          result_.steady.settled = service_settled_;
          result_.steady.needed = 3 * kPilots * static_cast<std::int64_t>(needed);
          break;
        }
      }
      const auto most = static_cast<double>(length) * kMostStretch, least = static_cast<double>(length) * 2;
      const auto next = static_cast<std::int64_t>(std::clamp(1.3 * needed, least, most));
      if (result_.requests + kPilots * next > budget_of(scenario_)) {
        result_.steady.settled = false;
        result_.steady.needed = 3 * kPilots * std::max(next, static_cast<std::int64_t>(needed));
        break;
      }
      length = next;
    }
    return std::move(result_);
  }

 private:
  [[nodiscard]] std::int64_t clients() const { return *scenario_.workload.max_concurrency; }
  // A hint saves the levels before it, but not where a short one will do to see an overload.
  [[nodiscard]] std::int64_t first_length() const {
    const std::optional<Interval>& limit = hints_.stability_limit;
    if (hints_.overload_ends_it && limit && result_.steady.arrival_rate > limit->high) return kShortest;
    return std::max(kShortest, hints_.likely_length);
  }

  Diagnostics fly_level(std::int64_t length) {
    std::vector<std::optional<Result<Pilot>>> flown(kPilots);
    parallel_for(flown.size(), options_.threads, [&](std::size_t i) {
      flown[i] = fly(scenario_, kFirstPilot + static_cast<int>(i), length, options_);
    });
    pilots_.clear();
    for (auto& p : flown) {
      if (!*p) return p->error();
      result_.requests += (*p)->arrived;
      result_.peak_running = std::max(result_.peak_running, (*p)->peak_running);
      result_.peak_kv_blocks = std::max(result_.peak_kv_blocks, (*p)->peak_kv_blocks);
      result_.interrupted |= (*p)->interrupted;
      pilots_.push_back(std::move(**p));
    }
    return {};
  }

  // The length that this level asks for.
  double judge_level(std::int64_t length) {
    double in_system = 0;
    for (const Pilot& p : pilots_) in_system += p.in_system / kPilots;
    double needed = kInFlight * in_system;
    bool drifts = false;
    result_.steady.relaxation = 0;
    result_.steady.improving = false;
    for (const Series which : {kInSystem, kQueueTime, kTtft, kTpot}) {
      const Calm calm = judge_series(pilots_, which, length);
      needed = std::max(needed, calm.needed);
      drifts = drifts || calm.drifts;
      result_.steady.improving |= calm.falls;
      result_.steady.relaxation = std::max(result_.steady.relaxation, calm.correlation);
      if (which == kTpot) service_settled_ = calm.needed <= static_cast<double>(length) && !calm.drifts;
    }
    settled_ = !drifts && needed <= static_cast<double>(length);
    return needed;
  }

  Diagnostics ask_for_limit() {
    SteadyState& steady = result_.steady;
    if (!asked_for_limit_) {
      asked_for_limit_ = true;
      const Result<Saturation> found =
          saturate(scenario_, steady.arrival_rate, scenario_.study.max_requests / 4, options_);
      if (!found) return found.error();
      result_.requests += found->requests;
      steady.stability_limit = found->limit;
    }
    const std::optional<Interval>& limit = steady.stability_limit;
    steady.overloaded = limit && steady.arrival_rate > limit->high;
    if (steady.overloaded) {
      steady.backlog_growth = {steady.arrival_rate - limit->value, steady.arrival_rate - limit->high,
                               steady.arrival_rate - limit->low, limit->confidence};
    }
    return {};
  }

  void take_length(std::int64_t length) {
    SteadyState& steady = result_.steady;
    set_length(steady, length);
    if (open_) return;
    // Clients that move in step make waves: whole ones are left out and measured.
    steady.warmup = (steady.warmup + clients() - 1) / clients() * clients();
    steady.measured = (steady.measured + clients() - 1) / clients() * clients();
  }

  const Scenario& scenario_;
  RunOptions options_;
  PilotHints hints_;
  bool open_;
  bool asked_for_limit_ = false;
  bool settled_ = false;
  bool service_settled_ = false;
  std::vector<Pilot> pilots_;
  PilotResult result_;
};

}  // namespace

void set_length(SteadyState& steady, std::int64_t length) {
  steady.warmup = static_cast<std::int64_t>(std::ceil(kWarmupShare * static_cast<double>(length)));
  steady.measured = length - steady.warmup;
}

std::int64_t longest_pilot(const Scenario& scenario) {
  return budget_of(scenario) / kPilots;
}

Result<PilotResult> fly_pilot(const Scenario& scenario, const RunOptions& options, const PilotHints& hints) {
  const Result<WorkloadSummary> workload = workload_summary(scenario);
  if (!workload) return workload.error();
  return Flight(scenario, workload->offered_rate, options, hints).run();
}

}  // namespace foretoken
