// Spellings: docs.vllm.ai (serve, bench serve), docs.sglang.io (server arguments), TensorRT-LLM's trtllm-serve.
#include "study/import/flag_tables.hpp"

#include <algorithm>

namespace foretoken {
namespace {

using K = FlagKind;

constexpr FlagRow kVllm[] = {
    {"model", K::value},
    {"tensor-parallel-size", K::value, "engine.tensor_parallel_size"},
    {"tp", K::value, "engine.tensor_parallel_size"},
    {"pipeline-parallel-size", K::value, "engine.pipeline_parallel_size"},
    {"pp", K::value, "engine.pipeline_parallel_size"},
    {"data-parallel-size", K::value, "engine.data_parallel_size"},
    {"dp", K::value, "engine.data_parallel_size"},
    {"api-server-count", K::value, "engine.api_server_count"},
    {"asc", K::value, "engine.api_server_count"},
    {"enable-expert-parallel", K::on, "engine.enable_expert_parallel"},
    {"ep", K::on, "engine.enable_expert_parallel"},
    {"no-enable-expert-parallel", K::off, "engine.enable_expert_parallel"},
    {"max-model-len", K::tokens, "engine.max_model_len"},
    {"max-num-seqs", K::tokens, "engine.max_num_seqs"},
    {"max-num-batched-tokens", K::tokens, "engine.max_num_batched_tokens"},
    {"long-prefill-token-threshold", K::tokens, "engine.long_prefill_token_threshold"},
    {"block-size", K::value, "engine.block_size"},
    {"gpu-memory-utilization", K::value, "engine.gpu_memory_utilization"},
    {"num-gpu-blocks-override", K::value, "engine.num_gpu_blocks_override"},
    {"dtype", K::value, "engine.dtype"},
    {"quantization", K::value, "engine.quantization"},
    {"q", K::value, "engine.quantization"},
    {"kv-cache-dtype", K::value, "engine.kv_cache_dtype"},
    {"enforce-eager", K::on, "engine.enforce_eager"},
    {"no-enforce-eager", K::off, "engine.enforce_eager"},
    {"enable-chunked-prefill", K::on, "engine.enable_chunked_prefill"},
    {"no-enable-chunked-prefill", K::off, "engine.enable_chunked_prefill"},
    {"enable-prefix-caching", K::on, "engine.enable_prefix_caching"},
    {"no-enable-prefix-caching", K::off, "engine.enable_prefix_caching"},
    {"all2all-backend", K::value, "engine.all2all_backend"},
    {"async-scheduling", K::on, "engine.async_scheduling"},
    {"disable-hybrid-kv-cache-manager", K::on, "engine.disable_hybrid_kv_cache_manager"},
    {"no-disable-hybrid-kv-cache-manager", K::off, "engine.disable_hybrid_kv_cache_manager"},
    {"no-async-scheduling", K::off, "engine.async_scheduling"},
    {"scheduling-policy", K::value, "engine.scheduling_policy"},
    {"kv-offloading-size", K::value, "engine.kv_offloading_size"},
    {"kv-offloading-backend", K::value, "engine.kv_offloading_backend"},
    {"max-cudagraph-capture-size", K::value, "engine.max_cudagraph_capture_size"},
    {"enable-lora", K::on, "engine.enable_lora"},
    {"no-enable-lora", K::off, "engine.enable_lora"},
    {"max-loras", K::value, "engine.max_loras"},
    {"max-lora-rank", K::value, "engine.max_lora_rank"},
    {"max-cpu-loras", K::value, "engine.max_cpu_loras"},
    {"disable-chunked-mm-input", K::on, "engine.disable_chunked_mm_input"},
    {"no-disable-chunked-mm-input", K::off, "engine.disable_chunked_mm_input"},
    {"speculative-config", K::value},
    {"mm-encoder-tp-mode", K::value, "engine.mm_encoder_tp_mode"},
    {"host", K::harmless},
    {"port", K::harmless},
    {"api-key", K::harmless},
    {"served-model-name", K::harmless},
    {"tokenizer", K::harmless},
    {"tokenizer-mode", K::harmless},
    {"download-dir", K::harmless},
    {"load-format", K::harmless},
    {"revision", K::harmless},
    {"hf-token", K::harmless},
    {"seed", K::harmless},
    {"chat-template", K::harmless},
    {"generation-config", K::harmless},
    {"tool-call-parser", K::harmless},
    {"reasoning-parser", K::harmless},
    {"uvicorn-log-level", K::harmless},
    {"distributed-executor-backend", K::harmless},
    {"max-log-len", K::harmless},
    {"root-path", K::harmless},
    {"ssl-keyfile", K::harmless},
    {"ssl-certfile", K::harmless},
    {"trust-remote-code", K::harmless_on},
    {"disable-log-requests", K::harmless_on},
    {"no-enable-log-requests", K::harmless_on},
    {"enable-log-requests", K::harmless_on},
    {"disable-log-stats", K::harmless_on},
    {"enable-auto-tool-choice", K::harmless_on},
    {"disable-uvicorn-access-log", K::harmless_on},
    {"disable-fastapi-docs", K::harmless_on},
};

constexpr FlagRow kSglang[] = {
    {"model-path", K::value},
    {"model", K::value},
    {"tp-size", K::value, "engine.tensor_parallel_size"},
    {"tp", K::value, "engine.tensor_parallel_size"},
    {"tensor-parallel-size", K::value, "engine.tensor_parallel_size"},
    {"pp-size", K::value, "engine.pipeline_parallel_size"},
    {"pp", K::value, "engine.pipeline_parallel_size"},
    {"pipeline-parallel-size", K::value, "engine.pipeline_parallel_size"},
    {"dp-size", K::value, "engine.data_parallel_size"},
    {"dp", K::value, "engine.data_parallel_size"},
    {"data-parallel-size", K::value, "engine.data_parallel_size"},
    {"ep-size", K::value},
    {"ep", K::value},
    {"expert-parallel-size", K::value},
    {"enable-dp-attention", K::on},
    {"context-length", K::value, "engine.max_model_len"},
    {"max-running-requests", K::value, "engine.max_num_seqs"},
    {"chunked-prefill-size", K::value, "engine.chunked_prefill_size"},
    {"max-prefill-tokens", K::value, "engine.max_prefill_tokens"},
    {"mem-fraction-static", K::value, "engine.mem_fraction_static"},
    {"schedule-conservativeness", K::value, "engine.schedule_conservativeness"},
    {"page-size", K::value, "engine.block_size"},
    {"dtype", K::value, "engine.dtype"},
    {"quantization", K::value, "engine.quantization"},
    {"kv-cache-dtype", K::value, "engine.kv_cache_dtype"},
    {"enable-mixed-chunk", K::on, "engine.enable_mixed_chunk"},
    {"disable-radix-cache", K::on, "engine.disable_radix_cache"},
    {"disable-overlap-schedule", K::off, "engine.async_scheduling"},
    {"disable-cuda-graph", K::on, "engine.enforce_eager"},
    {"cuda-graph-max-bs", K::value, "engine.max_cudagraph_capture_size"},
    {"scheduler-recv-interval", K::value, "engine.scheduler_recv_interval"},
    {"enable-lora", K::on, "engine.enable_lora"},
    {"max-loras-per-batch", K::value, "engine.max_loras"},
    {"max-loaded-loras", K::value, "engine.max_cpu_loras"},
    {"max-lora-rank", K::value, "engine.max_lora_rank"},
    {"enable-hierarchical-cache", K::on, "engine.enable_hierarchical_cache"},
    {"hicache-ratio", K::value, "engine.hicache_ratio"},
    {"hicache-size", K::value, "engine.hicache_size"},
    {"hicache-write-policy", K::value, "engine.hicache_write_policy"},
    {"hicache-io-backend", K::value, "engine.hicache_io_backend"},
    {"hicache-storage-prefetch-policy", K::value, "engine.hicache_storage_prefetch_policy"},
    {"speculative-algorithm", K::value},
    {"speculative-draft-model-path", K::value},
    {"speculative-num-steps", K::value, "engine.speculative_config.num_speculative_tokens"},
    {"speculative-eagle-topk", K::value, "engine.speculative_config.eagle_topk"},
    {"speculative-num-draft-tokens", K::value, "engine.speculative_config.num_draft_tokens"},
    {"schedule-policy", K::value},
    {"host", K::harmless},
    {"port", K::harmless},
    {"api-key", K::harmless},
    {"served-model-name", K::harmless},
    {"tokenizer-path", K::harmless},
    {"load-format", K::harmless},
    {"log-level", K::harmless},
    {"random-seed", K::harmless},
    {"chat-template", K::harmless},
    {"tool-call-parser", K::harmless},
    {"reasoning-parser", K::harmless},
    {"dist-init-addr", K::harmless},
    {"nnodes", K::harmless},
    {"node-rank", K::harmless},
    {"trust-remote-code", K::harmless_on},
    {"enable-metrics", K::harmless_on},
    {"log-requests", K::harmless_on},
    {"skip-server-warmup", K::harmless_on},
};

constexpr FlagRow kTensorRtLlm[] = {
    {"tp-size", K::value, "engine.tensor_parallel_size"},
    {"pp-size", K::value, "engine.pipeline_parallel_size"},
    {"ep-size", K::value},
    {"max-batch-size", K::value, "engine.max_num_seqs"},
    {"max-num-tokens", K::value, "engine.max_num_batched_tokens"},
    {"max-seq-len", K::value, "engine.max_model_len"},
    {"kv-cache-free-gpu-memory-fraction", K::value, "engine.free_gpu_memory_fraction"},
    {"free-gpu-memory-fraction", K::value, "engine.free_gpu_memory_fraction"},
    {"kv-cache-dtype", K::value, "engine.kv_cache_dtype"},
    {"enable-chunked-prefill", K::on, "engine.enable_chunked_prefill"},
    {"extra-llm-api-options", K::value},
    {"config", K::value},
    {"host", K::harmless},
    {"port", K::harmless},
    {"tokenizer", K::harmless},
    {"log-level", K::harmless},
    {"served-model-name", K::harmless},
    {"backend", K::harmless},
    {"gpus-per-node", K::harmless},
    {"reasoning-parser", K::harmless},
    {"tool-parser", K::harmless},
    {"trust-remote-code", K::harmless_on},
};

// tensorrt_llm/llmapi/llm_args.py: TorchLlmArgs, KvCacheConfig, SchedulerConfig, AttentionDpConfig, CudaGraphConfig;
// LoraConfig.
constexpr EngineOption kTensorRtLlmOptions[] = {
    {"enable_chunked_prefill", "engine.enable_chunked_prefill"},
    {"disable_overlap_scheduler", "engine.async_scheduling", true},
    {"batch_wait_timeout_iters", "engine.batch_wait_timeout_iters"},
    {"batch_wait_max_tokens_ratio", "engine.batch_wait_max_tokens_ratio"},
    {"kv_cache_config.enable_block_reuse", "engine.enable_prefix_caching"},
    {"kv_cache_config.tokens_per_block", "engine.block_size"},
    {"kv_cache_config.dtype", "engine.kv_cache_dtype"},
    {"kv_cache_config.free_gpu_memory_fraction", "engine.free_gpu_memory_fraction"},
    {"scheduler_config.capacity_scheduler_policy", "engine.capacity_scheduler_policy"},
    {"scheduler_config.context_chunking_policy", "engine.context_chunking_policy"},
    {"attention_dp_config.enable_balance", "engine.attention_dp_enable_balance"},
    {"attention_dp_config.timeout_iters", "engine.attention_dp_timeout_iters"},
    {"attention_dp_config.batching_wait_iters", "engine.attention_dp_batching_wait_iters"},
    {"cuda_graph_config.max_batch_size", "engine.max_cudagraph_capture_size"},
    {"enable_lora", "engine.enable_lora"},
    {"lora_config.max_loras", "engine.max_loras"},
    {"lora_config.max_lora_rank", "engine.max_lora_rank"},
};

constexpr FlagRow kVllmBench[] = {
    {"model", K::value},
    {"num-prompts", K::value, "workload.num_prompts"},
    {"request-rate", K::value, "workload.request_rate"},
    {"burstiness", K::value, "workload.burstiness"},
    {"max-concurrency", K::value, "workload.max_concurrency"},
    {"random-input-len", K::value, "workload.random_input_len"},
    {"input-len", K::value, "workload.random_input_len"},
    {"random-output-len", K::value, "workload.random_output_len"},
    {"output-len", K::value, "workload.random_output_len"},
    {"random-range-ratio", K::value, "workload.random_range_ratio"},
    {"random-prefix-len", K::value, "workload.random_prefix_len"},
    {"random-mm-bucket-config", K::value, "workload.random_mm_bucket_config"},
    {"random-mm-base-items-per-request", K::value, "workload.random_mm_base_items_per_request"},
    {"random-mm-num-mm-items-range-ratio", K::value, "workload.random_mm_num_mm_items_range_ratio"},
    {"ramp-up-strategy", K::value, "workload.ramp_up_strategy"},
    {"ramp-up-start-rps", K::value, "workload.ramp_up_start_rps"},
    {"ramp-up-end-rps", K::value, "workload.ramp_up_end_rps"},
    {"ignore-eos", K::on, "workload.ignore_eos"},
    {"seed", K::value, "seed"},
    {"dataset-name", K::value},
    {"dataset-path", K::value},
    {"goodput", K::value},
    {"host", K::harmless},
    {"port", K::harmless},
    {"base-url", K::harmless},
    {"endpoint", K::harmless},
    {"backend", K::harmless},
    {"endpoint-type", K::harmless},
    {"tokenizer", K::harmless},
    {"served-model-name", K::harmless},
    {"percentile-metrics", K::harmless},
    {"metric-percentiles", K::harmless},
    {"result-dir", K::harmless},
    {"result-filename", K::harmless},
    {"label", K::harmless},
    {"num-warmups", K::harmless},
    {"save-result", K::harmless_on},
    {"save-detailed", K::harmless_on},
    {"trust-remote-code", K::harmless_on},
    {"disable-tqdm", K::harmless_on},
};

}  // namespace

std::string_view engine_name_of(Program program) {
  switch (program) {
    case Program::vllm:
      return "vllm-v1";
    case Program::sglang:
      return "sglang";
    case Program::tensorrt_llm:
      return "tensorrt-llm";
    case Program::vllm_bench:
      break;
  }
  return "";
}

std::span<const FlagRow> flags_of(Program program) {
  switch (program) {
    case Program::vllm:
      return kVllm;
    case Program::sglang:
      return kSglang;
    case Program::tensorrt_llm:
      return kTensorRtLlm;
    case Program::vllm_bench:
      break;
  }
  return kVllmBench;
}

std::span<const EngineOption> options_of(Program program) {
  if (program == Program::tensorrt_llm) return kTensorRtLlmOptions;
  return {};
}

const EngineOption* option_of(Program program, std::string_view field) {
  const std::span<const EngineOption> rows = options_of(program);
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const EngineOption& row) { return row.field == field; });
  return at == rows.end() ? nullptr : &*at;
}

const FlagRow* find_flag(Program program, std::string_view name) {
  const std::span<const FlagRow> rows = flags_of(program);
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const FlagRow& row) { return row.name == name; });
  return at == rows.end() ? nullptr : &*at;
}

}  // namespace foretoken
