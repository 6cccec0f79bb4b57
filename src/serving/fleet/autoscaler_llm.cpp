// Autoscalers that look at each engine's KV cache and queue: Dynamo's planner, llm-d's Workload Variant Autoscaler.
#include <algorithm>
#include <cmath>

#include "serving/fleet/autoscaler.hpp"

namespace foretoken {
namespace {

// ---- Dynamo's planner, of engines that prefill and decode ----

struct Thresholds {
  double kv_up, kv_down, queued_up, queued_down;
};
constexpr Thresholds kThroughput{1.0, 0.6, 1.0, 0.1};
constexpr Thresholds kLatency{0.4, 0.1, 0.1, 0.0};
constexpr Duration kThroughputLoop = std::chrono::seconds{180};

class DynamoPlanner final : public Autoscaler {
 public:
  explicit DynamoPlanner(const AutoscalerConfig& config) : Autoscaler(config) {
    next_ = TimePoint{} + config.interval;
    next_throughput_ = TimePoint{} + kThroughputLoop;
  }

 protected:
  TimePoint next_decision() const override { return std::min(next_, next_throughput_); }

  int decide(TimePoint now, const ReplicaNumbers& numbers) override {
    int wanted = numbers.wanted;
    if (next_throughput_ <= now) {
      next_throughput_ += kThroughputLoop;
      const double rate = config_.replica_rate > 0 ? metric(now) : std::nan("");
      if (!std::isnan(rate)) bound_ = within_bounds(std::ceil(rate / config_.replica_rate));
      wanted = std::max(wanted, bound_);
    }
    if (next_ <= now) {
      next_ += config_.interval;
      if (!numbers.is_changing() && wanted == numbers.wanted) wanted += step(now);
    }
    return within_bounds(std::max(wanted, bound_));
  }

 private:
  // One more where anybody is short, one less where all have room.
  int step(TimePoint now) {
    const MetricSample* sample = history_.newest(now);
    if (sample == nullptr || sample->replicas.empty()) return 0;
    const bool latency = config_.aim == PlannerAim::latency;
    const Thresholds& t = latency ? kLatency : kThroughput;
    bool more = false, less = true;
    double most = 0;
    for (const ReplicaLoad& load : sample->replicas) {
      if (config_.sees_kv) {
        more = more || load.kv_demand > t.kv_up;
        less = less && load.kv_demand < t.kv_down;
      }
      if (config_.sees_prompts) {
        more = more || load.queued_prompts >= t.queued_up;
        less = less && (latency ? load.queued_prompts <= t.queued_down : load.queued_prompts < t.queued_down);
      }
      most = std::max(most, config_.sees_kv ? load.kv_demand : load.queued_prompts);
    }
    if (config_.replica_rate <= 0) seen_ = most;
    return more ? 1 : less ? -1 : 0;
  }

  TimePoint next_throughput_;
  int bound_ = 0;  // by rate
};

// ---- llm-d's Workload Variant Autoscaler ----

constexpr double kKvThreshold = 0.80, kQueueThreshold = 5, kSpareKv = 0.10, kSpareQueue = 3;

class Wva final : public Autoscaler {
 public:
  explicit Wva(const AutoscalerConfig& config) : Autoscaler(config) { next_ = TimePoint{} + config.interval; }

 protected:
  int decide(TimePoint now, const ReplicaNumbers& numbers) override {
    next_ += config_.interval;
    const MetricSample* sample = history_.newest(now);
    if (sample == nullptr || numbers.pending + numbers.starting > 0) return numbers.wanted;
    if (sample->replicas.empty())
      return within_bounds(std::max(numbers.wanted, sample->total > 0 ? 1 : numbers.wanted));
    double kv = 0, queue = 0, all_kv = 0, all_queue = 0;
    int open = 0;
    for (const ReplicaLoad& load : sample->replicas) {
      const auto waiting = static_cast<double>(load.waiting);
      all_kv += load.kv_usage;
      all_queue += waiting;
      if (load.kv_usage >= kKvThreshold || waiting >= kQueueThreshold) continue;
      kv += kKvThreshold - load.kv_usage;
      queue += kQueueThreshold - waiting;
      ++open;
    }
    const auto replicas = static_cast<double>(sample->replicas.size());
    seen_ = all_kv / replicas;
    if (open == 0 || kv / open < kSpareKv || queue / open < kSpareQueue) return within_bounds(numbers.wanted + 1);
    // The load of all, on one less.
    const bool fits = replicas > 1 && kKvThreshold - all_kv / (replicas - 1) >= kSpareKv &&
                      kQueueThreshold - all_queue / (replicas - 1) >= kSpareQueue;
    return within_bounds(numbers.wanted - (fits ? 1 : 0));
  }
};

}  // namespace

std::unique_ptr<Autoscaler> make_dynamo_planner(const AutoscalerConfig& config) {
  return std::make_unique<DynamoPlanner>(config);
}
std::unique_ptr<Autoscaler> make_wva(const AutoscalerConfig& config) {
  return std::make_unique<Wva>(config);
}

}  // namespace foretoken
