// Schedules worked out by hand from the engines' rules (src/serving/README.md, "Golden schedules", by number): what
// runs in every step, who emits when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "golden/schedule.hpp"
#include "serving/engines/sglang/new_token_ratio.hpp"

namespace foretoken::test {
namespace {

using ::testing::ElementsAre;

EngineConfig vllm_with_blocks(std::int64_t blocks, std::int64_t budget) {
  EngineConfig engine = vllm();
  engine.num_gpu_blocks = blocks;
  engine.max_num_batched_tokens = budget;
  return engine;
}

TEST(GoldenSchedules, G1TheBudgetSplitsAPromptAndRunningRequestsGoFirst) {
  const Schedule run(vllm(), {{1500, 4}, {600, 4}, {600, 4}});
  EXPECT_THAT(run.schedule(3), ElementsAre("1500 548 | 0", "52+548 600 | 1", "| 3"));
  EXPECT_THAT(run.tokens(), ElementsAre("1..4", "2..5", "2..5"));
}

TEST(GoldenSchedules, G2LongPrefillTokenThresholdCapsEveryChunk) {
  EngineConfig engine = vllm();
  engine.long_prefill_token_threshold = 512;
  const Schedule run(engine, {{1500, 2}, {600, 2}, {600, 2}});
  EXPECT_THAT(run.schedule(9), ElementsAre("512 512 512 | 0", "512+512 88+512 88+512 | 0", "476+1024 | 2", "| 1"));
  EXPECT_THAT(run.tokens(), ElementsAre("3..4", "2..3", "2..3"));
}

TEST(GoldenSchedules, G3ASeatComesFreeAtTheEndOfAStep) {
  EngineConfig engine = vllm();
  engine.max_num_seqs = 2;
  const Schedule run(engine, {{100, 2}, {100, 4}, {100, 2}});
  EXPECT_THAT(run.schedule(9), ElementsAre("100 100 | 0", "| 2", "100 | 1", "| 2"));
  EXPECT_THAT(run.tokens(), ElementsAre("1..2", "1..4", "3..4"));
}

TEST(GoldenSchedules, G4TheTailIsPreemptedAndComputesItsPromptAndOutputAgain) {
  const Schedule run(vllm_with_blocks(8, 64), {{30, 10}, {30, 10}, {30, 10}});
  EXPECT_THAT(run.schedule(12), ElementsAre("30 30 4 | 0", "26+4 | 2", "| 3", "| 2", "| 2", "| 2", "| 2", "| 2", "| 2",
                                            "| 2", "32 | 0", "| 1"));
  EXPECT_THAT(run.tokens(), ElementsAre("1..10", "1..10", "2..18"));
  EXPECT_EQ(run.seen.by_index()[2].preemptions, 1);
}

TEST(GoldenSchedules, G5WithPrefixCachingAVictimFindsItsFirstBlockAgain) {
  EngineConfig engine = vllm_with_blocks(8, 64);
  engine.enable_prefix_caching = true;
  const Schedule run(engine, {{30, 10}, {30, 10}, {30, 10}});
  // C comes back with 30 + 2 tokens: 16 are cached, 16 are computed again.
  EXPECT_THAT(run.schedule(12), ElementsAre("30 30 4 | 0", "26+4 | 2", "| 3", "| 2", "| 2", "| 2", "| 2", "| 2", "| 2",
                                            "| 2", "16+16 | 0", "| 1"));
  EXPECT_THAT(run.tokens(), ElementsAre("1..10", "1..10", "2..18"));
  EXPECT_EQ(run.seen.by_index()[2].cached_tokens, 0) << "hits of a resumed request are not the prompt's";
}

EngineConfig caching(std::int64_t blocks) {
  EngineConfig engine = vllm_with_blocks(blocks, 2048);
  engine.enable_prefix_caching = true;
  return engine;
}

TEST(GoldenSchedules, G9AFullyCachedPromptComputesItsLastBlockAgain) {
  // A: 64 tokens. B: the same. D: these and 6 more.
  const Schedule run(caching(100), {{64, 1, 0, 0, 0, 0}, {64, 1, 0, 10, 0, 0}, {70, 1, 0, 20, 0, 0}});
  EXPECT_THAT(run.schedule(9), ElementsAre("64 | 0", "16+48 | 0", "6+64 | 0"));
  EXPECT_EQ(run.seen.by_index()[1].cached_tokens, 48);
  EXPECT_EQ(run.seen.by_index()[2].cached_tokens, 64);
  EXPECT_EQ(run.outcome.replicas[0].prefix_cache_queries, 64 + 64 + 70);
  EXPECT_EQ(run.outcome.replicas[0].prefix_cache_hits, 48 + 64);
}

TEST(GoldenSchedules, G10BlocksScheduledInAStepAreFoundInTheSameStep) {
  const Schedule run(caching(100), {{64, 1, 0, 0, 0, 0}, {64, 1, 0, 0, 0, 0}, {64, 1, 0, 0, 0, 1}});
  EXPECT_THAT(run.schedule(9), ElementsAre("64 16+48 64 | 0")) << "C starts with other tokens";
}

TEST(GoldenSchedules, G11TheEndOfAPrefixIsEvictedBeforeItsStart) {
  // Usable blocks 1 to 8. A's 48 + 2 tokens take 1, 2, 3, 4 and leave the queue as 5 6 7 8 4 3 2 1.
  // B's 96 tokens take the first six: block 3 loses its content, and A again finds 32 tokens.
  EngineConfig engine = caching(9);
  const Schedule run(engine, {{50, 1, 0, 0, 0, 0}, {96, 1, 0, 10}, {50, 1, 0, 20, 0, 0}});
  EXPECT_THAT(run.schedule(9), ElementsAre("50 | 0", "96 | 0", "18+32 | 0"));
  // 80 tokens take five blocks, the last of which had no content of 16 tokens: all 48 are found.
  const Schedule less(engine, {{50, 1, 0, 0, 0, 0}, {80, 1, 0, 10}, {50, 1, 0, 20, 0, 0}});
  EXPECT_THAT(less.schedule(9), ElementsAre("50 | 0", "80 | 0", "2+48 | 0"));
}

// Two that end with the same step give their blocks back in the running list's order, not by arrival.
TEST(GoldenSchedules, OfTwoThatFinishTogetherTheFirstAdmittedIsEvictedFirst) {
  EngineConfig engine = caching(9);
  engine.scheduling_policy = "priority";
  // B is urgent and is admitted first: it takes 1 2 3, A takes 4 5 6, and the queue becomes 7 8, 3 2 1, 6 5 4.
  // The four blocks of 64 tokens are 7 8 3 2: all 32 tokens of A are left, and the first 16 of B.
  const std::vector<Prompt> before = {{34, 2, 1, 0, 0, 0}, {34, 2, 0, 0, 0, 1}, {64, 1, 0, 10}};
  for (const auto& [row, last] : {std::pair(0, "2+32 | 0"), std::pair(1, "18+16 | 0")}) {
    std::vector<Prompt> prompts = before;
    prompts.push_back({34, 1, 0, 20, 0, row});
    EXPECT_THAT(Schedule(engine, prompts).schedule(9), ElementsAre("34 34 | 0", "| 2", "64 | 0", last)) << row;
  }
}

TEST(GoldenSchedules, OfAPromptAndAYoungerDecodeThatFinishTogetherThePromptIsEvictedFirst) {
  EngineConfig engine = caching(9);
  engine.long_prefill_token_threshold = 34;
  // A takes 1 2 3, B 4 5 6, A 7 for its second chunk. The queue becomes 8, 7 3 2 1, 6 5 4; 64 tokens take 8 7 3 2.
  const Schedule run(engine, {{64, 1, 0, 0, 0, 0}, {34, 2, 0, 0, 0, 1}, {64, 1, 0, 10}, {34, 1, 0, 20, 0, 1}});
  EXPECT_THAT(run.schedule(9), ElementsAre("34 34 | 0", "30+34 | 1", "34 | 0", "30+34 | 0", "2+32 | 0"));
}

TEST(GoldenSchedules, G6TheFullPromptGateKeepsAPromptOutUntilAllItsBlocksAreFree) {
  const Schedule run(vllm_with_blocks(11, 64), {{96, 2}, {96, 2}});
  EXPECT_THAT(run.schedule(9), ElementsAre("64 | 0", "32+64 | 0", "| 1", "64 | 0", "32+64 | 0", "| 1"));
}

TEST(GoldenSchedules, G7WithoutTheGateAHalfPrefilledPromptEvictsItself) {
  EngineConfig engine = vllm_with_blocks(11, 64);
  engine.scheduler_reserve_full_isl = false;
  const Schedule run(engine, {{96, 2}, {96, 2}});
  EXPECT_THAT(run.schedule(9), ElementsAre("64 | 0", "32+64 32 | 0", "| 1", "64 | 0", "32+64 | 0", "| 1"));
  EXPECT_EQ(run.seen.by_index()[1].preemptions, 1);
}

TEST(GoldenSchedules, G8TheWatermarkKeepsBlocksBackOnAdmissionOnly) {
  EngineConfig engine = vllm_with_blocks(11, 2048);
  engine.watermark = 0.2;
  const Schedule run(engine, {{48, 3}, {80, 3}, {16, 3}});
  EXPECT_THAT(run.schedule(4), ElementsAre("48 80 | 0", "| 2", "| 2", "16 | 0"));
}

// vLLM 0.24 adds the watermark to the blocks of the whole prompt, not to those of its first chunk: A holds 2 of 10
// blocks, B wants 7 for its 112 tokens, and 2 are kept back.
TEST(GoldenSchedules, TheWatermarkStandsBeyondTheWholePrompt) {
  EngineConfig engine = vllm_with_blocks(11, 32);
  const std::vector<Prompt> prompts = {{31, 3}, {112, 1}};
  EXPECT_THAT(Schedule(engine, prompts).schedule(2), ElementsAre("31 1 | 0", "31+1 | 1"));
  engine.watermark = 0.2;
  EXPECT_THAT(Schedule(engine, prompts).schedule(4), ElementsAre("31 | 0", "| 1", "| 1", "32 | 0"));
}

// A leaves 8 usable blocks as 4 5 6 7 8 3 2 1. B's 20 tokens take 4 and 5; from 0.24 on 5, which is not full, comes
// back to the head, so that C's four blocks are 5 6 7 8. Before, A left 5 6 7 8 4 3 2 1, B gave 6 5 to the tail and C
// took 7 8 4 3.
TEST(GoldenSchedules, VllmFromRelease24TakesBlocksThatAreNotFullFirst) {
  const std::vector<Prompt> prompts = {{50, 1, 0, 0, 0, 0}, {20, 1, 0, 10}, {64, 1, 0, 20}, {50, 1, 0, 30, 0, 0}};
  for (const auto& [version, last] : {std::pair("0.23", "18+32 | 0"), std::pair("0.24", "2+48 | 0")}) {
    EngineConfig engine = caching(9);
    engine.version = version;
    EXPECT_THAT(Schedule(engine, prompts).schedule(4), ElementsAre("50 | 0", "20 | 0", "64 | 0", last)) << version;
  }
}

EngineConfig vllm_v0(const std::string& version, bool chunked, std::int64_t budget) {
  EngineConfig engine = vllm();
  engine.name = "vllm-v0";
  engine.version = version;
  engine.enable_chunked_prefill = chunked;
  engine.max_num_batched_tokens = budget;
  engine.watermark = 0.01;
  engine.reserve_null_block = false;
  return engine;
}

TEST(GoldenSchedules, G19VllmV0PrefillsWholePromptsWhileDecodesWait) {
  const Schedule run(vllm_v0("0.6", false, 2048), {{1500, 4}, {600, 4}, {600, 4}});
  EXPECT_THAT(run.schedule(3), ElementsAre("1500 | 0", "600 600 | 0", "| 3"));
  EXPECT_THAT(run.tokens(), ElementsAre("1..5", "2..5", "2..5"));
  // A waits one step between its first two tokens: one gap of 2 ms beside 8 of 1 ms.
  EXPECT_EQ(run.seen.gaps, (std::map<std::int64_t, std::int64_t>{{1'000'000, 8}, {2'000'000, 1}}));
}

TEST(GoldenSchedules, G20VllmV0KeepsAHundredthOfTheBlocksFreeOnAdmission) {
  EngineConfig engine = vllm_v0("0.6", false, 20'000);
  engine.num_gpu_blocks = 1000;
  engine.max_model_len = 20'000;
  // A holds 980 of 1000 blocks; 10 must stay free, so that 10 more fit and 11 do not.
  const Schedule ten(engine, {{980 * 16 - 8, 4}, {160, 2, 0, 0.5}});
  EXPECT_THAT(ten.schedule(2), ElementsAre("15672 | 0", "160 | 0"));
  const Schedule eleven(engine, {{980 * 16 - 8, 4}, {176, 2, 0, 0.5}});
  EXPECT_THAT(eleven.schedule(5), ElementsAre("15672 | 0", "| 1", "| 1", "| 1", "176 | 0"));
}

TEST(GoldenSchedules, G21VllmV0Release6WithChunkedPrefillServesDecodesFirst) {
  const Schedule run(vllm_v0("0.6", true, 2048), {{1500, 4}, {600, 4}, {600, 4}});
  EXPECT_THAT(run.schedule(3), ElementsAre("1500 548 | 0", "52+548 600 | 1", "| 3"));
  EXPECT_THAT(run.tokens(), ElementsAre("1..4", "2..5", "2..5"));
}

TEST(GoldenSchedules, G22VllmV0Release5ServesAPromptAheadOfTheDecodesInTheStepAfterItsAdmission) {
  const Schedule run(vllm_v0("0.5", true, 512), {{100, 9}, {2000, 2, 0, 1.5}});
  EXPECT_THAT(run.schedule(6), ElementsAre("100 | 0", "| 1", "511 | 1", "512+511 | 0", "511+1023 | 1", "466+1534 | 1"));
  const Schedule later(vllm_v0("0.6", true, 512), {{100, 9}, {2000, 2, 0, 1.5}});
  EXPECT_THAT(later.schedule(6),
              ElementsAre("100 | 0", "| 1", "511 | 1", "511+511 | 1", "511+1022 | 1", "467+1533 | 1"));
}

TEST(GoldenSchedules, VllmV0Release6WithPrefixCachingCutsChunksToWholeBlocks) {
  EngineConfig engine = vllm_v0("0.6", true, 512);
  engine.enable_prefix_caching = true;
  const Schedule run(engine, {{100, 9}, {2000, 2, 0, 1.5}});
  EXPECT_THAT(run.schedule(7),
              ElementsAre("100 | 0", "| 1", "496 | 1", "496+496 | 1", "496+992 | 1", "496+1488 | 1", "16+1984 | 1"));
  // 6 and then 15 tokens are left beside A: no block of B's, and C, which would fit, stands behind it.
  EngineConfig narrow = vllm_v0("0.6", true, 16);
  narrow.enable_prefix_caching = true;
  const Schedule waits(narrow, {{10, 3}, {40, 1}, {5, 1}});
  EXPECT_THAT(waits.schedule(3), ElementsAre("10 | 0", "| 1", "| 1"));
}

// Block manager v1 wants a free block for a sequence whose last block has room: three blocks
// hold each of A and B, 40 tokens with room for 8 more, and of the 6 none is left. B then gets each of
// its tokens from a prefill of all it has, and is evicted in the step after.
TEST(GoldenSchedules, VllmV0Release5EvictsForABlockThatIsNotNeededAndRelease6DoesNot) {
  for (const char* version : {"0.5", "0.6"}) {
    EngineConfig engine = vllm_v0(version, false, 2048);
    engine.num_gpu_blocks = 6;
    engine.watermark = 0;
    const Schedule run(engine, {{40, 5}, {40, 5}});
    EXPECT_EQ(run.seen.by_index()[1].preemptions, version == std::string("0.5") ? 4 : 0);
    EXPECT_EQ(run.seen.by_index()[0].preemptions, 0);
  }
}

TEST(GoldenSchedules, G23SglangRunsPrefillBatchesAloneAndMixesOnlyWhenAsked) {
  const Schedule run(sglang(2048), {{1500, 4}, {600, 4}, {600, 4}});
  EXPECT_THAT(run.schedule(3), ElementsAre("1500 548 | 0", "52+548 600 | 0", "| 3"));
  EngineConfig mixed = sglang(2048);
  mixed.enable_mixed_chunk = true;
  const Schedule together(mixed, {{1500, 4}, {600, 4}, {600, 4}});
  EXPECT_THAT(together.schedule(3), ElementsAre("1500 548 | 0", "52+548 600 | 1", "| 3"));
}

TEST(GoldenSchedules, G24SglangDoesNotTryARefusedPromptAgainUntilARequestLeaves) {
  EngineConfig engine = sglang(8192);
  engine.num_gpu_blocks = 10'000;
  engine.max_model_len = 10'000;
  // A: 4000 < 10000. B: 4000 < 6000. C: 4000 >= 2000. A ends early, in step 5: the decode step 6 notices
  // and step 7 takes C.
  const Schedule run(engine, {{1000, 5, 0, 0, 3000}, {1000, 3000}, {1000, 3, 0, 0, 3000}});
  EXPECT_THAT(run.schedule(7), ElementsAre("1000 1000 | 0", "| 2", "| 2", "| 2", "| 2", "| 1", "1000 | 0"));
}

TEST(GoldenSchedules, G25SglangWithIgnoreEosAdmitsByTheExactPeak) {
  for (const std::int64_t pool : {12'003, 12'004}) {
    EngineConfig engine = sglang(8192);
    engine.num_gpu_blocks = pool;
    engine.max_model_len = 10'000;
    engine.ignore_eos_admission = true;
    const Schedule run(engine, {{1000, 3000}, {1000, 3000}, {1000, 3000}});
    EXPECT_THAT(run.schedule(1), ElementsAre(pool == 12'003 ? "1000 1000 | 0" : "1000 1000 1000 | 0"));
  }
}

// When decode runs out of pages, who has the fewest outputs and then the longest prompt goes, to the tail.
TEST(GoldenSchedules, G26SglangRetractsTheFewestOutputsThenTheLongestPrompt) {
  EngineConfig engine = sglang(8192);
  engine.num_gpu_blocks = 320;
  engine.schedule_conservativeness = 0.1;  // a ratio of 0.07
  // Before step 6 A holds 104 pages and may write 195 tokens, of which 13 are expected. B and C
  // need 80 + 110 of the 203 left, so both enter; 28 steps later 318 are full and three are needed.
  const Schedule run(engine, {{100, 200, 0, 0}, {50, 30, 0, 4.5}, {80, 30, 0, 4.5}});
  const auto records = run.seen.by_index();
  EXPECT_EQ(records[0].preemptions, 0);
  EXPECT_EQ(records[1].preemptions, 0);
  EXPECT_EQ(records[2].preemptions, 1);
}

TEST(GoldenSchedules, G47SglangChargesWholePages) {
  EngineConfig engine = sglang(2048);
  engine.block_size = 16;
  const Schedule run(engine, {{1500, 4}, {600, 4}});
  EXPECT_THAT(run.schedule(2), ElementsAre("1500 544 | 0", "56+544 | 0"));  // 2048 - 1504
}

TEST(GoldenSchedules, SglangLooksAtNewRequestsAfterAPrefillAndThenEverySoManyDecodeSteps) {
  EngineConfig engine = sglang(2048);
  engine.scheduler_recv_interval = 4;
  const Schedule run(engine, {{100, 20}, {100, 4, 0, 2.5}});  // arrives in step 3
  EXPECT_THAT(run.schedule(6), ElementsAre("100 | 0", "| 1", "| 1", "| 1", "| 1", "100 | 0"));
}

TEST(GoldenSchedules, G28TensorrtLlmMixesWholePromptsWithGenerations) {
  const Schedule run(tensorrt_llm(false), {{1500, 4}, {600, 4}, {600, 4}});
  EXPECT_THAT(run.schedule(3), ElementsAre("1500 | 0", "600 600 | 1", "| 3"));
}

// 4,096 tokens of two micro-batches would hold three prompts of 1,200; each of the two holds one.
TEST(GoldenSchedules, TensorrtLlmFitsWholePromptsIntoMicroBatches) {
  EngineConfig engine = tensorrt_llm(false);
  engine.micro_batches = 2;
  const Schedule run(engine, {{1200, 4}, {1200, 4}, {1200, 4}});
  EXPECT_THAT(run.schedule(3), ElementsAre("1200 1200 | 0", "1200 | 2", "| 3"));
}

TEST(GoldenSchedules, G29TensorrtLlmCutsChunksToWholeBlocks) {
  const Schedule run(tensorrt_llm(true), {{1500, 4}, {600, 4}, {600, 4}});
  EXPECT_THAT(run.schedule(3), ElementsAre("1500 544 | 0", "56+544 600 | 1", "| 3"));
}

TEST(GoldenSchedules, G30TensorrtLlmEqualProgressDealsOneBlockEachInTurn) {
  EngineConfig engine = tensorrt_llm(true);
  engine.context_chunking_policy = "EQUAL_PROGRESS";
  const Schedule run(engine, {{1500, 4}, {600, 4}, {600, 4}});
  EXPECT_THAT(run.schedule(2), ElementsAre("832 600 600 | 0", "668+832 | 2"));
}

TEST(GoldenSchedules, G31TensorrtLlmReservesToTheEndOrPauses) {
  EngineConfig engine = tensorrt_llm(true);
  engine.num_gpu_blocks = 100;
  const Schedule kept(engine, {{1000, 1000}, {1000, 1000}});
  EXPECT_THAT(kept.schedule(2), ElementsAre("1000 | 0", "| 1"));
  EXPECT_THAT(kept.tokens(), ElementsAre("1..1000", "1001..2000"));
  engine.capacity_scheduler_policy = "MAX_UTILIZATION";
  const Schedule paused(engine, {{1000, 1000}, {1000, 1000}});
  EXPECT_THAT(paused.schedule(2), ElementsAre("1000 1000 | 0", "| 2"));
  EXPECT_EQ(paused.seen.by_index()[0].preemptions, 0);
  EXPECT_EQ(paused.seen.by_index()[1].preemptions, 1);
}

TEST(GoldenSchedules, G49TensorrtLlmStaticBatchTakesNobodyInWhileItRuns) {
  EngineConfig engine = tensorrt_llm(true);
  engine.num_gpu_blocks = 100;
  engine.capacity_scheduler_policy = "STATIC_BATCH";
  const Schedule run(engine, {{320, 320}, {320, 320}, {320, 320, 0, 1.5}});
  EXPECT_THAT(run.tokens(), ElementsAre("1..320", "1..320", "321..640"));
}

TEST(GoldenSchedules, TensorrtLlmLetsContextsWaitForCompanyBesideGenerations) {
  EngineConfig engine = tensorrt_llm(false);
  engine.batch_wait_timeout_iters = 3;
  engine.batch_wait_max_tokens_ratio = 1;
  const Schedule waits(engine, {{100, 20}, {100, 4, 0, 2.5}});
  EXPECT_THAT(waits.schedule(7), ElementsAre("100 | 0", "| 1", "| 1", "| 1", "| 1", "| 1", "100 | 1"));
  engine.batch_wait_max_tokens_ratio = 0.04;  // 101 of 2048 tokens are company enough
  const Schedule enough(engine, {{100, 20}, {100, 4, 0, 2.5}});
  EXPECT_THAT(enough.schedule(4), ElementsAre("100 | 0", "| 1", "| 1", "100 | 1"));
}

TEST(GoldenSchedules, G27SglangExpectsLessOfMaxTokensWithEveryDecodeStep) {
  NewTokenRatio ratio;
  ratio.start(1, 0);
  EXPECT_NEAR(ratio.at(10), 0.68997, 5e-6);  // 0.7 - 10 * (0.7 - 0.098) / 600
  EXPECT_NEAR(ratio.at(600), 0.098, 1e-12);
  EXPECT_NEAR(ratio.at(700), 0.098, 1e-12);
  ratio.set(0.5, 700);  // after a retraction it falls at the same pace
  EXPECT_NEAR(ratio.at(800), 0.5 - 0.602 / 6, 1e-12);
}

TEST(GoldenSchedules, G33AStaticBatchEndsBeforeTheNextBegins) {
  EngineConfig engine = vllm();
  engine.name = "static";
  engine.max_num_seqs = 2;
  const Schedule run(engine, {{10, 3}, {10, 5}, {10, 1}});
  EXPECT_THAT(run.schedule(9), ElementsAre("10 10 | 0", "| 2", "| 2", "| 1", "| 1", "10 | 0"));
  EXPECT_THAT(run.tokens(), ElementsAre("1..3", "1..5", "6..6"));
}

TEST(GoldenSchedules, G43WithoutChunkedPrefillAPromptOverTheBudgetStopsAdmission) {
  EngineConfig engine = vllm();
  engine.enable_chunked_prefill = false;
  const Schedule run(engine, {{1500, 4}, {600, 4}, {400, 4}});
  EXPECT_THAT(run.schedule(2), ElementsAre("1500 | 0", "600 400 | 1"));
}

// X (priority 5), Y (0) and Z (1) fill the 7 usable blocks; only Z needs another one in the
// step after the prefill: X goes although it was scheduled before, and nobody is admitted.
TEST(GoldenSchedules, G45PriorityPreemptsTheLeastUrgentEvenWhenItWasAlreadyScheduled) {
  EngineConfig engine = vllm_with_blocks(8, 2048);
  engine.scheduling_policy = "priority";
  const Schedule run(engine, {{20, 9, 5, 0}, {20, 9, 0, 1}, {47, 9, 1, 2}, {1, 9, 9, 3.5}});
  EXPECT_THAT(run.schedule(6), ElementsAre("20 | 0", "20 | 1", "47 | 2", "| 3", "| 2", "| 2"));
  const auto records = run.seen.by_index();
  EXPECT_EQ(records[0].preemptions, 1);
  EXPECT_EQ(records[1].preemptions + records[2].preemptions, 0);
}

TEST(GoldenSchedules, G50OrcaReservesTheLongestContextForEveryone) {
  EngineConfig engine = vllm();
  engine.name = "orca";
  engine.max_model_len = 4096;
  engine.num_gpu_blocks = 1000;
  const Schedule run(engine, {{100, 4}, {100, 4}, {100, 4}, {100, 4}});
  EXPECT_THAT(run.schedule(5), ElementsAre("100 100 100 | 0", "| 3", "| 3", "| 3", "100 | 0"));
}

}  // namespace
}  // namespace foretoken::test
