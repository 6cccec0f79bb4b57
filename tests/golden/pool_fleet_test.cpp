// Replicas of pools that come and go, and what becomes of requests between them, worked out by hand.
#include <gtest/gtest.h>

#include "foretoken/serving/simulation.hpp"
#include "support/pooled_run.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

constexpr Duration kMs{1'000'000};

TimePoint at_ms(std::int64_t ms) {
  return TimePoint{ms * kMs};
}

Request asked(std::int64_t ms, std::int64_t index, std::int32_t tokens = 4) {
  Request r;
  r.index = index;
  r.arrival = at_ms(ms);
  r.prompt_tokens = 64;
  r.output_tokens = r.max_tokens = tokens;
  return r;
}

// Prompts take 100 ms, transfers 30 ms, decode steps 20 ms: tokens of a request alone come at 150, 170, 190, 210 ms.
struct PoolFleets {
  StubCost slow{StubTerms{0.1}};
  StubCost fast{StubTerms{0.02}};
  PoolsConfig config;
  PooledRun run;

  PoolFleets(int prefill, int decode, FirstToken first_token = FirstToken::where_decoded) {
    EngineConfig engine;
    engine.max_model_len = 1000;
    engine.num_gpu_blocks = 1000;
    const auto pool = [&](PoolRole role, int places, const CostModel* cost) {
      ClusterConfig cluster{places, "least_outstanding"};
      cluster.fleet.on = true;
      cluster.fleet.at_start = places;
      cluster.fleet.held_requests = 100;
      cluster.fleet.held_for = std::chrono::seconds{60};
      cluster.fleet.failures.repair = std::chrono::seconds{10};
      config.pools.push_back({role, first_token, engine, cluster, cost});
    };
    pool(PoolRole::prefill, prefill, &slow);
    pool(PoolRole::decode, decode, &fast);
  }
  FleetConfig& fleet(int pool) { return config.pools[static_cast<std::size_t>(pool)].cluster.fleet; }
  void dies(int pool, std::int64_t ms, int place = 0) { fleet(pool).failures.planned.push_back({ms * kMs, place}); }
  std::vector<RequestRecord> records(std::vector<Request> requests) {
    const auto source = make_fixed_source(std::move(requests));
    run = run_pools(config, *source, false, with_transport({}, 30 * kMs));
    return run.seen.by_index();
  }
  [[nodiscard]] const FleetTotals& totals(int pool) const {
    return run.outcome.pool_fleets[static_cast<std::size_t>(pool)];
  }
};

// The KV cache is under way at 110 ms, and its blocks die with the prefill replica: the read fails at once. The request
// fails, or its prompt is computed where it decodes (vLLM's kv_load_failure_policy): 20 ms for it, and three steps
// more.
TEST(PoolFleets, ADeadPrefillReplicaTakesBlocksAlongThatWereNotRead) {
  for (const bool recompute : {false, true}) {
    PoolFleets pools(1, 1);
    if (recompute) pools.config.hand_over.on_failure = HandOverRules::OnFailure::recompute;
    pools.dies(0, 110);
    const auto records = pools.records({asked(0, 0)});
    EXPECT_EQ(records[0].outcome, recompute ? Outcome::finished : Outcome::failed);
    EXPECT_EQ(records[0].finish, at_ms(recompute ? 110 + 4 * 20 : 110));
    EXPECT_EQ(pools.run.outcome.transfers.failed, 1);
    EXPECT_EQ(pools.totals(0).failures, 1);
    EXPECT_EQ(pools.totals(0).lost, 0) << "it had left";
  }
}

// Blocks that were read are not needed any more: at 140 ms the request decodes.
TEST(PoolFleets, WhatWasReadOutlivesThePrefillReplica) {
  PoolFleets pools(1, 1);
  pools.dies(0, 140);
  const auto records = pools.records({asked(0, 0)});
  EXPECT_EQ(records[0].outcome, Outcome::finished);
  EXPECT_EQ(records[0].finish, at_ms(210));
}

// Where it decodes it is lost with its replica, whether its KV cache is under way or it has tokens; the blocks of its
// prompt are let go, so that the prefill pool may shrink.
TEST(PoolFleets, ADeadDecodeReplicaLosesWhatItHasAndWhatIsUnderWayToIt) {
  for (const std::int64_t when : {115, 175}) {
    PoolFleets pools(1, 2);
    pools.dies(1, when, 0);
    const auto records = pools.records({asked(0, 0), asked(300, 1)});
    EXPECT_EQ(records[0].outcome, Outcome::failed);
    EXPECT_EQ(records[0].finish, at_ms(when));
    EXPECT_EQ(records[0].emitted, when == 175 ? 2 : 0);
    EXPECT_EQ(records[1].outcome, Outcome::finished);
    EXPECT_EQ(records[1].finish, at_ms(510));
    EXPECT_EQ(pools.totals(1).lost, 1);
    EXPECT_EQ(pools.run.outcome.replicas[0].kv_blocks_at_end, 0);
  }
}

// SGLang takes blocks where it decodes first: when they die at 50 ms the prompt is computed all the same, and nobody
// takes what is sent.
TEST(PoolFleets, ADeadDecodeReplicaIsMissedWhenThePromptIsSent) {
  PoolFleets pools(1, 1, FirstToken::on_arrival);
  pools.config.hand_over.reserve = HandOverRules::Reserve::before_prefill;
  pools.dies(1, 50);
  const auto records = pools.records({asked(0, 0)});
  EXPECT_EQ(records[0].outcome, Outcome::failed);
  EXPECT_EQ(records[0].finish, at_ms(100));
}

// Nobody decodes until 10 s: who comes then waits where requests enter, and who is in the midst of it fails (503).
TEST(PoolFleets, WithoutAnyoneToDecodeRequestsWaitWhereTheyEnter) {
  PoolFleets pools(1, 1);
  pools.dies(1, 50);
  const auto records = pools.records({asked(0, 0), asked(60, 1)});
  EXPECT_EQ(records[0].outcome, Outcome::failed);
  EXPECT_EQ(records[0].finish, at_ms(100));
  EXPECT_EQ(records[1].outcome, Outcome::finished);
  EXPECT_EQ(records[1].finish, at_ms(10'050 + 210));
  EXPECT_EQ(pools.run.outcome.fleet.held, 1);
}

// It drains from 105 ms on, and its blocks are read until 130 ms: it is gone then, not before.
TEST(PoolFleets, APrefillReplicaThatDrainsKeepsItsBlocksUntilTheyAreRead) {
  PoolFleets pools(2, 1);
  pools.config.pools[0].cluster.router = "round_robin";
  pools.fleet(0).schedule = {{Duration{105 * kMs}, 1}};
  const auto records = pools.records({asked(0, 0), asked(0, 1)});
  EXPECT_EQ(records[1].outcome, Outcome::finished);
  EXPECT_EQ(pools.totals(0).in_state[static_cast<std::size_t>(ReplicaState::draining)], (25 * kMs).count());
  EXPECT_EQ(pools.totals(1).stops, 0);
}

// At 140 ms the first request has left the prefill replica, whose cache is empty, and decodes: five of a thousand
// blocks, which are five times the threshold here, and in the mean of both replicas 2.5. At 300 ms nobody is there.
TEST(PoolFleets, WhoIsLetInHangsOnThoseThatDecodeToo) {
  PoolFleets fleets(1, 1);
  AdmissionConfig& admission = fleets.config.pools.front().cluster.admission;
  admission.on = admission.sheds = true;
  admission.shed_priority = 0;
  admission.kv_threshold = 0.001;
  const auto records = fleets.records({asked(0, 0), asked(140, 1), asked(300, 2)});
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].outcome, Outcome::finished);
  EXPECT_EQ(records[1].outcome, Outcome::rejected);
  EXPECT_EQ(records[2].outcome, Outcome::finished);
}

}  // namespace
}  // namespace foretoken::test
