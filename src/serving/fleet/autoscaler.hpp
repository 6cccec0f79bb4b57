// How many replicas an autoscaler wants, by what it is told of the fleet and when (src/serving/README.md,
// "Autoscaling").
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "foretoken/base/units.hpp"
#include "foretoken/serving/autoscaler_config.hpp"
#include "foretoken/serving/fleet_config.hpp"

namespace foretoken {

// A ready replica, as it publishes itself.
struct ReplicaLoad {
  std::int64_t in_flight = 0;  // requests that were sent there and have not left
  std::int64_t waiting = 0;
  std::int64_t running = 0;
  double kv_usage = 0;             // share of its KV blocks
  double kv_demand = 0;            // the same with the tokens that wait
  double queued_prompts = 0;       // prompt tokens whose first token is not out, over the longest context
  std::int64_t prompt_tokens = 0;  // the same in tokens
  std::int64_t tokens = 0;         // of all requests there, with their outputs so far
};

// What one replica takes by its profile, and what it holds: of all its ranks, which share its requests evenly.
class ReplicaProfile {
 public:
  virtual ~ReplicaProfile() = default;
  // A step of so many prompt tokens; a step of so many rows with so many tokens of context in all. Seconds.
  [[nodiscard]] virtual double prefill(double tokens) const = 0;
  [[nodiscard]] virtual double decode(double rows, double context) const = 0;
  [[nodiscard]] virtual double most_batched_tokens() const = 0;
  [[nodiscard]] virtual double kv_tokens() const = 0;
  [[nodiscard]] virtual double seats() const = 0;
};

// What was answered since the run began, and how much of its prompts was found cached.
struct Traffic {
  std::int64_t requests = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t looked_up = 0;
  std::int64_t found = 0;
};

// What there is to see of a fleet at an instant.
class FleetSight {
 public:
  virtual ~FleetSight() = default;
  [[nodiscard]] virtual std::int64_t in_system() const = 0;  // requests, those included that wait for a replica
  [[nodiscard]] virtual std::int64_t held() const = 0;       // of them those
  [[nodiscard]] virtual std::int64_t arrived() const = 0;    // since the run began
  [[nodiscard]] virtual std::vector<ReplicaLoad> ready() const = 0;
  [[nodiscard]] virtual Traffic traffic() const { return {}; }
};

// How many replicas there are, which whoever decides knows at once.
struct ReplicaNumbers {
  int wanted = 0;  // the last decision
  int ready = 0;
  int pending = 0;   // not ready, and nothing runs yet (Kubernetes: phase Pending)
  int starting = 0;  // not ready, but the process runs
  int draining = 0;
  [[nodiscard]] bool is_changing() const { return pending + starting + draining > 0 || ready != wanted; }
};

// A fleet's metric at an instant.
struct MetricSample {
  TimePoint at{};
  double total = 0;                   // of the fleet; a rate: requests since the run began
  double sum = 0;                     // over the replicas that report
  std::int64_t reporting = 0;         // ready then
  std::vector<ReplicaLoad> replicas;  // only where the policy looks at each
  Traffic traffic;                    // only where the policy asks for latencies
};

// Samples at instants that lie `age` before decisions, and what a decision sees of them.
class MetricHistory {
 public:
  explicit MetricHistory(const AutoscalerConfig& config);

  [[nodiscard]] TimePoint next() const { return next_; }
  void add(MetricSample sample);
  [[nodiscard]] static MetricSample sample(const AutoscalerConfig& config, const FleetSight& sight, TimePoint now);

  // The newest one that a decision at `now` sees; null: none yet.
  [[nodiscard]] const MetricSample* newest(TimePoint now) const;
  // The one from which on a rate over `window` counts.
  [[nodiscard]] const MetricSample* oldest(TimePoint now, Duration window) const;
  // The fleet's metric over the last `window` (0: the newest), NaN where nothing is seen: a mean, of a rate what came.
  [[nodiscard]] double total(TimePoint now, Duration window) const;
  // The mean over as many samples as the window would have, those before the run being zeros.
  [[nodiscard]] double total_with_zeros(TimePoint now, Duration window) const;
  [[nodiscard]] Duration period() const { return period_; }

 private:
  struct Entry {
    MetricSample sample;
    double so_far = 0;  // totals of all samples up to this one
  };
  // Of the last sample at or before `t`; -1: none.
  [[nodiscard]] std::int64_t index_at(TimePoint t) const;
  [[nodiscard]] std::int64_t index_before(TimePoint now, Duration window) const;
  [[nodiscard]] const Entry& entry(std::int64_t index) const { return samples_[static_cast<std::size_t>(index)]; }
  // Of the samples that a decision at `now` sees, those after `now - age - window`, at least the newest.
  struct Sum {
    double total = 0;
    std::int64_t samples = 0;
  };
  [[nodiscard]] Sum sum(TimePoint now, Duration window) const;

  bool counts_;  // a rate
  Duration age_;
  Duration period_;
  Duration longest_;  // window that is asked for
  TimePoint next_;
  std::deque<Entry> samples_;  // a period apart
};

// Contract: next() is when it wants to look; look() at other instants changes nothing. Deterministic.
class Autoscaler {
 public:
  explicit Autoscaler(const AutoscalerConfig& config) : config_(config), history_(config) {}
  virtual ~Autoscaler() = default;

  [[nodiscard]] TimePoint next() const { return std::min(history_.next(), next_decision()); }
  // It looks, and says how many replicas are wanted from now on, between least and most.
  [[nodiscard]] int look(TimePoint now, const FleetSight& sight, const ReplicaNumbers& numbers);
  // A request waits, and there is no replica: so many are wanted at once. 0: it is left to the next decision.
  [[nodiscard]] virtual int called(TimePoint /*now*/) { return 0; }
  // The metric that the last decision saw; NaN: none.
  [[nodiscard]] double seen() const { return seen_; }

 protected:
  [[nodiscard]] virtual TimePoint next_decision() const { return next_; }
  // Decisions that are due at `now`, by which so many are wanted.
  [[nodiscard]] virtual int decide(TimePoint now, const ReplicaNumbers& numbers) = 0;

  [[nodiscard]] int within_bounds(double replicas) const;
  [[nodiscard]] double metric(TimePoint now) {
    seen_ = history_.total(now, config_.window);
    return seen_;
  }

  AutoscalerConfig config_;
  MetricHistory history_;
  TimePoint next_{};  // the next decision
  double seen_ = 0;
};

// Precondition: config.policy is not none, and its figures are in the ranges of the field table. The profile, which
// PlannerAim::sla needs, lives as long as the autoscaler.
[[nodiscard]] std::unique_ptr<Autoscaler> make_autoscaler(const AutoscalerConfig& config,
                                                          const ReplicaProfile* profile = nullptr);

// ---- one for each form of policy ----
[[nodiscard]] std::unique_ptr<Autoscaler> make_hpa(const AutoscalerConfig& config);  // and KEDA in front of it
[[nodiscard]] std::unique_ptr<Autoscaler> make_ray(const AutoscalerConfig& config);
[[nodiscard]] std::unique_ptr<Autoscaler> make_knative(const AutoscalerConfig& config);  // and AIBrix's of that form
[[nodiscard]] std::unique_ptr<Autoscaler> make_kubeai(const AutoscalerConfig& config);
[[nodiscard]] std::unique_ptr<Autoscaler> make_aibrix_apa(const AutoscalerConfig& config);
[[nodiscard]] std::unique_ptr<Autoscaler> make_dynamo_planner(const AutoscalerConfig& config);
[[nodiscard]] std::unique_ptr<Autoscaler> make_dynamo_sla_planner(const AutoscalerConfig& config,
                                                                  const ReplicaProfile& profile);
[[nodiscard]] std::unique_ptr<Autoscaler> make_wva(const AutoscalerConfig& config);

}  // namespace foretoken
