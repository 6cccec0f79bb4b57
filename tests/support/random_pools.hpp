// Random deployments of several pools.
#pragma once

#include "support/pooled_run.hpp"
#include "support/random_run.hpp"
#include "support/random_tiers.hpp"

namespace foretoken::test {

struct RandomPools {
  RandomRun run;
  PoolsConfig config;
  StubCost prefill_cost;
  StubCost decode_cost;
  Duration to_replica{};
  Duration of_kv{};
  bool over_links = false;  // of the pools, in place of a way that takes the same time always

  [[nodiscard]] ClusterSeams seams() const { return over_links ? ClusterSeams{} : with_transport(to_replica, of_kv); }

  [[nodiscard]] bool waits_in_steps() const { return config.hand_over.send != HandOverRules::Send::beside_steps; }

  // more: what came to be tried later; without it a seed is the deployment that it was.
  explicit RandomPools(std::uint64_t seed, bool more = true)
      : run(random_run(seed)), prefill_cost(run.cost), decode_cost(random_run(seed + 100'000).cost) {
    RandomStream random(seed, "random_pools");
    const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
    EngineConfig& engine = run.config.engine;
    // Engines that hand over.
    if (engine.name != "sglang" && engine.name != "tensorrt-llm") engine.name = "vllm-v1";
    constexpr FirstToken kTokens[] = {FirstToken::where_prefilled, FirstToken::on_arrival, FirstToken::where_decoded};
    const auto first_token = kTokens[pick(0, engine.name == "vllm-v1" ? 2 : 1)];
    HandOverRules& rules = config.hand_over;
    rules.commits_outputs = engine.name == "tensorrt-llm";
    rules.keeps_retracted = engine.name == "sglang";
    if (pick(0, 2) == 0 && engine.name == "sglang") rules.reserved_tokens = pick(0, 64);
    if (pick(0, 2) == 0 && first_token == FirstToken::on_arrival) {
      rules.reserve = HandOverRules::Reserve::before_prefill;
      rules.in_chunks = pick(0, 1) == 0;
    }
    if (first_token == FirstToken::where_decoded) {
      rules.needs_seat = pick(0, 1) == 0;
      if (pick(0, 1) == 0) rules.pick_up = HandOverRules::PickUp::after_step;
      if (pick(0, 1) == 0) rules.on_failure = HandOverRules::OnFailure::recompute;
    }
    if (pick(0, 3) == 0) rules.failure_probability = 0.2;
    if (pick(0, 3) == 0) rules.hop = Duration{pick(1, 5'000'000)};
    if (pick(0, 7) == 0) rules.pin_timeout = Duration{pick(1'000'000, 60'000'000)};
    const bool may_stay = engine.name == "vllm-v1" && rules.reserve == HandOverRules::Reserve::on_arrival;
    if (pick(0, 3) == 0 && may_stay) rules.local_below = pick(1, 100);
    if (pick(0, 5) == 0 && first_token == FirstToken::where_prefilled) rules.most_unstarted = 0.3;
    const auto replicas = [&] { return ClusterConfig{static_cast<int>(pick(1, 3)), "least_outstanding"}; };
    config.pools.push_back({PoolRole::prefill, first_token, engine, replicas(), &prefill_cost});
    // The same engine, so that the invariants know its rules, with a pool and seats of its own.
    EngineConfig other = engine;
    const std::int64_t longest = blocks_for(engine.max_model_len, engine.block_size);
    other.num_gpu_blocks = 1 + longest + pick(0, 4 * longest);
    other.max_num_seqs = pick(1, 20);
    config.pools.push_back({PoolRole::decode, FirstToken::where_prefilled, other, replicas(), &decode_cost});
    if (pick(0, 2) == 0) config.pools.push_back({PoolRole::both, first_token, other, replicas(), &decode_cost});
    if (engine.name == "vllm-v1" && pick(0, 2) == 0)
      bring_encoders();
    else if (pick(0, 1) == 0)
      bring_adapters(seed, first_token == FirstToken::where_decoded);
    bring_groups(seed);
    bring_steps_that_wait(seed);
    if (more) bring_tiers(seed);
    if (more) bring_layers(seed);
    if (pick(0, 1) == 0) to_replica = Duration{pick(0, 3'000'000)};
    if (pick(0, 3) > 0) of_kv = Duration{pick(0, 40'000'000)};
    over_links = pick(0, 2) == 0;
    if (!over_links) return;
    to_replica = {};
    if (pick(0, 1) == 0) rules.setup = Duration{pick(0, 5'000'000)};
    if (pick(0, 2) == 0) rules.core_bandwidth = pick(1'000, 100'000'000);
    for (PoolConfig& pool : config.pools) {
      if (pick(0, 4) > 0) pool.link_bandwidth = pick(1'000, 100'000'000);
      if (pick(0, 1) == 0) pool.flow_bandwidth = pick(1'000, 100'000'000);
      pool.kv_block_bytes = pick(0, 100'000);
    }
  }

  // LoRA adapters in both pools. The last seat of a request is taken through the queue, or past it, where there must be
  // room for all of them.
  void bring_adapters(std::uint64_t seed, bool through_the_queue) {
    RandomStream random(seed, "random_pools_adapters");
    const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
    if (run.loop) return;
    const std::int64_t adapters = pick(1, 6);
    for (PoolConfig& pool : config.pools) {
      LoraConfig& lora = pool.engine.lora;
      lora.max_loras = !through_the_queue && pool.role == PoolRole::decode ? adapters : pick(1, 3);
      lora.max_cpu_loras = lora.max_loras + pick(0, 3);
      for (std::int64_t i = 0; i < adapters; ++i) {
        const Duration load{pick(0, 3'000'000)};
        lora.loads.push_back({load, load + Duration{pick(0, 5'000'000)}});
      }
    }
    for (Request& r : run.requests) r.adapter = static_cast<std::int16_t>(pick(-1, adapters - 1));
  }

  // Layers of several kinds share the KV blocks of all pools, as vLLM hands them over.
  void bring_groups(std::uint64_t seed) {
    if (config.pools.front().first_token != FirstToken::where_decoded) return;
    RandomStream random(seed, "random_pools_groups");
    const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
    if (config.pools.front().engine.name != "vllm-v1" || pick(0, 2) > 0) return;
    KvLayout layout;
    layout.full = static_cast<int>(pick(0, 2));
    layout.windowed = static_cast<int>(pick(1, 4));
    layout.window = pick(1, 300);
    // States of recurrent layers, beside windows or without.
    if (pick(0, 2) == 0) {
      layout.states = static_cast<int>(pick(1, 3));
      if (pick(0, 1) == 0) layout = {.full = static_cast<int>(pick(1, 2)), .states = layout.states};
    }
    StubTerms terms[] = {run.cost, random_run(seed + 100'000).cost};
    for (StubTerms& t : terms) {
      if (layout.windowed == 0) break;
      if (t.window == 0) t.per_windowed = 1e-6 * random.uniform();
      t.window = layout.window;
    }
    prefill_cost = StubCost(terms[0]);
    decode_cost = StubCost(terms[1]);
    for (PoolConfig& pool : config.pools) {
      EngineConfig& engine = pool.engine;
      engine.kv_layout = layout;
      const std::int64_t longest = blocks_for(engine.max_model_len, engine.block_size);
      engine.num_gpu_blocks = 1 + engine.most_blocks_of(engine.max_model_len) + pick(0, 4 * longest);
    }
  }

  // KV caches move within steps, as vLLM's P2pNcclConnector has it.
  void bring_steps_that_wait(std::uint64_t seed) {
    if (config.pools.front().first_token != FirstToken::where_decoded) return;
    RandomStream random(seed, "random_pools_steps_that_wait");
    const EngineConfig& engine = config.pools.front().engine;
    const bool may = engine.name == "vllm-v1" && engine.data_parallel_size == 1 && engine.kv_layout.is_plain();
    if (!may || random.uniform_int(0, 2) > 0) return;
    HandOverRules& rules = config.hand_over;
    constexpr HandOverRules::Send kSends[] = {HandOverRules::Send::put_async, HandOverRules::Send::put,
                                              HandOverRules::Send::get};
    rules.send = kSends[random.uniform_int(0, 2)];
    rules.pick_up = HandOverRules::PickUp::next_call;
    rules.failure_probability = 0;
    rules.pin_timeout = {};
    rules.local_below = 0;
    for (PoolConfig& pool : config.pools) pool.kv_layers = random.uniform_int(1, 40);
  }

  // KV tiers where requests decode, where prompts are computed, or in both pools, as vLLM's MultiConnector has them.
  void bring_tiers(std::uint64_t seed) {
    if (config.pools.front().first_token != FirstToken::where_decoded) return;
    RandomStream random(seed, "random_pools_tiers");
    const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
    const EngineConfig& first = config.pools.front().engine;
    const bool may = first.name == "vllm-v1" && first.data_parallel_size == 1 && first.kv_layout.is_plain() &&
                     !waits_in_steps() && !first.lora.on() && !first.encoder.on();
    if (!may || pick(0, 1) == 0) return;
    const bool in_all = pick(0, 2) == 0;
    for (PoolConfig& pool : config.pools) {
      if (pool.role == PoolRole::encoder || (!in_all && pool.role != PoolRole::decode)) continue;
      choose_tiers(pick, false, pool.engine);
      pool.engine.kv_offload.before_hand_overs = pool.role == PoolRole::decode && pick(0, 1) == 0;
    }
    share_store(seed, in_all);
  }
  // The last of three tiers is one of all replicas of a pool, or of both pools, which then say the same of it.
  void share_store(std::uint64_t seed, bool in_all) {
    RandomStream random(seed, "random_pools_store");
    const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
    if (pick(0, 1) == 0) return;
    const bool together = in_all && pick(0, 2) > 0;
    const KvOffloadConfig& first = config.pools.front().engine.kv_offload;
    for (PoolConfig& pool : config.pools) {
      KvOffloadConfig& kv = pool.engine.kv_offload;
      if (together && kv.on()) {
        const bool before = kv.before_hand_overs;
        kv = first;
        kv.before_hand_overs = before;
      }
      if (kv.tiers.size() < 3) continue;
      kv.tiers.back().shared = true;
      kv.tiers.back().name = together ? "store" : "";
    }
  }
  // Prompts are sent while they are computed, chunk by chunk or layer by layer, to where blocks were taken before.
  void bring_layers(std::uint64_t seed) {
    RandomStream random(seed, "random_pools_layers");
    HandOverRules& rules = config.hand_over;
    const FirstToken first_token = config.pools.front().first_token;
    if (first_token == FirstToken::where_decoded || random.uniform_int(0, 1) == 0) return;
    if (first_token == FirstToken::where_prefilled) {
      rules.reserve = HandOverRules::Reserve::before_prefill;
      rules.in_chunks = true;
      rules.local_below = 0;
    }
    rules.by_layer = rules.in_chunks && random.uniform_int(0, 2) > 0;
    for (PoolConfig& pool : config.pools) pool.kv_layers = random.uniform_int(1, 40);
  }
  [[nodiscard]] bool has_tiers() const {
    return std::any_of(config.pools.begin(), config.pools.end(),
                       [](const PoolConfig& pool) { return pool.engine.kv_offload.on(); });
  }
  // Of rank i; where pools have ranks in step, of those of its pool.
  [[nodiscard]] PoolRole role_of(std::size_t rank) const {
    for (const PoolConfig& pool : config.pools) {
      const auto ranks = static_cast<std::size_t>(pool.cluster.replicas * pool.engine.data_parallel_size);
      if (rank < ranks) return pool.role;
      rank -= ranks;
    }
    return PoolRole::both;
  }

  // Images, and replicas that compute nothing else.
  void bring_encoders() {
    RandomStream random(run.seed, "random_pools_encoders");
    const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
    if (!bring_images(run)) return;
    const EncoderConfig& encoder = run.config.engine.encoder;
    PoolConfig encodes{PoolRole::encoder,
                       FirstToken::where_prefilled,
                       run.config.engine,
                       {static_cast<int>(pick(1, 3)), pick(0, 1) == 0 ? "round_robin" : "least_outstanding"},
                       &prefill_cost};
    encodes.link_bandwidth = pick(0, 1) * 1'000'000'000;
    encodes.embedding_bytes = 1000;
    encodes.embedding_setup = Duration{pick(0, 2) * 300'000};
    for (PoolConfig& pool : config.pools) {
      pool.engine.encoder = encoder;
      pool.engine.encoder.elsewhere = true;
    }
    config.pools.insert(config.pools.begin() + pick(1, 2), encodes);  // the first is the one that logs know
  }
};

}  // namespace foretoken::test
