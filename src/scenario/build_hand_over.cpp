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
  const char* one_transfer = "";  // why disaggregation.transfer cannot be chosen; empty: it can
};
constexpr Semantics kSemantics[] = {
    // vLLM 0.19, VLLM_NIXL_ABORT_REQUEST_TIMEOUT; later ones renew a lease (kRenewsLeasesFrom).
    {"nixl", FirstToken::where_decoded, Reserve::on_arrival, PickUp::after_step, false, true, true, false, false, 480,
     true, false, false, false, "NIXL reads a prompt when all of it is computed"},
    // vLLM 0.19, kv_connector/v1/p2p/: a layer's blocks are copied into one tensor.
    {"p2p-nccl", FirstToken::where_decoded, Reserve::on_arrival, PickUp::next_call, false, false, true, false, false, 0,
     false, false, true, true, "disaggregation.send_type says it (PUT_ASYNC: layer by layer)"},
    {"sglang", FirstToken::on_arrival, Reserve::before_prefill, PickUp::next_call, true, false, false, true, false, 0,
     false, true, true, false, "SGLang's servers send what each chunk has computed"},
    {"tensorrt-llm", FirstToken::on_arrival, Reserve::on_arrival, PickUp::next_call, false, false, true, false, true, 0,
     true, false, false, false, "TensorRT-LLM's context servers send when a prompt is computed"},
    // Splitwise, DistServe.
    {"plain", FirstToken::where_prefilled, Reserve::on_arrival, PickUp::next_call, false, false, true, false, false, 0},
};

// While a request waits where it decodes its blocks are held for it, by a heartbeat (vLLM's pull request 41383 of May
// 2026; the release is inferred: 0.23 has what was merged then).
constexpr std::string_view kRenewsLeasesFrom = "0.23";

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

// Who sends before the prompt is computed sends into blocks that were taken before.
void read_transfer(Resolver& values, const Semantics& semantics, HandOverRules& rules) {
  const auto refuse = [&](const char* key, const std::string& what, const char* hint) {
    values.error(std::string("disaggregation.") + key, what, hint);
  };
  if (*semantics.one_transfer != '\0') {
    if (const auto given = values.maybe_text("disaggregation.transfer"))
      refuse("transfer",
             fmt::format("'disaggregation.transfer: {}' is not for semantics {}: {}", *given, semantics.name,
                         semantics.one_transfer),
             "leave it out, or semantics plain");
    return;
  }
  const std::string transfer =
      values.text("disaggregation.transfer", {"whole", Origin::engine_default, std::string(semantics.name)});
  if (transfer == "whole") return;
  rules.reserve = Reserve::before_prefill;
  rules.in_chunks = true;
  rules.by_layer = transfer == "layerwise";
  const std::string why =
      fmt::format("'disaggregation.transfer' is {}, and both engines have a request at once", transfer);
  if (rules.local_below > 0) refuse("local_prefill_below", why, "leave it out, or transfer: whole");
  if (rules.hop > Duration{}) refuse("hop", why, "leave it out, or transfer: whole");
  if (rules.pin_timeout > Duration{}) refuse("pin_timeout", why, "leave it out, or transfer: whole");
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
  const bool renews = plan.semantics == "nixl" && version_at_least(config.version, kRenewsLeasesFrom);
  rules.pin_timeout = duration_from_seconds(
      values.quantity("disaggregation.pin_timeout", {renews ? 0 : semantics.pin_seconds, Origin::engine_default,
                                                     renews ? "a lease that is renewed" : plan.semantics}));
  rules.local_below = values.integer("disaggregation.local_prefill_below");
  rules.local_ratio = values.number("disaggregation.local_prefill_ratio");
  if (rules.local_below > 0 && !semantics.computes_prompts)
    values.error("disaggregation.local_prefill_below",
                 fmt::format("with semantics {} who decodes computes no prompts", plan.semantics), "leave it out");
  rules.most_unstarted = values.number("disaggregation.most_unstarted");
  read_transfer(values, semantics, rules);
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
                          "core_bandwidth", "per_descriptor", "enforce_handshake_compat"}) {
    const std::string path = fmt::format("disaggregation.{}", key);
    if (!values.given(path)) continue;
    values.mark_read(path);
    values.error(path, fmt::format("'{}' says nothing: only embeddings go from pool to pool", path), "leave it out");
  }
}

void read_links(Resolver& values, const Catalog& catalog, Scenario& s) {
  HandOverPlan& plan = s.hand_over;
  const bool affine = s.deployment.level == CostLevel::affine;
  // Who names a link means it: that of the node has no name here.
  const bool one_node =
      !affine && in_one_node(s) && !values.given("disaggregation.link") && !values.given("disaggregation.bandwidth");
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
    // A GPU's share of its node's adapters, which stand before whatever link is between nodes.
    const double share = one_node || bandwidth ? 1 : d.node.share_of_adapters();
    const double of_gpu = link.per_direction.value * share * plan.efficiency;
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
    double posted = std::ceil(of_block / split.pipeline) * kinds + (drafter ? 2 * d.draft.model.layers : 0);
    const Parallelism& from = entry_pool(s.pools).deployment.parallelism;
    // A rank that takes the parts of several reads from one after the other.
    if (d.model.attention != AttentionKind::latent && from.tensor > split.tensor) posted *= from.tensor / split.tensor;
    double most = of_gpu * split.tensor * split.pipeline;
    if (descriptor > 0) most = std::min(most, static_cast<double>(pool.kv_block_bytes) / (posted * descriptor));
    if (pool.engine.kv_layout.states == 0) pool.kv_state_bytes = std::llround(d.model.recurrent.state_bytes);
    pool.kv_layers = std::max<std::int64_t>(1, std::llround(layers));
    pool.flow_bandwidth = whole_bytes(std::min(most, of_gpu * from.tensor * from.pipeline));
  }
}

}  // namespace

void build_hand_over(Resolver& values, const Catalog& catalog, Scenario& s) {
  check_connectors(values, s);
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
