// vLLM's engines: V1, and V0 as it was up to 0.6.
#include <fmt/format.h>

#include <algorithm>

#include "serving/batching/batching_policy.hpp"
#include "serving/engines/engine_profile.hpp"
#include "serving/engines/vllm/vllm.hpp"

namespace foretoken {
namespace {

constexpr std::string_view kVllmWords[] = {"vllm"};

// get_batch_defaults for the API server: by GPU, then clamped by each other.
void read_v1_batch(EngineKnobs& knobs, EngineSetting& setting) {
  EngineConfig& engine = setting.engine;
  const bool large = is_large_gpu(setting.deployment.gpu);
  engine.enable_chunked_prefill = knobs.flag("engine.enable_chunked_prefill", {true, "vLLM V1"});
  const auto given_budget = knobs.maybe_integer("engine.max_num_batched_tokens");
  KnobRule<std::int64_t> seats{large ? 1024 : 256, large_gpu_reason(large)};
  if (given_budget && *given_budget < seats.value) {
    seats.value = *given_budget;
    seats.reason += ", at most max_num_batched_tokens";
  }
  engine.max_num_seqs = knobs.integer("engine.max_num_seqs", seats);
  read_budget_by_gpu(knobs, setting);
  if (engine.max_num_batched_tokens < engine.max_num_seqs) {
    knobs.warning("engine.max_num_batched_tokens",
                  fmt::format("{} is below max_num_seqs {}: vLLM refuses to start with these",
                              engine.max_num_batched_tokens, engine.max_num_seqs),
                  "raise the budget or lower engine.max_num_seqs");
  }
}

double read_v1_memory_share(EngineKnobs& knobs, const EngineSetting& setting) {
  const EngineConfig& engine = setting.engine;
  return knobs.number("engine.gpu_memory_utilization", {version_at_least(engine.version, "0.21") ? 0.92 : 0.9,
                                                        fmt::format("{} {}", engine.name, engine.version)});
}

bool is_model(DraftMethod method) {
  return method == DraftMethod::eagle || method == DraftMethod::eagle3 || method == DraftMethod::mtp;
}
// Sampled tokens must be on the host before these can look for drafts (config/vllm.py).
bool v1_can_plan_ahead(DraftMethod method) {
  return is_model(method) || method == DraftMethod::draft_model;
}
// Draft models by default in main of August 2026, not yet in 0.22.
bool v1_plans_ahead(DraftMethod method, std::string_view release) {
  return is_model(method) || (method == DraftMethod::draft_model && version_at_least(release, "0.28"));
}

// src/serving/README.md, "Speculation".
void settle_v1_speculation(EngineKnobs& knobs, EngineSetting& setting) {
  EngineConfig& engine = setting.engine;
  SpeculationConfig& spec = engine.speculation;
  const DraftMethod method = setting.deployment.draft.method;
  spec.lookahead = v1_can_plan_ahead(method) ? spec.tokens : 0;
  spec.shortens_hits = is_model(method);
  if (!spec.by_batch.empty() && !version_at_least(engine.version, "0.24"))
    knobs.error("engine.speculative_config.num_speculative_tokens_per_batch_size",
                fmt::format("vLLM {} has no drafts by batch size: it came with 0.24", engine.version),
                "set engine.version: \"0.24\"");
  // The drafter's own slots are taken of the budget (config/vllm.py, _set_max_num_scheduled_tokens), from 0.28 on only
  // for who is in the step (pull request 51725).
  const std::int64_t slots = setting.deployment.draft.slots();
  if (slots == 0 || !version_at_least(engine.version, "0.16")) return;
  const bool of_all_seats = !version_at_least(engine.version, "0.28");
  (of_all_seats ? spec.reserved_tokens : spec.slots_per_request) = slots * (of_all_seats ? engine.max_num_seqs : 1);
  if (engine.max_num_batched_tokens > spec.reserved_tokens + spec.slots_per_request) return;
  knobs.error("engine.speculative_config",
              fmt::format("vLLM refuses to start: of max_num_batched_tokens {} nothing is left beside {} of the "
                          "drafter for {}",
                          engine.max_num_batched_tokens, slots == 1 ? "a token" : fmt::format("{} tokens", slots),
                          of_all_seats ? fmt::format("each of max_num_seqs {}", engine.max_num_seqs) : "a request"),
              of_all_seats ? "raise the budget or lower engine.max_num_seqs" : "raise the budget");
  spec.reserved_tokens = spec.slots_per_request = 0;
}

// src/serving/README.md, "KV tiers".
void read_v1_kv_offload(EngineKnobs& knobs, const EngineSetting& setting, KvOffloadSetting& offload) {
  offload.host_bytes = knobs.number("engine.kv_offloading_size") * kGiB;
  if (offload.host_bytes == 0) return;
  KvOffloadConfig& kv = offload.kv;
  kv.unit_tokens = setting.engine.block_size;
  kv.before_hand_overs = knobs.text("engine.kv_connector_extra_config.asked_first") == "tiers";
  if (knobs.text("engine.kv_offloading_backend") == "native") {
    kv.backend = KvOffload::native;
    kv.prompt_only = knobs.flag("engine.kv_connector_extra_config.offload_prompt_only");
    offload.copies_each_unit = true;  // all layers of a block lie side by side (0.12)
    return;
  }
  kv.backend = KvOffload::lmcache;
  kv.unit_tokens = knobs.integer("engine.kv_connector_extra_config.chunk_size");
  kv.layerwise = knobs.flag("engine.kv_connector_extra_config.use_layerwise");
  if (kv.unit_tokens % setting.engine.block_size == 0) return;
  knobs.error("engine.kv_connector_extra_config.chunk_size",
              fmt::format("chunks of {} tokens do not consist of whole blocks of {}", kv.unit_tokens,
                          setting.engine.block_size),
              "give a multiple of engine.block_size");
}

// --swap-space is of each GPU (config.py); preemption by swap only when asked for, for requests of one sequence.
void read_v0_kv_offload(EngineKnobs& knobs, const EngineSetting& setting, KvOffloadSetting& offload) {
  if (knobs.text("engine.preemption_mode") == "recompute") return;
  offload.swap_bytes = knobs.number("engine.swap_space") * kGiB * setting.deployment.parallelism.gpus();
  offload.copies_each_layer = true;  // csrc/cache_kernels.cu, swap_blocks
  if (offload.swap_bytes > 0) return;
  knobs.error("engine.swap_space", "'engine.preemption_mode' is swap, and there is no swap space",
              "give GiB for each GPU, or leave preemption_mode out");
}

// src/serving/README.md, "Defaults".
void read_v0_batch(EngineKnobs& knobs, EngineSetting& setting) {
  EngineConfig& engine = setting.engine;
  const bool long_context = engine.max_model_len > 32768;
  engine.enable_chunked_prefill = knobs.flag("engine.enable_chunked_prefill", {long_context, "on beyond 32768 tokens"});
  engine.max_num_seqs = knobs.integer("engine.max_num_seqs", {256, "vLLM V0"});
  const std::int64_t chunked = version_at_least(engine.version, "0.6") ? 2048 : 512;
  const bool whole = !engine.enable_chunked_prefill;
  engine.max_num_batched_tokens =
      knobs.integer("engine.max_num_batched_tokens",
                    {whole ? std::max<std::int64_t>(engine.max_model_len, 2048) : chunked,
                     whole ? "max(max_model_len, 2048)" : "chunked prefill of vLLM " + engine.version});
  const std::int64_t least = whole ? std::max(engine.max_model_len, engine.max_num_seqs) : engine.max_num_seqs;
  if (engine.max_num_batched_tokens < least) {
    knobs.error("engine.max_num_batched_tokens",
                fmt::format("vLLM V0 refuses to start with max_num_batched_tokens {} below {}",
                            engine.max_num_batched_tokens, least),
                whole ? "it must be at least max_model_len and max_num_seqs" : "it must be at least max_num_seqs");
  }
  setting.memory.reserve_null_block = false;
}

void check_v0_start(EngineKnobs& knobs, const EngineConfig& engine) {
  const bool whole_blocks =
      version_at_least(engine.version, "0.6") && engine.enable_chunked_prefill && engine.enable_prefix_caching;
  if (!whole_blocks || engine.max_num_batched_tokens % engine.block_size == 0) return;
  knobs.error(
      "engine.max_num_batched_tokens",
      fmt::format("vLLM {} with chunked prefill and prefix caching refuses to start with max_num_batched_tokens {}",
                  engine.version, engine.max_num_batched_tokens),
      fmt::format("it must be a multiple of block_size, {}", engine.block_size));
}

KnobRule<std::int64_t> v0_captured_rows(const EngineSetting&) {
  return {256, "vLLM V0"};
}

EngineProfile any_vllm() {
  static constexpr KvFormat kKvFormats[] = {KvFormat::bf16, KvFormat::fp8};  // V0
  EngineProfile p;
  p.kv_formats = kKvFormats;
  p.budget_must_hold_prompts = true;
  p.launch_line = vllm_launch_line;
  p.quantizes = vllm_quantization;
  p.backend_words = kVllmWords;
  return p;
}

}  // namespace

EngineProfile vllm_v1_profile() {
  static constexpr std::string_view kReleases[] = {"0.15", "0.16", "0.17", "0.18", "0.19", "0.20",
                                                   "0.21", "0.22", "0.23", "0.24", "0.28"};
  static constexpr std::string_view kKnobs[] = {"engine.enable_chunked_prefill",
                                                "engine.long_prefill_token_threshold",
                                                "engine.watermark",
                                                "engine.async_scheduling",
                                                "engine.scheduler_reserve_full_isl",
                                                "engine.disable_hybrid_kv_cache_manager",
                                                "engine.enable_lora",
                                                "engine.max_loras",
                                                "engine.max_lora_rank",
                                                "engine.max_cpu_loras",
                                                "engine.api_server_count",
                                                "engine.kv_offloading_size",
                                                "engine.kv_offloading_backend",
                                                "engine.kv_connector_extra_config.offload_prompt_only",
                                                "engine.kv_connector_extra_config.asked_first",
                                                "engine.kv_connector_extra_config.chunk_size",
                                                "engine.kv_connector_extra_config.use_layerwise",
                                                "engine.disable_chunked_mm_input",
                                                "engine.mm_encoder_tp_mode"};
  static constexpr KvFormat kKvFormats[] = {KvFormat::bf16, KvFormat::fp8, KvFormat::fp8_per_token_head,
                                            KvFormat::int8_per_token_head};
  EngineProfile p = any_vllm();
  p.kv_formats = kKvFormats;
  p.info = {"vllm-v1", "vLLM V1: continuous batching, chunked prefill, running requests first"};
  p.make = make_vllm_v1;
  p.last_row = LastRow::foreseen;
  p.hands_over = "nixl";
  // NIXL's connector is the same on both sides; what a request has with it says who sends.
  p.role_flags = [](bool, std::string_view semantics) -> std::string {
    if (semantics != "nixl") return {};
    return R"( --kv-transfer-config '{"kv_connector":"NixlConnector","kv_role":"kv_both"}')";
  };
  p.hands_over_too = "p2p-nccl";
  p.hands_over_too_before = "0.28";  // main 017e9f4448 has no kv_connector/v1/p2p
  p.partial_blocks_first = "0.24";
  p.pipelines_micro_batches = true;
  p.groups_layers = true;
  p.hands_over_groups = "0.19";             // NIXL's connector says SupportsHMA (pull request 35758)
  p.hands_over_groups_by_default = "0.23";  // 41847
  p.hands_over_states = "0.23";             // pull request 41869 (Mamba-2: 36687)
  p.encodes_media = true;
  p.seats_only_cap = true;
  p.make_balance = make_vllm_balance;
  p.has_waves = true;
  p.default_release = "0.19";
  p.releases = kReleases;
  p.own_knobs = kKnobs;
  p.plans_ahead_from = "0.14";
  p.prefix_caching = PrefixCaching::on;
  p.read_batch = read_v1_batch;
  p.read_memory_share = read_v1_memory_share;
  p.captured_rows = captured_by_seats;
  // vllm-project/vllm issues 44697, 52069 and 57755.
  p.speculation = {draft_chain,
                   false,
                   v1_plans_ahead,
                   v1_can_plan_ahead,
                   settle_v1_speculation,
                   "releases of vLLM up to 0.29 refuse to start with both or answer wrongly",
                   "0.16"};  // pull request 32887
  p.read_kv_offload = read_v1_kv_offload;
  return p;
}

EngineProfile vllm_v0_profile() {
  static constexpr std::string_view kReleases[] = {"0.2", "0.3", "0.4", "0.5", "0.6"};
  static constexpr std::string_view kKnobs[] = {
      "engine.enable_chunked_prefill", "engine.watermark",     "engine.enable_lora", "engine.max_loras",
      "engine.max_lora_rank",          "engine.max_cpu_loras", "engine.swap_space",  "engine.preemption_mode"};
  EngineProfile p = any_vllm();
  p.info = {"vllm-v0", "vLLM V0: prompts first while decodes wait, or chunked prefill; watermark"};
  p.make = make_vllm_v0;
  p.publishes_kv_events = false;  // its block manager has none (they came with V1)
  p.default_release = "0.6";
  p.releases = kReleases;
  p.own_knobs = kKnobs;
  p.watermark = 0.01;
  p.prefix_caching = PrefixCaching::off;
  p.read_batch = read_v0_batch;
  p.read_memory_share = read_gpu_memory_utilization;
  p.captured_rows = v0_captured_rows;
  p.check_start = check_v0_start;
  p.lora.with_adapters = 0.5;  // src/cost/README.md, "Adapters"
  p.forks_answers = true;
  p.read_kv_offload = read_v0_kv_offload;
  return p;
}

}  // namespace foretoken
