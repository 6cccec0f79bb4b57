// vllm serve, flag by flag.
#include <algorithm>

#include "serving/engines/launch_line.hpp"
#include "serving/engines/vllm/vllm.hpp"

namespace foretoken {

std::string vllm_quantization(std::string_view quantization) {
  if (quantization.starts_with("fp8")) return "fp8";
  return quantization == "awq" || quantization == "gptq" ? std::string(quantization) : std::string();
}

namespace {

// A map of JSON in quotes. A head of EAGLE or Medusa is a checkpoint of its own, which the scenario may not name.
std::string speculative_config(const LaunchRequest& launch) {
  const DraftSpec& draft = launch.deployment.draft;
  const SpeculationConfig& spec = launch.engine.speculation;
  std::string text =
      fmt::format("{{\"method\": \"{}\", \"num_speculative_tokens\": {}", to_string(draft.method), spec.tokens);
  if (!draft.checkpoint.empty()) text += fmt::format(", \"model\": \"{}\"", draft.checkpoint);
  if (draft.parallel) text += ", \"parallel_drafting\": true";
  if (!spec.by_batch.empty()) {
    text += ", \"num_speculative_tokens_per_batch_size\": [";
    for (std::size_t i = 0; i < spec.by_batch.size(); ++i) {
      const bool last = i + 1 == spec.by_batch.size();
      const std::int64_t to =
          last ? std::max(launch.engine.max_num_seqs, spec.by_batch[i].from) : spec.by_batch[i + 1].from - 1;
      text += fmt::format("{}[{}, {}, {}]", i > 0 ? ", " : "", spec.by_batch[i].from, to, spec.by_batch[i].tokens);
    }
    text += "]";
  }
  return "'" + text + "}'";
}

// The connector of vLLM's own examples ("Disaggregated Encoder"): embeddings lie in a folder that both sides see.
std::string ec_transfer_config(std::string_view role) {
  return fmt::format(
      "'{{\"ec_connector\": \"ECExampleConnector\", \"ec_role\": \"{}\", \"ec_connector_extra_config\": "
      "{{\"shared_storage_path\": \"/mnt/ec_cache\"}}}}'",
      role);
}

}  // namespace

std::string vllm_launch_line(const LaunchRequest& launch) {
  const Parallelism& p = launch.deployment.parallelism;
  const EngineConfig& engine = launch.engine;
  LaunchLine line("vllm serve " + launch.model);
  line.flag("--tensor-parallel-size", p.tensor);
  line.size("--pipeline-parallel-size", p.pipeline);
  line.size("--data-parallel-size", p.data);
  line.size("--api-server-count", engine.api_server_count);
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
  if (launch.deployment.kv_format != KvFormat::bf16) {
    const KvFormat kv = launch.deployment.kv_format;
    line.flag("--kv-cache-dtype", kv == KvFormat::fp8_per_token_head    ? "fp8_per_token_head"
                                  : kv == KvFormat::int8_per_token_head ? "int8_per_token_head"
                                                                        : "fp8");
  }
  line.word(engine.enable_prefix_caching ? "--enable-prefix-caching" : "--no-enable-prefix-caching");
  if (launch.deployment.cuda_graph_max_rows == 0) line.word("--enforce-eager");
  if (!engine.enable_chunked_prefill) line.word("--no-enable-chunked-prefill");
  if (engine.long_prefill_token_threshold > 0)
    line.flag("--long-prefill-token-threshold", engine.long_prefill_token_threshold);
  if (engine.scheduling_policy == "priority") line.flag("--scheduling-policy", engine.scheduling_policy);
  if (engine.lora.on()) {
    line.word("--enable-lora");
    line.flag("--max-loras", engine.lora.max_loras);
    line.flag("--max-lora-rank", launch.deployment.lora.max_rank);
    if (engine.lora.max_cpu_loras > engine.lora.max_loras) line.flag("--max-cpu-loras", engine.lora.max_cpu_loras);
  }
  if (engine.speculation.on()) line.flag("--speculative-config", speculative_config(launch));
  if (const KvOffloadConfig& kv = engine.kv_offload; kv.on()) {
    const double bytes = static_cast<double>(kv.tiers.front().units) * static_cast<double>(kv.unit_bytes);
    line.flag("--kv-offloading-size", fmt::format("{:.4g}", bytes / kGiB));
    line.flag("--kv-offloading-backend", to_string(kv.backend));
  }
  const Deployment& d = launch.deployment;
  if (d.encoded_elsewhere || d.encodes_only)
    line.flag("--ec-transfer-config", ec_transfer_config(d.encodes_only ? "ec_producer" : "ec_consumer"));
  if (engine.block_size != 16) line.flag("--block-size", engine.block_size);
  return line.take();
}

}  // namespace foretoken
