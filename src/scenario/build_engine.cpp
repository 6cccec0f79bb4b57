// Engine knobs: what is not given follows the engine's own default rules (engines.md 1.1).
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "scenario/build.hpp"

namespace foretoken {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

// vLLM looks for "a100" in the device's name, whatever its memory.
bool is_a100(const GpuSpec& gpu) {
  std::string names = gpu.id + " " + gpu.display_name;
  std::transform(names.begin(), names.end(), names.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return names.find("a100") != std::string::npos;
}

bool is_large(const GpuSpec& gpu) {
  return gpu.memory_capacity.value >= 70 * kGiB && !is_a100(gpu);
}

double version_number(const std::string& version) {
  return std::stod(version);
}

void build_max_model_len(Resolver& values, Scenario& s) {
  const ModelSpec& model = s.deployment.model;
  const std::int64_t context = model.max_position_embeddings > 0 ? model.max_position_embeddings : 8192;
  s.engine.max_model_len = values.integer("engine.max_model_len", {std::min<std::int64_t>(context, 8192), Origin::model,
                                                                   "the model's context, at most 8192"});
  if (model.max_position_embeddings > 0 && s.engine.max_model_len > context) {
    values.warning("engine.max_model_len",
                   fmt::format("{} is longer than the {} positions of {}", s.engine.max_model_len, context, model.id));
  }
}

// vLLM's get_batch_defaults for the API server: by GPU, then clamped by each other.
void build_batch(Resolver& values, Scenario& s) {
  EngineConfig& engine = s.engine;
  const bool vllm = engine.name == "vllm-v1";
  const bool large = is_large(s.deployment.gpu);
  const std::string size = large ? "GPU of 70 GiB or more" : "GPU below 70 GiB, or A100";
  engine.enable_chunked_prefill = values.flag("engine.enable_chunked_prefill");
  const auto given_budget = values.maybe_integer("engine.max_num_batched_tokens");
  std::int64_t seqs = vllm && large ? 1024 : 256;
  std::string why = vllm ? size : "256 for " + engine.name;
  if (vllm && given_budget && *given_budget < seqs) {
    seqs = *given_budget;
    why += ", at most max_num_batched_tokens";
  }
  engine.max_num_seqs = values.integer("engine.max_num_seqs", {seqs, Origin::engine_default, why});
  std::int64_t budget = large ? 8192 : 2048;
  why = size;
  if (engine.max_num_seqs * engine.max_model_len < budget) {
    budget = engine.max_num_seqs * engine.max_model_len;
    why = "max_num_seqs x max_model_len";
  }
  if (!engine.enable_chunked_prefill && engine.max_model_len > budget) {
    budget = engine.max_model_len;
    why = "max_model_len, without chunked prefill";
  }
  engine.max_num_batched_tokens =
      values.integer("engine.max_num_batched_tokens", {budget, Origin::engine_default, why});
  if (vllm && engine.max_num_batched_tokens < engine.max_num_seqs) {
    values.warning("engine.max_num_batched_tokens",
                   fmt::format("{} is below max_num_seqs {}: vLLM refuses to start with these",
                               engine.max_num_batched_tokens, engine.max_num_seqs),
                   "raise the budget or lower engine.max_num_seqs");
  }
  engine.long_prefill_token_threshold = values.integer("engine.long_prefill_token_threshold");
}

void build_scheduler(Resolver& values, EngineConfig& engine) {
  const double version = version_number(engine.version);
  engine.scheduling_policy = values.text("engine.scheduling_policy");
  engine.scheduler_reserve_full_isl =
      values.flag("engine.scheduler_reserve_full_isl", {version >= 0.19, Origin::engine_default, "vLLM 0.19 or later"});
  engine.watermark = values.number("engine.watermark");
  engine.max_wait = values.duration("engine.max_wait");
  engine.padded = values.flag("engine.padded");
  engine.max_waiting_requests = values.integer("engine.max_waiting_requests");
  engine.queue_timeout = values.duration("engine.queue_timeout");
  engine.enable_prefix_caching = values.flag("engine.enable_prefix_caching");
  if (engine.enable_prefix_caching) {
    values.error("engine.enable_prefix_caching", "prefix caching is not modelled yet",
                 "set it to false; results then hold for prompts that share nothing");
  }
}

void build_memory(Resolver& values, Scenario& s) {
  MemorySettings& memory = s.memory;
  EngineConfig& engine = s.engine;
  engine.block_size = static_cast<int>(values.integer("engine.block_size"));
  memory.gpu_memory_utilization = values.number(
      "engine.gpu_memory_utilization",
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
  engine.name = values.text("engine.name");
  engine.version = values.text("engine.version");
  s.deployment.engine_name = engine.name;
  s.deployment.engine_version = engine.version;
  build_max_model_len(values, s);
  build_batch(values, s);
  build_scheduler(values, engine);
  build_memory(values, s);
  const bool eager = values.flag("engine.enforce_eager");
  const std::int64_t captured = std::min<std::int64_t>({2 * engine.max_num_seqs, 512, engine.max_num_batched_tokens});
  const std::int64_t graphs = values.integer("engine.max_cudagraph_capture_size",
                                             {captured, Origin::engine_default, "min(2 x max_num_seqs, 512, budget)"});
  s.deployment.cuda_graph_max_rows = eager ? 0 : static_cast<int>(graphs);
  if (values.diagnostics().has_errors()) return;
  if (s.deployment.level == CostLevel::affine) {
    // No hardware behind the costs: KV never binds unless it is given.
    engine.num_gpu_blocks = s.memory.num_gpu_blocks_override.value_or(std::int64_t{1} << 40);
    engine.reserve_null_block = s.memory.reserve_null_block;
    return;
  }
  const MemoryPlan plan = plan_memory(s.deployment, s.memory);
  engine.num_gpu_blocks = plan.num_gpu_blocks;
  engine.reserve_null_block = s.memory.reserve_null_block;
}

}  // namespace foretoken
