// The rows. Engine knobs keep vLLM's spelling, workload keys those of `vllm bench serve`.
#include "scenario/field_table.hpp"

#include <algorithm>

#include "foretoken/serving/policies.hpp"

namespace foretoken {
namespace {

using K = FieldKind;
using Names = std::vector<std::string_view>;

Names names_of(std::span<const PolicyInfo> infos) {
  Names names;
  for (const PolicyInfo& info : infos) names.push_back(info.name);
  return names;
}
Names engines() { return names_of(batching_policies()); }
Names queueing() { return names_of(queueing_policies()); }
Names routers() { return names_of(routing_policies()); }
Names dtypes() { return {"auto", "bfloat16", "float16", "bf16", "fp16", "half"}; }
Names quantizations() {
  return {"none", "fp8", "fp8_static", "fp8_block", "int8", "int8_weight_only", "awq", "gptq", "int4", "nvfp4", "mxfp4"};
}
Names kv_dtypes() { return {"auto", "bfloat16", "float16", "fp8", "fp8_e4m3", "fp8_e5m2", "int8", "int4", "fp4"}; }
Names levels() { return {"datasheet", "roofline", "calibrated", "affine"}; }
Names datasets() { return {"random", "azure", "mooncake", "burstgpt", "sharegpt", "csv"}; }
Names trace_formats() { return {"auto", "azure", "mooncake", "burstgpt", "sharegpt", "csv"}; }
Names ramps() { return {"linear", "exponential"}; }
Names pauses() { return {"fixed", "exponential"}; }
Names conventions() { return {"per_output_token", "vllm"}; }
Names versions() { return {"1"}; }
Names engine_versions() { return {"0.15", "0.16", "0.17", "0.18", "0.19", "0.20", "0.21", "0.22", "0.23", "0.24"}; }

constexpr double kMaxTokensField = 1e8;
constexpr double kMaxCount = 1e9;
constexpr double kMaxSeconds = 3.2e9;  // a century

const std::vector<Field>& table() {
  static const std::vector<Field> fields{
      {"version", K::choice, "1", "Version of this file's format.", 0, 0, {}, versions},
      {"description", K::text, "", "One line for people."},
      {"model", K::model, "", "Catalog name, Hugging Face id, path of a config.json, or an inline shape."},

      {"hardware", K::map, "", "The accelerators."},
      {"hardware.gpu", K::gpu, "", "Catalog name or alias, or inline figures with units.", 0, 0, {}, nullptr, "name"},
      {"hardware.num_gpus", K::integer, "(replicas x TP x PP x DP)", "GPUs in all.", 1, 1e6},
      {"hardware.gpus_per_node", K::integer, "(the GPU's scale-up domain, at most 8)", "GPUs that share one node.", 1, 1e6},
      {"hardware.nodes", K::integer, "", "Nodes; num_gpus / nodes share one.", 1, 1e6},
      {"hardware.scale_out_link", K::text, "infiniband_ndr400", "Link between nodes, by catalog name."},

      {"engine", K::map, "", "One serving engine; every replica runs one."},
      {"engine.name", K::choice, "vllm-v1", "Batching policy.", 0, 0, {}, engines},
      {"engine.version", K::choice, "0.19", "Engine release whose defaults and rules apply.", 0, 0, {}, engine_versions},
      {"engine.tensor_parallel_size", K::integer, "1", "Tensor parallelism.", 1, 1024, {}, nullptr, "tp,tp_size"},
      {"engine.pipeline_parallel_size", K::integer, "1", "Pipeline parallelism.", 1, 1024, {}, nullptr, "pp,pp_size"},
      {"engine.data_parallel_size", K::integer, "1", "Attention data parallelism inside one replica (MoE).", 1, 1024, {}, nullptr, "dp,dp_size"},
      {"engine.enable_expert_parallel", K::flag, "false", "Spread routed experts over TP x DP ranks instead of slicing them."},
      {"engine.dtype", K::choice, "auto", "Activations and unquantised weights, 16 bits.", 0, 0, {}, dtypes},
      {"engine.quantization", K::choice, "(as released)", "Weight format.", 0, 0, {}, quantizations, {}, true},
      {"engine.kv_cache_dtype", K::choice, "auto", "KV cache format; auto = 16 bits.", 0, 0, {}, kv_dtypes},
      {"engine.max_model_len", K::integer, "(min(model's context, 8192))", "Longest prompt + output of one request.", 1, kMaxTokensField, {}, nullptr, "max_seq_len,context_length"},
      {"engine.max_num_seqs", K::integer, "(by GPU)", "Most requests running at once.", 1, 1e6, {}, nullptr, "max_batch_size,max_running_requests"},
      {"engine.max_num_batched_tokens", K::integer, "(by GPU)", "Token budget of one step.", 1, kMaxTokensField, {}, nullptr, "max_num_tokens"},
      {"engine.enable_chunked_prefill", K::flag, "true", "Split prompts that exceed the budget."},
      {"engine.long_prefill_token_threshold", K::integer, "0", "Most tokens of one prompt in a step; 0 = off.", 0, kMaxTokensField},
      {"engine.enable_prefix_caching", K::flag, "false", "Share KV blocks of equal prefixes (not modelled yet: must be false)."},
      {"engine.block_size", K::integer, "16", "Tokens per KV block.", 1, 65536},
      {"engine.gpu_memory_utilization", K::number, "(0.9; 0.92 from 0.21)", "Share of a GPU's memory the engine may use.", 0.01, 1},
      {"engine.num_gpu_blocks_override", K::integer, "(from the memory plan)", "KV blocks per replica.", 2, 1e12, {}, nullptr, {}, true},
      {"engine.scheduling_policy", K::choice, "fcfs", "Order of the queue.", 0, 0, {}, queueing},
      {"engine.scheduler_reserve_full_isl", K::flag, "(true from 0.19)", "Admit a prompt only when all its blocks fit."},
      {"engine.watermark", K::number, "0", "Share of blocks kept free on admission (0.24).", 0, 0.9},
      {"engine.max_wait", K::quantity, "0 ms", "static: how long the oldest request waits for a full batch.", 0, kMaxSeconds},
      {"engine.padded", K::flag, "true", "static: finished rows keep their place until the batch ends."},
      {"engine.max_waiting_requests", K::integer, "0", "Arrivals beyond this queue length are rejected; 0 = no limit.", 0, kMaxCount},
      {"engine.queue_timeout", K::quantity, "0 s", "Requests leave the queue unserved after this; 0 = never.", 0, kMaxSeconds},
      {"engine.enforce_eager", K::flag, "false", "No CUDA graphs: decode batches are not padded."},
      {"engine.max_cudagraph_capture_size", K::integer, "(min(2 x max_num_seqs, 512, budget))", "Largest captured decode batch.", 1, 65536},

      {"memory", K::map, "", "Overrides of the memory plan, per GPU."},
      {"memory.activations", K::quantity, "(derived)", "Peak of activations at the token budget.", 0, 1e15, Dimension::bytes},
      {"memory.cuda_graphs", K::quantity, "(derived)", "CUDA graphs.", 0, 1e15, Dimension::bytes},
      {"memory.non_torch", K::quantity, "(derived)", "Context, communication buffers, workspaces.", 0, 1e15, Dimension::bytes},

      {"cost", K::map, "", "How steps are priced."},
      {"cost.level", K::choice, "calibrated", "datasheet, roofline, calibrated (measured sets where there are any, roofline elsewhere), or affine (no hardware).", 0, 0, {}, levels},
      {"cost.compute_efficiency", K::number, "(by operator)", "Share of peak FLOP/s that GEMMs reach.", 1e-6, 1},
      {"cost.memory_efficiency", K::number, "(by operator)", "Share of memory bandwidth reached.", 1e-6, 1},
      {"cost.link_efficiency", K::number, "(by link)", "Share of link bandwidth reached.", 1e-6, 1},
      {"cost.per_step", K::quantity, "(by engine)", "Host time of one step.", 0, 1000},
      {"cost.per_layer", K::quantity, "(by engine)", "Host time of one layer of a step.", 0, 1000},
      {"cost.per_sequence", K::quantity, "(by engine)", "Host time of one sampled sequence.", 0, 1000},
      {"cost.per_allreduce", K::quantity, "(by engine)", "Added to each all-reduce.", 0, 1000},
      {"cost.scale", K::number, "1", "Factor on the GPU's time.", 1e-6, 1e6},
      {"cost.affine", K::map, "", "Step time = per_step + per_prefill_token x prefill tokens + per_decode_token x decode rows + per_context_token x decode context."},
      {"cost.affine.per_step", K::quantity, "0 s", "Per step.", 0, 1000},
      {"cost.affine.per_prefill_token", K::quantity, "0 s", "Per prefill token.", 0, 1000},
      {"cost.affine.per_decode_token", K::quantity, "0 s", "Per decoding sequence.", 0, 1000},
      {"cost.affine.per_context_token", K::quantity, "0 s", "Per token of context that decodes attend to.", 0, 1000},

      {"replicas", K::integer, "(num_gpus / (TP x PP x DP), or 1)", "Engines behind the router.", 1, 1e5},
      {"router", K::choice, "round_robin", "Which replica gets a request.", 0, 0, {}, routers},

      {"workload", K::map, "", "Who asks, when, and for how many tokens."},
      {"workload.dataset_name", K::choice, "random", "Where lengths come from: random, or pairs drawn from dataset_path in this format.", 0, 0, {}, datasets},
      {"workload.dataset_path", K::text, "", "File whose (input, output) pairs are drawn together."},
      {"workload.random_input_len", K::integer, "1024", "Prompt tokens.", 1, kMaxTokensField, {}, nullptr, "input_len,isl"},
      {"workload.random_output_len", K::integer, "128", "Output tokens.", 1, kMaxTokensField, {}, nullptr, "output_len,osl"},
      {"workload.random_range_ratio", K::number, "0", "r: lengths uniform in [L(1-r), L(1+r)], as vLLM.", 0, 1},
      {"workload.input_lengths", K::lengths, "(random_input_len)", "Distribution of prompt tokens."},
      {"workload.output_lengths", K::lengths, "(random_output_len)", "Distribution of output tokens."},
      {"workload.num_prompts", K::integer, "(1000; a whole trace)", "Requests in all.", 1, kMaxCount},
      {"workload.duration", K::quantity, "(no limit)", "No request is sent at or after this time.", 1e-6, kMaxSeconds},
      {"workload.request_rate", K::number, "inf", "Requests per second; inf = all at once.", 1e-6, 1e9, {}, nullptr, {}, false, true},
      {"workload.burstiness", K::number, "1", "Gamma shape of the gaps: 1 = Poisson, below 1 bursty, inf = constant.", 0.01, 1e6, {}, nullptr, {}, false, true},
      {"workload.vllm_rescale", K::flag, "false", "Stretch the gaps so that the last send is at num_prompts / rate, as vllm bench serve."},
      {"workload.max_concurrency", K::integer, "(no limit)", "Requests in flight at most; the rest wait at the client.", 1, kMaxCount, {}, nullptr, {}, true},
      {"workload.ramp_up_strategy", K::choice, "", "Rate changes from ramp_up_start_rps to ramp_up_end_rps over the run.", 0, 0, {}, ramps},
      {"workload.ramp_up_start_rps", K::number, "", "Rate at the start.", 1e-6, 1e9},
      {"workload.ramp_up_end_rps", K::number, "", "Rate at the end.", 1e-6, 1e9},
      {"workload.bursts", K::map, "", "Poisson arrivals whose rate switches between two states."},
      {"workload.bursts.low_rate", K::number, "", "Requests per second in the quiet state.", 0, 1e9},
      {"workload.bursts.high_rate", K::number, "", "Requests per second in a burst.", 1e-6, 1e9},
      {"workload.bursts.mean_low", K::quantity, "", "Mean stay in the quiet state.", 1e-6, kMaxSeconds},
      {"workload.bursts.mean_high", K::quantity, "", "Mean length of a burst.", 1e-6, kMaxSeconds},
      {"workload.rate_profile", K::map, "", "Poisson arrivals whose rate follows a repeating profile."},
      {"workload.rate_profile.period", K::quantity, "", "Length of the profile (24 h, 7 d).", 1e-6, kMaxSeconds},
      {"workload.rate_profile.rates", K::list_of_numbers, "", "Requests per second, each for an equal share of the period.", 0, 1e9},
      {"workload.trace", K::map, "", "Replay of recorded arrivals and lengths."},
      {"workload.trace.path", K::text, "", "CSV or JSONL file; relative to the scenario file."},
      {"workload.trace.format", K::choice, "auto", "Columns of the file.", 0, 0, {}, trace_formats},
      {"workload.trace.time_scale", K::number, "1", "Arrival times are multiplied by it.", 1e-9, 1e9},
      {"workload.trace.rate_scale", K::number, "1", "Arrivals per second are multiplied by it.", 1e-9, 1e9},
      {"workload.trace.start", K::quantity, "(its first row)", "Start of the slice in the trace's time.", 0, kMaxSeconds},
      {"workload.trace.end", K::quantity, "(its last row)", "End of the slice, exclusive.", 0, kMaxSeconds},
      {"workload.think_time", K::quantity, "0 s", "Closed loop: pause between a finish and the next send.", 0, kMaxSeconds},
      {"workload.think_time_distribution", K::choice, "fixed", "Of think_time.", 0, 0, {}, pauses},
      {"workload.client_delay", K::quantity, "0 s", "Added to every send that follows a finish.", 0, kMaxSeconds},
      {"workload.sessions", K::map, "", "Conversations: each arrival opens one; a turn's prompt is all that was said plus new input."},
      {"workload.sessions.turns", K::lengths, "1", "Turns per conversation."},
      {"workload.sessions.think_time", K::quantity, "0 s", "Pause before the next turn.", 0, kMaxSeconds},
      {"workload.sessions.think_time_distribution", K::choice, "fixed", "Of sessions.think_time.", 0, 0, {}, pauses},
      {"workload.classes", K::list_of_maps, "(one class)", "Request classes with metrics of their own."},
      {"workload.classes[].name", K::text, "", "Name in the results."},
      {"workload.classes[].weight", K::number, "1", "Share of the requests, relative.", 0, 1e9},
      {"workload.classes[].dataset_name", K::choice, "(the workload's)", "As workload.dataset_name.", 0, 0, {}, datasets},
      {"workload.classes[].dataset_path", K::text, "", "As workload.dataset_path."},
      {"workload.classes[].random_input_len", K::integer, "(the workload's)", "Prompt tokens.", 1, kMaxTokensField, {}, nullptr, "input_len,isl"},
      {"workload.classes[].random_output_len", K::integer, "(the workload's)", "Output tokens.", 1, kMaxTokensField, {}, nullptr, "output_len,osl"},
      {"workload.classes[].random_range_ratio", K::number, "(the workload's)", "As workload.random_range_ratio.", 0, 1},
      {"workload.classes[].input_lengths", K::lengths, "(the workload's)", "Distribution of prompt tokens."},
      {"workload.classes[].output_lengths", K::lengths, "(the workload's)", "Distribution of output tokens."},
      {"workload.classes[].priority", K::integer, "0", "Smaller is served first (scheduling_policy: priority).", -32768, 32767},
      {"workload.classes[].goodput", K::map, "(the scenario's)", "Per-request limits of this class."},
      {"workload.classes[].goodput.ttft", K::number, "", "TTFT limit, ms.", 1e-6, 1e12, {}, nullptr, "ttft_ms,time_to_first_token"},
      {"workload.classes[].goodput.tpot", K::number, "", "TPOT limit, ms.", 1e-6, 1e12, {}, nullptr, "tpot_ms,inter_token_latency"},
      {"workload.classes[].goodput.e2el", K::number, "", "End-to-end limit, ms.", 1e-6, 1e12, {}, nullptr, "e2el_ms,request_latency"},
      {"workload.ignore_eos", K::flag, "true", "max_tokens is the output length; false: policies see workload.max_tokens."},
      {"workload.max_tokens", K::integer, "0", "With ignore_eos false: the limit a policy knows.", 0, kMaxTokensField},

      {"goodput", K::map, "", "Limits that one request must keep to count as good."},
      {"goodput.ttft", K::number, "", "TTFT, ms.", 1e-6, 1e12, {}, nullptr, "ttft_ms,time_to_first_token"},
      {"goodput.tpot", K::number, "", "TPOT, ms.", 1e-6, 1e12, {}, nullptr, "tpot_ms,inter_token_latency"},
      {"goodput.e2el", K::number, "", "End-to-end latency, ms.", 1e-6, 1e12, {}, nullptr, "e2el_ms,request_latency"},
      {"slo", K::list_of_text, "", "Comparisons on the summary: p99_ttft <= 500 ms, output_throughput >= 2000."},
      {"sweep", K::anything, "", "What-if table: a map from field to the list of its values."},
      {"conventions", K::map, "", "Definitions that differ between tools."},
      {"conventions.tpot", K::choice, "per_output_token", "(finish - first token) / N, or vLLM's / (N - 1).", 0, 0, {}, conventions},
      {"warmup_fraction", K::number, "0.1", "Share of the requests cut at both ends for the steady-state figures.", 0, 0.45},
      {"seed", K::integer, "0", "Of all random streams.", 0, 9.2e18, {}, nullptr},
      {"replications", K::integer, "1", "Runs with different seeds.", 1, 1e5},
  };
  return fields;
}

// "a.b" of "a.b.c"; list elements count as "a.b[]".
std::string_view parent_of(std::string_view path) {
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}
std::string_view last_of(std::string_view path) {
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

bool is_alias(const Field& field, std::string_view key) {
  std::string_view rest = field.aliases;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    if (rest.substr(0, comma) == key) return true;
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return false;
}

}  // namespace

std::span<const Field> scenario_fields() { return table(); }

const Field* find_field(std::string_view path) {
  for (const Field& f : table()) {
    if (f.path == path) return &f;
  }
  for (const Field& f : table()) {
    if (!f.aliases.empty() && parent_of(f.path) == parent_of(path) && is_alias(f, last_of(path))) return &f;
  }
  return nullptr;
}

std::vector<std::string> keys_under(std::string_view prefix) {
  std::vector<std::string> keys;
  for (const Field& f : table()) {
    if (parent_of(f.path) == prefix) keys.emplace_back(last_of(f.path));
  }
  return keys;
}

std::string table_path(std::string_view path) {
  std::string text;
  bool inside = false;
  for (const char c : path) {
    if (c == ']') inside = false;
    if (!inside) text += c;
    if (c == '[') inside = true;
  }
  return text;
}

const UnmodelledKey* find_unmodelled(std::string_view key) {
  static constexpr UnmodelledKey kKeys[] = {
      {"mem_fraction_static", "it is SGLang's share for weights and KV; give engine.gpu_memory_utilization, the share for everything"},
      {"kv_cache_free_gpu_memory_fraction", "it is a share of what weights leave; give engine.gpu_memory_utilization, of the total"},
      {"free_gpu_memory_fraction", "it is a share of what weights leave; give engine.gpu_memory_utilization, of the total"},
      {"chunked_prefill_size", "it limits chunks, not steps; give engine.max_num_batched_tokens and long_prefill_token_threshold"},
      {"max_prefill_tokens", "it limits prefill, not steps; give engine.max_num_batched_tokens"},
      {"async_scheduling", "scheduling is synchronous; leave the key out"},
      {"speculative", "leave the key out"},
      {"speculative_config", "leave the key out"},
      {"num_speculative_tokens", "leave the key out"},
      {"disaggregation", "prefill and decode share each replica; leave the key out"},
      {"kv_transfer_config", "leave the key out"},
      {"enable_lora", "leave the key out"},
      {"max_loras", "leave the key out"},
      {"swap_space", "preemption recomputes; leave the key out"},
      {"cpu_offload_gb", "leave the key out"},
      {"stream_interval", "every token is streamed; leave the key out"},
      {"num_scheduler_steps", "leave the key out"},
      {"max_num_partial_prefills", "vLLM V1 accepts it without effect; leave the key out"},
      {"max_long_partial_prefills", "vLLM V1 accepts it without effect; leave the key out"},
      {"prefix_repetition", "leave the key out"},
      {"best_of", "one answer per request; leave the key out"},
      {"n", "one answer per request; leave the key out"},
  };
  const auto* at = std::find_if(std::begin(kKeys), std::end(kKeys), [&](const UnmodelledKey& k) { return k.key == key; });
  return at == std::end(kKeys) ? nullptr : at;
}

}  // namespace foretoken
