// Parts that some models and engines have of their own: routers in 32 bits, products of blocks, delta attention with a
// decay for each channel.
#include <gmock/gmock.h>

#include <algorithm>

#include "cost/levels/step_operators.hpp"
#include "cost/operators/float32_gemm.hpp"
#include "foretoken/cost/memory_plan.hpp"
#include "support/calibration.hpp"
#include "support/deployments.hpp"
#include "support/worked_examples.hpp"

namespace foretoken {
namespace {

const Operator* named(const std::vector<Operator>& operators, std::string_view name) {
  const auto at = std::find_if(operators.begin(), operators.end(), [&](const Operator& op) { return op.name == name; });
  return at == operators.end() ? nullptr : &*at;
}

Deployment with_experts(bool wide_router) {
  Deployment d = test::deployment(test::b200(), test::qwen3_235b(), 4);
  d.level = CostLevel::calibrated;
  d.calibration = test::example_calibration();
  d.model.moe.router_float32 = wide_router;
  return d;
}

double router_seconds(const Deployment& d, std::int64_t tokens) {
  return named(StepOperators(d).dense(tokens), "router")->estimate.seconds();
}

TEST(Float32Router, TakesWhatTheWorkedExamplesSay) {
  const Device b200 = datasheet_device(test::b200());
  const auto microseconds = [&](double rows, bool tf32) {
    return float32_gemm_estimate({rows, 256, 3072, tf32}, b200).seconds() * 1e6;
  };
  for (const auto& [id, rows, tf32] : {std::tuple("E36", 64.0, false), {"E37", 8192.0, false}, {"E38", 64.0, true}})
    EXPECT_NEAR(microseconds(rows, tf32) / test::worked_result(id), 1, 1e-3) << id;
}

// vllm pull request 47973, GB200, 256 experts of 6144: cuBLAS in 32 bits and in TF32.
TEST(Float32Router, IsAsMeasured) {
  struct MeasuredRouter {
    double rows, float32, tf32;
  };
  for (const MeasuredRouter& m : {MeasuredRouter{8, 16.7, 12},
                                  {16, 22.3, 12.2},
                                  {32, 63.2, 19.9},
                                  {128, 69.3, 20.2},
                                  {256, 77.8, 22.6},
                                  {512, 96.8, 25.8},
                                  {1024, 111, 32.8}}) {
    const Device b200 = datasheet_device(test::b200());
    EXPECT_NEAR(float32_gemm_estimate({m.rows, 256, 6144, false}, b200).seconds() * 1e6 / m.float32, 1, 0.24) << m.rows;
    EXPECT_NEAR(float32_gemm_estimate({m.rows, 256, 6144, true}, b200).seconds() * 1e6 / m.tf32, 1, 0.08) << m.rows;
  }
}

TEST(Float32Router, CostsMoreThanOneIn16BitsAndLessWithTf32) {
  Deployment tf32 = with_experts(true);
  tf32.tf32 = true;
  for (const std::int64_t tokens : {64, 512, 8192}) {
    const double wide = router_seconds(with_experts(true), tokens);
    EXPECT_GT(wide, 2 * router_seconds(with_experts(false), tokens)) << tokens;
    EXPECT_LT(router_seconds(tf32, tokens), wide) << tokens;
    EXPECT_GE(router_seconds(tf32, tokens), named(StepOperators(tf32).dense(tokens), "router")->datasheet);
  }
  Deployment floor = with_experts(true);
  floor.level = CostLevel::datasheet;
  const std::vector<Operator> of_floor = StepOperators(floor).dense(64);
  EXPECT_EQ(named(of_floor, "router")->estimate.seconds(), named(of_floor, "router")->datasheet);
}

TEST(Float32Router, TakesTwiceTheMemory) {
  const double wide = plan_memory(with_experts(true), {}).weights.value;
  const double router = 94.0 * 128 * 4096;
  EXPECT_EQ(wide - plan_memory(with_experts(false), {}).weights.value, 2 * router);
}

// Tables of other engines have constants in products of blocks that steps do not show.
TEST(BlockGemms, AreTensorRtLlmsOwn) {
  CalibrationTable table = test::example_calibration();
  CoefficientSet own = *std::find_if(table.sets.begin(), table.sets.end(), [](const CoefficientSet& set) {
    return set.operation == "gemm" && set.gpu == "h100_sxm" && set.level == CostLevel::calibrated;
  });
  own.engine = "trtllm";
  own.version = "1.3.0rc20";
  own.format = "fp8_block";
  table.sets.push_back(own);
  Deployment d = test::deployment(test::h100(), test::qwen3_235b(), 8);
  d.level = CostLevel::calibrated;
  d.calibration = SharedCalibration(table);
  d.dense_format = WeightFormat::fp8_block;
  const auto serves = [&](const char* engine) {
    d.engine_name = engine;
    return make_pricing(d).dense.name;
  };
  EXPECT_EQ(serves("tensorrt-llm"), "h100_sxm trtllm 1.3.0rc20 fp8_block calibrated");
  EXPECT_EQ(serves("vllm-v1"), "h100_sxm vllm 0.24.0 fp8 calibrated");
  d.dense_format = WeightFormat::fp8;
  EXPECT_EQ(serves("tensorrt-llm"), "h100_sxm vllm 0.24.0 fp8 calibrated");
}

// Kimi Linear's layers: no output gate of full width, both gates through 128 numbers.
TEST(DeltaAttention, HasGatesOfItsOwn) {
  Deployment d = test::deployment(test::b200(), test::qwen3_235b(), 4);
  d.model.recurrent = {20, 790285440, 43417600, 32, 32, 128, 128, 129};
  const std::vector<Operator> steps = StepOperators(d).dense(16);
  const auto flops = [&](std::string_view name) { return named(steps, name)->work.flops / 2 / 16; };
  EXPECT_EQ(flops("recurrent_in"), 4096.0 * 3 * 32 / 4 * 128);
  EXPECT_EQ(flops("recurrent_gates"), 4096.0 * (32 / 4 + 2 * 128));
  EXPECT_EQ(flops("recurrent_gates_up"), 128.0 * 32 / 4 * 128);
  EXPECT_EQ(named(steps, "recurrent_gates_up")->count, 40);
  d.model.recurrent.gates = 2;
  EXPECT_EQ(named(StepOperators(d).dense(16), "recurrent_gates_up"), nullptr);
}

}  // namespace
}  // namespace foretoken
