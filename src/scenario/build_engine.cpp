// Engine knobs: what is not given follows the engine's own default rules (engines.md 1.1).
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "scenario/build.hpp"
#include "scenario/startup_log.hpp"

namespace foretoken {
namespace {

// vLLM looks for "a100" in the device's name, whatever its memory.
bool is_a100(const GpuSpec& gpu) {
  return lower_case(gpu.id + " " + gpu.display_name).find("a100") != std::string::npos;
}

bool is_large(const GpuSpec& gpu) {
  return gpu.memory_capacity.value >= 70 * kGiB && !is_a100(gpu);
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

std::string size_reason(bool large) {
  return large ? "GPU of 70 GiB or more" : "GPU below 70 GiB, or A100";
}

void build_budget(Resolver& values, EngineConfig& engine, std::int64_t budget, std::string why) {
  if (engine.max_num_seqs * engine.max_model_len < budget) {
    budget = engine.max_num_seqs * engine.max_model_len;
    why = "max_num_seqs x max_model_len";
  }
  if (!engine.enable_chunked_prefill && engine.max_model_len > budget) {
    budget = engine.max_model_len;
    why = "max_model_len, without chunked prefill";
  }
  engine.max_num_batched_tokens =
      values.integer("engine.max_num_batched_tokens", {budget, Origin::engine_default, std::move(why)});
}

// vLLM's get_batch_defaults for the API server: by GPU, then clamped by each other.
void build_vllm_v1(Resolver& values, Scenario& s) {
  EngineConfig& engine = s.engine;
  const bool large = is_large(s.deployment.gpu);
  engine.enable_chunked_prefill = values.flag("engine.enable_chunked_prefill", {true, Origin::engine_default, "vLLM V1"});
  const auto given_budget = values.maybe_integer("engine.max_num_batched_tokens");
  std::int64_t seqs = large ? 1024 : 256;
  std::string why = size_reason(large);
  if (given_budget && *given_budget < seqs) {
    seqs = *given_budget;
    why += ", at most max_num_batched_tokens";
  }
  engine.max_num_seqs = values.integer("engine.max_num_seqs", {seqs, Origin::engine_default, why});
  build_budget(values, engine, large ? 8192 : 2048, size_reason(large));
  if (engine.max_num_batched_tokens < engine.max_num_seqs) {
    values.warning("engine.max_num_batched_tokens",
                   fmt::format("{} is below max_num_seqs {}: vLLM refuses to start with these",
                               engine.max_num_batched_tokens, engine.max_num_seqs),
                   "raise the budget or lower engine.max_num_seqs");
  }
}

// engines.md 1.2.
void build_vllm_v0(Resolver& values, Scenario& s) {
  EngineConfig& engine = s.engine;
  const bool long_context = engine.max_model_len > 32768;
  engine.enable_chunked_prefill =
      values.flag("engine.enable_chunked_prefill", {long_context, Origin::engine_default, "on beyond 32768 tokens"});
  engine.max_num_seqs = values.integer("engine.max_num_seqs", {256, Origin::engine_default, "vLLM V0"});
  const std::int64_t chunked = version_at_least(engine.version, "0.6") ? 2048 : 512;
  const bool whole = !engine.enable_chunked_prefill;
  engine.max_num_batched_tokens = values.integer(
      "engine.max_num_batched_tokens",
      {whole ? std::max<std::int64_t>(engine.max_model_len, 2048) : chunked, Origin::engine_default,
       whole ? "max(max_model_len, 2048)" : "chunked prefill of vLLM " + engine.version});
  const std::int64_t least = whole ? std::max(engine.max_model_len, engine.max_num_seqs) : engine.max_num_seqs;
  if (engine.max_num_batched_tokens < least) {
    values.error("engine.max_num_batched_tokens",
                 fmt::format("vLLM V0 refuses to start with max_num_batched_tokens {} below {}",
                             engine.max_num_batched_tokens, least),
                 whole ? "it must be at least max_model_len and max_num_seqs" : "it must be at least max_num_seqs");
  }
  s.memory.reserve_null_block = false;
}

// By GPU memory in GiB (engines.md 1.3); graph sizes for fewer than four TP ranks and for more.
struct SglangSizes {
  double below_gib;
  std::int64_t chunk, graphs, graphs_wide;
};
SglangSizes sglang_sizes(const Scenario& s) {
  constexpr SglangSizes kSizes[] = {
      {20, 2048, 8, 8}, {35, 2048, 24, 80}, {60, 4096, 32, 160}, {160, 8192, 256, 512}, {1e9, 16384, 512, 512}};
  const double gib = s.deployment.gpu.memory_capacity.value / kGiB;
  SglangSizes sizes =
      *std::find_if(std::begin(kSizes), std::end(kSizes), [&](const auto& r) { return gib < r.below_gib; });
  if (!version_at_least(s.engine.version, "0.5")) sizes.chunk = gib < 25 ? 2048 : 8192;
  return sizes;
}

std::int64_t sglang_graphs(const Scenario& s) {
  const SglangSizes sizes = sglang_sizes(s);
  return s.deployment.parallelism.tensor >= 4 ? sizes.graphs_wide : sizes.graphs;
}

// What activations and CUDA graphs are left, as a share of the memory.
double sglang_mem_fraction(const Scenario& s) {
  const double mib = s.deployment.gpu.memory_capacity.value / kGiB * 1024;
  const Parallelism& split = s.deployment.parallelism;
  if (!version_at_least(s.engine.version, "0.5")) {
    if (mib > 80 * 1024) return (mib - 13 * 1024) / mib;
    return split.tensor >= 16 ? 0.79 : split.tensor >= 8 ? 0.81 : split.tensor >= 4 ? 0.85 : split.tensor >= 2 ? 0.87 : 0.88;
  }
  const auto graphs = static_cast<double>(sglang_graphs(s));
  const std::int64_t chunk_of_all = s.engine.chunked_prefill_size * split.data;
  double reserved = 512 + 1.5 * static_cast<double>(std::max<std::int64_t>(chunk_of_all, 2048)) + 2.0 * graphs +
                    128.0 * split.tensor * split.pipeline;
  if (split.data > 1) reserved += (graphs > 300 ? 4.5 : 3.0) * graphs * split.data;
  if (mib > 60 * 1024) reserved = std::max(reserved, 10240.0);
  return std::max(0.05, (mib - reserved) / mib);
}

// SGLang's figures are of all attention data-parallel ranks together (engines.md 1.3, 4.7).
std::int64_t rank_share(std::int64_t of_all, const EngineConfig& engine) {
  return std::max<std::int64_t>(1, of_all / engine.data_parallel_size);
}

void build_sglang(Resolver& values, Scenario& s) {
  EngineConfig& engine = s.engine;
  engine.chunked_prefill_size = values.integer("engine.chunked_prefill_size",
                                               {sglang_sizes(s).chunk, Origin::engine_default, "by GPU memory"});
  engine.enable_chunked_prefill = engine.chunked_prefill_size > 0;
  if (engine.enable_chunked_prefill) engine.chunked_prefill_size = rank_share(engine.chunked_prefill_size, engine);
  engine.max_prefill_tokens = values.integer("engine.max_prefill_tokens");
  engine.enable_mixed_chunk = values.flag("engine.enable_mixed_chunk");
  engine.schedule_conservativeness = values.number("engine.schedule_conservativeness");
  engine.scheduler_recv_interval = values.integer("engine.scheduler_recv_interval");
  engine.ignore_eos_admission = values.flag("engine.disable_radix_cache");
  engine.max_num_batched_tokens = engine.enable_chunked_prefill ? engine.chunked_prefill_size : engine.max_model_len;
  engine.max_num_seqs = values.maybe_integer("engine.max_num_seqs").value_or(4096);  // see build_sglang_seats
  s.memory.reserve_null_block = false;
  // Activations and graphs live in what mem_fraction_static leaves.
  s.memory.activation_bytes = s.memory.cuda_graph_bytes = ByteCount{0};
}

void build_sglang_seats(Resolver& values, EngineConfig& engine) {
  const std::int64_t pool = engine.num_gpu_blocks * engine.block_size;
  const std::int64_t by_context = std::clamp<std::int64_t>(pool / engine.max_model_len * 512, 2048, 4096);
  engine.max_num_seqs =
      values.integer("engine.max_num_seqs", {std::max<std::int64_t>(1, std::min(pool / 2, by_context)),
                                             Origin::engine_default, "min(pool / 2, 2048 to 4096 by context)"});
  if (values.maybe_integer("engine.max_num_seqs")) engine.max_num_seqs = rank_share(engine.max_num_seqs, engine);
}

void build_tensorrt_llm(Resolver& values, Scenario& s) {
  EngineConfig& engine = s.engine;
  engine.enable_chunked_prefill =
      values.flag("engine.enable_chunked_prefill", {false, Origin::engine_default, "TensorRT-LLM"});
  engine.max_num_seqs = values.integer("engine.max_num_seqs", {2048, Origin::engine_default, "TensorRT-LLM"});
  engine.max_num_batched_tokens =
      values.integer("engine.max_num_batched_tokens", {8192, Origin::engine_default, "TensorRT-LLM"});
  engine.capacity_scheduler_policy = values.text("engine.capacity_scheduler_policy");
  engine.context_chunking_policy = values.text("engine.context_chunking_policy");
  engine.batch_wait_timeout_iters = values.integer("engine.batch_wait_timeout_iters");
  engine.batch_wait_max_tokens_ratio = values.number("engine.batch_wait_max_tokens_ratio");
  engine.attention_dp_enable_balance = values.flag("engine.attention_dp_enable_balance");
  engine.attention_dp_timeout_iters = values.integer("engine.attention_dp_timeout_iters");
  engine.attention_dp_batching_wait_iters = values.integer("engine.attention_dp_batching_wait_iters");
  s.memory.reserve_null_block = false;
}

void build_baseline(Resolver& values, Scenario& s) {
  EngineConfig& engine = s.engine;
  engine.enable_chunked_prefill =
      values.flag("engine.enable_chunked_prefill", {true, Origin::engine_default, "of no effect"});
  engine.max_num_seqs = values.integer("engine.max_num_seqs", {256, Origin::engine_default, "256 for " + engine.name});
  const bool large = is_large(s.deployment.gpu);
  build_budget(values, engine, large ? 8192 : 2048, size_reason(large));
}

void build_batch(Resolver& values, Scenario& s) {
  const std::string& name = s.engine.name;
  if (name == "vllm-v1") build_vllm_v1(values, s);
  else if (name == "vllm-v0") build_vllm_v0(values, s);
  else if (name == "sglang") build_sglang(values, s);
  else if (name == "tensorrt-llm") build_tensorrt_llm(values, s);
  else build_baseline(values, s);
  s.engine.long_prefill_token_threshold = values.integer("engine.long_prefill_token_threshold");
}

// engines.md 1.1, 1.3, 1.4: vLLM since 0.14; SGLang's overlap schedule; the overlap scheduler of TensorRT-LLM's
// PyTorch executor, which is the default one since 1.0.
void build_async(Resolver& values, EngineConfig& engine) {
  const bool can = engine.name == "vllm-v1" || engine.name == "sglang" || engine.name == "tensorrt-llm";
  if (!can) return;
  const std::string since = engine.name == "vllm-v1" ? "0.14" : engine.name == "sglang" ? "0.4" : "1.0";
  engine.async_scheduling =
      values.flag("engine.async_scheduling", {version_at_least(engine.version, since), Origin::engine_default,
                                              fmt::format("{}, on from {}", engine.name, since)});
}

void build_scheduler(Resolver& values, EngineConfig& engine) {
  engine.scheduling_policy = values.text("engine.scheduling_policy");
  if (engine.name == "tensorrt-llm" && engine.scheduling_policy != "fcfs") {
    values.error("engine.scheduling_policy",
                 version_at_least(engine.version, "1.0")
                     ? "'engine.scheduling_policy: priority' is not modelled for tensorrt-llm: its PyTorch executor serves "
                       "first come, first served up to 1.2"
                     : "'engine.scheduling_policy: priority' is not modelled for tensorrt-llm: its C++ executor keeps also "
                       "running requests in order of priority, started contexts among them",
                 "leave it out; engine.name: vllm-v1 has priorities");
  }
  engine.scheduler_reserve_full_isl =
      values.flag("engine.scheduler_reserve_full_isl", {version_at_least(engine.version, "0.19"), Origin::engine_default, "vLLM 0.19 or later"});
  build_async(values, engine);
  const bool v0 = engine.name == "vllm-v0";
  engine.watermark = values.number("engine.watermark", {v0 ? 0.01 : 0, Origin::engine_default, engine.name});
  engine.max_wait = values.duration("engine.max_wait");
  engine.padded = values.flag("engine.padded");
  engine.max_waiting_requests = values.integer("engine.max_waiting_requests");
  engine.queue_timeout = values.duration("engine.queue_timeout");
  engine.per_request = values.duration("cost.per_request");
  const bool caches = engine.name == "vllm-v1" || (engine.name == "sglang" && !engine.ignore_eos_admission) ||
                      engine.name == "tensorrt-llm";
  const bool can = caches || v0;
  engine.enable_prefix_caching =
      values.flag("engine.enable_prefix_caching", {caches, Origin::engine_default, engine.name});
  if (engine.enable_prefix_caching && !can) {
    const bool sglang = engine.name == "sglang";
    values.error("engine.enable_prefix_caching",
                 sglang ? "the radix cache is on and off at once" : engine.name + " has no prefix caching",
                 sglang ? "remove engine.disable_radix_cache" : "set it to false");
  }
}

double memory_share(Resolver& values, const Scenario& s) {
  const EngineConfig& engine = s.engine;
  if (engine.name == "sglang") {
    return values.number("engine.mem_fraction_static",
                         {sglang_mem_fraction(s), Origin::engine_default, "what activations and graphs leave"});
  }
  if (engine.name == "tensorrt-llm") return values.number("engine.free_gpu_memory_fraction");
  const bool later = engine.name == "vllm-v1" && version_at_least(engine.version, "0.21");
  return values.number("engine.gpu_memory_utilization",
                       {later ? 0.92 : 0.9, Origin::engine_default, fmt::format("{} {}", engine.name, engine.version)});
}

void read_startup_log(Resolver& values, const std::string& line, Scenario& s) {
  const std::optional<LoggedCache> cache = cache_of_log_line(line);
  if (!cache) {
    values.error("memory.startup_log", "'memory.startup_log' names no KV cache",
                 "copy the line with 'GPU KV cache size: ... tokens', '# GPU blocks: ...' or 'max_total_num_tokens=...'");
  } else if (s.memory.num_gpu_blocks_override) {
    values.error("memory.startup_log", "'memory.startup_log' and 'engine.num_gpu_blocks_override' both give the KV blocks",
                 "keep one of them");
  } else {
    s.memory.num_gpu_blocks_override = cache->in_tokens ? cache->value / s.engine.block_size : cache->value;
  }
}

void build_memory(Resolver& values, Scenario& s) {
  MemorySettings& memory = s.memory;
  EngineConfig& engine = s.engine;
  const std::int64_t block = engine.name == "sglang" ? 1 : engine.name == "tensorrt-llm" ? 32 : 16;
  engine.block_size =
      static_cast<int>(values.integer("engine.block_size", {block, Origin::engine_default, engine.name}));
  const bool whole_blocks = engine.name == "vllm-v0" && version_at_least(engine.version, "0.6") &&
                            engine.enable_chunked_prefill && engine.enable_prefix_caching;
  if (whole_blocks && engine.max_num_batched_tokens % engine.block_size != 0) {
    values.error(
        "engine.max_num_batched_tokens",
        fmt::format("vLLM {} with chunked prefill and prefix caching refuses to start with max_num_batched_tokens {}",
                    engine.version, engine.max_num_batched_tokens),
        fmt::format("it must be a multiple of block_size, {}", engine.block_size));
  }
  memory.gpu_memory_utilization = memory_share(values, s);
  memory.max_num_batched_tokens = engine.max_num_batched_tokens;
  memory.max_num_seqs = engine.max_num_seqs;
  memory.max_model_len = engine.max_model_len;
  memory.block_size = engine.block_size;
  memory.num_gpu_blocks_override = values.maybe_integer("engine.num_gpu_blocks_override");
  if (const auto line = values.maybe_text("memory.startup_log")) read_startup_log(values, *line, s);
  const auto bytes = [&](const char* path, std::optional<ByteCount>& out) {
    if (const auto given = values.maybe_quantity(path)) out = ByteCount{*given};
  };
  bytes("memory.activations", memory.activation_bytes);
  bytes("memory.cuda_graphs", memory.cuda_graph_bytes);
  bytes("memory.non_torch", memory.non_torch_bytes);
}

}  // namespace

namespace {

Rule<std::int64_t> captured_rows(const Scenario& s) {
  const EngineConfig& engine = s.engine;
  if (engine.name == "sglang") return {sglang_graphs(s), Origin::engine_default, "by GPU memory"};
  if (engine.name == "tensorrt-llm") return {128, Origin::engine_default, "TensorRT-LLM"};
  if (engine.name == "vllm-v0") return {256, Origin::engine_default, "vLLM V0"};
  return {std::min<std::int64_t>({2 * engine.max_num_seqs, 512, engine.max_num_batched_tokens}), Origin::engine_default,
          "min(2 x max_num_seqs, 512, budget)"};
}

}  // namespace

void build_engine(Resolver& values, Scenario& s) {
  EngineConfig& engine = s.engine;
  engine.name = s.deployment.engine_name;
  engine.version = s.deployment.engine_version;
  engine.data_parallel_size = s.deployment.parallelism.data;
  if (engine.name == "vllm-v1" || engine.name == "tensorrt-llm") {
    s.deployment.parallelism.micro_batches = s.deployment.parallelism.pipeline > 1;
    engine.micro_batches = s.deployment.parallelism.pipeline;
  }
  build_max_model_len(values, s);
  build_batch(values, s);
  build_scheduler(values, engine);
  build_memory(values, s);
  const bool eager = values.flag("engine.enforce_eager");
  const Rule<std::int64_t> captured = captured_rows(s);
  const std::int64_t graphs = values.integer("engine.max_cudagraph_capture_size", captured);
  s.deployment.cuda_graph_max_rows = eager ? 0 : static_cast<int>(graphs);
  if (values.diagnostics().has_errors()) return;
  if (s.deployment.level == CostLevel::affine) {
    // No hardware behind the costs: KV never binds unless it is given.
    engine.num_gpu_blocks = s.memory.num_gpu_blocks_override.value_or(std::int64_t{1} << 40);
    engine.reserve_null_block = s.memory.reserve_null_block;
    if (engine.name == "sglang") build_sglang_seats(values, engine);
    return;
  }
  const MemoryPlan plan = plan_memory(s.deployment, s.memory);
  engine.num_gpu_blocks = plan.num_gpu_blocks;
  engine.reserve_null_block = s.memory.reserve_null_block;
  if (engine.name == "sglang") build_sglang_seats(values, engine);
}

}  // namespace foretoken
