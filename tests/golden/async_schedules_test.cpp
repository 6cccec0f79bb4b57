// Schedules with async_scheduling, worked out by hand (src/serving/README.md, "Golden schedules", by number): a step is
// planned when the one before it begins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "golden/schedule.hpp"

namespace foretoken::test {
namespace {

using ::testing::ElementsAre;

EngineConfig ahead(EngineConfig engine) {
  engine.async_scheduling = true;
  return engine;
}

// 10 ms a step, 1 ms more for each prefill token: 40 of them make a step of 50 ms.
constexpr StubTerms kTenAndFifty{.base = 10e-3, .per_prefill_token = 1e-3};

// A's prefill ends at 11 ms; R comes 12 ms later, in the step from 21 to 31.
TEST(GoldenAsyncSchedules, G12AnArrivalWaitsForTheRunningStepAndForTheOnePlannedAlready) {
  const std::vector<Prompt> prompts{{1, 99}, {40, 2, 0, 11 + 12}};
  EXPECT_DOUBLE_EQ(Schedule(ahead(vllm()), prompts, kTenAndFifty).ttft_ms(1), 68) << "8 + 10 + 50";
  EXPECT_DOUBLE_EQ(Schedule(vllm(), prompts, kTenAndFifty).ttft_ms(1), 58) << "8 + 50";
}

TEST(GoldenAsyncSchedules, G13AnArrivalDuringTheFirstPrefillWaitsForTheDecodeStepPlannedWithIt) {
  const std::vector<Prompt> prompts{{40, 9}, {40, 9, 0, 5}};
  const Schedule run(ahead(vllm()), prompts, kTenAndFifty);
  EXPECT_THAT(run.schedule(3), ElementsAre("40 | 0", "| 1", "40 | 1"));
  EXPECT_DOUBLE_EQ(run.ttft_ms(0), 50) << "an idle engine plans at once";
  EXPECT_DOUBLE_EQ(run.ttft_ms(1), 105) << "45 + 10 + 50";
  EXPECT_DOUBLE_EQ(Schedule(vllm(), prompts, kTenAndFifty).ttft_ms(1), 95) << "45 + 50";
}

TEST(GoldenAsyncSchedules, G14VllmForeseesAnEndByMaxTokensAndWastesNoRow) {
  const StubTerms per_row{.base = 1e-3, .per_row = 1e-3};
  const Schedule run(ahead(vllm()), {{10, 3}}, per_row);
  EXPECT_THAT(run.schedule(9), ElementsAre("10 | 0", "| 1", "| 1"));
  // A stop before max_tokens is known only after the next step was planned.
  const Schedule stopped(ahead(vllm()), {{10, 3, 0, 0, 8}}, per_row);
  EXPECT_THAT(stopped.schedule(9), ElementsAre("10 | 0", "| 1", "| 1", "| 0"));
  EXPECT_DOUBLE_EQ(stopped.step_ms(4), 2) << "a row";
}

// Thirteen requests decode; those who come are visible to one call each, the one for step 10 (B) first: it is
// made when step 9 begins, at 8 ms. As measured: first admissions and first tokens of an RTX PRO 6000.
TEST(GoldenAsyncSchedules, G15AStretchOfARealRun) {
  EngineConfig engine = ahead(vllm());
  engine.max_num_seqs = 128;
  std::vector<Prompt> prompts(13, Prompt{10, 99});
  const std::vector<std::vector<std::int32_t>> visible{{2357},      {835},        {3452, 1355}, {866},
                                                       {2884, 539}, {1403, 2197}, {483, 461},   {268}};
  for (std::size_t call = 0; call < visible.size(); ++call) {
    for (const std::int32_t prompt : visible[call]) prompts.push_back({prompt, 99, 0, 7.5 + static_cast<double>(call)});
  }
  const Schedule run(engine, prompts);
  auto steps = run.schedule(19);
  steps.erase(steps.begin(), steps.begin() + 9);
  EXPECT_THAT(steps, ElementsAre("2035 | 13", "322+2035 835 | 13", "2033 | 15", "1419+2033 614 | 15",
                                 "741+614 866 425 | 16", "2030+425 | 18", "429+2455 539 1062 | 18",
                                 "341+1062 1687 | 20", "510+1687 483 461 268 | 21", "| 25"));
  std::vector<std::int64_t> first_tokens;
  for (const RequestRecord& r : run.seen.by_index()) {
    if (r.request.index >= 13) first_tokens.push_back(r.first_token.time_since_epoch().count() / 1'000'000);
  }
  EXPECT_THAT(first_tokens, ElementsAre(11, 11, 13, 14, 14, 16, 16, 17, 18, 18, 18, 18));
}

// The fifth token of one of 128 ends it in step 5: step 6 is planned, with 127 rows and no seat free.
TEST(GoldenAsyncSchedules, G46ASeatIsGivenAgainInTheStepAfterNext) {
  EngineConfig engine = ahead(vllm());
  engine.max_num_seqs = 128;
  std::vector<Prompt> prompts(131, Prompt{10, 50});
  prompts[7].output = 5;
  const Schedule run(engine, prompts);
  EXPECT_THAT(run.schedule(8),
              ElementsAre(::testing::_, "| 128", "| 128", "| 128", "| 128", "| 127", "10 | 127", "| 128"));
}

TEST(GoldenAsyncSchedules, G48SglangAndTensorrtLlmRunOneRowMoreThanTheyNeed) {
  for (const EngineConfig& engine : {sglang(2048), tensorrt_llm(false)}) {
    const Schedule run(ahead(engine), {{10, 3}}, {.base = 1e-3, .per_row = 1e-3});
    EXPECT_THAT(run.schedule(9), ElementsAre("10 | 0", "| 1", "| 1", "| 0")) << engine.name;
    EXPECT_DOUBLE_EQ(run.step_ms(4), 2) << engine.name << ": a row whose token is dropped";
    EXPECT_EQ(run.seen.by_index()[0].finish, run.seen.steps[2].end) << engine.name;
    EXPECT_EQ(run.outcome.replicas[0].decode_tokens, 2) << engine.name;
  }
}

// The call for the second step no longer sees A's context, and not yet its blocks: B computes the shared tokens again,
// and C waits for B. The third finds them.
TEST(GoldenAsyncSchedules, TensorrtLlmStoresTheBlocksOfAContextAfterTheNextStepIsPlanned) {
  EngineConfig engine = tensorrt_llm(false);
  engine.enable_prefix_caching = true;
  const std::vector<Prompt> prompts{{100, 9, 0, 0, 0, 0}, {90, 9, 0, 0, 0, 0}, {80, 9, 0, 0, 0, 0}};
  EXPECT_THAT(Schedule(ahead(engine), prompts).schedule(4), ElementsAre("100 | 0", "90 | 1", "16+64 | 2", "| 3"));
  EXPECT_THAT(Schedule(engine, prompts).schedule(3), ElementsAre("100 | 0", "26+64 16+64 | 1", "| 3"));
  const std::vector<Prompt> short_lived{{100, 1, 0, 0, 0, 0}, {90, 1, 0, 5, 0, 0}};
  EXPECT_EQ(Schedule(ahead(engine), short_lived).seen.by_index()[1].cached_tokens, 64) << "A's blocks outlive it";
}

// B is admitted with A's last row: its prefill runs in the step after it.
TEST(GoldenAsyncSchedules, WhoeverComesDuringAWastedRowStartsWhenItEnds) {
  const Schedule run(ahead(tensorrt_llm(false)), {{10, 3}, {10, 2, 0, 3.5}});
  EXPECT_THAT(run.schedule(9), ElementsAre("10 | 0", "| 1", "| 1", "| 0", "10 | 0", "| 1", "| 0"));
}

}  // namespace
}  // namespace foretoken::test
