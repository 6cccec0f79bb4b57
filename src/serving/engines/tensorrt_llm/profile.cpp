// TensorRT-LLM.
#include "serving/batching/batching_policy.hpp"
#include "serving/engines/engine_profile.hpp"
#include "serving/engines/launch_line.hpp"

namespace foretoken {
namespace {

void read_tensorrt_batch(EngineKnobs& knobs, EngineSetting& setting) {
  EngineConfig& engine = setting.engine;
  engine.enable_chunked_prefill = knobs.flag("engine.enable_chunked_prefill", {false, "TensorRT-LLM"});
  engine.max_num_seqs = knobs.integer("engine.max_num_seqs", {2048, "TensorRT-LLM"});
  engine.max_num_batched_tokens = knobs.integer("engine.max_num_batched_tokens", {8192, "TensorRT-LLM"});
  engine.capacity_scheduler_policy = knobs.text("engine.capacity_scheduler_policy");
  engine.context_chunking_policy = knobs.text("engine.context_chunking_policy");
  engine.batch_wait_timeout_iters = knobs.integer("engine.batch_wait_timeout_iters");
  engine.batch_wait_max_tokens_ratio = knobs.number("engine.batch_wait_max_tokens_ratio");
  engine.attention_dp_enable_balance = knobs.flag("engine.attention_dp_enable_balance");
  engine.attention_dp_timeout_iters = knobs.integer("engine.attention_dp_timeout_iters");
  engine.attention_dp_batching_wait_iters = knobs.integer("engine.attention_dp_batching_wait_iters");
  setting.memory.reserve_null_block = false;
}

// EAGLE-3 and MTP run inside the graph of the target; the others need the overlap scheduler off (docs, "Speculative
// Decoding").
bool tensorrt_can_plan_ahead(DraftMethod method) {
  return method == DraftMethod::eagle3 || method == DraftMethod::mtp;
}
bool tensorrt_plans_ahead(DraftMethod method, std::string_view release) {
  return tensorrt_can_plan_ahead(method) && version_at_least(release, "1.0");
}
void settle_tensorrt_speculation(EngineKnobs& knobs, EngineSetting& setting) {
  if (!setting.engine.speculation.by_batch.empty())
    knobs.error("engine.speculative_config.num_speculative_tokens_per_batch_size",
                "drafts by batch size are vLLM's: TensorRT-LLM pads every generation to the same number",
                "leave it out");
}

double read_tensorrt_memory_share(EngineKnobs& knobs, const EngineSetting&) {
  return knobs.number("engine.free_gpu_memory_fraction");
}

KnobRule<std::int64_t> tensorrt_captured_rows(const EngineSetting&) {
  return {128, "TensorRT-LLM"};
}

// The C++ executor: NVIDIA/TensorRT-LLM:executor/requestUtils.cpp, getLeaderNewReqWithIds. PyTorch's has a queue by
// priority after 1.2.
void check_tensorrt_start(EngineKnobs& knobs, const EngineConfig& engine) {
  if (engine.scheduling_policy == "fcfs") return;
  const std::string refused =
      "'engine.scheduling_policy: " + engine.scheduling_policy + "' is not modelled for tensorrt-llm: ";
  knobs.error("engine.scheduling_policy",
              refused + (version_at_least(engine.version, "1.0")
                             ? "its PyTorch executor serves first come, first served up to 1.2"
                             : "its C++ executor keeps also running requests in order of priority, started contexts "
                               "among them"),
              "leave it out; engine.name: vllm-v1 has priorities");
}

std::string tensorrt_launch_line(const LaunchRequest& launch) {
  const Parallelism& p = launch.deployment.parallelism;
  LaunchLine line("trtllm-serve " + launch.model);
  line.flag("--tp_size", p.tensor * p.data);
  line.size("--pp_size", p.pipeline);
  line.flag("--max_seq_len", launch.engine.max_model_len);
  line.flag("--max_batch_size", launch.engine.max_num_seqs);
  line.flag("--max_num_tokens", launch.engine.max_num_batched_tokens);
  line.flag("--kv_cache_free_gpu_memory_fraction", fmt::format("{:g}", launch.memory.gpu_memory_utilization));
  return line.take();
}

bool guarantees_outputs(const EngineConfig& engine) {
  return engine.capacity_scheduler_policy != "MAX_UTILIZATION";
}

}  // namespace

EngineProfile tensorrt_llm_profile() {
  static constexpr std::string_view kReleases[] = {"0.6",  "0.7",  "0.8",  "0.9",  "0.10", "0.11", "0.12",
                                                   "0.13", "0.14", "0.15", "0.16", "0.17", "0.18", "0.19",
                                                   "0.20", "0.21", "1.0",  "1.1",  "1.2"};
  static constexpr std::string_view kWords[] = {"trt", "tensorrt"};
  static constexpr std::string_view kKnobs[] = {"engine.enable_chunked_prefill",
                                                "engine.async_scheduling",
                                                "engine.capacity_scheduler_policy",
                                                "engine.context_chunking_policy",
                                                "engine.batch_wait_timeout_iters",
                                                "engine.batch_wait_max_tokens_ratio",
                                                "engine.attention_dp_enable_balance",
                                                "engine.free_gpu_memory_fraction",
                                                "engine.enable_lora",
                                                "engine.max_loras",
                                                "engine.max_lora_rank"};
  static constexpr KvFormat kKvFormats[] = {KvFormat::bf16, KvFormat::fp8, KvFormat::int8, KvFormat::fp4};
  EngineProfile p;
  p.info = {"tensorrt-llm", "TensorRT-LLM: in-flight batching, KV reserved to the end or paused when it runs out"};
  p.make = make_tensorrt_llm;
  p.stores_whole_contexts = true;
  p.hands_over = "tensorrt-llm";
  p.pipelines_micro_batches = true;
  p.make_balance = make_least_requests;
  p.default_release = "1.0";
  p.releases = kReleases;
  p.memory_share = {"engine.free_gpu_memory_fraction"};
  p.own_knobs = kKnobs;
  p.budget_must_hold_prompts = true;
  p.plans_ahead_from = "1.0";  // the overlap scheduler of the PyTorch executor, the default one since
  p.guarantees_outputs = guarantees_outputs;
  p.block_size = 32;
  p.forks_answers = true;
  p.lora = {.max_loras = 4, .keeps_all = true, .max_rank = 64, .in_pages = true};
  p.prefix_caching = PrefixCaching::on;
  p.read_batch = read_tensorrt_batch;
  p.read_memory_share = read_tensorrt_memory_share;
  p.captured_rows = tensorrt_captured_rows;
  p.check_start = check_tensorrt_start;
  // NVIDIA/TensorRT-LLM issue 9009, py_executor.py.
  p.speculation = {draft_chain,
                   false,
                   tensorrt_plans_ahead,
                   tensorrt_can_plan_ahead,
                   settle_tensorrt_speculation,
                   "TensorRT-LLM's pipelined loop supports no drafting and refuses to start"};
  p.kv_formats = kKvFormats;
  p.unpacks_weights = false;
  p.launch_line = tensorrt_launch_line;
  p.backend_words = kWords;
  return p;
}

}  // namespace foretoken
