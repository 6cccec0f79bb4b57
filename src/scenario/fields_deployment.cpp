// Keys of what runs where: hardware, engine, memory, costs. Engine knobs keep vLLM's spelling.
#include "scenario/engine_releases.hpp"
#include "scenario/field_rows.hpp"
#include "scenario/measured_acceptance.hpp"
#include "serving/policies.hpp"

namespace foretoken {
namespace {

using K = FieldKind;
using Names = std::vector<std::string_view>;

Names names_of(std::span<const PolicyInfo> infos) {
  Names names;
  for (const PolicyInfo& info : infos) names.push_back(info.name);
  return names;
}
Names engines() {
  return names_of(batching_policies());
}
Names queueing() {
  return names_of(queueing_policies());
}
Names dtypes() {
  return {"auto", "bfloat16", "float16", "bf16", "fp16", "half"};
}
Names quantizations() {
  return {"none", "fp8",  "fp8_static", "fp8_block", "int8", "int8_weight_only",
          "awq",  "gptq", "int4",       "nvfp4",     "mxfp4"};
}
Names moe_backends() {
  return {"auto", "triton", "marlin", "cutlass", "trtllm", "trtllm_mxfp8", "deepgemm", "cutedsl"};
}
Names matmul_precisions() {
  return {"highest", "high"};
}
Names all2all_backends() {
  return {"allgather_reducescatter", "deepep_high_throughput", "deepep_low_latency"};
}
Names kv_dtypes() {
  return {
      "auto", "bfloat16", "float16", "fp8", "fp8_e4m3", "fp8_e5m2", "fp8_per_token_head", "int8", "int8_per_token_head",
      "int4", "fp4"};
}
Names levels() {
  return {"datasheet", "roofline", "calibrated", "affine"};
}
Names versions() {
  return {"1"};
}
Names engine_versions() {
  return all_engine_releases();
}
Names capacity_policies() {
  return {"GUARANTEED_NO_EVICT", "MAX_UTILIZATION", "STATIC_BATCH"};
}
Names chunking_policies() {
  return {"FIRST_COME_FIRST_SERVED", "EQUAL_PROGRESS"};
}

Names encoder_modes() {
  return {"weights", "data"};
}
Names draft_methods() {
  return {"ngram", "suffix", "draft_model", "medusa", "eagle", "eagle3", "mtp"};
}
constexpr Field kDeploymentRows[] = {
    {"version", K::choice, "1", "Version of this file's format.", 0, 0, {}, versions},
    {"description", K::text, "", "One line for people."},
    {"model", K::model, "", "Catalog name, Hugging Face id, path of a config.json, or an inline shape."},

    {"hardware", K::map, "", "The accelerators."},
    {"hardware.gpu", K::gpu, "", "Catalog name or alias, or inline figures with units.", 0, 0, {}, nullptr, "name"},
    {"hardware.num_gpus", K::integer, "(replicas x TP x PP x DP)", "GPUs in all.", 1, 1e6},
    {"hardware.gpus_per_node", K::integer, "(the GPU's scale-up domain, at most 8)", "GPUs that share one node.", 1,
     1e6},
    {"hardware.nodes", K::integer, "", "Nodes; num_gpus / nodes share one.", 1, 1e6},
    {"hardware.scale_out_link", K::text, "infiniband_ndr400", "Link between nodes, by catalog name."},
    {"hardware.nics_per_node", K::integer, "(gpus_per_node)", "Network adapters of a node; its GPUs share them.", 1,
     1e6},
    {"hardware.oversubscription", K::number, "1",
     "What the adapters of a node can send over what the network carries of it; 1 = every rail whole.", 1, 1000},

    {"hardware.mig_profile", K::text, "",
     "A slice of the GPU (MIG) in its place: 1g.10gb, 3g.40gb, ... as `nvidia-smi mig -lgip` names them; num_gpus "
     "counts slices."},
    {"hardware.power_cap", K::quantity, "", "Power limit of each GPU (`nvidia-smi -pl`); left out: its TDP.", 1, 1e5,
     Dimension::power},
    {"engine", K::map, "", "One serving engine; every replica runs one."},
    {"engine.name", K::choice, "vllm-v1", "Batching policy.", 0, 0, {}, engines},
    {"engine.version",
     K::choice,
     "(by engine)",
     "Engine release whose defaults and rules apply.",
     0,
     0,
     {},
     engine_versions},
    {"engine.tensor_parallel_size", K::integer, "1", "Tensor parallelism.", 1, 1024, {}, nullptr, "tp,tp_size"},
    {"engine.pipeline_parallel_size", K::integer, "1", "Pipeline parallelism.", 1, 1024, {}, nullptr, "pp,pp_size"},
    {"engine.data_parallel_size",
     K::integer,
     "1",
     "Attention data parallelism inside one replica (MoE): ranks with a scheduler each that step together. Limits are "
     "of one rank; sglang divides max_num_seqs and chunked_prefill_size by it.",
     1,
     1024,
     {},
     nullptr,
     "dp,dp_size"},
    {"engine.api_server_count", K::integer, "1",
     "vllm, data_parallel_size > 1: front ends, each of which sends its requests to ranks by what it knows.", 1, 1024},
    {"engine.enable_expert_parallel", K::flag, "false",
     "Spread routed experts over TP x DP ranks instead of slicing them."},
    {"engine.all2all_backend",
     K::choice,
     "allgather_reducescatter",
     "How tokens get to the ranks of their experts: all of them everywhere, or with DeepEP's kernels for large steps "
     "(SGLang: normal) or small ones; these need enable_expert_parallel and data_parallel_size > 1.",
     0,
     0,
     {},
     all2all_backends},
    {"engine.dtype", K::choice, "auto", "Activations and unquantised weights, 16 bits.", 0, 0, {}, dtypes},
    {"engine.quantization", K::choice, "(as released)", "Weight format.", 0, 0, {}, quantizations, {}, true},
    {"engine.moe_backend",
     K::choice,
     "auto",
     "Library whose kernels compute routed experts; trtllm_mxfp8: MXFP4 weights with activations in 8 bits.",
     0,
     0,
     {},
     moe_backends},
    {"engine.float32_matmul_precision",
     K::choice,
     "highest",
     "Of products in 32 bits, as routers of MiniMax-M2 and GLM-4.5 are: highest, or high (TF32).",
     0,
     0,
     {},
     matmul_precisions},
    {"engine.kv_cache_dtype", K::choice, "auto", "KV cache format; auto = 16 bits.", 0, 0, {}, kv_dtypes},
    {"engine.max_model_len",
     K::integer,
     "(min(model's context, 8192))",
     "Longest prompt + output of one request.",
     1,
     kMaxTokensField,
     {},
     nullptr,
     "max_seq_len,context_length"},
    {"engine.max_num_seqs",
     K::integer,
     "(by GPU)",
     "Most requests running at once.",
     1,
     1e6,
     {},
     nullptr,
     "max_batch_size,max_running_requests"},
    {"engine.max_num_batched_tokens",
     K::integer,
     "(by GPU)",
     "Token budget of one step.",
     1,
     kMaxTokensField,
     {},
     nullptr,
     "max_num_tokens"},
    {"engine.enable_chunked_prefill", K::flag, "(by engine)", "Split prompts that exceed the budget."},
    {"engine.long_prefill_token_threshold", K::integer, "0", "Most tokens of one prompt in a step; 0 = off.", 0,
     kMaxTokensField},
    {"engine.enable_prefix_caching", K::flag, "(by engine: true but for vllm-v0, orca, static)",
     "Share KV blocks of equal prefixes (SGLang: radix cache, TensorRT-LLM: block reuse)."},
    {"engine.block_size",
     K::integer,
     "(by engine: 16, 1, 32)",
     "Tokens per KV block.",
     1,
     65536,
     {},
     nullptr,
     "page_size,tokens_per_block"},
    {"engine.gpu_memory_utilization", K::number, "(0.9; 0.92 from 0.21)", "Share of a GPU's memory the engine may use.",
     0.01, 1},
    {"engine.num_gpu_blocks_override",
     K::integer,
     "(from the memory plan)",
     "KV blocks per replica.",
     2,
     1e12,
     {},
     nullptr,
     {},
     true},
    {"engine.disable_hybrid_kv_cache_manager", K::flag,
     "(false; Llama 4, draft models, pools that hand over before 0.23: true)",
     "vllm-v1: layers with a window keep KV blocks for all tokens, and recurrent ones a state for every seat; else all "
     "kinds of layers share the blocks."},
    {"engine.scheduling_policy", K::choice, "fcfs", "Order of the queue.", 0, 0, {}, queueing},
    {"engine.vtc_input_weight", K::number, "1", "scheduling_policy: vtc: what a prompt token counts as service.", 0,
     1e6},
    {"engine.vtc_output_weight", K::number, "2", "scheduling_policy: vtc: what an output token counts.", 0, 1e6},
    {"engine.async_scheduling", K::flag, "(by engine)",
     "Plan a step while the one before it runs (SGLang, TensorRT-LLM: overlap scheduler)."},
    {"engine.scheduler_reserve_full_isl", K::flag, "(true from 0.19)", "Admit a prompt only when all its blocks fit."},
    {"engine.watermark", K::number, "(0; vllm-v0 0.01)", "Share of blocks kept free on admission (V0; V1 0.24).", 0,
     0.9},
    {"engine.chunked_prefill_size", K::integer, "(by GPU)",
     "sglang: most prefill tokens of a step; -1 = whole prompts.", -1, kMaxTokensField},
    {"engine.max_prefill_tokens", K::integer, "16384", "sglang: a prefill batch is closed beyond this.", 1,
     kMaxTokensField},
    {"engine.enable_mixed_chunk", K::flag, "false", "sglang: decodes join prefill steps."},
    {"engine.schedule_conservativeness", K::number, "1", "sglang: factor on the output expected of running requests.",
     0.01, 10},
    {"engine.disable_radix_cache", K::flag, "false",
     "sglang: no radix cache; with ignore_eos, admit by the exact peak of the pool."},
    {"engine.scheduler_recv_interval", K::integer, "1", "sglang: decode steps between two looks at new requests.", 1,
     1e6},
    {"engine.mem_fraction_static", K::number, "(by GPU)", "sglang: share of memory for weights and KV.", 0.01, 1},
    {"engine.capacity_scheduler_policy",
     K::choice,
     "GUARANTEED_NO_EVICT",
     "tensorrt-llm: who may hold KV.",
     0,
     0,
     {},
     capacity_policies},
    {"engine.context_chunking_policy",
     K::choice,
     "FIRST_COME_FIRST_SERVED",
     "tensorrt-llm: how chunks share a step.",
     0,
     0,
     {},
     chunking_policies},
    {"engine.batch_wait_timeout_iters", K::integer, "0",
     "tensorrt-llm: most decode steps that prompts wait for company; 0 = none.", 0, 1e6},
    {"engine.batch_wait_max_tokens_ratio", K::number, "0",
     "tensorrt-llm: with this share of max_num_tokens together they wait no longer.", 0, 1},
    {"engine.attention_dp_enable_balance", K::flag, "false",
     "tensorrt-llm, data_parallel_size > 1: prompts wait until every rank has one."},
    {"engine.attention_dp_timeout_iters", K::integer, "50",
     "tensorrt-llm, attention_dp_enable_balance: steps after which they wait no longer.", 1, 1e6},
    {"engine.attention_dp_batching_wait_iters", K::integer, "10",
     "tensorrt-llm, attention_dp_enable_balance: steps that they wait for more once every rank has one.", 0, 1e6},
    {"engine.free_gpu_memory_fraction",
     K::number,
     "0.9",
     "tensorrt-llm: share for KV of what the model leaves free.",
     0.01,
     1,
     {},
     nullptr,
     "kv_cache_free_gpu_memory_fraction"},
    {"engine.max_wait", K::quantity, "0 ms", "static: how long the oldest request waits for a full batch.", 0,
     kMaxSeconds},
    {"engine.padded", K::flag, "true", "static: finished rows keep their place until the batch ends."},
    {"engine.max_waiting_requests", K::integer, "0", "Arrivals beyond this queue length are rejected; 0 = no limit.", 0,
     kMaxCount},
    {"engine.queue_timeout", K::quantity, "0 s", "Requests leave the queue unserved after this; 0 = never.", 0,
     kMaxSeconds},
    {"engine.disable_chunked_mm_input", K::flag, "false",
     "vllm-v1: a chunk takes an image or sound in whole, or stops before it."},
    {"engine.mm_encoder_tp_mode",
     K::choice,
     "weights",
     "vllm-v1: tensor ranks slice the encoder of images (weights), or deal out the images (data).",
     0,
     0,
     {},
     encoder_modes},
    {"engine.speculative_config", K::map, "", "Speculative decoding, in vLLM's spelling; left out: none."},
    {"engine.speculative_config.method", K::choice, "", "What drafts.", 0, 0, {}, draft_methods},
    {"engine.speculative_config.num_speculative_tokens",
     K::integer,
     "(suffix 24; sglang 5 for Llama, else 3)",
     "Drafts of a decoding row, at most; 0 = none. sglang: steps of the drafter.",
     0,
     128,
     {},
     nullptr,
     "num_steps,max_draft_len"},
    {"engine.speculative_config.model", K::model, "",
     "draft_model: catalog name, Hugging Face id, config.json or shape."},
    {"engine.speculative_config.max_model_len", K::integer, "(of the draft model)",
     "draft_model: a step with a longer sequence makes no drafts.", 1, kMaxTokensField},
    {"engine.speculative_config.num_speculative_tokens_per_batch_size", K::anything, "",
     "vLLM from 0.24: [[first, last, tokens], ...], drafts by the requests of a step."},
    {"engine.speculative_config.parallel_drafting", K::flag, "false",
     "vLLM from 0.16: one pass of a drafter trained for it (eagle, eagle3, draft_model) makes all drafts."},
    {"engine.speculative_config.eagle_topk", K::integer, "(Llama 4, else 1)", "Branches of SGLang's tree.", 1, 64},
    {"engine.speculative_config.num_draft_tokens", K::integer, "(Llama 8, else steps + 1)",
     "Tokens of SGLang's tree that are verified, the row's own included.", 2, 129},
    {"engine.speculative_config.acceptance_rate", K::number, "", "Probability that a draft is accepted after another.",
     0, 1},
    {"engine.speculative_config.acceptance_rates", K::list_of_numbers, "(by method and dataset)",
     "Probabilities that the first 1, 2, ... drafts are all accepted, as vLLM logs them per position; beyond the last "
     "the fall from one to the next goes on.",
     0, 1},
    {"engine.speculative_config.synthetic_acceptance_rates", K::list_of_numbers, "",
     "The same as vLLM's rejection_sample_method: synthetic takes it: one for each draft.", 0, 1},
    {"engine.speculative_config.synthetic_acceptance_length", K::number, "",
     "The same by its mean: tokens of a row, its own included, as evenly as possible.", 1, 129},
    {"engine.speculative_config.acceptance_dataset",
     K::choice,
     "chat",
     "What was measured elsewhere on such requests.",
     0,
     0,
     {},
     acceptance_dataset_names},
    {"engine.speculative_config.acceptance_concentration", K::number, "",
     "acceptance_rate: requests have rates of their own, from the Beta distribution of this concentration around it.",
     1e-3, 1e6},
    {"engine.speculative_config.match_rate", K::number, "1",
     "ngram, suffix: share of steps that find something to propose.", 0, 1},
    {"engine.enforce_eager", K::flag, "false", "No CUDA graphs: decode batches are not padded."},
    {"engine.max_cudagraph_capture_size", K::integer, "(min(2 x max_num_seqs, 512, budget))",
     "Largest captured decode batch.", 1, 65536},
    {"engine.cudagraph_capture_sizes", K::list_of_numbers, "(the engine's)",
     "Captured decode batches, ascending; a batch runs in the next. Beyond the largest captured one there is none.", 1,
     65536},

    {"memory", K::map, "", "Overrides of the memory plan, per GPU."},
    {"memory.startup_log",
     K::text,
     "",
     "A line of the engine's log that tells its KV cache ('GPU KV cache size: 62,336 tokens', '# GPU blocks: 3896', "
     "'max_total_num_tokens=423321'); replaces the planned KV.",
     0,
     0,
     {},
     nullptr,
     {},
     true},
    {"memory.activations", K::quantity, "(derived)", "Peak of activations at the token budget.", 0, 1e15,
     Dimension::bytes},
    {"memory.cuda_graphs", K::quantity, "(derived)", "CUDA graphs.", 0, 1e15, Dimension::bytes},
    {"memory.non_torch", K::quantity, "(derived)", "Context, communication buffers, workspaces.", 0, 1e15,
     Dimension::bytes},

    {"cost", K::map, "", "How steps are priced."},
    {"cost.level",
     K::choice,
     "calibrated",
     "datasheet, roofline, calibrated (measured sets where there are any, roofline elsewhere), or affine (no "
     "hardware).",
     0,
     0,
     {},
     levels},
    {"cost.calibration", K::text, "",
     "File written by `foretoken calibrate`; its terms replace the defaults of these keys."},
    {"cost.compute_efficiency", K::number, "(by operator)", "Share of peak FLOP/s that GEMMs reach.", 1e-6, 1},
    {"cost.memory_efficiency", K::number, "(by operator)", "Share of memory bandwidth reached.", 1e-6, 1},
    {"cost.link_efficiency", K::number, "(by link)", "Share of link bandwidth reached.", 1e-6, 1},
    {"cost.compute_efficiency_scale", K::number, "1",
     "Factor on the FLOP/s that operators reach; none gets below the datasheet's time.", 0.01, 100},
    {"cost.memory_efficiency_scale", K::number, "1", "Factor on the memory bandwidth that operators reach.", 0.01, 100},
    {"cost.per_request", K::quantity, "(by engine)",
     "From the client's send until the scheduler knows the request, whatever its length: HTTP, processes.", 0, 1000},
    {"cost.per_prompt_token", K::quantity, "(by engine)",
     "The same for each token of the prompt (tokenisation): the front end of an engine works on one prompt after the "
     "other.",
     0, 1},
    {"cost.per_step", K::quantity, "(by engine)", "Host time of one step.", 0, 1000},
    {"cost.per_layer", K::quantity, "(by engine)", "Host time of one layer of a step.", 0, 1000},
    {"cost.per_sequence", K::quantity, "(by engine)", "Host time of one sampled sequence.", 0, 1000},
    {"cost.per_allreduce", K::quantity, "(by engine)", "Added to each all-reduce.", 0, 1000},
    {"cost.per_prefill_layer", K::quantity, "(by engine)",
     "Launching one layer of a step with prefill outside CUDA graphs; hides behind the GPU's time.", 0, 1000},
    {"cost.per_prefill_moe_layer", K::quantity, "(by engine)", "The same of a layer with routed experts.", 0, 1000},
    {"cost.per_draft_step", K::quantity, "(by engine)", "Host time of a step that drafts, beside its passes.", 0, 1000},
    {"cost.per_draft_pass", K::quantity, "(by engine)", "Host time of a pass of the drafter.", 0, 1000},
    {"cost.scale", K::number, "(0.95 for calibrated kernels of A100, H100, B200)", "Factor on the GPU's time.", 1e-6,
     1e6},
    {"cost.affine", K::map, "",
     "Step time = per_step + per_prefill_token x prefill tokens + per_decode_token x decode rows + per_context_token "
     "x decode context."},
    {"cost.affine.per_step", K::quantity, "0 s", "Per step.", 0, 1000},
    {"cost.affine.per_prefill_token", K::quantity, "0 s", "Per prefill token.", 0, 1000},
    {"cost.affine.per_decode_token", K::quantity, "0 s", "Per decoding sequence, and per draft that it verifies.", 0,
     1000},
    {"cost.affine.per_draft_pass", K::quantity, "0 s", "Per pass of a drafter.", 0, 1000},
    {"cost.affine.per_context_token", K::quantity, "0 s", "Per token of context that decodes attend to.", 0, 1000},
};

}  // namespace

std::span<const Field> deployment_fields() {
  return kDeploymentRows;
}

}  // namespace foretoken
