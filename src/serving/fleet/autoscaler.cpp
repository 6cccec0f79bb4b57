// What autoscalers have in common: the metric's way to them, and bounds.
#include "serving/fleet/autoscaler.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

constexpr std::array<std::string_view, kAutoscalerPolicies> kPolicyNames = {
    "none", "hpa", "keda", "ray", "knative", "kubeai", "aibrix_kpa", "aibrix_apa", "dynamo", "wva"};
constexpr std::array<std::string_view, kScaleMetrics> kMetricNames = {"in_flight", "waiting", "running", "kv_usage",
                                                                      "request_rate"};

constexpr std::array<std::string_view, kPlannerAims> kAimNames = {"throughput", "latency", "sla"};

double value_of(ScaleMetric metric, const ReplicaLoad& load) {
  switch (metric) {
    case ScaleMetric::in_flight:
      return static_cast<double>(load.in_flight);
    case ScaleMetric::waiting:
      return static_cast<double>(load.waiting);
    case ScaleMetric::running:
      return static_cast<double>(load.running);
    case ScaleMetric::kv_usage:
      return load.kv_usage;
    case ScaleMetric::request_rate:
      break;
  }
  return 0;
}

bool looks_at_each(AutoscalerPolicy policy) {
  return policy == AutoscalerPolicy::dynamo || policy == AutoscalerPolicy::wva;
}

// Between samples: windows of Knative's buckets are of seconds, others' as long as their decisions are apart; no longer
// than the window.
Duration sample_period(const AutoscalerConfig& config) {
  const bool knative = config.policy == AutoscalerPolicy::knative || config.policy == AutoscalerPolicy::aibrix_kpa;
  Duration period = config.interval;
  if (knative) period = std::min<Duration>(period, std::chrono::seconds{1});
  if (config.window > Duration{}) period = std::min(period, config.window);
  return std::max(period, Duration{1});
}

}  // namespace

std::string_view to_string(AutoscalerPolicy policy) {
  return kPolicyNames[static_cast<std::size_t>(policy)];
}

std::string_view to_string(PlannerAim aim) {
  return kAimNames[static_cast<std::size_t>(aim)];
}

std::string_view to_string(ScaleMetric metric) {
  return kMetricNames[static_cast<std::size_t>(metric)];
}

// ---- samples ----

MetricHistory::MetricHistory(const AutoscalerConfig& config)
    : counts_(config.metric == ScaleMetric::request_rate),
      age_(config.age),
      period_(sample_period(config)),
      longest_(std::max(config.window, config.panic_window)),
      next_(TimePoint{} + (period_ - config.age % period_) % period_) {}

MetricSample MetricHistory::sample(const AutoscalerConfig& config, const FleetSight& sight, TimePoint now) {
  MetricSample sample;
  sample.at = now;
  const bool of_system = config.metric == ScaleMetric::in_flight || config.metric == ScaleMetric::request_rate;
  const bool each = looks_at_each(config.policy);
  if (config.metric == ScaleMetric::request_rate) sample.total = static_cast<double>(sight.arrived());
  if (config.metric == ScaleMetric::in_flight) sample.total = static_cast<double>(sight.in_system());
  if (of_system && !config.per_replica && !each) return sample;
  std::vector<ReplicaLoad> replicas = sight.ready();
  for (const ReplicaLoad& load : replicas) sample.sum += value_of(config.metric, load);
  sample.reporting = static_cast<std::int64_t>(replicas.size());
  if (!of_system) {
    sample.total = sample.sum;
    if (config.metric == ScaleMetric::waiting) sample.total += static_cast<double>(sight.held());
  }
  if (each) sample.replicas = std::move(replicas);
  if (config.aim == PlannerAim::sla) sample.traffic = sight.traffic();
  return sample;
}

void MetricHistory::add(MetricSample sample) {
  next_ = sample.at + period_;
  const TimePoint needed = sample.at - age_ - longest_ - period_;
  while (samples_.size() > 1 && samples_[1].sample.at <= needed) samples_.pop_front();
  const double so_far = (samples_.empty() ? 0 : samples_.back().so_far) + sample.total;
  samples_.push_back({std::move(sample), so_far});
}

std::int64_t MetricHistory::index_at(TimePoint t) const {
  if (samples_.empty() || samples_.front().sample.at > t) return -1;
  return std::min<std::int64_t>(static_cast<std::int64_t>(samples_.size()) - 1,
                                (t - samples_.front().sample.at) / period_);
}

const MetricSample* MetricHistory::newest(TimePoint now) const {
  const std::int64_t last = index_at(now - age_);
  return last < 0 ? nullptr : &entry(last).sample;
}

std::int64_t MetricHistory::index_before(TimePoint now, Duration window) const {
  return std::max<std::int64_t>(0, index_at(now - age_) - std::max<std::int64_t>(1, window / period_));
}

const MetricSample* MetricHistory::oldest(TimePoint now, Duration window) const {
  return index_at(now - age_) < 0 ? nullptr : &entry(index_before(now, window)).sample;
}

MetricHistory::Sum MetricHistory::sum(TimePoint now, Duration window) const {
  const std::int64_t last = index_at(now - age_);
  if (last < 0) return {};
  const std::int64_t before = std::min(index_at(now - age_ - window), last - 1);
  const Entry& first = samples_.front();
  const double earlier = before < 0 ? first.so_far - first.sample.total : entry(before).so_far;
  return {entry(last).so_far - earlier, last - before};
}

double MetricHistory::total(TimePoint now, Duration window) const {
  if (!counts_) {
    const Sum over = sum(now, window);
    return over.samples > 0 ? over.total / static_cast<double>(over.samples) : std::nan("");
  }
  const std::int64_t last = index_at(now - age_);
  const std::int64_t first = index_before(now, window);
  if (first >= last) return std::nan("");  // one look at a counter is no rate
  const MetricSample &from = entry(first).sample, &to = entry(last).sample;
  return (to.total - from.total) / to_seconds(to.at - from.at);
}

double MetricHistory::total_with_zeros(TimePoint now, Duration window) const {
  const Sum over = sum(now, window);
  return over.total / std::max<double>(1, static_cast<double>(window / period_));
}

// ---- decisions ----

int Autoscaler::look(TimePoint now, const FleetSight& sight, const ReplicaNumbers& numbers) {
  if (history_.next() <= now) history_.add(MetricHistory::sample(config_, sight, now));
  if (next_decision() > now) return numbers.wanted;
  return decide(now, numbers);
}

int Autoscaler::within_bounds(double replicas) const {
  return static_cast<int>(std::clamp<double>(replicas, config_.least, config_.most));
}

std::unique_ptr<Autoscaler> make_autoscaler(const AutoscalerConfig& config, const ReplicaProfile* profile) {
  switch (config.policy) {
    case AutoscalerPolicy::hpa:
    case AutoscalerPolicy::keda:
      return make_hpa(config);
    case AutoscalerPolicy::ray:
      return make_ray(config);
    case AutoscalerPolicy::knative:
    case AutoscalerPolicy::aibrix_kpa:
      return make_knative(config);
    case AutoscalerPolicy::kubeai:
      return make_kubeai(config);
    case AutoscalerPolicy::aibrix_apa:
      return make_aibrix_apa(config);
    case AutoscalerPolicy::dynamo:
      if (config.aim != PlannerAim::sla) return make_dynamo_planner(config);
      invariant(profile != nullptr, "a planner by latencies without a profile");
      return make_dynamo_sla_planner(config, *profile);
    case AutoscalerPolicy::wva:
      return make_wva(config);
    case AutoscalerPolicy::none:
      break;
  }
  throw InternalError("no autoscaler");
}

}  // namespace foretoken
