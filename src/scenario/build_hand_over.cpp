// How requests get from pool to pool: by the engine's own rules, over the links that the hardware has.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/counts.hpp"
#include "scenario/build.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

using Reserve = HandOverRules::Reserve;
using PickUp = HandOverRules::PickUp;

// What the semantics of a name are made of (src/serving/README.md, "Hand-overs").
struct Semantics {
  std::string_view name;
  FirstToken first_token;
  Reserve reserve;
  PickUp pick_up;
  bool in_chunks;
  bool needs_seat;
  bool finds_prefixes;
  bool keeps_retracted;
  bool commits_outputs;
  double pin_seconds;             // 0 = until it is there
  bool computes_prompts = true;   // where it decodes
  bool reserves_outputs = false;  // num_reserved_decode_tokens
  bool joins_blocks = false;      // those side by side are sent as one
  bool within_steps = false;      // send_type
};
constexpr Semantics kSemantics[] = {
    // vLLM 0.19, VLLM_NIXL_ABORT_REQUEST_TIMEOUT.
    {"nixl", FirstToken::where_decoded, Reserve::on_arrival, PickUp::after_step, false, true, true, false, false, 480},
    // vLLM 0.19, kv_connector/v1/p2p/: a layer's blocks are copied into one tensor.
    {"p2p-nccl", FirstToken::where_decoded, Reserve::on_arrival, PickUp::next_call, false, false, true, false, false, 0,
     false, false, true, true},
    {"sglang", FirstToken::on_arrival, Reserve::before_prefill, PickUp::next_call, true, false, false, true, false, 0,
     false, true, true},
    {"tensorrt-llm", FirstToken::on_arrival, Reserve::on_arrival, PickUp::next_call, false, false, true, false, true,
     0},
    // Splitwise, DistServe.
    {"plain", FirstToken::where_prefilled, Reserve::on_arrival, PickUp::next_call, false, false, true, false, false, 0},
};

const Semantics& semantics_of(std::string_view name) {
  const auto at =
      std::find_if(std::begin(kSemantics), std::end(kSemantics), [&](const auto& s) { return s.name == name; });
  return at == std::end(kSemantics) ? std::end(kSemantics)[-1] : *at;
}

bool has_semantics(const EngineProfile& engine, const EngineConfig& config, std::string_view name) {
  if (name == "plain" || name == engine.hands_over) return true;
  return name == engine.hands_over_too && !version_at_least(config.version, engine.hands_over_too_before);
}

// KV caches that move within steps: what of other keys, and of pools, vLLM's P2pNcclConnector knows nothing of.
void read_send_type(Resolver& values, const Scenario& s, HandOverRules& rules) {
  const std::string type =
      values.text("disaggregation.send_type", {"PUT_ASYNC", Origin::engine_default, s.hand_over.semantics});
  rules.send = type == "GET"   ? HandOverRules::Send::get
               : type == "PUT" ? HandOverRules::Send::put
                               : HandOverRules::Send::put_async;
  const auto refuse = [&](const std::string& key, const std::string& what, const char* hint) {
    values.error(key, what, hint);
  };
  const auto no_key = [&](bool given, const char* key, const char* why) {
    const std::string path = std::string("disaggregation.") + key;
    if (given) refuse(path, fmt::format("'{}' says nothing of semantics p2p-nccl: {}", path, why), "leave it out");
  };
  no_key(values.given("disaggregation.pick_up"), "pick_up", "who waits for a KV cache knows that it is there");
  no_key(rules.failure_probability > 0, "failure_probability", "vLLM decodes on whatever has come");
  no_key(rules.pin_timeout > Duration{}, "pin_timeout", "what goes is copied, and its blocks are free with the step");
  no_key(rules.most_unstarted > 0, "most_unstarted", "nobody has blocks before a seat");
  const PoolPlan& from = entry_pool(s.pools);
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    const PoolPlan& pool = s.pools[i];
    if (pool.role == PoolRole::encoder) continue;
    const std::string at = fmt::format("pools[{}].", i);
    const Parallelism& split = pool.deployment.parallelism;
    if (split.tensor != from.deployment.parallelism.tensor || split.pipeline != from.deployment.parallelism.pipeline)
      refuse(
          at + "engine.tensor_parallel_size",
          fmt::format("with semantics p2p-nccl each GPU of pool '{}' sends to its like: pool '{}' must have the same "
                      "TP and stages",
                      from.name, pool.name),
          "give both pools the same, or semantics nixl");
    if (pool.engine.data_parallel_size > 1)
      refuse(at + "engine.data_parallel_size",
             fmt::format("steps of pool '{}' that wait for KV caches in step with other ranks are not modelled",
                         pool.name),
             "replicas in place of ranks");
    if (pool.cluster.fleet.on)
      refuse(at + "fleet",
             fmt::format("NCCL's groups do not outlive a member, and what becomes of pool '{}' then is not modelled",
                         pool.name),
             "replicas that stay, or semantics nixl");
    if (pool.engine.kv_offload.on())
      refuse(
          at + "engine",
          fmt::format("KV caches outside the GPU of pool '{}' beside semantics p2p-nccl are not modelled", pool.name),
          "leave them out, or semantics nixl");
  }
}

void read_rules(Resolver& values, Scenario& s) {
  HandOverPlan& plan = s.hand_over;
  HandOverRules& rules = plan.rules;
  const EngineProfile& engine = find_engine(entry_pool(s.pools).engine.name);
  if (engine.hands_over.empty()) {
    values.error("pools", fmt::format("{} has no hand-over from pool to pool", engine.info.name),
                 "pools of role prefill and decode need engine.name: vllm-v1, sglang or tensorrt-llm");
    return;
  }
  plan.semantics = values.text("disaggregation.semantics",
                               {std::string(engine.hands_over), Origin::engine_default, std::string(engine.info.name)});
  const EngineConfig& config = entry_pool(s.pools).engine;
  if (!has_semantics(engine, config, plan.semantics))
    values.error("disaggregation.semantics",
                 fmt::format("'disaggregation.semantics' is {}, which {} {} does not have", plan.semantics,
                             engine.info.name, config.version),
                 has_semantics(engine, config, engine.hands_over_too)
                     ? fmt::format("{}, {} or plain", engine.hands_over, engine.hands_over_too)
                     : fmt::format("{} or plain", engine.hands_over));
  const Semantics& semantics = semantics_of(plan.semantics);
  plan.first_token = semantics.first_token;
  rules.reserve = semantics.reserve;
  rules.in_chunks = semantics.in_chunks;
  rules.needs_seat = semantics.needs_seat;
  rules.finds_prefixes = semantics.finds_prefixes;
  rules.keeps_retracted = semantics.keeps_retracted;
  rules.commits_outputs = semantics.commits_outputs;
  const bool quantised = semantics.pick_up == PickUp::after_step;
  const std::string pick_up = values.text(
      "disaggregation.pick_up", {quantised ? "after_step" : "next_call", Origin::engine_default, plan.semantics});
  rules.pick_up = pick_up == "after_step" ? PickUp::after_step : PickUp::next_call;
  if (rules.pick_up == PickUp::after_step && !quantised)
    values.error("disaggregation.pick_up", fmt::format("{} polls before every call", plan.semantics),
                 "after_step is vLLM's");
  rules.on_failure = values.text("disaggregation.on_failure") == "recompute" ? HandOverRules::OnFailure::recompute
                                                                             : HandOverRules::OnFailure::fail;
  if (rules.on_failure == HandOverRules::OnFailure::recompute && !quantised)
    values.error("disaggregation.on_failure", "only vLLM computes again what was lost on the way",
                 "leave it out: the request fails");
  rules.failure_probability = values.number("disaggregation.failure_probability");
  rules.hop = values.duration("disaggregation.hop");
  rules.launch = values.duration("disaggregation.launch");
  if (rules.launch > Duration{} && rules.pick_up != PickUp::after_step)
    values.error("disaggregation.launch", "'disaggregation.launch' says nothing: every call knows what has come",
                 "it is for disaggregation.pick_up: after_step");
  rules.pin_timeout = duration_from_seconds(
      values.quantity("disaggregation.pin_timeout", {semantics.pin_seconds, Origin::engine_default, plan.semantics}));
  rules.local_below = values.integer("disaggregation.local_prefill_below");
  rules.local_ratio = values.number("disaggregation.local_prefill_ratio");
  if (rules.local_below > 0 && !semantics.computes_prompts)
    values.error("disaggregation.local_prefill_below",
                 fmt::format("with semantics {} who decodes computes no prompts", plan.semantics), "leave it out");
  rules.most_unstarted = values.number("disaggregation.most_unstarted");
  if (semantics.within_steps) read_send_type(values, s, rules);
  if (semantics.reserves_outputs) rules.reserved_tokens = values.integer("disaggregation.num_reserved_decode_tokens");
}

// Replicas of one kind of GPU that fit in one node are taken to share it.
bool in_one_node(const Scenario& s) {
  const PoolPlan& first = s.pools.front();
  return s.num_gpus <= first.deployment.node.gpus_per_node &&
         std::all_of(s.pools.begin(), s.pools.end(),
                     [&](const PoolPlan& p) { return p.deployment.gpu.id == first.deployment.gpu.id; });
}

// src/serving/README.md, "Hand-overs".
constexpr double kSetup = 0.5e-3;
constexpr double kNetworkEfficiency = 0.75, kNodeEfficiency = 0.6;
constexpr double kNetworkDescriptor = 1.5e-6, kNodeDescriptor = 20e-6;

std::int64_t whole_bytes(double bytes) {
  return std::max<std::int64_t>(1, std::llround(bytes));
}

// Where nothing but embeddings goes from pool to pool, what is said of KV caches has no effect.
void check_keys_of_embeddings(Resolver& values) {
  for (const char* key : {"semantics", "pick_up", "on_failure", "failure_probability", "hop", "launch", "pin_timeout",
                          "local_prefill_below", "local_prefill_ratio", "most_unstarted", "num_reserved_decode_tokens",
                          "core_bandwidth", "per_descriptor"}) {
    const std::string path = fmt::format("disaggregation.{}", key);
    if (!values.given(path)) continue;
    values.mark_read(path);
    values.error(path, fmt::format("'{}' says nothing: only embeddings go from pool to pool", path), "leave it out");
  }
}

bool has_kv_cache(const DraftSpec& draft) {
  return draft.passes > 0 && draft.model.layers > 0;
}

void read_links(Resolver& values, const Catalog& catalog, Scenario& s) {
  HandOverPlan& plan = s.hand_over;
  const bool affine = s.deployment.level == CostLevel::affine;
  const bool one_node = !affine && in_one_node(s);
  plan.rules.setup = duration_from_seconds(values.quantity(
      "disaggregation.setup", {affine ? 0 : kSetup, Origin::default_value, "measured on Mooncake over RoCE"}));
  plan.rules.core_bandwidth =
      static_cast<std::int64_t>(values.maybe_quantity("disaggregation.core_bandwidth").value_or(0));
  if (affine) {
    for (const char* key : {"link", "bandwidth", "efficiency", "per_descriptor"}) {
      if (const std::string path = fmt::format("disaggregation.{}", key); values.given(path))
        values.error(path, "affine costs have no KV cache of any size to move", "disaggregation.setup is all it takes");
    }
    return;
  }
  plan.efficiency =
      values.number("disaggregation.efficiency", {one_node ? kNodeEfficiency : kNetworkEfficiency,
                                                  Origin::default_value, one_node ? "within a node" : "between nodes"});
  const bool joins = semantics_of(plan.semantics).joins_blocks;
  const double descriptor = values.quantity("disaggregation.per_descriptor", {joins      ? 0
                                                                              : one_node ? kNodeDescriptor
                                                                                         : kNetworkDescriptor,
                                                                              Origin::default_value,
                                                                              joins ? "blocks side by side go as one"
                                                                              : one_node ? "cuda_ipc"
                                                                                         : "RDMA"});
  const auto bandwidth = values.maybe_quantity("disaggregation.bandwidth");
  std::optional<LinkSpec> named;
  if (const auto name = values.maybe_text("disaggregation.link")) {
    const Result<LinkSpec> link = catalog.link(*name);
    if (!link) {
      const Diagnostics problems = link.error();
      for (const Diagnostic& d : problems.items()) values.error("disaggregation.link", d.message, d.hint);
      return;
    }
    named = *link;
  }
  for (PoolPlan& pool : s.pools) {
    const Deployment& d = pool.deployment;
    LinkSpec link = named ? *named : one_node ? d.gpu.scale_up_link : d.node.scale_out_link;
    if (bandwidth) link.per_direction = Bandwidth{*bandwidth}, link.id = "disaggregation.bandwidth";
    plan.link = link.id;
    if (!(link.per_direction.value > 0)) {
      values.error("disaggregation", fmt::format("pool '{}' has no link over which a KV cache could go", pool.name),
                   "name one: disaggregation.link, or hardware.scale_out_link");
      return;
    }
    const Parallelism& split = d.parallelism;
    const double of_gpu = link.per_direction.value * plan.efficiency;
    pool.link_bandwidth = whole_bytes(of_gpu * split.gpus());
    if (pool.role == PoolRole::encoder) {  // embeddings in 16 bits, the same on all of its GPUs
      pool.link_bandwidth = whole_bytes(of_gpu);
      pool.embedding_bytes = 2 * std::int64_t{d.model.hidden_size};
      pool.embedding_setup = plan.rules.setup;
    }
    // A block is of all layers, or of a group of them.
    const double layers = count_parameters(d.model).attention_layers;
    const double of_block = pool.engine.kv_layout.layers > 0 ? pool.engine.kv_layout.layers : layers;
    double per_token = kv_elements_per_token(d.model, split.tensor) * split.tensor * kv_bytes_per_element(d);
    // The drafter's layers go along; where layers are in groups they are in these.
    const bool drafter = has_kv_cache(d.draft) && pool.engine.kv_layout.is_plain();
    if (drafter)
      per_token +=
          kv_elements_per_token(d.draft.model, split.tensor) * split.tensor * kv_bytes_per_element(d.kv_format);
    pool.kv_block_bytes = whole_bytes(per_token * of_block / layers * pool.engine.block_size);
    // One rank's blocks are posted one after the other: keys and values of every layer that it has.
    const int kinds = d.model.attention == AttentionKind::latent ? 1 : 2;
    const double posted = std::ceil(of_block / split.pipeline) * kinds + (drafter ? 2 * d.draft.model.layers : 0);
    double most = of_gpu * split.tensor * split.pipeline;
    if (descriptor > 0) most = std::min(most, static_cast<double>(pool.kv_block_bytes) / (posted * descriptor));
    pool.kv_layers = std::max<std::int64_t>(1, std::llround(layers));
    const Parallelism& from = entry_pool(s.pools).deployment.parallelism;
    pool.flow_bandwidth = whole_bytes(std::min(most, of_gpu * from.tensor * from.pipeline));
  }
}

// vLLM's compatibility hash ("NixlConnector Compatibility Matrix", footnote 1).
bool draft_alike(const DraftSpec& a, const DraftSpec& b) {
  if (!has_kv_cache(a) && !has_kv_cache(b)) return true;
  return a.method == b.method && a.checkpoint == b.checkpoint && a.parallel == b.parallel;
}

// What engines refuse at their handshake.
void check_layouts(Resolver& values, const Scenario& s) {
  const PoolPlan& from = entry_pool(s.pools);
  const bool nixl = s.hand_over.semantics == "nixl";
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    const PoolPlan& to = s.pools[i];
    if (to.role != PoolRole::decode) continue;
    const auto refuse = [&](const char* key, const std::string& what, const char* hint) {
      values.error(fmt::format("pools[{}].{}", i, key), what, hint);
    };
    if (to.engine.kv_offload.on())
      refuse(
          "engine",
          fmt::format("KV caches outside the GPU are not modelled in pool '{}', which gets them from another", to.name),
          "give them to the pool of role prefill; vLLM would ask its second connector only for who was preempted");
    const bool states = to.engine.kv_layout.states > 0;
    if ((to.engine.kv_layout.windowed > 0 || states) && !nixl)
      refuse("engine.disable_hybrid_kv_cache_manager",
             fmt::format("only vLLM's own hand-over ('disaggregation.semantics: nixl') brings the {}, not '{}'",
                         states ? "states of recurrent layers" : "window of a layer instead of all its tokens",
                         s.hand_over.semantics),
             states ? "nixl" : "true keeps all tokens");
    if (from.engine.kv_layout != to.engine.kv_layout)
      refuse("engine.disable_hybrid_kv_cache_manager",
             fmt::format("pools '{}' and '{}' do not put the same layers into a KV block", from.name, to.name),
             "give both pools the same, and the same release");
    const int tp_from = from.deployment.parallelism.tensor, tp_to = to.deployment.parallelism.tensor;
    const int block_from = from.engine.block_size, block_to = to.engine.block_size;
    // Groups of layers have no blocks of other sizes (the page above, footnote 6).
    const bool smaller = nixl && block_from < block_to && tp_from <= tp_to && to.engine.kv_layout.is_plain();
    if (states && tp_from != tp_to)
      refuse("engine.tensor_parallel_size",
             fmt::format(
                 "vLLM hands over states of recurrent layers between pools of the same TP only: '{}' has {}, '{}' {}",
                 from.name, tp_from, to.name, tp_to),
             "give both pools the same");
    if (nixl && !draft_alike(from.deployment.draft, to.deployment.draft))
      refuse("engine.speculative_config",
             fmt::format("pools '{}' and '{}' do not draft alike: the drafter's KV cache goes along, and vLLM refuses "
                         "another method or drafter at its handshake",
                         from.name, to.name),
             "give both the same; the number of drafts may differ");
    if (block_from != block_to && !smaller)
      refuse("engine.block_size",
             fmt::format("KV blocks of {} tokens in pool '{}' cannot be filled from blocks of {} in pool '{}'",
                         block_to, to.name, block_from, from.name),
             "give both pools the same engine.block_size");
    const ModelSpec& model = from.deployment.model;
    const bool latent = model.attention == AttentionKind::latent;
    if (nixl && !latent && tp_from > tp_to && tp_from > model.kv_heads)
      refuse("engine.tensor_parallel_size",
             fmt::format("TP {} of pool '{}' repeats the {} KV heads, and vLLM does not lay them out anew for TP {} of "
                         "pool '{}'",
                         tp_from, from.name, model.kv_heads, tp_to, to.name),
             "let the prefill pool have no more ranks than KV heads, or no more than the decode pool");
    if (!latent && tp_from != tp_to && model.kv_heads % std::min({tp_from, tp_to, model.kv_heads}) != 0)
      refuse("engine.tensor_parallel_size",
             fmt::format("{} KV heads do not divide between TP {} and TP {}", model.kv_heads, tp_from, tp_to),
             "choose sizes that divide the KV heads");
  }
}

}  // namespace

void build_hand_over(Resolver& values, const Catalog& catalog, Scenario& s) {
  const auto any_of_role = [&](PoolRole role) {
    return std::any_of(s.pools.begin(), s.pools.end(), [&](const PoolPlan& pool) { return pool.role == role; });
  };
  if (!any_of_role(PoolRole::prefill) && any_of_role(PoolRole::encoder)) {
    check_keys_of_embeddings(values);
    if (!values.diagnostics().has_errors()) read_links(values, catalog, s);
    return;
  }
  if (!any_of_role(PoolRole::prefill)) {
    if (values.given("disaggregation"))
      values.error("disaggregation", "'disaggregation' without pools of role prefill and decode says nothing",
                   "pools: [{name: prefill, role: prefill}, {name: decode, role: decode}]");
    return;
  }
  read_rules(values, s);
  if (values.diagnostics().has_errors()) return;
  read_links(values, catalog, s);
  check_layouts(values, s);
}

}  // namespace foretoken
