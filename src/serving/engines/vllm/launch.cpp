// vllm serve, flag by flag.
#include "serving/engines/launch_line.hpp"
#include "serving/engines/vllm/vllm.hpp"

namespace foretoken {

std::string vllm_quantization(std::string_view quantization) {
  if (quantization.starts_with("fp8")) return "fp8";
  return quantization == "awq" || quantization == "gptq" ? std::string(quantization) : std::string();
}

std::string vllm_launch_line(const LaunchRequest& launch) {
  const Parallelism& p = launch.deployment.parallelism;
  const EngineConfig& engine = launch.engine;
  LaunchLine line("vllm serve " + launch.model);
  line.flag("--tensor-parallel-size", p.tensor);
  line.size("--pipeline-parallel-size", p.pipeline);
  line.size("--data-parallel-size", p.data);
  if (p.expert_parallel) line.word("--enable-expert-parallel");
  if (launch.deployment.expert_exchange != ExpertExchange::allgather_reducescatter)
    line.flag("--all2all-backend", launch.deployment.expert_exchange == ExpertExchange::deepep_low_latency
                                       ? "deepep_low_latency"
                                       : "deepep_high_throughput");
  line.flag("--max-model-len", engine.max_model_len);
  line.flag("--max-num-seqs", engine.max_num_seqs);
  line.flag("--max-num-batched-tokens", engine.max_num_batched_tokens);
  line.flag("--gpu-memory-utilization", fmt::format("{:g}", launch.memory.gpu_memory_utilization));
  if (const std::string q = vllm_quantization(launch.quantization); !q.empty() && !launch.quantization_in_checkpoint)
    line.flag("--quantization", q);
  if (launch.deployment.kv_format == KvFormat::fp8) line.flag("--kv-cache-dtype", "fp8");
  line.word(engine.enable_prefix_caching ? "--enable-prefix-caching" : "--no-enable-prefix-caching");
  if (launch.deployment.cuda_graph_max_rows == 0) line.word("--enforce-eager");
  if (!engine.enable_chunked_prefill) line.word("--no-enable-chunked-prefill");
  if (engine.long_prefill_token_threshold > 0)
    line.flag("--long-prefill-token-threshold", engine.long_prefill_token_threshold);
  if (engine.scheduling_policy != "fcfs") line.flag("--scheduling-policy", engine.scheduling_policy);
  if (engine.block_size != 16) line.flag("--block-size", engine.block_size);
  return line.take();
}

}  // namespace foretoken
