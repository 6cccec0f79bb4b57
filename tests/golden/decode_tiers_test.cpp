// KV tiers where requests decode, beside what comes from the prefill pool, worked out by hand (src/serving/README.md,
// "KV tiers": K12 to K16).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/busy_decode.hpp"

namespace foretoken::test::hand_overs {
namespace {

// Prompts take 100 ms, steps where they decode 20 ms, transfers 30 ms. There host memory keeps blocks of 16 tokens, of
// which each takes `unit_us` in either direction, and the GPU finds nothing again.
struct DecodeTiers : BusyDecode {
  PrefixTable prefixes;

  explicit DecodeTiers(bool before_hand_overs, std::int64_t unit_us = 3750, KvOffload backend = KvOffload::native,
                       bool async = false)
      : BusyDecode(FirstToken::where_decoded, "vllm-v1", async) {
    config.hand_over.needs_seat = true;
    config.hand_over.pick_up = HandOverRules::PickUp::after_step;
    for (PoolConfig& pool : config.pools) pool.engine.enable_prefix_caching = false;
    KvOffloadConfig& kv = config.pools.back().engine.kv_offload;
    kv.backend = backend;
    kv.unit_bytes = unit_us * 1000;
    kv.before_hand_overs = before_hand_overs;
    kv.tiers.push_back({KvTier::cpu, 1000, 1'000'000'000, 1'000'000'000});
    const std::int64_t id = 7;
    prefixes.add_row(std::span(&id, 1), 64);
  }
  // The same in stretches and step by step. Requests with `shared` set begin with the same 64 tokens.
  PooledRun serve(std::vector<Request> requests, const std::vector<int>& shared) {
    for (const int i : shared) requests[static_cast<std::size_t>(i)].prefix_row = 0;
    PooledRun one;
    std::string text;
    for (const bool step_by_step : {false, true}) {
      std::map<std::int64_t, std::int64_t> takes;
      for (const Request& r : requests) takes[r.index] = 30;
      ClusterSeams seams;
      seams.transport = std::make_unique<ByNumber>(takes);
      one = run_pools(config, *make_fixed_source(requests, prefixes), step_by_step, std::move(seams));
      if (step_by_step) {
        EXPECT_EQ(one.text(), text) << "step by step";
      }
      text = one.text();
    }
    for (const ReplicaTotals& rank : one.outcome.replicas) EXPECT_EQ(rank.kv_blocks_at_end, 0);
    return one;
  }
};

std::int64_t first_of(const PooledRun& run, std::size_t index) {
  return ms(run.seen.by_index().at(index).first_token);
}

// The hand-over stands first: it has all of the prompt, so that host memory is asked in vain although it has all, too.
// Both requests: 100 for the prompt, 30 for the transfer, 20 for the row.
TEST(DecodeTiersGolden, K12TheFirstConnectorThatHasTokensBringsThem) {
  for (const KvOffload backend : {KvOffload::native, KvOffload::lmcache}) {
    DecodeTiers pools(false, 3750, backend);
    const PooledRun run = pools.serve({request(0, 0, 64, 1), request(1, 1000, 64, 1)}, {0, 1});
    // LMCache stores its four chunks within the step that has the row, 15 ms.
    EXPECT_EQ(first_of(run, 0), backend == KvOffload::native ? 150 : 165);
    EXPECT_EQ(first_of(run, 1), 1150) << "nothing is stored twice";
    EXPECT_EQ(run.outcome.transfers.requests, 2);
    EXPECT_EQ(run.outcome.replicas.back().kv_tiers.loads, 0);
    EXPECT_EQ(run.outcome.replicas.back().kv_tiers.stored_bytes, 4 * 3'750'000) << "what came from the prefill pool";
  }
}

// The tiers stand first: four blocks in 15 ms, and nobody reads what the prefill pool keeps.
TEST(DecodeTiersGolden, K13WhatTiersHaveIsNotFetchedWhereTheyAreAskedFirst) {
  for (const KvOffload backend : {KvOffload::native, KvOffload::lmcache}) {
    DecodeTiers pools(true, 3750, backend);
    const PooledRun run = pools.serve({request(0, 0, 64, 1), request(1, 1000, 64, 1)}, {0, 1});
    EXPECT_EQ(first_of(run, 1), 1135);
    EXPECT_EQ(run.outcome.transfers.requests, 1);
    EXPECT_EQ(run.outcome.replicas.back().kv_tiers.loads, 1);
    EXPECT_EQ(part_ms(run.seen.by_index().at(1).ttft_parts, AttributionPart::kv_transfer), 15);
  }
}

// Of 128 tokens host memory has 64. The connector that brings them is the only one: the rest is computed again.
TEST(DecodeTiersGolden, K14WhatTheFirstConnectorLacksIsComputedWhereItDecodes) {
  for (const bool tiers_first : {false, true}) {
    DecodeTiers pools(tiers_first);
    const PooledRun run = pools.serve({request(0, 0, 64, 1), request(1, 1000, 128, 1)}, {0, 1});
    EXPECT_EQ(run.outcome.transfers.requests, tiers_first ? 1 : 2);
    EXPECT_EQ(run.outcome.replicas.back().prefill_tokens, 1 + (tiers_first ? 64 : 1));
    EXPECT_EQ(first_of(run, 1), tiers_first ? 1135 : 1150) << "a step takes as long for any tokens here";
  }
}

// Nine blocks: both decode with four each, the first one gets the last for its second token, and the other is evicted.
// When the first has ended its 64 tokens come from host memory in 15 ms, not from the prefill pool, and one is computed
// again. Without tiers all are. The step after the eviction waits until the blocks of both are stored, 30 ms (H23).
TEST(DecodeTiersGolden, K15WhoIsEvictedComesBackFromHostMemory) {
  for (const bool tiers_first : {false, true}) {
    for (const bool has_tiers : {true, false}) {
      DecodeTiers pools(tiers_first);
      EngineConfig& engine = pools.config.pools.back().engine;
      engine.num_gpu_blocks = 1 + 9;
      engine.max_model_len = 140;
      if (!has_tiers) engine.kv_offload = {};
      const PooledRun run = pools.serve({request(0, 0, 64, 5), request(1, 0, 64, 5)}, {});
      const ReplicaTotals& decode = run.outcome.replicas.back();
      EXPECT_EQ(decode.preemptions, 1);
      EXPECT_EQ(run.outcome.transfers.requests, 2);
      EXPECT_EQ(decode.kv_tiers.loads, has_tiers ? 1 : 0);
      EXPECT_EQ(decode.prefill_tokens, 2 + (has_tiers ? 1 : 65));
      // Rows at 150, the first one's other four tokens; then the load, and four steps.
      EXPECT_EQ(ms(run.seen.by_index().at(0).finish), 150 + (has_tiers ? 30 : 0) + 80);
      EXPECT_EQ(ms(run.seen.by_index().at(1).finish), 150 + (has_tiers ? 30 + 80 + 15 : 80) + 80);
    }
  }
}

// The blocks of the first request are stored from 150 to 550 (100 ms each). The second one, there at 200, is passed by
// until then, whoever would bring it its prompt; the third, of a prompt of its own, passes it.
TEST(DecodeTiersGolden, K16OneConnectorThatSaysNotYetHoldsUpTheOther) {
  for (const bool tiers_first : {false, true}) {
    DecodeTiers pools(tiers_first, 100'000);
    const PooledRun run = pools.serve({request(0, 0, 64, 1), request(1, 100, 64, 1), request(2, 150, 64, 1)}, {0, 1});
    EXPECT_EQ(first_of(run, 2), 250 + 30 + 20);
    EXPECT_EQ(first_of(run, 1), 550 + (tiers_first ? 400 : 30) + 20);
  }
}

// A conversation's second turn begins with the first one's 64 tokens and the 17 of its output that were computed: 80 in
// whole blocks. The replica that computes the second turn's prompt finds what its fellow stored of the first one's,
// and, where both pools have one store, what was written, too.
TEST(DecodeTiersGolden, K17AStoreOfTwoPoolsHasWhatEitherStored) {
  for (const bool together : {false, true}) {
    DecodeTiers pools(false);
    for (PoolConfig& pool : pools.config.pools) {
      KvOffloadConfig& kv = pool.engine.kv_offload;
      kv = pools.config.pools.back().engine.kv_offload;
      kv.tiers.resize(1);
      kv.tiers.push_back({KvTier::remote, 1000, 1'000'000'000, 1'000'000'000});
      kv.tiers.back().shared = true;
      kv.tiers.back().name = together ? "conversations" : "";
    }
    std::vector<Request> turns{request(0, 0, 64, 18), request(1, 2000, 100, 1)};
    for (Request& turn : turns) turn.conversation = 0;
    const PooledRun run = pools.serve(turns, {});
    EXPECT_EQ(run.outcome.replicas[1].kv_tiers.hits[2], together ? 80 : 64) << "the second turn's replica";
    EXPECT_EQ(run.outcome.finished, 2);
  }
}

// An engine that plans a step ahead asks at the same boundary as for a hand-over, and sees the load as late (H21, H4):
// busy with steps from 1110 + 20 k on, the third is there at 1120 and asked for at 1130; its load of 15 ms ends at
// 1145, is polled at 1150, reported at 1190, and its token comes out at 1230. Without planning ahead: at 1170 and 1190.
TEST(DecodeTiersGolden, K13ABusyEngineSeesALoadWithTheOutputOfALaterStep) {
  for (const bool async : {false, true}) {
    DecodeTiers pools(true, 3750, KvOffload::native, async);
    const PooledRun run = pools.serve({request(0, 0, 64, 1), request(1, 10, 64, 200), request(2, 1020, 64, 1)}, {0, 2});
    EXPECT_EQ(first_of(run, 2), async ? 1230 : 1190);
    EXPECT_EQ(run.outcome.transfers.requests, 2);
  }
}

}  // namespace
}  // namespace foretoken::test::hand_overs
