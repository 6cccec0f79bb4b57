// The invariants on random engines, clusters and loads: all policies, several replicas,
// preemption, closed loops, time-outs, rejections, interruptions.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>

#include "serving/policies.hpp"
#include "support/deployments.hpp"
#include "support/how_many.hpp"
#include "support/invariants.hpp"
#include "support/random_run.hpp"
#include "support/random_tiers.hpp"

namespace foretoken::test {
namespace {

using ::testing::IsEmpty;

RunLog log_of(const RandomRun& run, const CostModel& cost, bool every_step, std::int64_t stop_after = 0) {
  SimulationConfig config = run.config;
  config.every_step = every_step;
  const auto source = run.source();
  return logged_run(config, *source, cost, stop_after);
}

// What the random runs met on their way: a suite that never preempts proves little.
struct Met {
  std::int64_t finished = 0, rejected = 0, timed_out = 0, unfinished = 0, preemptions = 0;
  std::map<std::string, int> engines;
  void add(const RunLog& log) {
    finished += log.outcome.finished;
    rejected += log.outcome.rejected;
    timed_out += log.outcome.timed_out;
    unfinished += log.outcome.unfinished;
    for (const ReplicaTotals& t : log.outcome.replicas) preemptions += t.preemptions;
    ++engines[log.engine.name];
  }
};

TEST(Invariants, HoldInRandomRuns) {
  Met met;
  const int runs = how_many_scenarios(200);
  for (int seed = 0; seed < runs; ++seed) {
    const RandomRun run = random_run_of_groups(static_cast<std::uint64_t>(seed));
    const StubCost cost(run.cost);
    for (const bool every_step : {false, true}) {
      const RunLog log = log_of(run, cost, every_step);
      met.add(log);
      ASSERT_THAT(violations_of(log), IsEmpty()) << "seed " << seed << (every_step ? ", every step" : "");
    }
  }
  std::cout << fmt::format("{} runs: {} requests finished, {} rejected, {} timed out, {} preemptions\n", runs,
                           met.finished, met.rejected, met.timed_out, met.preemptions);
  EXPECT_GT(met.finished, 0);
  EXPECT_GT(met.rejected, 0);
  EXPECT_GT(met.timed_out, 0);
  EXPECT_GT(met.preemptions, 0);
  EXPECT_EQ(met.engines.size(), batching_policies().size()) << "random_run() leaves a policy out";
}

TEST(Invariants, HoldWithDrafts) {
  Met met;
  std::int64_t accepted = 0, dropped = 0;
  for (int seed = 0; seed < how_many_scenarios(400); ++seed) {
    RandomRun run = random_run_of_groups(static_cast<std::uint64_t>(seed));
    if (!speculate(run)) continue;
    const StubCost cost(run.cost);
    const RunLog log = log_of(run, cost, seed % 2 == 0, seed % 5 == 0 ? 1 + seed % 20 : 0);
    met.add(log);
    ASSERT_THAT(violations_of(log), IsEmpty()) << "seed " << seed;
    for (const ReplicaTotals& t : log.outcome.replicas) {
      accepted += t.speculation.accepted_tokens;
      dropped += t.speculation.dropped_tokens;
    }
  }
  EXPECT_GT(met.preemptions, 0);
  EXPECT_GT(met.finished, 0);
  EXPECT_GT(accepted, dropped);
  EXPECT_GT(dropped, 0);
  EXPECT_EQ(met.engines.size(), 3U) << "those that draft";
}

// And what is moved consists of whole units, of prompts that were found, and of what was swapped out before.
TEST(Invariants, HoldWithKvTiers) {
  Met met;
  KvTierTotals moved;
  for (int seed = 0; seed < how_many_scenarios(200); ++seed) {
    RandomRun run = random_run(static_cast<std::uint64_t>(seed));
    if (!add_tiers(run)) continue;
    const StubCost cost(run.cost);
    const RunLog log = log_of(run, cost, seed % 2 == 0, seed % 5 == 0 ? 1 + seed % 20 : 0);
    met.add(log);
    ASSERT_THAT(violations_of(log), IsEmpty()) << "seed " << seed;
    for (const ReplicaTotals& t : log.outcome.replicas) {
      const KvTierTotals& k = t.kv_tiers;
      const KvOffloadConfig& kv = log.engine.kv_offload;
      for (const std::int64_t bytes : {k.loaded_bytes, k.stored_bytes, k.fetched_bytes})
        ASSERT_EQ(bytes % kv.unit_bytes, 0) << "seed " << seed;
      ASSERT_LE(k.swapped_in, k.swapped_out) << "seed " << seed;
      if (log.outcome.unfinished == 0) {
        ASSERT_LE(k.hits[0] + k.hits[1] + k.hits[2], t.prefix_cache_hits) << "seed " << seed;
        ASSERT_EQ(k.swapped_in, k.swapped_out) << "seed " << seed;
      }
      if (kv.write == KvWrite::through && !kv.shares_store()) {
        ASSERT_TRUE(k.loads == 0 || k.stored_bytes > 0) << "seed " << seed;
      }
      ASSERT_GE(k.load_time, 0);
      moved += k;
    }
  }
  EXPECT_GT(met.finished, 0);
  EXPECT_GT(met.preemptions, 0);
  EXPECT_GT(moved.loads, 0);
  EXPECT_GT(moved.swapped_out, 0);
  EXPECT_GT(moved.hits[1], 0);
  EXPECT_EQ(met.engines.size(), 3U) << "those that have tiers, or swap";
}

TEST(Invariants, HoldOfEveryEngineWhosePromptsBringImages) {
  Met met;
  EncoderTotals encoder;
  for (int seed = 0; seed < how_many_scenarios(400); ++seed) {
    RandomRun run = random_run(static_cast<std::uint64_t>(seed));
    if (!bring_images(run)) continue;
    const StubCost cost(run.cost);
    const RunLog log = log_of(run, cost, seed % 2 == 0, seed % 5 == 0 ? 1 + seed % 20 : 0);
    met.add(log);
    ASSERT_THAT(violations_of(log), IsEmpty()) << "seed " << seed;
    for (const ReplicaTotals& t : log.outcome.replicas) encoder.add(t.encoder);
  }
  EXPECT_GT(met.preemptions, 0);
  EXPECT_GT(met.finished, 0);
  EXPECT_GT(encoder.hits, 0);
  EXPECT_GT(encoder.items, 0);
  EXPECT_EQ(encoder.items + encoder.hits, encoder.queries) << "what is reached is computed or found";
}

TEST(Invariants, HoldWhenARunIsInterrupted) {
  Met met;
  for (int seed = 0; seed < how_many_scenarios(200); ++seed) {
    const RandomRun run = random_run_of_groups(static_cast<std::uint64_t>(seed));
    const StubCost cost(run.cost);
    const RunLog log = log_of(run, cost, seed % 2 == 0, 1 + seed % 20);
    met.add(log);
    ASSERT_THAT(violations_of(log), IsEmpty()) << "seed " << seed;
  }
  EXPECT_GT(met.unfinished, 0);
}

TEST(Invariants, HoldAtEveryCostLevelOfRealModels) {
  std::vector<std::unique_ptr<CostModel>> models;
  for (const CostLevel level : {CostLevel::datasheet, CostLevel::roofline, CostLevel::calibrated}) {
    for (Deployment d : {deployment(h100(), llama_8b()), deployment(h100(), gpt_oss_120b(), 2),
                         deployment(b200(), deepseek_v3(), 8)}) {
      d.level = level;
      models.push_back(make_cost_model(d));
    }
  }
  for (int seed = 0; seed < how_many_scenarios(200) / 4; ++seed) {
    const RandomRun run = random_run(static_cast<std::uint64_t>(seed));
    const auto& cost = models[static_cast<std::size_t>(seed) % models.size()];
    const RunLog log = log_of(run, *cost, true);
    ASSERT_THAT(violations_of(log), IsEmpty()) << "seed " << seed;
  }
}

TEST(Invariants, Inv6SameSeedSameBytesAnotherSeedOthers) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const RandomRun run = random_run(seed);
    const StubCost cost(run.cost);
    const std::string once = text_of(log_of(run, cost, false));
    const StubCost fresh(run.cost);
    EXPECT_THAT(inv_6_same_seed_same_bytes(once, text_of(log_of(run, fresh, false))), IsEmpty()) << "seed " << seed;
    if (!run.loop) continue;
    RandomRun other = run;
    other.seed = seed + 1000;
    EXPECT_NE(once, text_of(log_of(other, cost, false))) << "seed " << seed;
  }
}

}  // namespace
}  // namespace foretoken::test
