// Engine knobs: what is not given follows the engine's own default rules (src/serving/engines).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cost/kv_groups.hpp"
#include "scenario/build.hpp"
#include "scenario/startup_log.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

// The scenario's values as an engine reads them.
class ScenarioKnobs final : public EngineKnobs {
 public:
  explicit ScenarioKnobs(Resolver& values) : values_(values) {}
  std::int64_t integer(const char* key, const KnobRule<std::int64_t>& rule) override {
    return values_.integer(key, Rule<std::int64_t>{rule.value, Origin::engine_default, rule.reason});
  }
  double number(const char* key, const KnobRule<double>& rule) override {
    return values_.number(key, Rule<double>{rule.value, Origin::engine_default, rule.reason});
  }
  bool flag(const char* key, const KnobRule<bool>& rule) override {
    return values_.flag(key, Rule<bool>{rule.value, Origin::engine_default, rule.reason});
  }
  std::int64_t integer(const char* key) override { return values_.integer(key); }
  double number(const char* key) override { return values_.number(key); }
  bool flag(const char* key) override { return values_.flag(key); }
  std::string text(const char* key) override { return values_.text(key); }
  std::optional<std::int64_t> maybe_integer(const char* key) override { return values_.maybe_integer(key); }
  void error(const char* key, std::string message, std::string hint) override {
    values_.error(key, std::move(message), std::move(hint));
  }
  void warning(const char* key, std::string message, std::string hint) override {
    values_.warning(key, std::move(message), std::move(hint));
  }

 private:
  Resolver& values_;
};

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

// src/serving/README.md, "Async window": vLLM since 0.14; SGLang's overlap schedule; the overlap scheduler of
// TensorRT-LLM.
void build_async(Resolver& values, const EngineProfile& profile, DraftMethod drafts, EngineConfig& engine) {
  const std::string_view since = profile.plans_ahead_from;
  if (since.empty()) return;
  Rule<bool> rule{version_at_least(engine.version, since), Origin::engine_default,
                  fmt::format("{}, on from {}", engine.name, since)};
  const SpeculationProfile& speculation = profile.speculation;
  if (engine.speculation.on() && !speculation.plans_ahead(drafts, engine.version))
    rule = {false, Origin::engine_default, fmt::format("{} with {} drafts", engine.name, to_string(drafts))};
  engine.async_scheduling = values.flag("engine.async_scheduling", rule);
  if (!engine.speculation.on() || !engine.async_scheduling || speculation.can_plan_ahead(drafts)) return;
  values.error(
      "engine.async_scheduling",
      fmt::format("{} refuses to start: {} drafts need the tokens of the step before", engine.name, to_string(drafts)),
      "leave it out");
}

void build_caching(Resolver& values, const EngineProfile& profile, EngineConfig& engine) {
  // Without the radix cache SGLang has none.
  const bool can = profile.prefix_caching != PrefixCaching::none && !engine.ignore_eos_admission;
  const bool by_default = can && profile.prefix_caching == PrefixCaching::on;
  engine.enable_prefix_caching =
      values.flag("engine.enable_prefix_caching", {by_default, Origin::engine_default, engine.name});
  if (!engine.enable_prefix_caching || can) return;
  const bool contradicts = engine.ignore_eos_admission;
  values.error("engine.enable_prefix_caching",
               contradicts ? "the radix cache is on and off at once" : engine.name + " has no prefix caching",
               contradicts ? "remove engine.disable_radix_cache" : "set it to false");
}

void build_scheduler(Resolver& values, const EngineProfile& profile, DraftMethod drafts, EngineConfig& engine) {
  engine.scheduling_policy = values.text("engine.scheduling_policy");
  if (engine.scheduling_policy == "vtc") {
    engine.fair_prompt_weight = values.number("engine.vtc_input_weight");
    engine.fair_output_weight = values.number("engine.vtc_output_weight");
    if (drafts != DraftMethod::none)
      values.error("engine.scheduling_policy", "'engine.scheduling_policy: vtc' with drafts is not modelled",
                   "leave engine.speculative_config out");
  } else {
    for (const char* key : {"engine.vtc_input_weight", "engine.vtc_output_weight"}) {
      if (!values.given(key)) continue;
      values.mark_read(key);
      values.warning(key,
                     fmt::format("'{}' has no effect: engine.scheduling_policy is {}", key, engine.scheduling_policy),
                     "set engine.scheduling_policy: vtc");
    }
  }
  const bool reserves = version_at_least(engine.version, profile.reserves_full_isl_from);
  engine.scheduler_reserve_full_isl =
      values.flag("engine.scheduler_reserve_full_isl", {reserves, Origin::engine_default, "vLLM 0.19 or later"});
  build_async(values, profile, drafts, engine);
  engine.watermark = values.number("engine.watermark", {profile.watermark, Origin::engine_default, engine.name});
  engine.max_wait = values.duration("engine.max_wait");
  engine.padded = values.flag("engine.padded");
  engine.max_waiting_requests = values.integer("engine.max_waiting_requests");
  engine.queue_timeout = values.duration("engine.queue_timeout");
  build_caching(values, profile, engine);
}

// What the level knows of the engine's host work, as of its steps.
void build_captured_sizes(Resolver& values, Deployment& d) {
  const std::string field = "engine.cudagraph_capture_sizes";
  for (const double size : values.numbers(field)) {
    d.captured_sizes.push_back(std::llround(size));
    if (size != std::floor(size))
      values.error(field, fmt::format("{:g} is no number of requests", size), "whole numbers");
  }
  const auto& sizes = d.captured_sizes;
  if (std::adjacent_find(sizes.begin(), sizes.end(), std::greater_equal<>()) != sizes.end())
    values.error(field, "sizes must rise: each is captured once", "[1, 2, 4, 8, 16]");
  if (!sizes.empty() && d.draft.on())
    values.error(field, "rows that verify drafts are captured in whole rows of the engine's own sizes", "leave it out");
}

void build_front_end(Resolver& values, const Deployment& d, EngineConfig& engine) {
  const bool bare = d.level == CostLevel::datasheet || d.level == CostLevel::affine;
  const FrontEndTerms terms =
      bare ? FrontEndTerms{} : default_front_end(engine.name, engine.version, d.model.moe.experts > 0);
  const Origin origin = bare ? Origin::default_value : Origin::engine_default;
  const std::string reason = bare ? "" : fmt::format("{} {}", engine.name, engine.version);
  engine.per_request = duration_from_seconds(values.quantity("cost.per_request", {terms.per_request, origin, reason}));
  engine.per_prompt_token =
      duration_from_seconds(values.quantity("cost.per_prompt_token", {terms.per_prompt_token, origin, reason}));
}

// With several groups of layers vLLM logs what requests of max_model_len would hold together.
std::int64_t blocks_of_logged_tokens(const EngineConfig& engine, std::int64_t tokens) {
  if (engine.kv_layout.is_plain()) return tokens / engine.block_size;
  return std::llround(static_cast<double>(tokens) / static_cast<double>(engine.max_model_len) *
                      static_cast<double>(engine.most_blocks_of(engine.max_model_len)));
}

// vLLM, kv_connector/v1/ssm_conv_transfer_utils.py and the page "NixlConnector Compatibility Matrix" (0a5110ef).
void check_states_handed_over(Resolver& values, const EngineProfile& profile, bool disabled, const Scenario& s) {
  const EngineConfig& engine = s.engine;
  const bool by_channel = s.deployment.model.recurrent.gates > 2;  // KDA
  if (!version_at_least(engine.version, profile.hands_over_states))
    values.error("model",
                 fmt::format("{} {} does not hand over states of recurrent layers: it does from {} on", engine.name,
                             engine.version, profile.hands_over_states),
                 "a model without recurrent layers, or one pool");
  else if (by_channel)
    values.error(
        "model",
        fmt::format("{} hands over states of Mamba-2 and gated delta nets, not of Kimi's delta attention", engine.name),
        "a model without recurrent layers, or one pool");
  else if (disabled)
    values.error("engine.disable_hybrid_kv_cache_manager",
                 fmt::format("{} does not start: without the hybrid KV cache manager recurrent layers and attention "
                             "have no blocks in common",
                             engine.name),
                 "leave it out");
}

// vLLM's hybrid KV cache manager, where the engine has one and the model needs it.
void build_kv_layout(Resolver& values, const EngineProfile& profile, bool hands_over, Scenario& s) {
  EngineConfig& engine = s.engine;
  if (!profile.groups_layers) return;
  const char* key = "engine.disable_hybrid_kv_cache_manager";
  const bool chunked = attends_to_chunks(s.deployment.model);
  // A draft model has heads of its own, whose blocks vLLM would make as large as the target's.
  const bool drafts = engine.speculation.on() && s.deployment.draft.method == DraftMethod::draft_model;
  const bool offloads = values.given("engine.kv_offloading_size") && values.number("engine.kv_offloading_size") > 0;
  const auto before = [&](std::string_view release) {
    return hands_over && !version_at_least(engine.version, release)
               ? fmt::format("where requests are handed over, before {} {},", engine.name, release)
               : std::string();
  };
  const std::string cannot = before(profile.hands_over_groups);
  const std::string by_itself = before(profile.hands_over_groups_by_default);
  const std::string without = chunked           ? "with chunked local attention"
                              : !cannot.empty() ? cannot
                              : drafts          ? "with a draft model"
                              : offloads        ? "with KV caches outside the GPU"
                                                : "";
  const std::string& why = without.empty() ? by_itself : without;
  const Rule<bool> rule{!why.empty(), Origin::engine_default, why.empty() ? engine.name : why};
  const bool disabled = values.flag(key, rule);
  if (!disabled && !without.empty()) {
    values.error(key, "the hybrid KV cache manager " + without + " is not modelled",
                 chunked ? "leave it out: vLLM has it off for such models" : "leave it out");
  }
  if (hands_over && s.deployment.model.recurrent.layers > 0) check_states_handed_over(values, profile, disabled, s);
  if (!disabled && s.deployment.level != CostLevel::affine)
    engine.kv_layout = kv_layout_of(s.deployment, engine.enable_prefix_caching);
}

// Of models with recurrent layers the blocks are as large as a state.
void build_block_size(Resolver& values, const EngineProfile& profile, Scenario& s) {
  EngineConfig& engine = s.engine;
  const char* key = "engine.block_size";
  const std::int64_t usual = profile.block_size;
  const bool states = engine.kv_layout.states > 0;
  const std::int64_t fits = states ? block_size_for_states(s.deployment, usual) : usual;
  const std::int64_t said = values.integer(
      key, {fits, Origin::engine_default, fits > usual ? "holds a state of a recurrent layer" : engine.name});
  engine.block_size = static_cast<int>(states ? block_size_for_states(s.deployment, said) : said);
  if (engine.block_size > said)
    values.warning(key, fmt::format("'engine.block_size' is {}, and vLLM raises it to {}: a state of a recurrent layer "
                                    "must fit into a block",
                                    said, engine.block_size));
}

void read_startup_log(Resolver& values, const std::string& line, Scenario& s) {
  const std::optional<LoggedCache> cache = cache_of_log_line(line);
  if (!cache) {
    values.error(
        "memory.startup_log", "'memory.startup_log' names no KV cache",
        "copy the line with 'GPU KV cache size: ... tokens', '# GPU blocks: ...' or 'max_total_num_tokens=...'");
  } else if (s.memory.num_gpu_blocks_override) {
    values.error("memory.startup_log",
                 "'memory.startup_log' and 'engine.num_gpu_blocks_override' both give the KV blocks",
                 "keep one of them");
  } else {
    s.memory.num_gpu_blocks_override =
        cache->in_tokens ? blocks_of_logged_tokens(s.engine, cache->value) : cache->value;
  }
}

void build_memory(Resolver& values, const EngineProfile& profile, bool hands_over, ScenarioKnobs& knobs, Scenario& s) {
  MemorySettings& memory = s.memory;
  EngineConfig& engine = s.engine;
  build_kv_layout(values, profile, hands_over, s);
  build_block_size(values, profile, s);
  if (profile.check_start != nullptr) profile.check_start(knobs, engine);
  memory.gpu_memory_utilization = profile.read_memory_share(knobs, {s.deployment, engine, memory});
  memory.max_num_batched_tokens = engine.max_num_batched_tokens;
  memory.max_num_seqs = engine.max_num_seqs;
  memory.max_model_len = engine.max_model_len;
  memory.block_size = engine.block_size;
  memory.layout = engine.kv_layout;
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

void build_engine(Resolver& values, Scenario& s, bool hands_over) {
  EngineConfig& engine = s.engine;
  engine.name = s.deployment.engine_name;
  engine.version = s.deployment.engine_version;
  engine.data_parallel_size = s.deployment.parallelism.data;
  const EngineProfile& profile = find_engine(engine.name);
  ScenarioKnobs knobs(values);
  EngineSetting setting{s.deployment, engine, s.memory};
  if (profile.pipelines_micro_batches) {
    s.deployment.parallelism.micro_batches = s.deployment.parallelism.pipeline > 1;
    engine.micro_batches = s.deployment.parallelism.pipeline;
  }
  build_lora(values, s);
  build_max_model_len(values, s);
  profile.read_batch(knobs, setting);
  if (engine.speculation.on()) profile.speculation.settle(knobs, setting);
  engine.api_server_count = static_cast<int>(values.integer("engine.api_server_count"));
  build_encoder(values, s);
  engine.long_prefill_token_threshold = values.integer("engine.long_prefill_token_threshold");
  build_scheduler(values, profile, s.deployment.draft.method, engine);
  build_front_end(values, s.deployment, engine);
  build_memory(values, profile, hands_over, knobs, s);
  const bool eager = values.flag("engine.enforce_eager");
  build_captured_sizes(values, s.deployment);
  const std::vector<std::int64_t>& sizes = s.deployment.captured_sizes;
  const KnobRule<std::int64_t> largest = sizes.empty()
                                             ? profile.captured_rows(setting)
                                             : KnobRule<std::int64_t>{sizes.back(), "the largest captured size"};
  const std::int64_t graphs = knobs.integer("engine.max_cudagraph_capture_size", largest);
  s.deployment.cuda_graph_max_rows = eager ? 0 : static_cast<int>(graphs);
  if (values.diagnostics().has_errors()) return;
  if (s.deployment.level == CostLevel::affine) {
    // No hardware behind the costs: KV never binds unless it is given.
    engine.num_gpu_blocks = s.memory.num_gpu_blocks_override.value_or(std::int64_t{1} << 40);
    engine.reserve_null_block = s.memory.reserve_null_block;
    if (profile.read_seats != nullptr) profile.read_seats(knobs, engine);
    build_kv_offload(values, knobs, s);
    return;
  }
  const MemoryPlan plan = plan_memory(s.deployment, s.memory);
  engine.num_gpu_blocks = plan.num_gpu_blocks;
  engine.reserve_null_block = s.memory.reserve_null_block;
  if (profile.read_seats != nullptr) profile.read_seats(knobs, engine);
  if (plan.most_states > 0) engine.max_num_seqs = std::min(engine.max_num_seqs, plan.most_states);
  build_kv_offload(values, knobs, s);
}

}  // namespace foretoken
