// Keys of what decides how many replicas a fleet has.
#include "scenario/field_rows.hpp"

namespace foretoken {
namespace {

using K = FieldKind;
using Names = std::vector<std::string_view>;

Names policies() {
  return {"hpa", "keda", "ray", "knative", "kubeai", "aibrix_kpa", "aibrix_apa", "dynamo", "wva"};
}
Names metrics() {
  return {"in_flight", "waiting", "running", "kv_usage", "request_rate"};
}
Names owners() {
  return {"fleet", "replicas"};
}
Names selections() {
  return {"max", "min", "disabled"};
}
Names aims() {
  return {"throughput", "latency", "sla"};
}

constexpr Field kAutoscalerRows[] = {
    {"fleet.autoscaler", K::map, "",
     "Who decides how many replicas are wanted, instead of a schedule; between min_replicas and fleet.max_replicas."},
    {"fleet.autoscaler.policy",
     K::choice,
     "",
     "hpa (Kubernetes), keda (with an HPA behind it), ray (Ray Serve), knative (KPA), kubeai, aibrix_kpa, aibrix_apa, "
     "dynamo (planner), wva (llm-d's Workload Variant Autoscaler).",
     0,
     0,
     {},
     policies},
    {"fleet.autoscaler.metric",
     K::choice,
     "in_flight",
     "What it looks at: requests in flight, in engines' queues, running, the share of KV blocks in use, or requests "
     "per second that come.",
     0,
     0,
     {},
     metrics},
    {"fleet.autoscaler.metric_of",
     K::choice,
     "fleet",
     "hpa: a metric of the fleet (External, AverageValue), or of its replicas (Pods), of which those that start have "
     "none.",
     0,
     0,
     {},
     owners},
    {"fleet.autoscaler.target", K::number, "(ray 2, knative 70, kubeai 100; others must say)",
     "Of the metric, per replica.", 1e-6, 1e9},
    {"fleet.autoscaler.min_replicas", K::integer, "(1; keda, knative, kubeai 0)",
     "At least so many. With 0 requests wait for the first one (fleet.when_none_ready).", 0, 1e4},
    {"fleet.autoscaler.interval", K::quantity,
     "(hpa, keda 15 s, ray 0.1 s, knative 2 s, kubeai, aibrix 10 s, dynamo 5 s, wva 60 s)", "Between two decisions.",
     1e-2, kMaxSeconds},
    {"fleet.autoscaler.metric_age", K::quantity, "(hpa, keda 30 s; else 0 s)",
     "So old is what a decision sees: scraping and the metrics adapter.", 0, kMaxSeconds},
    {"fleet.autoscaler.metric_window", K::quantity,
     "(ray 30 s, knative 60 s, kubeai 600 s, aibrix_kpa 180 s, aibrix_apa 60 s, dynamo 180 s; request_rate 60 s; "
     "else 0 s)",
     "The metric is its mean over the last so long, a rate what came in it; 0 = as it is.", 0, kMaxSeconds},
    {"fleet.autoscaler.tolerance", K::number, "0.1", "hpa, keda, aibrix_apa: nothing changes within it of the target.",
     0, 1},
    {"fleet.autoscaler.downscale_stabilization", K::quantity, "300 s",
     "hpa, keda without scale_up and scale_down: no fewer than the most wanted within it.", 0, kMaxSeconds},
    {"fleet.autoscaler.scale_up", K::map, "", "hpa, keda: `behavior.scaleUp` (absent: at most twice as many, or 4)."},
    {"fleet.autoscaler.scale_up.stabilization_window", K::quantity, "0 s", "The least wanted within it counts.", 0,
     kMaxSeconds},
    {"fleet.autoscaler.scale_up.select_policy",
     K::choice,
     "max",
     "Which of its policies holds: the one that allows most, least, or none changes anything.",
     0,
     0,
     {},
     selections},
    {"fleet.autoscaler.scale_up.policies", K::list_of_maps, "(4 pods or 100 % in 15 s)", "So many more in a period."},
    {"fleet.autoscaler.scale_up.policies[].pods", K::integer, "", "Replicas.", 1, 1e4},
    {"fleet.autoscaler.scale_up.policies[].percent", K::number, "", "Of the replicas at the period's start.", 1e-3,
     1e6},
    {"fleet.autoscaler.scale_up.policies[].period", K::quantity, "15 s", "Period.", 1, 1800},
    {"fleet.autoscaler.scale_down", K::map, "", "hpa, keda: `behavior.scaleDown`."},
    {"fleet.autoscaler.scale_down.stabilization_window", K::quantity, "300 s", "The most wanted within it counts.", 0,
     kMaxSeconds},
    {"fleet.autoscaler.scale_down.select_policy", K::choice, "max", "As of scale_up.", 0, 0, {}, selections},
    {"fleet.autoscaler.scale_down.policies", K::list_of_maps, "(100 % in 15 s)", "So many fewer in a period."},
    {"fleet.autoscaler.scale_down.policies[].pods", K::integer, "", "Replicas.", 1, 1e4},
    {"fleet.autoscaler.scale_down.policies[].percent", K::number, "", "Of the replicas at the period's start.", 1e-3,
     100},
    {"fleet.autoscaler.scale_down.policies[].period", K::quantity, "15 s", "Period.", 1, 1800},
    {"fleet.autoscaler.polling_interval", K::quantity, "30 s", "keda: looks so often whether anything is active.", 1e-2,
     kMaxSeconds},
    {"fleet.autoscaler.cooldown_period", K::quantity, "300 s",
     "keda: so long nothing is active before the last replica goes.", 0, kMaxSeconds},
    {"fleet.autoscaler.activation", K::number, "0", "keda: active is a metric of the fleet above it.", 0, 1e9},
    {"fleet.autoscaler.upscale_delay", K::quantity, "30 s", "ray: more are wanted for so long before any is ordered.",
     0, kMaxSeconds},
    {"fleet.autoscaler.downscale_delay", K::quantity, "(ray 600 s, kubeai 30 s, knative 0 s, aibrix 300 s)",
     "Fewer are wanted for so long before any goes.", 0, kMaxSeconds},
    {"fleet.autoscaler.upscaling_factor", K::number, "1", "ray: on the replicas that are missing.", 1e-3, 1e3},
    {"fleet.autoscaler.downscaling_factor", K::number, "1", "ray: on those that are too many.", 1e-3, 1e3},
    {"fleet.autoscaler.panic_window", K::quantity, "(knative 6 s, aibrix_kpa 60 s)",
     "The short window, whose mean decides in panic.", 1e-2, kMaxSeconds},
    {"fleet.autoscaler.panic_threshold", K::number, "2",
     "knative, aibrix_kpa: panic where the short window wants so many times as many as are ready.", 1, 1e3},
    {"fleet.autoscaler.max_scale_up_rate", K::number, "(knative 1000, aibrix 2)", "Times the ready replicas at most.",
     1, 1e6},
    {"fleet.autoscaler.max_scale_down_rate", K::number, "2", "knative, aibrix: at least the ready ones over it.", 1,
     1e6},
    {"fleet.autoscaler.scale_to_zero_grace", K::quantity, "30 s", "knative: so long nobody is wanted.", 0, kMaxSeconds},
    {"fleet.autoscaler.optimize",
     K::choice,
     "throughput",
     "dynamo: thresholds on KV cache and queued prompts: more above 1.0 and 1.0 of the context, fewer below 0.6 and "
     "0.1; latency: 0.4 and 0.1, 0.1 and 0; sla: by `ttft` in a pool of role prefill and `itl` in one of role decode, "
     "with step times for a profile.",
     0,
     0,
     {},
     aims},
    {"fleet.autoscaler.ttft", K::quantity, "500 ms",
     "dynamo, optimize: sla: limit of the time to the first token, queue and prefill; more replicas where all are "
     "above "
     "it.",
     1e-6, kMaxSeconds},
    {"fleet.autoscaler.itl", K::quantity, "50 ms", "... of a decode step.", 1e-6, kMaxSeconds},
    {"fleet.autoscaler.down_sensitivity", K::number, "0.8",
     "... one replica fewer where the others would stay under this share of the limit.", 0, 1},
    {"fleet.autoscaler.replica_rate", K::number, "",
     "dynamo: requests per second that one replica serves, as profiled: every 180 s at least the rate over it.", 1e-6,
     1e9},
};

}  // namespace

std::span<const Field> autoscaler_fields() {
  return kAutoscalerRows;
}

}  // namespace foretoken
