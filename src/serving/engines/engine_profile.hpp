// All that differs between engines from the simulation upwards. What differs below it (host costs, memory
// plan, kernels) is in src/cost/levels/engine_costs.hpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serving/balance/rank_balance.hpp"
#include "serving/engines/engine_knobs.hpp"
#include "serving/policies.hpp"
#include "serving/state/kv_rules.hpp"

namespace foretoken {

// Only serving itself needs more than its name: what it includes takes seconds to read.
class BatchingPolicy;

// The knob that limits the tokens of a step, under its engine's name. Advice, levers and sentences about a scenario
// take it from the scenario's engine, so that they cannot name another's.
struct TokenBudgetKnob {
  std::string_view key = "engine.max_num_batched_tokens";
  std::int64_t EngineConfig::*value = &EngineConfig::max_num_batched_tokens;
  bool counts_decodes = true;  // a decoding request takes one token of it
  // Null: always. Else whether the engine limits steps at all.
  bool (*in_use)(const EngineConfig&) = nullptr;

  [[nodiscard]] std::string_view name() const { return key.substr(key.rfind('.') + 1); }
  [[nodiscard]] std::int64_t of(const EngineConfig& engine) const { return engine.*value; }
  [[nodiscard]] bool limits(const EngineConfig& engine) const { return in_use == nullptr || in_use(engine); }
  void set(EngineConfig& engine, std::int64_t tokens) const { engine.max_num_batched_tokens = engine.*value = tokens; }
};

// The knob that gives weights and KV cache, or the KV cache alone, their share of the memory.
struct MemoryShareKnob {
  std::string_view key = "engine.gpu_memory_utilization";
  [[nodiscard]] std::string_view name() const { return key.substr(key.rfind('.') + 1); }
};

enum class PrefixCaching { none, off, on };  // on, off: by default

// What a start line is made of. `quantization` is the scenario's, `in_checkpoint`: the model's files hold it.
struct LaunchRequest {
  const Deployment& deployment;
  const EngineConfig& engine;
  const MemorySettings& memory;
  std::string model;
  std::string quantization;
  bool quantization_in_checkpoint = false;
};

// What a scenario says of the size of drafts.
struct DraftSize {
  std::optional<std::int64_t> steps, branches, tokens;
};
// Steps of the drafter, branches of its tree, and what a row verifies, its own token included. Steps 0: nothing drafts.
struct DraftTree {
  int steps = 0;
  int branches = 1;
  int tokens = 1;
  std::string problem = {};  // not empty: the engine would not start so
};
// How an engine speculates. Null `drafts`: not at all, or it is not modelled.
struct SpeculationProfile {
  DraftTree (*drafts)(DraftMethod method, const ModelSpec& model, const DraftSize& given) = nullptr;
  bool has_trees = false;
  // Whether a step can be planned before the result of the one before it is known, by default, and at all.
  bool (*plans_ahead)(DraftMethod method, std::string_view release) = nullptr;
  bool (*can_plan_ahead)(DraftMethod method) = nullptr;
  // What follows for blocks and budget; seats and budget are known.
  void (*settle)(EngineKnobs&, EngineSetting&) = nullptr;
  std::string_view with_stages = {};    // what becomes of drafts where the model is split into pipeline stages
  std::string_view parallel_from = {};  // the first release with drafters that make all drafts in one pass; empty: none
};
// A chain of drafts, their number given.
[[nodiscard]] DraftTree draft_chain(DraftMethod method, const ModelSpec& model, const DraftSize& given);

// LoRA adapters of an engine that reads engine.enable_lora.
struct LoraProfile {
  std::int64_t max_loras = 1;    // by default
  bool base_takes_slot = false;  // requests of the base model use a slot too
  bool keeps_all = false;        // in host memory, from the start on
  std::int64_t max_rank = 16;    // by default
  bool in_pages = false;         // of a pool that max_loras of max_rank decide, not in slots
  double with_adapters = 0;      // by which a step with any is longer, beside the share of each
};

// What an engine says of its KV tiers; sizes and links follow from hardware (src/scenario/build_kv_offload.cpp).
struct KvOffloadSetting {
  KvOffloadConfig& kv;
  double host_bytes = 0;           // of all GPUs of a rank together
  double host_to_gpu = 0;          // instead: so many times what the GPU has
  double swap_bytes = 0;           // vLLM V0: of all GPUs of a rank together
  bool copies_each_layer = false;  // a unit is copied by a call for keys and values of each layer,
  bool copies_each_unit = false;   // ... or by one
  bool latent_once = false;        // of latent attention one copy serves all ranks of TP
};

// A row of the table. Defaults are what an engine without peculiarities has.
struct EngineProfile {
  PolicyInfo info;  // engine.name and what it is

  // ---- scheduling ----
  std::unique_ptr<BatchingPolicy> (*make)() = nullptr;
  BlockPolicy blocks = BlockPolicy::grow;
  LastRow last_row = LastRow::wasted;
  bool stores_whole_contexts = false;  // nothing of a prompt is found before all of it is computed
  std::string_view
      partial_blocks_first;  // from this release on, blocks that are not full are reused first; empty: never
  // Whether nobody is ever preempted; null: somebody may be.
  bool (*guarantees_outputs)(const EngineConfig&) = nullptr;
  bool prompts_wait_for_room = false;    // nobody makes room for the rest of a prompt that has begun
  bool closed_batches = false;           // nobody joins a batch that runs
  bool pipelines_micro_batches = false;  // pipeline stages work on micro-batches of one step
  // How its replicas hand requests over (a semantics of `disaggregation`); empty: they cannot.
  std::string_view hands_over = {};
  // Another one that it has in releases before this one.
  std::string_view hands_over_too = {}, hands_over_too_before = {};
  bool publishes_load = true;       // how many wait and run, how full its KV cache is
  bool publishes_kv_events = true;  // which blocks it has cached
  bool encodes_media = false;       // its scheduling of the encoder of images and sound is simulated
  bool groups_layers = false;       // layers of several kinds share its KV blocks (disable_hybrid_kv_cache_manager)
  // Of these, releases from which its hand-overs can bring several groups of layers, and do by themselves.
  std::string_view hands_over_groups = {}, hands_over_groups_by_default = {};
  std::string_view hands_over_states = {};  // the same of states of recurrent layers
  bool seats_only_cap = false;              // a run that never fills max_num_seqs is the same with any larger one

  // ---- ranks of attention data parallelism ----
  std::unique_ptr<RankBalance> (*make_balance)(const EngineConfig&) = make_ranks_in_turn;
  bool has_waves = false;           // dummy steps until the next check whether any rank has work
  std::int64_t idle_tokens = 1;     // of a rank that only takes part
  bool seats_of_all_ranks = false;  // max_num_seqs is of all ranks together

  // ---- releases: what rules depend on; none: no rule does ----
  std::string_view default_release;
  std::span<const std::string_view> releases = {};

  // ---- knobs ----
  TokenBudgetKnob token_budget;
  MemoryShareKnob memory_share;
  std::span<const std::string_view> own_knobs = {};  // those that it reads and not every engine has
  bool budget_must_hold_prompts = false;             // without chunked prefill
  std::string_view plans_ahead_from;  // async_scheduling is on by default from this release on; empty: it has none
  std::string_view reserves_full_isl_from = "0.19";  // the same for scheduler_reserve_full_isl
  double watermark = 0;
  int block_size = 16;
  PrefixCaching prefix_caching = PrefixCaching::none;
  // Seats, budgets and what only this engine has.
  void (*read_batch)(EngineKnobs&, EngineSetting&) = nullptr;
  // Null: max_num_seqs does not follow from the KV cache. Called when num_gpu_blocks is known.
  void (*read_seats)(EngineKnobs&, EngineConfig&) = nullptr;
  double (*read_memory_share)(EngineKnobs&, const EngineSetting&) = nullptr;
  // Largest batch captured as a CUDA graph, by default.
  KnobRule<std::int64_t> (*captured_rows)(const EngineSetting&) = nullptr;
  // Null: any combination will do. What the engine refuses to start with, or has and is not modelled.
  void (*check_start)(EngineKnobs&, const EngineConfig&) = nullptr;

  SpeculationProfile speculation = {};
  LoraProfile lora = {};
  bool forks_answers = false;  // several answers to a request have one prefill, and hold its blocks together
  // KV caches outside the GPU; null: it has none, or they are not modelled. num_gpu_blocks is known.
  void (*read_kv_offload)(EngineKnobs&, const EngineSetting&, KvOffloadSetting&) = nullptr;

  // ---- number formats ----
  std::span<const KvFormat> kv_formats = {};  // of its KV cache; none: nobody says
  bool unpacks_weights = true;  // FP8 and FP4 weights, to 16 bits (Marlin kernels), where a GPU cannot multiply them

  // ---- outside the simulation ----
  // Null: it has no start line. Flags as the engine spells them.
  std::string (*launch_line)(const LaunchRequest&) = nullptr;
  // What it says besides as one of a pair of pools that hand over by these semantics; null or empty: no flag does it.
  std::string (*role_flags)(bool prefills, std::string_view semantics) = nullptr;
  // The engine's name of a format that it quantises or unpacks itself; null or empty: only a checkpoint can bring it.
  std::string (*quantizes)(std::string_view quantization) = nullptr;
  std::span<const std::string_view> backend_words = {};  // of these, benchmark tools call it by one

  [[nodiscard]] bool reads(std::string_view key) const {
    if (key == TokenBudgetKnob{}.key) return token_budget.key == key;
    if (key == MemoryShareKnob{}.key) return memory_share.key == key;
    for (const std::string_view own : own_knobs) {
      if (own == key) return true;
    }
    return false;
  }
  // What it has for the usual budget or share of memory, which it does not read.
  [[nodiscard]] std::string_view instead_of(std::string_view key) const {
    return key == TokenBudgetKnob{}.key ? token_budget.key : memory_share.key;
  }
};

// The rows, one line each in table.cpp, in the order of help and schema.
[[nodiscard]] std::span<const EngineProfile> engine_profiles();
// Precondition: the name is in the table; an unknown name is an InternalError.
[[nodiscard]] const EngineProfile& find_engine(std::string_view name);
// The engines whose own knob it is, in the table's order; empty: every engine reads it, or none has it.
[[nodiscard]] std::vector<std::string_view> engines_with_own(std::string_view key);

[[nodiscard]] EngineProfile vllm_v1_profile();
[[nodiscard]] EngineProfile vllm_v0_profile();
[[nodiscard]] EngineProfile sglang_profile();
[[nodiscard]] EngineProfile tensorrt_llm_profile();
[[nodiscard]] EngineProfile orca_profile();
[[nodiscard]] EngineProfile static_batching_profile();

// Default rules that several engines share (vLLM's, as in engine_defaults.cpp).
void read_budget_by_gpu(EngineKnobs& knobs, EngineSetting& setting);
[[nodiscard]] bool is_large_gpu(const GpuSpec& gpu);
[[nodiscard]] std::string large_gpu_reason(bool large);
[[nodiscard]] double read_gpu_memory_utilization(EngineKnobs& knobs, const EngineSetting& setting);
[[nodiscard]] KnobRule<std::int64_t> captured_by_seats(const EngineSetting& setting);

}  // namespace foretoken
