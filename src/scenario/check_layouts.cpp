// Pools that cannot hand over to each other: what engines refuse at their handshake, and what is not modelled.
#include <fmt/format.h>

#include <algorithm>

#include "scenario/build.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {

bool has_kv_cache(const DraftSpec& draft) {
  return draft.passes > 0 && draft.model.layers > 0;
}

namespace {

// vLLM's compatibility hash ("NixlConnector Compatibility Matrix", footnote 1).
bool draft_alike(const DraftSpec& a, const DraftSpec& b) {
  if (!has_kv_cache(a) && !has_kv_cache(b)) return true;
  return a.method == b.method && a.checkpoint == b.checkpoint && a.parallel == b.parallel;
}

}  // namespace

// vLLM's NIXL connector, in either direction.
void check_stages(Resolver& values, const Scenario& s) {
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    const PoolPlan& pool = s.pools[i];
    if (pool.deployment.parallelism.pipeline == 1 || pool.role == PoolRole::encoder || pool.role == PoolRole::both)
      continue;
    values.error(
        fmt::format("pools[{}].engine.pipeline_parallel_size", i),
        fmt::format("vLLM's NIXL connector reads no KV caches of pipeline stages (its issues 40674 and 52913), "
                    "and pool '{}' has {}",
                    pool.name, pool.deployment.parallelism.pipeline),
        "1, or disaggregation.semantics: p2p-nccl or plain");
  }
}

// The compatibility hash has vLLM's release in it.
void check_releases(Resolver& values, const Scenario& s) {
  const char* key = "disaggregation.enforce_handshake_compat";
  const bool nixl = s.hand_over.semantics == "nixl";
  if (values.given(key) && !nixl)
    values.error(
        key, fmt::format("'{}' says nothing with semantics {}: the handshake is NIXL's", key, s.hand_over.semantics),
        "leave it out");
  if (!values.flag(key) || !nixl) return;
  const PoolPlan& from = entry_pool(s.pools);
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    const PoolPlan& to = s.pools[i];
    if (to.role != PoolRole::decode || to.engine.version == from.engine.version) continue;
    values.error(fmt::format("pools[{}].engine.version", i),
                 fmt::format("vLLM's handshake refuses another release: pool '{}' has {}, pool '{}' {}", from.name,
                             from.engine.version, to.name, to.engine.version),
                 "give both the same, or disaggregation.enforce_handshake_compat: false, as vLLM has it");
  }
}

// What engines refuse at their handshake.
void check_layouts(Resolver& values, const Scenario& s) {
  const PoolPlan& from = entry_pool(s.pools);
  const bool nixl = s.hand_over.semantics == "nixl";
  if (nixl) check_stages(values, s);
  check_releases(values, s);
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    const PoolPlan& to = s.pools[i];
    if (to.role != PoolRole::decode) continue;
    const auto refuse = [&](const char* key, const std::string& what, const char* hint) {
      values.error(fmt::format("pools[{}].{}", i, key), what, hint);
    };
    if (to.engine.kv_offload.on() && !nixl)
      refuse("engine",
             fmt::format(
                 "KV caches outside the GPU are not modelled in pool '{}' with semantics {}: vLLM's MultiConnector "
                 "has NIXL beside them, and SGLang's decode servers only write there",
                 to.name, s.hand_over.semantics),
             "give them to the pool of role prefill, or semantics nixl");
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

namespace {

// The store that a pool shares by a name; null: it has none.
const KvTierConfig* named_store(const PoolPlan& pool) {
  for (const KvTierConfig& tier : pool.engine.kv_offload.tiers) {
    if (tier.shared && !tier.name.empty()) return &tier;
  }
  return nullptr;
}

// Why what one pool stores is not what the other looks for; empty: it is. Keys of engines name the model, the number of
// ranks and the rank (LMCache's CacheEngineKey, SGLang's HiCacheStorage but for latent attention).
std::string unlike(const PoolPlan& a, const PoolPlan& b) {
  const KvOffloadConfig &ours = a.engine.kv_offload, &theirs = b.engine.kv_offload;
  const KvTierConfig &here = *named_store(a), &there = *named_store(b);
  const int tp = a.deployment.parallelism.tensor, other_tp = b.deployment.parallelism.tensor;
  const bool latent = a.deployment.model.attention == AttentionKind::latent;
  if (a.deployment.model.id != b.deployment.model.id) return "they do not have the same model";
  if (ours.backend != theirs.backend)
    return fmt::format("{} writes otherwise than {}", to_string(ours.backend), to_string(theirs.backend));
  if (ours.unit_tokens != theirs.unit_tokens)
    return fmt::format("one stores {} tokens as one, the other {}", ours.unit_tokens, theirs.unit_tokens);
  if (tp != other_tp && !latent) return fmt::format("every rank stores its own part, of TP {} and {}", tp, other_tp);
  if (ours.unit_bytes != theirs.unit_bytes)
    return fmt::format("{} tokens are {} bytes for one and {} for the other", ours.unit_tokens, ours.unit_bytes,
                       theirs.unit_bytes);
  if (here.units != there.units) return "they do not say the same size";
  if (here.store_bandwidth != there.store_bandwidth) return "they do not say the same store_bandwidth";
  return {};
}

}  // namespace

void check_stores(Resolver& values, const Scenario& s) {
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    const KvTierConfig* store = named_store(s.pools[i]);
    if (store == nullptr) continue;
    const auto first = std::find_if(s.pools.begin(), s.pools.end(), [&](const PoolPlan& pool) {
      const KvTierConfig* other = named_store(pool);
      return other != nullptr && other->name == store->name;
    });
    const std::string why = unlike(*first, s.pools[i]);
    if (why.empty()) continue;
    values.error(
        fmt::format("pools[{}].engine.kv_remote.name", i),
        fmt::format("pools '{}' and '{}' cannot share store '{}': {}", first->name, s.pools[i].name, store->name, why),
        "give both the same, or stores of their own");
  }
}

// Of MultiConnector's list, where there are two.
void check_connectors(Resolver& values, const Scenario& s) {
  const char* key = "engine.kv_connector_extra_config.asked_first";
  const auto refuse = [&](const std::string& path, const std::string& why) {
    values.error(path, fmt::format("'{}' says nothing: {}", path, why), "leave it out");
  };
  bool any = false;
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    const PoolPlan& pool = s.pools[i];
    const bool decodes = pool.role == PoolRole::decode, has_two = decodes && pool.engine.kv_offload.on();
    any = any || has_two;
    const std::string path = fmt::format("pools[{}].{}", i, key);
    if (!values.given(path) || has_two) continue;
    refuse(path, fmt::format("pool '{}' {}", pool.name,
                             decodes ? "has no KV caches outside the GPU" : "is not of role decode"));
  }
  if (values.given(key) && !any && find_engine(s.deployment.engine_name).reads(key))
    refuse(key, "no pool of role decode has KV caches outside the GPU");
}

}  // namespace foretoken
