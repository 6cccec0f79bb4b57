// Who decides how many replicas a fleet has, by which metric and how old it is (src/serving/README.md, "Autoscaling").
#pragma once

#include <string_view>
#include <vector>

#include "foretoken/base/units.hpp"

namespace foretoken {

enum class AutoscalerPolicy {
  none,
  hpa,         // Kubernetes' HorizontalPodAutoscaler
  keda,        // from 0 to 1 by itself, beyond by an HPA behind it
  ray,         // Ray Serve
  knative,     // Knative's KPA: a stable and a panic window
  kubeai,      // a long mean of requests in flight
  aibrix_kpa,  // AIBrix's of Knative's form
  aibrix_apa,  // AIBrix's by the ratio to the target
  dynamo,      // Dynamo's planner: one more or one less by load, a lower bound by rate
  wva,         // llm-d's Workload Variant Autoscaler: by spare KV cache and queue
};
inline constexpr int kAutoscalerPolicies = 10;
[[nodiscard]] std::string_view to_string(AutoscalerPolicy policy);

enum class ScaleMetric {
  in_flight,     // requests that were sent and have not left; of the fleet also those that wait for a replica
  waiting,       // requests in the queues of engines (vllm:num_requests_waiting), likewise
  running,       // vllm:num_requests_running
  kv_usage,      // share of KV blocks in use
  request_rate,  // that come, 1/s
};
inline constexpr int kScaleMetrics = 5;
[[nodiscard]] std::string_view to_string(ScaleMetric metric);

// What Dynamo's planner keeps: thresholds of KV cache and queued prompts, or latencies by the step times of its
// profile.
enum class PlannerAim { throughput, latency, sla };
inline constexpr int kPlannerAims = 3;
[[nodiscard]] std::string_view to_string(PlannerAim aim);

// HPA's HPAScalingPolicy: so much may change within a period.
struct ScalingLimit {
  bool percent = false;  // of the replicas at the period's start; else replicas
  double value = 0;
  Duration period{};
  bool operator==(const ScalingLimit&) const = default;
};

// HPA's HPAScalingRules, of one direction.
struct ScalingRules {
  Duration window{};                 // of stabilisation: the least (up) or the most (down) recommended within it
  std::vector<ScalingLimit> limits;  // empty: none
  bool least = false;                // the limit that allows least holds, not the one that allows most
  bool disabled = false;             // no change in this direction
  bool operator==(const ScalingRules&) const = default;
};

struct AutoscalerConfig {
  AutoscalerPolicy policy = AutoscalerPolicy::none;
  ScaleMetric metric = ScaleMetric::in_flight;
  bool per_replica = false;  // HPA: a metric of pods, of which some may be missing; else one of the whole fleet
  double target = 1;         // of the metric per replica
  int least = 1;             // replicas
  int most = 1;
  Duration interval{};  // between decisions
  Duration age{};       // of the metric that a decision sees
  Duration window{};    // over which the metric is averaged, or counted; 0 = as it is at the instant

  // HPA, also KEDA's.
  double tolerance = 0.1;
  Duration stabilization{};  // without `behaves`: no less than the most recommended within it
  bool behaves = false;      // `behavior` is given: `up` and `down` hold
  ScalingRules up, down;
  // KEDA.
  Duration polling{};
  Duration cooldown{};    // without activity, before the last replica goes
  double activation = 0;  // active is what is above it
  // Ray, KubeAI, AIBrix: so long a change must be wanted.
  Duration up_delay{}, down_delay{};
  double up_factor = 1, down_factor = 1;  // Ray
  // Knative, AIBrix.
  Duration panic_window{};
  double panic_threshold = 2;         // of wanted over ready
  double up_rate = 0, down_rate = 0;  // at most so many times more or less than ready
  Duration zero_grace{};              // before the last replica goes
  // Dynamo.
  PlannerAim aim = PlannerAim::throughput;
  bool sees_prompts = true, sees_kv = true;  // of a pool of role decode or prefill one of them only
  double replica_rate = 0;                   // requests per second that one replica serves; 0: no lower bound by rate
  Duration ttft{}, itl{};                    // aim sla: limits of a pool of role prefill, of one of role decode
  double down_sensitivity = 0.8;             // ... the share of them that one replica less may reach
  bool operator==(const AutoscalerConfig&) const = default;
};

}  // namespace foretoken
