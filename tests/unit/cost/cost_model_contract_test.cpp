// The promises of CostModel's header, for every level and kind of model.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <random>

#include "foretoken/cost/cost_model.hpp"
#include "support/calibration.hpp"
#include "support/deployments.hpp"

namespace foretoken {
namespace {

struct Case {
  std::string name;
  Deployment deployment;
};

std::vector<Case> cases() {
  std::vector<Case> list;
  const auto add = [&](const char* name, Deployment d) {
    for (const CostLevel level : {CostLevel::datasheet, CostLevel::roofline, CostLevel::calibrated}) {
      d.level = level;
      if (level == CostLevel::calibrated) d.calibration = test::example_calibration();
      list.push_back({fmt::format("{}_{}", name,
                                  level == CostLevel::datasheet  ? "datasheet"
                                  : level == CostLevel::roofline ? "roofline"
                                                                 : "calibrated"),
                      d});
    }
  };
  add("llama_8b_h100", test::deployment(test::h100(), test::llama_8b()));
  add("llama_70b_tp4_a100", test::deployment(test::a100(), test::llama_70b(), 4));
  add("deepseek_b200", test::deployment(test::b200(), test::deepseek_v3(), 8));
  add("gpt_oss_sliding", test::deployment(test::h100(), test::gpt_oss_120b(), 2));
  add("llama_8b_rtx_one_kernel", test::deployment(test::rtx_pro_6000(), test::llama_8b()));
  Deployment eager = test::deployment(test::a100(), test::llama_70b(), 8);
  eager.cuda_graph_max_rows = 0;
  eager.overhead = {19e-3, 200e-6, 540e-6, 0, 1};
  add("llama_70b_eager_2023", eager);
  Deployment eager_sliding = test::deployment(test::h100(), test::gpt_oss_120b(), 2);
  eager_sliding.cuda_graph_max_rows = 0;
  eager_sliding.overhead = {1e-3, 100e-6, 10e-6, 5e-6, 1};
  add("gpt_oss_eager", eager_sliding);
  Deployment stages = test::deployment(test::h100(), test::llama_70b(), 8);
  stages.parallelism.pipeline = 2;
  stages.overhead = {300e-6, 0, 5e-6, 0, 0.95};
  add("llama_70b_two_nodes", stages);
  stages.parallelism.pipeline = 3;
  stages.parallelism.micro_batches = true;
  add("llama_70b_micro_batches", stages);
  Deployment ranks = test::deployment(test::b200(), test::deepseek_v3(), 1);
  ranks.parallelism.data = 8;
  ranks.parallelism.expert_parallel = true;
  ranks.expert_format = WeightFormat::nvfp4;
  ranks.kv_format = KvFormat::fp8;
  add("deepseek_attention_dp", ranks);
  return list;
}

class CostModelContract : public ::testing::TestWithParam<Case> {
 protected:
  // Contexts of n rows from the sum: the windowed sum as if all were equal.
  DecodeShape decode(const CostModel& model, std::int64_t rows, std::int64_t each) const {
    const std::int64_t window = model.sliding_window();
    return {rows, rows * each, window > 0 ? rows * std::min(each, window) : 0};
  }
  std::unique_ptr<CostModel> make() const { return make_cost_model(GetParam().deployment); }
};

TEST_P(CostModelContract, AStepWithoutPrefillAgreesWithTheDecodeCurveExactly) {
  const auto model = make();
  for (const std::int64_t rows : {1, 7, 64, 300, 600}) {
    for (const std::int64_t each : {0, 1, 127, 128, 1000, 30000}) {
      const DecodeShape shape = decode(*model, rows, each);
      const StepTime step = model->step({{}, shape});
      ASSERT_EQ(step.parts, model->decode(rows).at(shape).parts);
      ASSERT_EQ(step.flops, model->decode(rows).at(shape).flops);
      ASSERT_GE(step.total(), fine_from(Duration{1}));
    }
  }
}

TEST_P(CostModelContract, WhatWasAskedBeforeNeverShows) {
  const auto used = make();
  std::mt19937_64 random(3);
  std::vector<PrefillChunk> chunks;
  for (int i = 0; i < 200; ++i) {
    chunks.assign(1 + random() % 3, {});
    for (PrefillChunk& c : chunks)
      c = {static_cast<std::int64_t>(1 + random() % 3000), static_cast<std::int64_t>(random() % 5000),
           random() % 2 == 0};
    const DecodeShape shape =
        decode(*used, static_cast<std::int64_t>(random() % 40), static_cast<std::int64_t>(random() % 3000));
    const StepTime warm = used->step({chunks, shape});
    ASSERT_EQ(warm.parts, used->step({chunks, shape}).parts);
    if (i % 20 == 0) {
      ASSERT_EQ(warm.parts, make()->step({chunks, shape}).parts);
    }
  }
}

TEST_P(CostModelContract, TurnedToAnotherDeploymentItPricesAsANewModel) {
  Deployment other = GetParam().deployment;
  other.cuda_graph_max_rows = 24;
  const PrefillChunk chunk[] = {{300, 100, true}};
  const auto times = [&](const CostModel& model) {
    std::vector<decltype(StepTime::parts)> all;
    for (const std::int64_t rows : {1, 7, 23, 30, 400}) {
      all.push_back(model.step({{}, decode(model, rows, 500)}).parts);
      all.push_back(model.step({chunk, decode(model, rows, 500)}).parts);
    }
    return all;
  };
  const auto model = make();
  const auto before = times(*model);
  if (model->turn_to(other)) {
    EXPECT_EQ(times(*model), times(*make_cost_model(other)));
    EXPECT_TRUE(model->turn_to(GetParam().deployment));
  } else {
    EXPECT_TRUE(GetParam().deployment.cuda_graph_max_rows == 0 || GetParam().deployment.parallelism.micro_batches);
  }
  EXPECT_EQ(times(*model), before);
  other.overhead.per_step += 1e-3;
  EXPECT_FALSE(model->turn_to(other));
  EXPECT_EQ(times(*model), before);
}

TEST_P(CostModelContract, MoreWorkNeverTakesLessTime) {
  const auto model = make();
  const auto time = [&](std::span<const PrefillChunk> chunks, const DecodeShape& shape) {
    return model->step({chunks, shape}).total();
  };
  for (const std::int64_t each : {64, 1024, 9000}) {
    FineDuration before;
    for (std::int64_t rows = 1; rows < 560; rows += rows < 20 ? 1 : 13) {
      const DecodeShape shape = decode(*model, rows, each);
      const FineDuration alone = time({}, shape);
      // The measured decode kernel drops its split-and-merge constant when rows fill the GPU.
      // Micro-batches have chords of their own for every number of rows.
      const double slack = GetParam().deployment.level == CostLevel::calibrated ? 0.01
                           : GetParam().deployment.parallelism.micro_batches    ? 1e-7
                                                                                : 0;
      ASSERT_GE(to_seconds(alone), to_seconds(before) * (1 - slack)) << rows << " rows at " << each;
      before = alone;
      const PrefillChunk small[] = {{1, 0, false}};
      ASSERT_GE(time(small, shape), alone) << "one more prefill token beside " << rows << " rows at " << each;
      DecodeShape longer = shape;
      longer.context += 1;
      ASSERT_GE(time({}, longer), alone);
    }
  }
  FineDuration before;
  for (std::int64_t tokens = 1; tokens < 9000; tokens += tokens < 300 ? 7 : 331) {
    const PrefillChunk chunk[] = {{tokens, 0, true}};
    const PrefillChunk later[] = {{tokens, 500, true}};
    const PrefillChunk two[] = {{tokens, 0, true}, {32, 64, true}};
    const FineDuration now = time(chunk, {});
    ASSERT_GE(now, before) << tokens << " prefill tokens";
    ASSERT_GE(time(later, {}), now);
    ASSERT_GE(time(two, {}), now);
    before = now;
  }
}

TEST_P(CostModelContract, NothingBeatsTheDatasheet) {
  const auto model = make();
  Deployment bound = GetParam().deployment;
  bound.level = CostLevel::datasheet;
  bound.overhead = {};
  const auto datasheet = make_cost_model(bound);
  std::vector<PrefillChunk> chunks{{512, 1000, true}, {77, 0, true}};
  for (const std::int64_t rows : {0, 1, 33, 256}) {
    for (const std::int64_t each : {10, 2000, 60000}) {
      const DecodeShape shape = decode(*model, rows, each);
      for (const std::span<const PrefillChunk> prefill :
           {std::span<const PrefillChunk>{}, std::span<const PrefillChunk>(chunks)}) {
        if (rows == 0 && prefill.empty()) continue;
        const double least = to_seconds(datasheet->step({prefill, shape}).total());
        EXPECT_GE(to_seconds(model->step({prefill, shape}).total()), least * (1 - 1e-6)) << rows << " rows at " << each;
        const StepBreakdown breakdown = model->breakdown({prefill, shape});
        for (const OperatorCost& op : breakdown.operators) {
          EXPECT_GE(op.seconds, op.datasheet_seconds * (1 - 1e-9)) << op.name;
          EXPECT_GT(op.count, 0) << op.name;
          EXPECT_FALSE(op.served_by.empty()) << op.name;
        }
      }
    }
  }
}

TEST_P(CostModelContract, TheBreakdownSumsToTheStep) {
  const auto model = make();
  std::vector<PrefillChunk> chunks{{700, 0, true}, {300, 1200, false}};
  const StepShape shapes[] = {{{}, decode(*model, 48, 1500)}, {chunks, decode(*model, 48, 1500)}, {chunks, {}}};
  for (const StepShape& shape : shapes) {
    const StepBreakdown breakdown = model->breakdown(shape);
    const double step = to_seconds(model->step(shape).total());
    EXPECT_NEAR(breakdown.seconds, step, step * 6e-4);
    double flops = 0;
    for (const OperatorCost& op : breakdown.operators) flops += op.flops;
    EXPECT_NEAR(flops, static_cast<double>(model->step(shape).flops), flops * 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryLevel, CostModelContract, ::testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace foretoken
