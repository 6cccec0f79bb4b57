// Engine knobs: what is not given follows the engine's own default rules (engines.md 1.1).
#include <algorithm>

#include <fmt/format.h>

#include "scenario/build.hpp"

namespace foretoken {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

// vLLM treats GPUs of 70 GiB and more, A100 excepted, as large.
bool is_large(const GpuSpec& gpu) {
  return gpu.memory_capacity.value >= 70 * kGiB && gpu.id.rfind("a100", 0) != 0;
}

double version_number(const std::string& version) { return std::stod(version); }

void build_lengths_and_batch(Resolver& values, Scenario& s) {
  EngineConfig& engine = s.engine;
  const GpuSpec& gpu = s.deployment.gpu;
  const std::int64_t context = s.deployment.model.max_position_embeddings > 0 ? s.deployment.model.max_position_embeddings : 8192;
  engine.max_model_len = values.integer("engine.max_model_len", {std::min<std::int64_t>(context, 8192), Origin::model, "the model's context, at most 8192"});
  if (s.deployment.model.max_position_embeddings > 0 && engine.max_model_len > context) {
    values.warning("engine.max_model_len", fmt::format("{} is longer than the {} positions of {}", engine.max_model_len, context, s.deployment.model.id));
  }
  const bool vllm = engine.name == "vllm-v1";
  const std::string size = is_large(gpu) ? "GPU of 70 GiB or more" : "smaller GPU or A100";
  const std::int64_t seqs = vllm && is_large(gpu) ? 1024 : 256;
  engine.max_num_seqs = values.integer("engine.max_num_seqs", {seqs, Origin::engine_default, vllm ? size : "256"});
  engine.enable_chunked_prefill = values.flag("engine.enable_chunked_prefill", {true});
  std::int64_t budget = is_large(gpu) ? 8192 : 2048;
  if (engine.max_num_seqs < budget / engine.max_model_len) budget = engine.max_num_seqs * engine.max_model_len;
  if (!engine.enable_chunked_prefill) budget = std::max(budget, engine.max_model_len);
  engine.max_num_batched_tokens = values.integer("engine.max_num_batched_tokens", {budget, Origin::engine_default, size});
  engine.long_prefill_token_threshold = values.integer("engine.long_prefill_token_threshold", {0});
}

void build_scheduler(Resolver& values, EngineConfig& engine) {
  const double version = version_number(engine.version);
  engine.scheduling_policy = values.text("engine.scheduling_policy", {"fcfs"});
  engine.scheduler_reserve_full_isl = values.flag("engine.scheduler_reserve_full_isl", {version >= 0.19, Origin::engine_default, "vLLM 0.19 or later"});
  engine.watermark = values.number("engine.watermark", {0});
  engine.max_wait = values.duration("engine.max_wait");
  engine.padded = values.flag("engine.padded", {true});
  engine.max_waiting_requests = values.integer("engine.max_waiting_requests", {0});
  engine.queue_timeout = values.duration("engine.queue_timeout");
  engine.enable_prefix_caching = values.flag("engine.enable_prefix_caching", {false});
  if (engine.enable_prefix_caching) {
    values.error("engine.enable_prefix_caching", "prefix caching is not modelled yet", "set it to false; results then hold for prompts that share nothing");
  }
}

// A knob of another policy is not silently ignored.
void warn_without_effect(Resolver& values, const EngineConfig& engine) {
  const auto only = [&](const char* path, const char* policy) {
    if (values.given(path) && engine.name != policy) {
      values.warning(path, fmt::format("has no effect: engine.name is {}", engine.name), fmt::format("only {} reads it", policy));
    }
  };
  only("engine.max_wait", "static");
  only("engine.padded", "static");
  for (const char* path : {"engine.enable_chunked_prefill", "engine.long_prefill_token_threshold", "engine.watermark", "engine.scheduler_reserve_full_isl"}) {
    only(path, "vllm-v1");
  }
}

void build_memory(Resolver& values, Scenario& s) {
  MemorySettings& memory = s.memory;
  EngineConfig& engine = s.engine;
  engine.block_size = static_cast<int>(values.integer("engine.block_size", {16}));
  memory.gpu_memory_utilization = values.number("engine.gpu_memory_utilization",
                                                {version_number(engine.version) >= 0.21 ? 0.92 : 0.9, Origin::engine_default, "vLLM " + engine.version});
  memory.max_num_batched_tokens = engine.max_num_batched_tokens;
  memory.max_num_seqs = engine.max_num_seqs;
  memory.max_model_len = engine.max_model_len;
  memory.block_size = engine.block_size;
  memory.num_gpu_blocks_override = values.maybe_integer("engine.num_gpu_blocks_override");
  const auto bytes = [&](const char* path, std::optional<ByteCount>& out) {
    if (const auto given = values.maybe_quantity(path)) out = ByteCount{*given};
  };
  bytes("memory.activations", memory.activation_bytes);
  bytes("memory.cuda_graphs", memory.cuda_graph_bytes);
  bytes("memory.non_torch", memory.non_torch_bytes);
}

}  // namespace

void build_engine(Resolver& values, Scenario& s) {
  EngineConfig& engine = s.engine;
  engine.name = values.text("engine.name", {"vllm-v1"});
  engine.version = values.text("engine.version", {"0.19"});
  s.deployment.engine_name = engine.name;
  s.deployment.engine_version = engine.version;
  build_lengths_and_batch(values, s);
  build_scheduler(values, engine);
  build_memory(values, s);
  warn_without_effect(values, engine);
  const bool eager = values.flag("engine.enforce_eager", {false});
  const std::int64_t captured = std::min<std::int64_t>({2 * engine.max_num_seqs, 512, engine.max_num_batched_tokens});
  const std::int64_t graphs = values.integer("engine.max_cudagraph_capture_size", {captured, Origin::engine_default, "min(2 x max_num_seqs, 512, budget)"});
  s.deployment.cuda_graph_max_rows = eager ? 0 : static_cast<int>(graphs);
  if (values.diagnostics().has_errors()) return;
  if (s.deployment.level == CostLevel::affine && !s.memory.num_gpu_blocks_override) {
    // No hardware behind the costs: KV never binds unless it is given.
    engine.num_gpu_blocks = std::int64_t{1} << 40;
    values.record("engine.num_gpu_blocks", engine.num_gpu_blocks, Origin::derived, "unlimited: cost.level is affine");
    return;
  }
  const MemoryPlan plan = plan_memory(s.deployment, s.memory);
  engine.num_gpu_blocks = plan.num_gpu_blocks;
  engine.reserve_null_block = s.memory.reserve_null_block;
}

}  // namespace foretoken
