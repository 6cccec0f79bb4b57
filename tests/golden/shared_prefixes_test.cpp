// Schedules of prompts that start alike, worked out by hand: who computes the shared blocks, and who waits for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "golden/schedule.hpp"

namespace foretoken::test {
namespace {

using ::testing::ElementsAre;

// Blocks are stored when their context is complete: B still waits in the second step. Who does not need them passes.
TEST(GoldenSharedPrefixes, TensorrtLlmLetsAContextWaitForABlockThatAnotherComputes) {
  EngineConfig engine = tensorrt_llm(true);
  engine.max_num_batched_tokens = 96;
  engine.enable_prefix_caching = true;
  const Prompt a{160, 3, 0, 0, 0, 0}, b{72, 1, 0, 0.5, 0, 0}, other{20, 1, 0, 0.5, 0, 1}, late{72, 1, 0, 4.5, 0, 0};
  const Schedule run(engine, {a, b, other, late});
  EXPECT_THAT(run.schedule(4), ElementsAre("96 | 0", "64+96 20 | 0", "8+64 | 1", "| 1"));
  EXPECT_EQ(run.seen.by_index()[1].cached_tokens, 64);
  EXPECT_EQ(run.seen.by_index()[3].cached_tokens, 64);
  engine.enable_prefix_caching = false;
  EXPECT_THAT(Schedule(engine, {a, b, other, late}).schedule(3), ElementsAre("96 | 0", "64+96 32 | 0", "40+32 20 | 1"));
}

// Only the first of several new ones computes the shared block.
TEST(GoldenSharedPrefixes, TensorrtLlmStartsOneOfThoseThatShareTheirNextBlock) {
  EngineConfig engine = tensorrt_llm(false);
  engine.enable_prefix_caching = true;
  const std::vector<Prompt> prompts{{100, 2, 0, 0, 0, 0}, {90, 2, 0, 0, 0, 0}, {80, 2, 0, 0, 0, 1},
                                    {70, 2, 0, 0, 0, 0},  {60, 2, 0, 0, 0, 1}, {50, 2}};
  const Schedule run(engine, prompts);
  EXPECT_THAT(run.schedule(2), ElementsAre("100 80 50 | 0", "26+64 6+64 28+32 | 3"));
  engine.capacity_scheduler_policy = "STATIC_BATCH";
  EXPECT_THAT(Schedule(engine, prompts).schedule(1), ElementsAre("100 90 80 70 60 50 | 0"));
  engine.capacity_scheduler_policy = "MAX_UTILIZATION";
  EXPECT_THAT(Schedule(engine, prompts).schedule(2), ElementsAre("100 80 50 | 0", "26+64 6+64 28+32 | 3"));
}

}  // namespace
}  // namespace foretoken::test
