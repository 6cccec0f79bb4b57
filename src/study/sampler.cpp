// Pilot replications find the steady window; the others fill the samples.
#include "study/sampler.hpp"

#include <algorithm>
#include <cmath>

#include "foretoken/base/stationarity.hpp"
#include "study/parallel.hpp"
#include "study/replication.hpp"

namespace foretoken {
namespace {

constexpr int kPilots = 5;
// The warm-up is at the beginning: of long runs the pilots need no more than this.
constexpr std::int64_t kPilotRequests = 50'000;
// One look at the backlog's trend errs once in a thousand; growth below 1 % of the arrivals is
// what a queue near saturation shows in a short run.
constexpr double kDriftConfidence = 0.998;
constexpr double kDriftShare = 0.01;

// Latencies by request, averaged over the pilots.
class PilotSeries {
 public:
  void add(std::int64_t index, double milliseconds) {
    const auto i = static_cast<std::size_t>(index);
    if (i >= sums_.size()) sums_.resize(i + 1), counts_.resize(i + 1);
    sums_[i] += milliseconds;
    counts_[i] += 1;
  }
  void add(const PilotSeries& other) {
    if (other.sums_.size() > sums_.size()) sums_.resize(other.sums_.size()), counts_.resize(other.sums_.size());
    for (std::size_t i = 0; i < other.sums_.size(); ++i) sums_[i] += other.sums_[i], counts_[i] += other.counts_[i];
  }
  [[nodiscard]] std::size_t size() const { return sums_.size(); }
  // Means of five consecutive requests; requests that nobody was served for are left out.
  [[nodiscard]] std::vector<double> fives() const {
    std::vector<double> means;
    for (std::size_t i = 0; i + 5 <= sums_.size(); i += 5) {
      double sum = 0, count = 0;
      for (std::size_t j = i; j < i + 5; ++j) sum += sums_[j], count += counts_[j];
      means.push_back(count > 0 ? sum / count : means.empty() ? 0 : means.back());
    }
    return means;
  }

 private:
  std::vector<double> sums_, counts_;
};

struct Pilot {
  PilotSeries ttft, e2el;
  BacklogSeries backlog;
  double p95_e2el_ns = 0;
  std::int64_t arrived = 0;
  std::int64_t in_last_residence = 0;
  std::int64_t peak_running = 0;
  std::int64_t peak_kv_blocks = 0;
};

Result<Pilot> fly(const Scenario& scenario, int index, const RunOptions& run) {
  Pilot pilot;
  ReplicationOptions options;
  options.stop = run.stop;
  options.cost_models = run.cost_models;
  options.on_request = [&](const RequestRecord& r) {
    pilot.backlog.add(r);
    if (r.outcome != Outcome::finished) return;
    pilot.ttft.add(r.request.index, to_milliseconds(r.first_token - r.request.arrival));
    pilot.e2el.add(r.request.index, to_milliseconds(r.finish - r.request.arrival));
  };
  const Result<ReplicationResult> result = simulate_replication(scenario, index, options);
  if (!result) return result.error();
  pilot.p95_e2el_ns = result->measures.all.latency.e2el.percentile(0.95);
  pilot.arrived = result->outcome.arrived;
  pilot.peak_running = result->measures.engine.peak_running;
  pilot.peak_kv_blocks = result->measures.engine.peak_kv_blocks;
  pilot.in_last_residence = pilot.backlog.arrivals_in_last(Duration{static_cast<std::int64_t>(pilot.p95_e2el_ns)});
  return pilot;
}

bool is_judged_in_steady_state(std::string_view metric) {
  const auto all = columns();
  const auto column = std::find_if(all.begin(), all.end(), [&](const Column& c) { return c.key == metric; });
  if (column == all.end()) return true;  // a latency
  return column->group == ColumnGroup::throughput || column->group == ColumnGroup::goodput ||
         column->group == ColumnGroup::money;
}

}  // namespace

bool has_steady_state(const WorkloadConfig& w) {
  if (std::holds_alternative<RenewalArrivals>(w.arrivals) || std::holds_alternative<TwoStateArrivals>(w.arrivals)) {
    return true;
  }
  const bool closed_loop = std::holds_alternative<AllAtOnceArrivals>(w.arrivals) && w.max_concurrency;
  return closed_loop && w.num_prompts.value_or(0) >= 4 * *w.max_concurrency;
}

ReplicationSampler::ReplicationSampler(const Scenario& scenario, std::vector<std::string> metrics,
                                       const RunOptions& options)
    : scenario_(scenario), metrics_(std::move(metrics)), options_(options), device_(device_figures(scenario)) {
  steady_.exists = has_steady_state(scenario.workload);
}

Diagnostics ReplicationSampler::find_window() {
  const Result<WorkloadSummary> workload = workload_summary(scenario_);
  if (!workload) return workload.error();
  requests_each_ = workload->requests;
  window_ = {scenario_.warmup_fraction, requests_each_, scenario_.workload.duration};
  if (!steady_.exists) return {};
  Scenario shorter = scenario_;
  auto& limit = shorter.workload.num_prompts;
  limit = std::min(limit.value_or(kPilotRequests), kPilotRequests);
  std::vector<std::optional<Result<Pilot>>> pilots(kPilots);
  parallel_for(pilots.size(), options_.threads,
               [&](std::size_t i) { pilots[i] = fly(shorter, static_cast<int>(i), options_); });
  PilotSeries ttft, e2el;
  double arrived = 0, last = 0, p95 = 0;
  for (const auto& pilot : pilots) {
    if (!*pilot) return pilot->error();
    ttft.add((*pilot)->ttft);
    e2el.add((*pilot)->e2el);
    arrived += static_cast<double>((*pilot)->arrived) / kPilots;
    last += static_cast<double>((*pilot)->in_last_residence) / kPilots;
    p95 += (*pilot)->p95_e2el_ns / kPilots;
    pilot_requests_ += (*pilot)->arrived;
    peak_running_ = std::max(peak_running_, (*pilot)->peak_running);
    peak_kv_blocks_ = std::max(peak_kv_blocks_, (*pilot)->peak_kv_blocks);
  }
  residence_ = Duration{std::llround(p95)};
  const WarmupCut by_ttft = mser_cut(ttft.fives()), by_e2el = mser_cut(e2el.fives());
  const std::size_t cut = 5 * std::max(by_ttft.cut, by_e2el.cut);
  steady_.settled = by_ttft.settled && by_e2el.settled;
  // Requests in one replication: the pilots' own, unless they were cut short.
  double in_all = arrived;
  if (requests_each_)
    in_all = static_cast<double>(*requests_each_);
  else if (scenario_.workload.duration && arrived >= kPilotRequests) {
    in_all = workload->offered_rate * to_seconds(*scenario_.workload.duration);
  }
  if (!(in_all > 0)) return {};
  steady_.first_cut = std::min(0.5, static_cast<double>(cut) / in_all);
  steady_.last_cut = std::min(0.25, last / in_all);
  window_.fraction = steady_.first_cut;
  window_.last_fraction = steady_.last_cut;
  return {};
}

Diagnostics ReplicationSampler::take_window(const SteadyState& steady) {
  const Result<WorkloadSummary> workload = workload_summary(scenario_);
  if (!workload) return workload.error();
  requests_each_ = workload->requests;
  steady_ = steady;
  window_ = {scenario_.warmup_fraction, requests_each_, scenario_.workload.duration};
  if (steady_.exists) window_.fraction = steady.first_cut, window_.last_fraction = steady.last_cut;
  prepared_ = true;
  return {};
}

Result<ReplicationSampler::Sample> ReplicationSampler::simulate(int index) {
  Sample sample;
  BacklogSeries backlog;
  ReplicationOptions options;
  options.window = window_;
  options.requests = requests_each_;
  options.stop = options_.stop;
  options.cost_models = options_.cost_models;
  options.step_by_step = options_.step_by_step;
  const bool open_loop = steady_.exists && !scenario_.workload.max_concurrency;
  if (open_loop) options.on_request = [&](const RequestRecord& r) { backlog.add(r); };
  if (options_.progress) options.report = [this](std::int64_t n) { advance(n); };
  const Result<ReplicationResult> result = simulate_replication(scenario_, index, options);
  if (!result) return result.error();
  const RunMeasures& run = result->measures;
  const auto figure = [&](const std::string& metric, const Measures& requests, Scope scope) {
    return metric_value(view_of(scenario_, device_, run, requests, scope), metric, Population::offered)
        .value_or(std::nan(""));
  };
  for (const std::string& metric : metrics_) {
    sample.of_run.push_back(figure(metric, run.all, Scope::run));
    sample.of_steady_state.push_back(
        steady_.exists && is_judged_in_steady_state(metric) ? figure(metric, run.steady, Scope::steady) : std::nan(""));
  }
  if (open_loop) sample.growth = backlog.growth(residence_);
  sample.requests = result->outcome.arrived;
  sample.peak_running = run.engine.peak_running;
  sample.peak_kv_blocks = run.engine.peak_kv_blocks;
  sample.interrupted = result->outcome.interrupted;
  return sample;
}

Diagnostics ReplicationSampler::extend_to(int replications) {
  if (!prepared_) {
    if (Diagnostics problems = find_window(); problems.has_errors()) return problems;
    prepared_ = true;
  }
  const auto begin = samples_.size();
  if (static_cast<std::size_t>(replications) <= begin) return {};
  std::vector<std::optional<Result<Sample>>> fresh(static_cast<std::size_t>(replications) - begin);
  parallel_for(fresh.size(), options_.threads, [&](std::size_t i) {
    if (options_.stop != nullptr && options_.stop->load()) return;
    fresh[i] = simulate(static_cast<int>(begin + i));
  });
  for (auto& sample : fresh) {
    if (sample && !*sample) return sample->error();
    // After an interrupt only whole replications count, and only those before the first that is missing.
    interrupted_ |= !sample || (*sample)->interrupted;
    if (interrupted_) continue;
    requests_ += (*sample)->requests;
    peak_running_ = std::max(peak_running_, (*sample)->peak_running);
    peak_kv_blocks_ = std::max(peak_kv_blocks_, (*sample)->peak_kv_blocks);
    samples_.push_back(std::move(**sample));
  }
  return {};
}

bool ReplicationSampler::in_steady_state(std::size_t metric) const {
  return !samples_.empty() && !std::isnan(samples_.front().of_steady_state[metric]);
}

std::vector<double> ReplicationSampler::values(std::size_t metric) const {
  const bool steady = in_steady_state(metric);
  std::vector<double> values;
  values.reserve(samples_.size());
  for (const Sample& s : samples_) values.push_back(steady ? s.of_steady_state[metric] : s.of_run[metric]);
  return values;
}

SteadyState ReplicationSampler::steady_state() const {
  SteadyState steady = steady_;
  if (!steady.exists || scenario_.workload.max_concurrency || samples_.size() < 2) return steady;
  std::vector<double> waiting, in_system;
  bool filled = true;
  double rate = 0;
  for (const Sample& s : samples_) {
    waiting.push_back(s.growth.waiting);
    in_system.push_back(s.growth.in_system);
    filled = filled && s.growth.filled;
    rate += s.growth.arrival_rate / static_cast<double>(samples_.size());
  }
  const auto grows = [&](const Interval& i) { return i.low > 0 && i.value > kDriftShare * rate; };
  const Interval of_queue = mean_interval(waiting, kDriftConfidence);
  const Interval of_system = mean_interval(in_system, kDriftConfidence);
  steady.arrival_rate = rate;
  steady.backlog_growth = filled && (grows(of_system) || !grows(of_queue)) ? of_system : of_queue;
  steady.overloaded = grows(steady.backlog_growth);
  return steady;
}

void ReplicationSampler::advance(std::int64_t requests) {
  const std::lock_guard lock(mutex_);
  reported_ += requests;
  options_.progress({reported_, std::nullopt});
}

}  // namespace foretoken
