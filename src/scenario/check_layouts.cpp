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
