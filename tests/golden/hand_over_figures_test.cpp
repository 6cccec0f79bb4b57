// Cases of hand-overs at the figures of their page (src/serving/README.md, "Hand-overs": H19, H24).
#include <gtest/gtest.h>

#include <numeric>

#include "support/busy_decode.hpp"

namespace foretoken::test::hand_overs {
namespace {

// Dynamo's rule, 2,048 tokens and 0.7 of the prompt: of 3,000 tokens 2,000 are cached where they would decode, or 496
// (whole blocks of 500), or of 1,500 none. The first stays, the others are computed elsewhere in 100 ms.
TEST(HandOverFigures, H19WhatIsCachedWhereItDecodesSaysWhetherAPromptStays) {
  struct Case {
    std::int32_t prompt, cached;
    std::int64_t first_token;
  };
  for (const Case& c : {Case{3000, 2000, 20}, Case{3000, 500, 120}, Case{1500, 0, 120}}) {
    BusyDecode pools(FirstToken::where_decoded);
    pools.config.hand_over.local_below = 2048;
    pools.config.hand_over.local_ratio = 0.7;
    for (PoolConfig& pool : pools.config.pools) {
      pool.engine.max_model_len = 8000;
      pool.engine.enable_prefix_caching = true;
    }
    PrefixTable prefixes;
    std::vector<std::int64_t> ids(static_cast<std::size_t>(c.cached / 4));
    std::iota(ids.begin(), ids.end(), 0);
    prefixes.add_row(ids, 4);
    std::vector<Request> requests{request(0, 0, c.cached + 1, 2), request(1, 1000, c.prompt, 2)};
    for (Request& r : requests) r.prefix_row = c.cached > 0 ? 0 : -1;
    // The prefill pool's two replicas take turns, so that what the first has cached is not where the second is
    // computed.
    ClusterSeams seams;
    seams.transport = std::make_unique<ByNumber>(std::map<std::int64_t, std::int64_t>{});
    const PooledRun run = run_pools(pools.config, *make_fixed_source(requests, prefixes), false, std::move(seams));
    EXPECT_EQ(ms(run.seen.by_index().at(1).first_token), 1000 + c.first_token) << c.prompt << " " << c.cached;
  }
}

// Two prompts of 1,000 tokens in 63 blocks each, and no block more: when the first needs one the second, 60 ms behind
// it, has put out five tokens. All 1,005 are computed where it decodes.
TEST(HandOverFigures, H24WhoIsEvictedWhereItDecodesComputesAllThatIsKnownThere) {
  BusyDecode pools(FirstToken::where_decoded);
  for (PoolConfig& pool : pools.config.pools) {
    pool.engine.enable_prefix_caching = false;
    pool.engine.max_model_len = 1100;
  }
  pools.config.pools.back().engine.num_gpu_blocks = 1 + 2 * 63;
  const PooledRun run = pools.run({request(0, 0, 1000, 40), request(1, 60, 1000, 40)}, {});
  EXPECT_EQ(run.outcome.finished, 2);
  EXPECT_EQ(run.outcome.replicas.back().preemptions, 1);
  EXPECT_EQ(run.outcome.transfers.requests, 2) << "each prompt once";
  EXPECT_EQ(run.outcome.replicas.back().prefill_tokens, 1 + 1 + 1005);
}

}  // namespace
}  // namespace foretoken::test::hand_overs
