// Values of the keys of fleets, admission and clients, and what makes each of them legal and effective.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace foretoken::test {

struct Example {
  const char* value;
  std::vector<std::string> context = {};  // what makes the field legal and effective
};

inline std::map<std::string, Example> fleet_examples() {
  const std::string three = "replicas=3", planned = "fleet={schedule: [{at: 10 s, replicas: 2}]}";
  const std::string random = "fleet={mtbf: 1000 h}", bucket = "admission={tokens_per_second: 1e4}";
  const std::string sheds = "admission={shed_priority: 1}", waits = "workload.client={timeout: 20 s}";
  const std::string leaves = "workload.client={abort_share: 0.2, patience: 5 s}";
  const std::string again = "workload.client={timeout: 20 s, retries: 2}";
  const std::string scaled = "fleet={max_replicas: 6, autoscaler: {policy: ", end = "}}";
  const std::string hpa = scaled + "hpa, target: 16" + end, keda = scaled + "keda, target: 16" + end;
  const std::string ray = scaled + "ray" + end, knative = scaled + "knative" + end, dynamo = scaled + "dynamo" + end;
  const std::string up = scaled + "hpa, target: 16, scale_up: {policies: [{pods: 2}]}" + end;
  const std::string down = scaled + "hpa, target: 16, scale_down: {policies: [{pods: 2}]}" + end;
  const std::string fair = "engine.scheduling_policy=vtc";
  const std::string two =
      "workload.classes=[{name: a, weight: 1, random_input_len: 64, random_output_len: 8}, {name: b, weight: 1, "
      "random_input_len: 32, random_output_len: 8}]";
  const std::string served =
      "pools=[{name: a, served_model_name: x}, {name: b, served_model_name: y, model: Qwen3-8B}]";
  const std::string wanted =
      "workload.classes=[{name: a, weight: 1, model: x, random_input_len: 64, random_output_len: 8}, {name: b, weight: "
      "1, model: y, random_input_len: 32, random_output_len: 8}]";
  const std::string apart = "pools=[{name: p, role: prefill}, {name: d, role: decode}]";
  const std::string sla = scaled + "dynamo, optimize: sla" + end;
  return {
      {"routing.slow_start", {"60 s", {three, planned}}},
      {"routing.slow_start_min_weight", {"0", {three, planned, "routing.slow_start=60 s"}}},
      {"routing.slow_start_aggression", {"2", {three, planned, "routing.slow_start=60 s"}}},
      {"admission.stale_after",
       {"200 ms",
        {three, sheds, "workload.classes=[{name: a, priority: 1}, {name: b}]", "router=least_kv",
         "routing.signal_period=50 ms"}}},
      {"fleet.autoscaler.ttft", {"1 s", {apart, sla}}},
      {"fleet.autoscaler.itl", {"30 ms", {apart, sla}}},
      {"fleet.autoscaler.down_sensitivity", {"0.5", {apart, sla}}},
      {"pools[].model", {"Qwen3-14B", {served, wanted}}},
      {"pools[].served_model_name",
       {"y", {"pools=[{name: a}, {name: b, served_model_name: y}]", wanted, "workload.classes[0].model=y"}}},
      {"pools[].weight", {"3", {"pools=[{name: a, router: random}, {name: b}]"}}},
      {"admission.flow_control", {"true", {"admission={max_in_flight: 100}"}}},
      {"admission.queue_requests", {"100", {"admission={flow_control: true}"}}},
      {"admission.queue_timeout", {"30 s", {"admission={flow_control: true}"}}},
      {"workload.classes[].model", {"y", {served, wanted}}},
      {"workload.classes[].slo", {"['p99_ttft <= 300 ms']", {two}}},
      {"placement.available", {"{h100_sxm: 8}"}},
      {"fleet.autoscaler.policy", {"keda", {hpa}}},
      {"fleet.autoscaler.metric", {"waiting", {hpa}}},
      {"fleet.autoscaler.metric_of", {"replicas", {hpa}}},
      {"fleet.autoscaler.target", {"8", {hpa}}},
      {"fleet.autoscaler.min_replicas", {"2", {hpa}}},
      {"fleet.autoscaler.interval", {"30 s", {hpa}}},
      {"fleet.autoscaler.metric_age", {"60 s", {hpa}}},
      {"fleet.autoscaler.metric_window", {"60 s", {hpa}}},
      {"fleet.autoscaler.tolerance", {"0.2", {hpa}}},
      {"fleet.autoscaler.downscale_stabilization", {"60 s", {hpa}}},
      {"fleet.autoscaler.scale_up.stabilization_window", {"60 s", {up}}},
      {"fleet.autoscaler.scale_up.select_policy", {"min", {up}}},
      {"fleet.autoscaler.scale_up.policies", {"[{percent: 50}]", {up}}},
      {"fleet.autoscaler.scale_up.policies[].pods", {"3", {up}}},
      {"fleet.autoscaler.scale_up.policies[].percent",
       {"50", {scaled + "hpa, target: 16, scale_up: {policies: [{percent: 100}]}" + end}}},
      {"fleet.autoscaler.scale_up.policies[].period", {"60 s", {up}}},
      {"fleet.autoscaler.scale_down.stabilization_window", {"60 s", {down}}},
      {"fleet.autoscaler.scale_down.select_policy", {"min", {down}}},
      {"fleet.autoscaler.scale_down.policies", {"[{percent: 50}]", {down}}},
      {"fleet.autoscaler.scale_down.policies[].pods", {"3", {down}}},
      {"fleet.autoscaler.scale_down.policies[].percent",
       {"50", {scaled + "hpa, target: 16, scale_down: {policies: [{percent: 100}]}" + end}}},
      {"fleet.autoscaler.scale_down.policies[].period", {"60 s", {down}}},
      {"fleet.autoscaler.polling_interval", {"10 s", {keda}}},
      {"fleet.autoscaler.cooldown_period", {"60 s", {keda}}},
      {"fleet.autoscaler.activation", {"2", {keda}}},
      {"fleet.autoscaler.upscale_delay", {"10 s", {ray}}},
      {"fleet.autoscaler.downscale_delay", {"60 s", {ray}}},
      {"fleet.autoscaler.upscaling_factor", {"0.5", {ray}}},
      {"fleet.autoscaler.downscaling_factor", {"0.5", {ray}}},
      {"fleet.autoscaler.panic_window", {"10 s", {knative}}},
      {"fleet.autoscaler.panic_threshold", {"3", {knative}}},
      {"fleet.autoscaler.max_scale_up_rate", {"4", {knative}}},
      {"fleet.autoscaler.max_scale_down_rate", {"4", {knative}}},
      {"fleet.autoscaler.scale_to_zero_grace", {"60 s", {knative}}},
      {"fleet.autoscaler.optimize", {"latency", {dynamo}}},
      {"fleet.autoscaler.replica_rate", {"5", {dynamo}}},
      {"fleet.failures[].replicas", {"2", {three, "fleet={failures: [{at: 10 s}]}"}}},
      {"fleet.domain_mtbf", {"1000 h"}},
      {"fleet.domain_replicas", {"2", {three, "fleet={domain_mtbf: 1000 h}"}}},
      {"engine.vtc_input_weight", {"2", {fair, two}}},
      {"engine.vtc_output_weight", {"4", {fair, two}}},
      {"workload.classes[].fair_share", {"2", {fair, two}}},
      {"admission.max_in_flight", {"100"}},
      {"admission.shed_priority", {"1", {"workload.classes=[{name: a, priority: 1}, {name: b}]"}}},
      {"admission.shed", {"probabilistic", {sheds, "workload.classes=[{name: a, priority: 1}, {name: b}]"}}},
      {"fleet.ejection_failures", {"5", {"fleet={mtbf: 1000 h, detection: 60 s}"}}},
      {"fleet.ejection_time", {"60 s", {"fleet={mtbf: 1000 h, detection: 60 s, ejection_failures: 5}"}}},
      {"admission.queue_threshold", {"3", {sheds}}},
      {"admission.kv_threshold", {"0.7", {sheds}}},
      {"admission.tokens_per_second", {"1e4"}},
      {"admission.burst_tokens", {"5e4", {bucket}}},
      {"admission.counts", {"total", {bucket}}},
      {"admission.per_class",
       {"true",
        {bucket,
         "workload.classes=[{name: a, weight: 1, random_input_len: 64, random_output_len: 8}, {name: b, weight: 1, "
         "random_input_len: 32, random_output_len: 8}]"}}},
      {"fleet.schedule", {"[{at: 10 s, replicas: 2}]"}},
      {"fleet.schedule[].at", {"20 s", {planned}}},
      {"fleet.schedule[].replicas", {"3", {planned}}},
      {"fleet.period", {"1 h", {planned}}},
      {"fleet.max_replicas", {"4", {planned}}},
      {"fleet.failures", {"[{at: 10 s, replica: 1}]", {three}}},
      {"fleet.failures[].at", {"20 s", {three, "fleet={failures: [{at: 10 s}]}"}}},
      {"fleet.failures[].replica", {"2", {three, "fleet={failures: [{at: 10 s}]}"}}},
      {"fleet.mtbf", {"1000 h"}},
      {"fleet.mtbf_of", {"node", {random}}},
      {"fleet.repair", {"1 h", {random}}},
      {"fleet.detection", {"2 s", {random}}},
      {"fleet.when_none_ready", {"reject", {planned}}},
      {"fleet.hold_requests", {"10", {planned}}},
      {"fleet.hold_timeout", {"10 s", {planned}}},
      {"fleet.cold_start.node", {"30 s", {planned}}},
      {"fleet.cold_start.image", {"30 s", {planned}}},
      {"fleet.cold_start.load", {"30 s", {planned}}},
      {"fleet.cold_start.warm", {"30 s", {planned}}},
      {"fleet.cold_start.storage_bandwidth", {"5 GB/s", {planned}}},
      {"fleet.cold_start.compile", {"cold", {planned}}},
      {"fleet.cold_start.jitter", {"0.5", {planned}}},
      {"workload.client.preset", {"openai"}},
      {"workload.client.timeout", {"20 s"}},
      {"workload.client.total_timeout", {"60 s", {waits}}},
      {"workload.client.waits_for", {"first_token", {waits}}},
      {"workload.client.on_timeout", {"continue", {waits}}},
      {"workload.client.retries", {"3", {waits}}},
      {"workload.client.retry_on", {"[timeout]", {again}}},
      {"workload.client.backoff", {"1 s", {again}}},
      {"workload.client.backoff_factor", {"3", {"workload.client={timeout: 20 s, retries: 3, backoff: 1 s}"}}},
      {"workload.client.max_backoff", {"3 s", {"workload.client={timeout: 20 s, retries: 3, backoff: 1 s}"}}},
      {"workload.client.jitter", {"full", {"workload.client={timeout: 20 s, retries: 3, backoff: 1 s}"}}},
      {"workload.client.migration_limit", {"2", {three, "fleet={failures: [{at: 10 s}]}"}}},
      {"workload.client.retry_budget", {"0.1", {again}}},
      {"workload.client.retry_budget_burst",
       {"20", {"workload.client={timeout: 20 s, retries: 2, retry_budget: 0.1}"}}},
      {"workload.client.abort_share", {"0.1", {leaves}}},
      {"workload.client.patience", {"9 s", {leaves}}},
      {"workload.client.patience_distribution", {"fixed", {leaves}}},
  };
}

// The same of LoRA adapters, several answers and stop strings.
inline std::map<std::string, Example> adapter_examples() {
  const std::string lora = "engine.enable_lora=true", two = "workload.adapters={count: 2}";
  const std::string zipf = "workload.adapters={count: 2, popularity: zipf}";
  return {
      {"engine.enable_lora", {"true"}},
      {"engine.max_loras", {"4", {lora}}},
      {"engine.max_lora_rank", {"64", {lora}}},
      {"engine.max_cpu_loras", {"8", {lora}}},
      {"cost.per_adapter", {"0.02", {lora}}},
      {"cost.with_adapters", {"0.1", {lora}}},
      {"cost.adapter_load", {"5 ms", {lora, two}}},
      {"cost.adapter_read", {"50 ms", {lora, two}}},
      {"workload.adapters.count", {"3", {lora, two}}},
      {"workload.adapters.popularity", {"zipf", {lora, two}}},
      {"workload.adapters.zipf_alpha", {"2", {lora, zipf}}},
      {"workload.adapters.weights", {"[2, 1]", {lora}}},
      {"workload.adapters.ranks", {"[8]", {lora, two}}},
      {"workload.classes[].adapter", {"1", {lora, two, "workload.classes=[{name: a}, {name: b}]"}}},
      {"workload.adapters.base_share", {"0.5", {lora, two}}},
      {"workload.n", {"2"}},
      {"workload.best_of", {"3"}},
      {"workload.beam_width", {"2"}},
      {"workload.stop_string_share", {"0.5", {"workload.ignore_eos=false", "workload.max_tokens=200"}}},
  };
}

}  // namespace foretoken::test
