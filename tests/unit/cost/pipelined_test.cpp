// Micro-batches in a pipeline: what overlaps and what cannot.
#include <gtest/gtest.h>

#include "foretoken/cost/cost_model.hpp"
#include "support/deployments.hpp"

namespace foretoken {
namespace {

constexpr int kStages = 4;

struct Models {
  std::unique_ptr<CostModel> series, pipelined;
  Models() {
    Deployment d = test::deployment(test::h100(), test::llama_70b(), 1);
    d.parallelism.pipeline = kStages;
    d.level = CostLevel::roofline;
    d.overhead = {300e-6, 0, 5e-6, 0, 1};
    series = make_cost_model(d);
    d.parallelism.micro_batches = true;
    pipelined = make_cost_model(d);
  }
};

double seconds(FineDuration d) {
  return static_cast<double>(d.units) / static_cast<double>(FineDuration::kPerNanosecond) * 1e-9;
}

// What the last stage does for so many rows, and each stage's host: 300 us and 5 us a row.
double of_one_stage(const CostModel& series, std::int64_t rows) {
  double sum = 0;
  for (const OperatorCost& op : series.breakdown({{}, {rows, rows * 1000, 0}}).operators) {
    if (op.name == "lm_head" || op.name == "sampling" || op.name == "final_norm") sum += op.seconds;
  }
  EXPECT_GT(sum, 0);
  return sum + 300e-6 + 5e-6 * static_cast<double>(rows);
}

TEST(Pipelined, RowsComeRoundWhenTheLastStageHasPassedAllMicroBatches) {
  const Models m;
  for (const std::int64_t rows : {4, 64, 2048}) {
    const double pipelined = seconds(m.pipelined->step({{}, {rows, rows * 1000, 0}}).total());
    const double one = seconds(m.series->step({{}, {rows / kStages, rows / kStages * 1000, 0}}).total()) +
                       (kStages - 1) * of_one_stage(*m.series, rows / kStages);
    EXPECT_NEAR(pipelined, one, 1e-3 * one) << rows;
  }
  // Compute-bound, that is a fourth of the time; bound by weights, nothing is gained.
  const DecodeShape large{8192, 8192 * 100, 0}, small{4, 4 * 100, 0};
  EXPECT_LT(m.pipelined->step({{}, large}).total().units, m.series->step({{}, large}).total().units * 2 / 5);
  EXPECT_GT(m.pipelined->step({{}, small}).total().units, m.series->step({{}, small}).total().units * 9 / 10);
}

TEST(Pipelined, ARowMoreNeverTakesLess) {
  const Models m;
  double before = 0;
  for (std::int64_t rows = 1; rows <= 4 * kStages; ++rows) {
    const double now = seconds(m.pipelined->step({{}, {rows, rows * 1000, 0}}).total());
    EXPECT_GT(now, before * (1 - 1e-9)) << rows;
    before = now;
  }
}

TEST(Pipelined, WhatIsAlonePassesTheStagesInSeries) {
  const Models m;
  const std::vector<PrefillChunk> prompt{{2000, 0, true}};
  EXPECT_EQ(m.pipelined->step({prompt, {}}).total(), m.series->step({prompt, {}}).total());
  const double row = seconds(m.series->step({{}, {1, 700, 0}}).total());
  EXPECT_NEAR(seconds(m.pipelined->step({{}, {1, 700, 0}}).total()), row, 1e-3 * row);
  // One of the four stages works at a time.
  EXPECT_EQ(m.pipelined->step({prompt, {}}).flops, m.series->step({prompt, {}}).flops / kStages);
}

TEST(Pipelined, AsManyPromptsAsStagesTakeNoLongerThanOneButForTheLastStage) {
  const Models m;
  const std::vector<PrefillChunk> one{{2000, 0, true}};
  const std::vector<PrefillChunk> four(4, one.front()), eight(8, one.front());
  const double last = (kStages - 1) * of_one_stage(*m.series, 1);
  const double alone = seconds(m.series->step({one, {}}).total()) + last;
  EXPECT_NEAR(seconds(m.pipelined->step({four, {}}).total()), alone, 1e-6 * alone);
  const std::vector<PrefillChunk> two(2, one.front());
  const double pairs = seconds(m.series->step({two, {}}).total()) + (kStages - 1) * of_one_stage(*m.series, 2);
  EXPECT_NEAR(seconds(m.pipelined->step({eight, {}}).total()), pairs, 1e-6 * pairs);
}

TEST(Pipelined, APromptBesideDecodesSetsThePaceUntilTheOthersOutweighIt) {
  const Models m;
  const DecodeShape rows{64, 64 * 1000, 0};
  const std::vector<PrefillChunk> prompt{{4000, 0, true}};
  const FineDuration step = m.pipelined->step({prompt, rows}).total();
  const FineDuration its_own = m.series->step({prompt, {16, 16 * 1000, 0}}).total();
  EXPECT_EQ(step, its_own);
  EXPECT_GT(step, m.pipelined->step({{}, rows}).total());
}

}  // namespace
}  // namespace foretoken
