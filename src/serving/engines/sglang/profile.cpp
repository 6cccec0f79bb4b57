// SGLang.
#include <algorithm>

#include "serving/batching/batching_policy.hpp"
#include "serving/engines/engine_profile.hpp"
#include "serving/engines/launch_line.hpp"

namespace foretoken {
namespace {

// By GPU memory in GiB (src/serving/README.md, "Defaults"); graph sizes for fewer than four TP ranks and for more.
struct SglangSizes {
  double below_gib;
  std::int64_t chunk, graphs, graphs_wide;
};
SglangSizes sglang_sizes(const EngineSetting& setting) {
  constexpr SglangSizes kSizes[] = {
      {20, 2048, 8, 8}, {35, 2048, 24, 80}, {60, 4096, 32, 160}, {160, 8192, 256, 512}, {1e9, 16384, 512, 512}};
  const double gib = setting.deployment.gpu.memory_capacity.value / kGiB;
  SglangSizes sizes =
      *std::find_if(std::begin(kSizes), std::end(kSizes), [&](const auto& r) { return gib < r.below_gib; });
  if (!version_at_least(setting.engine.version, "0.5")) sizes.chunk = gib < 25 ? 2048 : 8192;
  return sizes;
}

std::int64_t sglang_graphs(const EngineSetting& setting) {
  const SglangSizes sizes = sglang_sizes(setting);
  return setting.deployment.parallelism.tensor >= 4 ? sizes.graphs_wide : sizes.graphs;
}

// What activations and CUDA graphs are left, as a share of the memory.
double sglang_mem_fraction(const EngineSetting& setting) {
  const double mib = setting.deployment.gpu.memory_capacity.value / kGiB * 1024;
  const Parallelism& split = setting.deployment.parallelism;
  if (!version_at_least(setting.engine.version, "0.5")) {
    if (mib > 80 * 1024) return (mib - 13 * 1024) / mib;
    return split.tensor >= 16  ? 0.79
           : split.tensor >= 8 ? 0.81
           : split.tensor >= 4 ? 0.85
           : split.tensor >= 2 ? 0.87
                               : 0.88;
  }
  const auto graphs = static_cast<double>(sglang_graphs(setting));
  const std::int64_t chunk_of_all = setting.engine.chunked_prefill_size * split.data;
  double reserved = 512 + 1.5 * static_cast<double>(std::max<std::int64_t>(chunk_of_all, 2048)) + 2.0 * graphs +
                    128.0 * split.tensor * split.pipeline;
  if (split.data > 1) reserved += (graphs > 300 ? 4.5 : 3.0) * graphs * split.data;
  if (mib > 60 * 1024) reserved = std::max(reserved, 10240.0);
  return std::max(0.05, (mib - reserved) / mib);
}

// Its figures are of all attention data-parallel ranks together (src/serving/README.md, "SGLang").
std::int64_t sglang_rank_share(std::int64_t of_all, const EngineConfig& engine) {
  return std::max<std::int64_t>(1, of_all / engine.data_parallel_size);
}

void read_sglang_batch(EngineKnobs& knobs, EngineSetting& setting) {
  EngineConfig& engine = setting.engine;
  engine.chunked_prefill_size =
      knobs.integer("engine.chunked_prefill_size", {sglang_sizes(setting).chunk, "by GPU memory"});
  engine.enable_chunked_prefill = engine.chunked_prefill_size > 0;
  if (engine.enable_chunked_prefill)
    engine.chunked_prefill_size = sglang_rank_share(engine.chunked_prefill_size, engine);
  engine.max_prefill_tokens = knobs.integer("engine.max_prefill_tokens");
  engine.enable_mixed_chunk = knobs.flag("engine.enable_mixed_chunk");
  engine.schedule_conservativeness = knobs.number("engine.schedule_conservativeness");
  engine.scheduler_recv_interval = knobs.integer("engine.scheduler_recv_interval");
  engine.ignore_eos_admission = knobs.flag("engine.disable_radix_cache");
  engine.max_num_batched_tokens = engine.enable_chunked_prefill ? engine.chunked_prefill_size : engine.max_model_len;
  engine.max_num_seqs = knobs.maybe_integer("engine.max_num_seqs").value_or(4096);  // see read_sglang_seats
  setting.memory.reserve_null_block = false;
  // Activations and graphs live in what mem_fraction_static leaves.
  setting.memory.activation_bytes = setting.memory.cuda_graph_bytes = ByteCount{0};
}

void read_sglang_seats(EngineKnobs& knobs, EngineConfig& engine) {
  const std::int64_t pool = engine.num_gpu_blocks * engine.block_size;
  const std::int64_t by_context = std::clamp<std::int64_t>(pool / engine.max_model_len * 512, 2048, 4096);
  KnobRule<std::int64_t> rule{std::max<std::int64_t>(1, std::min(pool / 2, by_context)),
                              "min(pool / 2, 2048 to 4096 by context)"};
  if (engine.speculation.on()) rule = {48, "sglang with speculation"};
  engine.max_num_seqs = knobs.integer("engine.max_num_seqs", rule);
  if (knobs.maybe_integer("engine.max_num_seqs")) engine.max_num_seqs = sglang_rank_share(engine.max_num_seqs, engine);
}

// (num_steps, topk, num_draft_tokens) by the model's family (arg_groups/speculative_hook.py); a chain verifies its
// steps.
DraftTree sglang_drafts(DraftMethod method, const ModelSpec& model, const DraftSize& given) {
  DraftTree tree;
  const bool wide = method == DraftMethod::eagle || method == DraftMethod::eagle3;
  const bool llama = wide && model.architecture.starts_with("Llama");
  const bool defaults = !given.steps;
  if (method == DraftMethod::ngram) {
    tree.tokens = static_cast<int>(given.tokens.value_or(given.steps.value_or(11) + 1));
    tree.steps = tree.tokens - 1;
    return tree;
  }
  if (method == DraftMethod::suffix || method == DraftMethod::medusa) {
    tree.problem = fmt::format("sglang has no {} speculation", to_string(method));
    return tree;
  }
  tree.steps = static_cast<int>(given.steps.value_or(llama ? 5 : 3));
  tree.branches = static_cast<int>(given.branches.value_or(defaults && llama ? 4 : 1));
  tree.tokens = tree.steps == 0      ? 1
                : tree.branches == 1 ? tree.steps + 1
                                     : static_cast<int>(given.tokens.value_or(llama ? 8 : tree.steps + 1));
  return tree;
}

void settle_sglang_speculation(EngineKnobs& knobs, EngineSetting& setting) {
  EngineConfig& engine = setting.engine;
  SpeculationConfig& spec = engine.speculation;
  const DraftSpec& draft = setting.deployment.draft;
  const std::int64_t tree = std::max<std::int64_t>(std::int64_t{draft.passes} * draft.branches, spec.tokens + 1);
  spec.lookahead = 2 * tree - spec.tokens - 1;
  if (engine.enable_mixed_chunk)
    knobs.warning("engine.enable_mixed_chunk", "'engine.enable_mixed_chunk' has no effect: speculation turns it off",
                  {});
  engine.enable_mixed_chunk = false;
  if (!spec.by_batch.empty())
    knobs.error("engine.speculative_config.num_speculative_tokens_per_batch_size",
                "drafts by batch size are vLLM's; SGLang's adaptive steps are not modelled", "leave it out");
}

// src/serving/README.md, "KV tiers".
void read_sglang_kv_offload(EngineKnobs& knobs, const EngineSetting& setting, KvOffloadSetting& offload) {
  if (!knobs.flag("engine.enable_hierarchical_cache")) return;
  KvOffloadConfig& kv = offload.kv;
  kv.backend = KvOffload::hicache;
  kv.unit_tokens = setting.engine.block_size;
  const double gb = knobs.number("engine.hicache_size");
  if (gb > 0)
    offload.host_bytes = gb * 1e9 * setting.deployment.parallelism.gpus();
  else
    offload.host_to_gpu = knobs.number("engine.hicache_ratio");
  const std::string write = knobs.text("engine.hicache_write_policy");
  kv.write = write == "write_through" ? KvWrite::through
             : write == "write_back"  ? KvWrite::back
                                      : KvWrite::through_selective;
  const std::string prefetch = knobs.text("engine.hicache_storage_prefetch_policy");
  kv.prefetch = prefetch == "best_effort"     ? KvPrefetch::best_effort
                : prefetch == "wait_complete" ? KvPrefetch::wait_complete
                                              : KvPrefetch::timeout;
  offload.copies_each_layer = knobs.text("engine.hicache_io_backend") == "direct";
  offload.latent_once = true;
  if (setting.engine.enable_prefix_caching) return;
  knobs.error("engine.enable_hierarchical_cache", "HiCache is a radix cache, and that is off",
              "remove engine.disable_radix_cache and enable_prefix_caching: false");
}

bool always_plans_ahead(DraftMethod, std::string_view) {
  return true;
}
bool can_always_plan_ahead(DraftMethod) {
  return true;
}

double read_sglang_memory_share(EngineKnobs& knobs, const EngineSetting& setting) {
  return knobs.number("engine.mem_fraction_static",
                      {sglang_mem_fraction(setting), "what activations and graphs leave"});
}

KnobRule<std::int64_t> sglang_captured_rows(const EngineSetting& setting) {
  return {sglang_graphs(setting), "by GPU memory"};
}

bool sglang_has_chunks(const EngineConfig& engine) {
  return engine.enable_chunked_prefill;
}

std::string sglang_launch_line(const LaunchRequest& launch) {
  const Parallelism& p = launch.deployment.parallelism;
  const EngineConfig& engine = launch.engine;
  LaunchLine line("python -m sglang.launch_server --model-path " + launch.model);
  line.flag("--tp-size", p.tensor * p.data);
  line.size("--pp-size", p.pipeline);
  if (p.data > 1) line.word(fmt::format("--dp-size {} --enable-dp-attention", p.data));
  line.flag("--context-length", engine.max_model_len);
  line.flag("--max-running-requests", engine.max_num_seqs * p.data);
  line.flag("--chunked-prefill-size", engine.enable_chunked_prefill ? engine.chunked_prefill_size * p.data : -1);
  if (engine.lora.on()) {
    line.word("--enable-lora");
    line.flag("--max-loras-per-batch", engine.lora.max_loras);
    line.flag("--max-lora-rank", launch.deployment.lora.max_rank);
  }
  if (engine.speculation.on()) {
    const DraftSpec& draft = launch.deployment.draft;
    const bool ngram = draft.method == DraftMethod::ngram;
    const bool alone = draft.method == DraftMethod::draft_model;
    line.flag("--speculative-algorithm", ngram                                 ? "NGRAM"
                                         : alone                               ? "STANDALONE"
                                         : draft.method == DraftMethod::eagle3 ? "EAGLE3"
                                         : draft.method == DraftMethod::mtp    ? "NEXTN"
                                                                               : "EAGLE");
    if (!draft.checkpoint.empty()) line.flag("--speculative-draft-model-path", draft.checkpoint);
    if (!ngram) {
      line.flag("--speculative-num-steps", draft.passes);
      line.flag("--speculative-eagle-topk", draft.branches);
    }
    line.flag("--speculative-num-draft-tokens", engine.speculation.tokens + 1);
  }
  if (const KvOffloadConfig& kv = engine.kv_offload; kv.on()) {
    const double bytes = static_cast<double>(kv.tiers.front().units) * static_cast<double>(kv.unit_bytes);
    line.word("--enable-hierarchical-cache");
    line.flag("--hicache-size", fmt::format("{:.4g}", bytes * 1e-9 / p.gpus()));
    line.flag("--hicache-write-policy", kv.write == KvWrite::through ? "write_through"
                                        : kv.write == KvWrite::back  ? "write_back"
                                                                     : "write_through_selective");
  }
  line.flag("--mem-fraction-static", fmt::format("{:.4g}", launch.memory.gpu_memory_utilization));
  return line.take();
}

}  // namespace

EngineProfile sglang_profile() {
  static constexpr std::string_view kReleases[] = {"0.4", "0.4.6", "0.5", "0.5.9", "0.5.18"};
  static constexpr std::string_view kWords[] = {"sglang"};
  static constexpr std::string_view kKnobs[] = {"engine.async_scheduling",
                                                "engine.chunked_prefill_size",
                                                "engine.max_prefill_tokens",
                                                "engine.enable_mixed_chunk",
                                                "engine.schedule_conservativeness",
                                                "engine.disable_radix_cache",
                                                "engine.scheduler_recv_interval",
                                                "engine.mem_fraction_static",
                                                "engine.enable_lora",
                                                "engine.max_loras",
                                                "engine.max_lora_rank",
                                                "engine.max_cpu_loras",
                                                "engine.enable_hierarchical_cache",
                                                "engine.hicache_ratio",
                                                "engine.hicache_size",
                                                "engine.hicache_write_policy",
                                                "engine.hicache_io_backend",
                                                "engine.hicache_storage_prefetch_policy"};
  static constexpr KvFormat kKvFormats[] = {KvFormat::bf16, KvFormat::fp8, KvFormat::fp4};
  EngineProfile p;
  p.info = {"sglang", "SGLang: prefill batches alone, one split prompt, admission by expected output, retraction"};
  p.make = make_sglang;
  p.prompts_wait_for_room = true;
  p.idle_tokens = 0;
  p.hands_over = "sglang";
  p.seats_of_all_ranks = true;
  p.default_release = "0.5.9";
  p.releases = kReleases;
  p.token_budget = {"engine.chunked_prefill_size", &EngineConfig::chunked_prefill_size, false, sglang_has_chunks};
  p.memory_share = {"engine.mem_fraction_static"};
  p.own_knobs = kKnobs;
  p.plans_ahead_from = "0.4";
  p.block_size = 1;
  p.prefix_caching = PrefixCaching::on;
  p.read_batch = read_sglang_batch;
  p.read_seats = read_sglang_seats;
  p.read_memory_share = read_sglang_memory_share;
  p.captured_rows = sglang_captured_rows;
  // server_args.py, sgl-project/sglang pull request 30775.
  p.speculation = {sglang_drafts,
                   true,
                   always_plans_ahead,
                   can_always_plan_ahead,
                   settle_sglang_speculation,
                   "SGLang refuses to start with both unless an experimental switch is set"};
  p.lora = {8, true, true};
  p.read_kv_offload = read_sglang_kv_offload;
  p.kv_formats = kKvFormats;
  p.launch_line = sglang_launch_line;
  p.role_flags = [](bool prefills, std::string_view semantics) {
    return semantics != "sglang" ? std::string()
           : prefills            ? " --disaggregation-mode prefill"
                                 : " --disaggregation-mode decode";
  };
  p.backend_words = kWords;
  return p;
}

}  // namespace foretoken
