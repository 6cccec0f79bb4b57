// Hand-overs from pool to pool, worked out by hand (src/serving/README.md, "Hand-overs": H3 to H25).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/busy_decode.hpp"

namespace foretoken::test::hand_overs {
namespace {

using ::testing::ElementsAre;
using PickUp = HandOverRules::PickUp;

// Blocks at 120, data at 135, polled at 140 with the launch of a step, reported with its output at 160.
TEST(HandOverGolden, H3VllmSeesAKvCacheWithTheOutputOfALaterStep) {
  BusyDecode pools(FirstToken::where_decoded);
  pools.config.hand_over.pick_up = PickUp::after_step;
  EXPECT_THAT(pools.tokens_of_second(15), ElementsAre(180, 200));
}

// The step in which it runs is scheduled when the one before begins: two steps more.
TEST(HandOverGolden, H4VllmAsyncSeesItTwoStepsLater) {
  BusyDecode pools(FirstToken::where_decoded, "vllm-v1", true);
  pools.config.hand_over.pick_up = PickUp::after_step;
  EXPECT_THAT(pools.tokens_of_second(15), ElementsAre(220, 240));
}

TEST(HandOverGolden, H5ALongerTransferWaitsForTheSameBoundaries) {
  for (const bool async : {false, true}) {
    BusyDecode pools(FirstToken::where_decoded, "vllm-v1", async);
    pools.config.hand_over.pick_up = PickUp::after_step;
    EXPECT_THAT(pools.tokens_of_second(50), ElementsAre(async ? 260 : 220, async ? 280 : 240));
  }
}

// Two groups of layers keep all 64 tokens of a prompt in 4 blocks each, three keep a window of 20: for the row over the
// last token (44 to 63) blocks 2 and 3 of each. What had left the window is nowhere, and does not come.
TEST(HandOverGolden, H26OfWindowedLayersOnlyTheBlocksOfTheWindowAreHandedOver) {
  BusyDecode pools(FirstToken::where_decoded);
  pools.slow = StubCost(StubTerms{.base = 0.1, .window = 20});
  pools.fast = StubCost(StubTerms{.base = 0.02, .window = 20});
  for (PoolConfig& pool : pools.config.pools) {
    pool.engine.kv_layout = {1, 2, 3, 20, 0};
    pool.kv_block_bytes = 1000;
  }
  const PooledRun run = pools.run({request(0, 0, 64, 3)}, {{0, 30}});
  EXPECT_EQ(run.outcome.transfers.bytes, (2 * 4 + 3 * 2) * 1000);
  EXPECT_EQ(run.outcome.replicas[2].peak_kv_blocks, 2 * 5 + 3 * 3) << "a block of each group for the first token";
  for (const ReplicaTotals& rank : run.outcome.replicas) EXPECT_EQ(rank.kv_blocks_at_end, 0);
}

// Data at 125: the step that began at 120 polls when it is launched, at 139, and reports it at 140.
TEST(HandOverGolden, H6ALongLaunchSeesWhatCameSinceItsStepBegan) {
  for (const std::int64_t launch : {0, 19}) {
    BusyDecode pools(FirstToken::where_decoded);
    pools.config.hand_over.pick_up = PickUp::after_step;
    pools.config.hand_over.launch = launch * kMillisecond;
    EXPECT_THAT(pools.tokens_of_second(5), ElementsAre(launch > 0 ? 160 : 180, launch > 0 ? 180 : 200));
  }
}

// Its step is due at 120. What it computes begins when its KV cache is there, at 130, for all its rows.
TEST(HandOverGolden, H10AStepThatFetchesAKvCacheHoldsUpAllItsRows) {
  for (const bool async : {false, true}) {
    BusyDecode pools(FirstToken::where_decoded, "vllm-v1", async);
    pools.config.hand_over.send = HandOverRules::Send::get;
    EXPECT_THAT(pools.tokens_of_second(10), async ? ElementsAre(170, 190) : ElementsAre(150, 170));
    const PooledRun run = pools.run({request(0, 0, 64, 50), request(1, 10, 64, 2)}, {{0, 0}, {1, 10}});
    EXPECT_EQ(run.seen.gaps.at(30'000'000), 1) << "of the request that decodes beside it";
    EXPECT_EQ(part_ms(run.seen.by_index().at(1).ttft_parts, AttributionPart::kv_transfer), 10);
    EXPECT_EQ(part_ms(run.seen.by_index().at(0).e2e_parts, AttributionPart::interference), 10);
    EXPECT_EQ(run.outcome.transfers.requests, 2);
    for (const ReplicaTotals& rank : run.outcome.replicas) EXPECT_EQ(rank.kv_blocks_at_end, 0);
  }
}

// Ten layers of 10 ms each. Those that are computed go while the others are: of 30 ms the last layer's 3 are left after
// the prompt; of 150 ms the first layer waits 10 for its own. After the prompt alone all of it is.
TEST(HandOverGolden, H10APromptsStepLastsUntilItsKvCacheHasGone) {
  for (const std::int64_t takes : {30, 150}) {
    for (const bool by_layer : {true, false}) {
      BusyDecode pools(FirstToken::where_decoded);
      pools.config.hand_over.send = by_layer ? HandOverRules::Send::put_async : HandOverRules::Send::put;
      pools.config.pools.front().kv_layers = 10;
      pools.config.pools.front().cluster.replicas = 1;
      const PooledRun run = pools.run({request(0, 0, 64, 2), request(1, 50, 64, 1)}, {{0, takes}, {1, 0}});
      const std::int64_t gone = by_layer ? std::max(100 + takes / 10, 10 + takes) : 100 + takes;
      const RequestRecord& r = run.seen.by_index().at(0);
      EXPECT_EQ(ms(r.first_token), gone + 20);
      EXPECT_EQ(part_ms(r.ttft_parts, AttributionPart::kv_transfer), gone - 100);
      EXPECT_EQ(ms(run.seen.by_index().at(1).scheduled), gone) << "its blocks are free when they are copied";
    }
  }
}

// 12 blocks where it decodes: the second is evicted with one token out of its 64 and comes in again whole, but for
// that.
TEST(HandOverGolden, H10AnEvictedPromptIsFetchedAgain) {
  BusyDecode pools(FirstToken::where_decoded);
  pools.config.hand_over.send = HandOverRules::Send::get;
  EngineConfig& engine = pools.config.pools.back().engine;
  engine.num_gpu_blocks = 1 + 9;
  engine.max_model_len = 140;
  const PooledRun run = pools.run({request(0, 0, 64, 20), request(1, 0, 64, 20)}, {{0, 10}, {1, 10}});
  const ReplicaTotals& decode = run.outcome.replicas.back();
  EXPECT_EQ(run.outcome.finished, 2);
  EXPECT_EQ(decode.preemptions, 1);
  EXPECT_EQ(run.outcome.transfers.requests, 3);
  EXPECT_EQ(decode.prefill_tokens, 2 + 2) << "the last token of each prompt, and again with the one that was out";
  EXPECT_EQ(decode.kv_blocks_at_end, 0);
}

TEST(HandOverGolden, WhatHandOversTakeIsSaidApart) {
  BusyDecode pools(FirstToken::where_decoded);
  pools.config.hand_over.pick_up = PickUp::after_step;
  const PooledRun run = pools.run({request(0, 0, 64, 50), request(1, 10, 64, 2)}, {{0, 0}, {1, 15}});
  const Attribution& parts = run.seen.by_index().at(1).ttft_parts;
  EXPECT_EQ(part_ms(parts, AttributionPart::kv_transfer), 15);
  EXPECT_EQ(part_ms(parts, AttributionPart::hand_over_wait), 10 + 25) << "to the boundary, and until it is known";
}

// Three chunks of 40 ms, each sent in 30 ms when it is computed: 40 to 70, 80 to 110, 120 to 150.
TEST(HandOverGolden, H7SglangSendsChunksAndStreamsTheFirstTokenWithoutAStep) {
  for (const bool async : {false, true}) {
    for (const std::int64_t takes : {30, 50}) {
      BusyDecode pools(FirstToken::on_arrival, "sglang", async);
      pools.slow = StubCost(StubTerms{0.04});
      for (PoolConfig& pool : pools.config.pools) pool.engine.block_size = 1, pool.engine.num_gpu_blocks = 10'000;
      pools.config.pools.front().engine.chunked_prefill_size = 100;
      pools.config.hand_over.reserve = HandOverRules::Reserve::before_prefill;
      pools.config.hand_over.in_chunks = true;
      const PooledRun run = pools.run({request(0, 0, 100, 50), request(1, 0, 300, 2)}, {{0, 0}, {1, takes}});
      const RequestRecord& r = run.seen.by_index().at(1);
      const std::int64_t first = takes == 30 ? 160 : 200;  // H8: 40 to 90, 90 to 140, 140 to 190
      EXPECT_EQ(ms(r.first_token), first);
      EXPECT_EQ(ms(r.finish), first + (async ? 40 : 20));
    }
  }
}

// Splitwise, in one piece and three: chunks of 40 ms in ten layers, 30 ms over the link for each chunk, of which 1 ms
// to set it up where it goes whole. By layer a chunk's first nine go from its 4th ms on, and its last when it is
// computed.
//   whole      120 to 211 (one setup)
//   chunked    40 to 71, 80 to 111, 120 to 151
//   by layer   4 + 1 to 32, 40 + 1 to 44, and so on: 85 to 112, 121 to 124
// Chunks of 60 ms over the link queue for it: chunked 40 to 101, to 162, to 223; by layer 5 to 59, 59 to 65; 65 to 119,
// 119 to 125; 125 to 179, 179 to 185. The next token needs a step of 20 ms, which an idle engine begins at once.
TEST(HandOverGolden, H27APromptIsSentWholeInChunksOrByLayer) {
  enum class Mode { whole, chunked, by_layer };
  struct Case {
    Mode mode;
    std::int64_t chunk_ms, there;
  };
  for (const Case& c :
       {Case{Mode::whole, 30, 120 + 1 + 90}, Case{Mode::chunked, 30, 151}, Case{Mode::by_layer, 30, 124},
        Case{Mode::whole, 60, 120 + 1 + 180}, Case{Mode::chunked, 60, 223}, Case{Mode::by_layer, 60, 185}}) {
    BusyDecode pools(FirstToken::where_prefilled);
    pools.slow = StubCost(StubTerms{0.04});
    for (PoolConfig& pool : pools.config.pools) pool.engine.block_size = 16, pool.link_bandwidth = 1'000'000'000;
    pools.config.pools.front().engine.max_num_batched_tokens = 160;
    pools.config.pools.front().kv_layers = 10;
    pools.config.pools.back().kv_block_bytes = c.chunk_ms * 100'000;
    HandOverRules& rules = pools.config.hand_over;
    rules.setup = 1 * kMillisecond;
    if (c.mode != Mode::whole) rules.reserve = HandOverRules::Reserve::before_prefill;
    rules.in_chunks = c.mode != Mode::whole;
    rules.by_layer = c.mode == Mode::by_layer;
    for (const bool step_by_step : {false, true}) {
      const PooledRun run = run_pools(pools.config, *make_fixed_source({request(0, 0, 480, 2)}), step_by_step);
      const RequestRecord& r = run.seen.records.at(0);
      EXPECT_EQ(ms(r.first_token), 120);
      EXPECT_EQ(ms(r.finish), c.there + 20) << static_cast<int>(c.mode) << ", " << c.chunk_ms;
      EXPECT_EQ(part_ms(r.e2e_parts, AttributionPart::kv_transfer), c.there - 120);
      EXPECT_EQ(run.outcome.transfers.bytes, 30 * c.chunk_ms * 100'000);
      for (const ReplicaTotals& rank : run.outcome.replicas) EXPECT_EQ(rank.kv_blocks_at_end, 0);
    }
  }
}

// Two chunks of 40 ms, of ten pages of 1 MB each and a state of 5 MB that goes with the last one, over 1 GB/s: 40 to 50
// and 80 to 95. In one piece they are 25 ms.
TEST(HandOverGolden, H28StatesGoWithTheLastChunk) {
  for (const bool in_chunks : {true, false}) {
    BusyDecode pools(FirstToken::on_arrival, "sglang");
    pools.slow = StubCost(StubTerms{0.04});
    for (PoolConfig& pool : pools.config.pools) pool.engine.block_size = 16, pool.link_bandwidth = 1'000'000'000;
    pools.config.pools.front().engine.chunked_prefill_size = 160;
    pools.config.pools.back().kv_block_bytes = 1'000'000;
    pools.config.pools.back().kv_state_bytes = 5'000'000;
    pools.config.hand_over.reserve = HandOverRules::Reserve::before_prefill;
    pools.config.hand_over.in_chunks = in_chunks;
    const PooledRun run = run_pools(pools.config, *make_fixed_source({request(0, 0, 320, 2)}), false);
    EXPECT_EQ(ms(run.seen.records.at(0).first_token), in_chunks ? 95 : 105);
    EXPECT_EQ(run.outcome.transfers.bytes, 25'000'000);
  }
}

// 30 ms at the front end where the prompt will be computed, 60 where it will be decoded: both have the request at once.
TEST(HandOverGolden, WhereBlocksComeFirstBothFrontEndsHaveTheRequest) {
  for (const bool slow_there : {false, true}) {
    BusyDecode pools(FirstToken::on_arrival, "sglang");
    pools.config.hand_over.reserve = HandOverRules::Reserve::before_prefill;
    pools.config.pools.front().engine.per_prompt_token = Duration{100'000};
    if (slow_there) pools.config.pools.back().engine.per_prompt_token = Duration{200'000};
    const PooledRun run = pools.run({request(0, 0, 300, 2)}, {{0, 10}});
    const RequestRecord& r = run.seen.records.at(0);
    EXPECT_EQ(ms(r.scheduled), slow_there ? 60 : 30);
    EXPECT_EQ(ms(r.first_token), ms(r.scheduled) + 110);
    EXPECT_EQ(part_ms(r.ttft_parts, AttributionPart::engine_overhead), 30 + 100) << "a step of stubs is overhead";
    EXPECT_EQ(part_ms(r.ttft_parts, AttributionPart::queue), slow_there ? 30 : 0);
  }
}

TEST(HandOverGolden, H9TensorrtEmitsBeforeTheFirstForward) {
  BusyDecode pools(FirstToken::on_arrival, "tensorrt-llm");
  pools.config.hand_over.commits_outputs = true;
  EXPECT_THAT(pools.tokens_of_second(30), ElementsAre(160, 180));
}

// The prompt's blocks are kept for 300 ms, and its request is 500 ms on its way.
TEST(HandOverGolden, H14WhatIsKeptNoLongerIsLost) {
  for (const auto on_failure : {HandOverRules::OnFailure::fail, HandOverRules::OnFailure::recompute}) {
    BusyDecode pools(FirstToken::where_decoded);
    pools.config.hand_over.pin_timeout = 300 * kMillisecond;
    pools.config.hand_over.hop = 500 * kMillisecond;
    pools.config.hand_over.on_failure = on_failure;
    const PooledRun run = pools.run({request(0, 0, 64, 2)}, {});
    const RequestRecord& r = run.seen.records.at(0);
    const bool fails = on_failure == HandOverRules::OnFailure::fail;
    EXPECT_EQ(r.outcome, fails ? Outcome::failed : Outcome::finished);
    EXPECT_EQ(run.outcome.failed, fails ? 1 : 0);
    EXPECT_EQ(run.outcome.transfers.expired, 1);
    EXPECT_EQ(run.outcome.transfers.failed, 1);
    EXPECT_EQ(run.outcome.replicas.back().prefill_tokens, fails ? 0 : 64) << "computed where it was to decode";
    EXPECT_EQ(ms(r.finish), fails ? 600 : 640);
    for (const ReplicaTotals& rank : run.outcome.replicas) EXPECT_EQ(rank.kv_blocks_at_end, 0);
  }
}

// 10 blocks: 4 are loading, the next wants 8, and the one behind it, which wants 2, does not overtake it.
TEST(HandOverGolden, H15TheFirstThatDoesNotFitHoldsUpTheOthers) {
  BusyDecode pools(FirstToken::where_decoded);
  pools.config.pools.back().engine.num_gpu_blocks = 11;
  pools.config.pools.back().engine.max_model_len = 150;
  pools.config.pools.front().cluster.replicas = 3;
  const PooledRun run =
      pools.run({request(0, 0, 64, 1), request(1, 1, 128, 1), request(2, 2, 32, 1)}, {{0, 500}, {1, 10}, {2, 10}});
  std::vector<std::int64_t> first;
  for (const RequestRecord& r : run.seen.by_index()) first.push_back(ms(r.first_token));
  EXPECT_THAT(first, ElementsAre(620, 650, 650));
  EXPECT_EQ(part_ms(run.seen.by_index()[2].ttft_parts, AttributionPart::kv_wait), 620 - 102);
}

// One seat, taken until 200: what is there is seated then, and what comes later is not even fetched before.
TEST(HandOverGolden, H16AFullBatchStopsLoadsAndTheirPromotion) {
  BusyDecode pools(FirstToken::where_decoded);
  pools.config.hand_over.pick_up = PickUp::after_step;
  pools.config.hand_over.needs_seat = true;
  pools.config.pools.back().engine.max_num_seqs = 1;
  const PooledRun run = pools.run({request(0, 0, 64, 5), request(1, 10, 64, 1)}, {{0, 0}, {1, 15}});
  const RequestRecord& r = run.seen.by_index().at(1);
  EXPECT_EQ(ms(run.seen.by_index().at(0).finish), 200);
  EXPECT_EQ(ms(r.first_token), 200 + 15 + 20) << "fetched when the seat is free";
  EXPECT_EQ(part_ms(r.ttft_parts, AttributionPart::queue), 80) << "from the boundary at 120 on";
}

// Blocks of 16: of a prompt of 1000 whose first 600 tokens are here, 37 blocks are found and 26 come; of one of 1008
// that is all here, the last block comes again.
TEST(HandOverGolden, H17WhatTheCacheHasNeedNotCome) {
  for (const bool all : {false, true}) {
    BusyDecode pools(FirstToken::where_decoded);
    for (PoolConfig& pool : pools.config.pools) {
      pool.engine.max_model_len = 2000;
      pool.engine.enable_prefix_caching = true;
    }
    pools.config.pools.back().kv_block_bytes = 1;
    PrefixTable prefixes;
    const std::int64_t same[] = {7};
    prefixes.add_row(same, all ? 1008 : 600);
    std::vector<Request> requests{request(0, 0, all ? 1008 : 600, 2), request(1, 1000, all ? 1008 : 1000, 2)};
    requests[0].prefix_row = requests[1].prefix_row = 0;
    const std::int64_t before = blocks_for(requests[0].prompt_tokens, 16);
    const PooledRun run = run_pools(pools.config, *make_fixed_source(requests, prefixes), false);
    EXPECT_EQ(run.outcome.transfers.bytes - before, all ? 1 : 26);
    EXPECT_EQ(run.outcome.finished, 2);
  }
}

// One of 1000 tokens runs, has put out 200 and may put out 500: the next, of 3000 tokens and up to 1000 more, needs
// 3512 beside 512 kept for the one that runs.
TEST(HandOverGolden, H18SglangTakesBlocksBesideWhatOutputsMayNeed) {
  for (const std::int64_t free_tokens : {4023, 4024}) {
    BusyDecode pools(FirstToken::on_arrival, "sglang");
    for (PoolConfig& pool : pools.config.pools) {
      pool.engine.block_size = 1;
      pool.engine.max_model_len = 8000;
      pool.engine.num_gpu_blocks = 100'000;
      pool.engine.reserve_null_block = false;
    }
    HandOverRules& rules = pools.config.hand_over;
    rules.reserve = HandOverRules::Reserve::before_prefill;
    rules.finds_prefixes = false;
    rules.reserved_tokens = 512;
    pools.config.pools.back().engine.num_gpu_blocks = 1000 + 200 + free_tokens;
    std::vector<Request> requests{request(0, 0, 1000, 500), request(1, 0, 3000, 10)};
    requests[1].max_tokens = 1000;
    // 100 ms for its prompt, its first token with it, 199 steps of 20 ms. The step under way holds its block.
    requests[1].arrival = TimePoint{(100 + 198 * 20 + 10) * kMillisecond};
    const PooledRun run = pools.run(requests, {});
    const TimePoint began = run.seen.by_index()[1].scheduled;
    if (free_tokens == 4024)
      EXPECT_EQ(ms(began), 100 + 199 * 20);
    else
      EXPECT_EQ(began, run.seen.by_index()[0].finish) << "not before the other has ended";
  }
}

// 16 tokens of room and one seat. The first loses its own to its sixth token, and computes 13 tokens again, four by
// four, when the second has ended. SGLang makes no room for the rest of a prompt: the third's eight tokens wait for it,
// or, where they were taken before, the first for them. With both half there none of them could go on.
TEST(HandOverGolden, APromptThatIsComputedAgainAndAKvCacheThatComesDoNotHoldEachOtherUp) {
  for (const bool comes_first : {false, true}) {
    BusyDecode pools(FirstToken::where_prefilled, "sglang");
    EngineConfig& engine = pools.config.pools.back().engine;
    engine.block_size = 1;
    engine.reserve_null_block = false;
    engine.num_gpu_blocks = 16;
    engine.chunked_prefill_size = 4;
    engine.max_num_seqs = 1;
    const std::vector<Request> requests{request(0, 0, 8, 8), request(1, 10, 4, 3),
                                        request(2, comes_first ? 30 : 130, 8, 2)};
    for (const bool step_by_step : {false, true}) {
      const PooledRun run = pools.run(requests, {{2, comes_first ? 300 : 0}}, step_by_step);
      EXPECT_EQ(run.outcome.finished, 3);
      EXPECT_EQ(run.outcome.replicas.back().preemptions, 1);
      const auto seen = run.seen.by_index();
      EXPECT_EQ(seen.at(2).finish < seen.at(0).finish, comes_first);
    }
  }
}

// conditional_disagg.rs: fewer than 2048 tokens to compute, and less than 0.7 of the prompt.
TEST(HandOverGolden, H19ShortPromptsStayWhereTheyDecode) {
  for (const double ratio : {0.7, 1.1}) {
    BusyDecode pools(FirstToken::where_decoded);
    pools.config.hand_over.local_below = 100;
    pools.config.hand_over.local_ratio = ratio;
    const PooledRun run = pools.run({request(0, 0, 64, 2), request(1, 0, 200, 2)}, {});
    const bool stays = ratio > 1;
    EXPECT_EQ(ms(run.seen.by_index()[0].first_token), stays ? 20 : 120);
    EXPECT_EQ(ms(run.seen.by_index()[1].first_token), 120);
  }
}

// N = 1: what arrives is all.
TEST(HandOverGolden, H25ASingleTokenComesOutWithoutAStep) {
  BusyDecode pools(FirstToken::on_arrival, "tensorrt-llm");
  const PooledRun run = pools.run({request(0, 0, 64, 1)}, {{0, 30}});
  EXPECT_EQ(ms(run.seen.records.at(0).finish), 130);
  EXPECT_EQ(run.outcome.replicas.back().steps, 0);
}

// Bytes over a link that two transfers share: 64 tokens are 4 blocks of 1 MB, 4 ms at 1 GB/s alone.
TEST(HandOverGolden, TransfersShareTheLinkOfTheReplicaThatReceives) {
  BusyDecode pools(FirstToken::where_prefilled);
  pools.config.pools.front().link_bandwidth = 1'000'000'000;
  pools.config.pools.back().link_bandwidth = 1'000'000'000;
  pools.config.pools.back().kv_block_bytes = 1'000'000;
  pools.config.hand_over.setup = 1 * kMillisecond;
  const std::vector<Request> both{request(0, 0, 64, 2), request(1, 0, 64, 2)};
  const PooledRun run = run_pools(pools.config, *make_fixed_source(both), false);
  for (const RequestRecord& r : run.seen.by_index())
    EXPECT_EQ(part_ms(r.e2e_parts, AttributionPart::kv_transfer), 1 + 8) << "half of the link each";
  const PooledRun alone = run_pools(pools.config, *make_fixed_source({both.front()}), false);
  EXPECT_EQ(part_ms(alone.seen.records.at(0).e2e_parts, AttributionPart::kv_transfer), 1 + 4);
  EXPECT_EQ(run.outcome.transfers.bytes, 8'000'000);
}

}  // namespace
}  // namespace foretoken::test::hand_overs
