// Random KV tiers for the engines that have them: small, so that they overflow, and links from slow to fast.
#pragma once

#include "support/random_run.hpp"

namespace foretoken::test {

// What `pick` says, for an engine that has tiers and does not swap.
template <class Pick>
void choose_tiers(const Pick& pick, bool sglang, EngineConfig& engine) {
  KvOffloadConfig& kv = engine.kv_offload;
  kv.backend = sglang ? KvOffload::hicache : pick(0, 2) == 0 ? KvOffload::lmcache : KvOffload::native;
  if (sglang && engine.ignore_eos_admission) return;
  kv.unit_tokens = kv.backend == KvOffload::lmcache ? engine.block_size * pick(1, 4) : engine.block_size;
  kv.unit_bytes = pick(1, 2000);
  kv.unit_copy = Duration{pick(0, 1) * pick(0, 200'000)};
  kv.layers = pick(1, 40);
  kv.layerwise = kv.backend == KvOffload::lmcache && pick(0, 1) == 1;
  kv.prompt_only = pick(0, 1) == 1;
  if (sglang) kv.write = static_cast<KvWrite>(pick(0, 2));
  kv.prefetch = static_cast<KvPrefetch>(pick(0, 2));
  const std::int64_t count = pick(0, 1) == 0 ? 1 : pick(2, 3);
  for (std::int64_t i = 0; i < count; ++i) {
    KvTierConfig tier;
    tier.tier = static_cast<KvTier>(i);
    tier.units = pick(0, 2) == 0 ? pick(1, 10) : pick(10, 400);
    tier.read_bandwidth = pick(1, 1000) * (pick(0, 1) == 0 ? 1'000 : 1'000'000);
    tier.write_bandwidth = pick(1, 1000) * (pick(0, 1) == 0 ? 1'000 : 1'000'000);
    if (pick(0, 1) == 1)
      tier.shared_bandwidth = std::max(tier.read_bandwidth, tier.write_bandwidth) + pick(0, 1000) * 1000;
    if (i > 0) tier.latency = Duration{pick(0, 2'000'000)};
    kv.tiers.push_back(tier);
  }
}

// False: the run's engine has none. What else runs is as without, but for families of prompts more often and answers
// that go on.
inline bool add_tiers(RandomRun& run) {
  RandomStream random(run.seed, "random_tiers");
  const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
  EngineConfig& engine = run.config.engine;
  if (engine.name != "vllm-v1" && engine.name != "sglang" && engine.name != "vllm-v0") return false;
  engine.data_parallel_size = 1;
  KvOffloadConfig& kv = engine.kv_offload;
  if (engine.name == "vllm-v0") {
    kv.unit_tokens = engine.block_size;
    kv.unit_bytes = pick(1, 2000);
    kv.unit_copy = Duration{pick(0, 100'000)};
    kv.swap_blocks = pick(0, 2) == 0 ? pick(1, 10) : pick(10, 400);
    kv.tiers.push_back({KvTier::cpu, kv.swap_blocks, pick(1, 1000) * 1'000'000, pick(1, 1000) * 1'000'000});
    return true;
  }
  choose_tiers(pick, engine.name == "sglang", engine);
  if (kv.tiers.empty()) {
    kv = {};
    return false;
  }
  const std::size_t count = kv.tiers.size();
  if (pick(0, 3) == 0) engine.enable_prefix_caching = false;
  // Enough tokens for SGLang's thresholds now and then.
  if (pick(0, 2) == 0 && !run.loop) {
    std::vector<std::int64_t> ids(static_cast<std::size_t>(pick(1, 6)));
    for (auto& id : ids) id = pick(0, 1);
    run.prefixes.add_row(ids, 100);
    for (Request& r : run.requests)
      if (pick(0, 1) == 0) r.prefix_row = static_cast<std::int32_t>(run.prefixes.rows() - 1);
  }
  if (count == 3 && pick(0, 2) > 0) {
    kv.tiers.back().shared = true;
    kv.tiers.back().store_bandwidth = pick(0, 1) * pick(1, 1000) * 1000;
  }
  return true;
}

}  // namespace foretoken::test
