// Clients that leave where requests are handed over, worked out by hand (src/serving/README.md, "Aborts and stop
// strings": A4).
#include <gtest/gtest.h>

#include "support/busy_decode.hpp"

namespace foretoken::test::hand_overs {
namespace {

// 100 ms of prompt, then 50 of transfer.
TEST(HandOverGolden, A4WhoLeavesBeforeItsPromptIsComputedIsNotHandedOver) {
  for (const bool async : {false, true}) {
    BusyDecode pools(FirstToken::where_decoded, "vllm-v1", async);
    const PooledRun run = pools.run_with_patience(60, {request(0, 0, 64, 9)}, {{0, 50}}, false);
    EXPECT_EQ(run.outcome.aborted, 1);
    EXPECT_EQ(ms(run.outcome.end), 100) << "its step goes on";
    EXPECT_EQ(run.outcome.transfers.requests, 0);
    EXPECT_EQ(run.outcome.replicas.back().peak_kv_blocks, 0);
  }
}

// 30 ms between the pools, and the client leaves at 10 of them. Blocks for one prompt: the next one, at 350, has them
// when they are kept no longer.
TEST(HandOverGolden, A4BetweenThePoolsBlocksAreKeptUntilTheTimeOut) {
  for (const std::int64_t kept : {0, 300}) {
    BusyDecode pools(FirstToken::where_decoded);
    pools.config.hand_over.hop = 30 * kMillisecond;
    pools.config.hand_over.pin_timeout = kept * kMillisecond;
    pools.config.pools.front().cluster.replicas = 1;
    pools.config.pools.front().engine.num_gpu_blocks = 1 + 4;
    pools.config.pools.front().engine.max_model_len = 64 + 1;
    const PooledRun run = pools.run_with_patience(110, {request(0, 0, 63, 2), request(1, 350, 63, 2)}, {}, false);
    EXPECT_EQ(run.outcome.aborted, 2);
    EXPECT_EQ(run.outcome.transfers.expired, kept > 0 ? 1 : 0);
    EXPECT_EQ(ms(run.outcome.end), kept > 0 ? 400 + 100 : 350 + 110)
        << "its prompt, or where it left between the pools";
  }
}

// Blocks where it would decode are kept until what comes is there (vLLM), or for the next call (SGLang).
TEST(HandOverGolden, A4WhileAKvCacheIsOnItsWay) {
  for (const bool sglang : {false, true}) {
    BusyDecode pools(sglang ? FirstToken::on_arrival : FirstToken::where_decoded, sglang ? "sglang" : "vllm-v1");
    if (sglang) pools.config.hand_over.reserve = HandOverRules::Reserve::before_prefill;
    for (const bool step_by_step : {false, true}) {
      const PooledRun run = pools.run_with_patience(120, {request(0, 0, 64, 9)}, {{0, 50}}, step_by_step);
      EXPECT_EQ(run.outcome.aborted, 1);
      EXPECT_EQ(ms(run.outcome.end), sglang ? 120 : 150);
      EXPECT_EQ(run.outcome.transfers.requests, sglang ? 0 : 1);
      EXPECT_EQ(run.outcome.replicas.back().steps, 0);
    }
  }
}

// Blocks for one where they decode. The second is not asked for: it leaves at once, and its blocks where it was
// computed.
TEST(HandOverGolden, A4WhoWaitsForBlocksLeavesAtOnce) {
  BusyDecode pools(FirstToken::where_decoded);
  pools.config.pools.back().engine.num_gpu_blocks = 1 + 5;
  pools.config.pools.back().engine.max_model_len = 80;
  const PooledRun run =
      pools.run_with_patience(120, {request(0, 0, 64, 9), request(1, 1, 64, 9)}, {{0, 50}, {1, 50}}, false);
  EXPECT_EQ(run.outcome.aborted, 2);
  EXPECT_EQ(run.outcome.transfers.requests, 1);
  EXPECT_EQ(ms(run.outcome.end), 150);
}

// SGLang, and nobody has begun with its prompt: it waits for blocks that another has until 1 s.
TEST(HandOverGolden, A4WhoWaitsForBlocksBeforeItsPromptLeavesBothServers) {
  BusyDecode pools(FirstToken::on_arrival, "sglang");
  pools.config.hand_over.reserve = HandOverRules::Reserve::before_prefill;
  pools.config.pools.back().engine.num_gpu_blocks = 1 + 5;
  pools.config.pools.back().engine.max_model_len = 80;
  const PooledRun run = pools.run_with_patience(90, {request(0, 0, 64, 9), request(1, 1, 64, 9)}, {{0, 50}}, false);
  EXPECT_EQ(run.outcome.aborted, 2);
  EXPECT_EQ(run.outcome.replicas[0].prefill_tokens + run.outcome.replicas[1].prefill_tokens, 64)
      << "of the first alone";
  EXPECT_EQ(ms(run.outcome.end), 100) << "the step of the first";
}

}  // namespace
}  // namespace foretoken::test::hand_overs
