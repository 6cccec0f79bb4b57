// Whose kernel computes the experts, and what it counts: routing once, activations as narrow as it takes them.
#include "cost/levels/expert_kernels.hpp"

#include <gmock/gmock.h>

#include "cost/levels/step_operators.hpp"
#include "foretoken/cost/cost_model.hpp"
#include "support/calibration.hpp"
#include "support/deployments.hpp"

namespace foretoken {
namespace {

Deployment experts_on(const GpuSpec& gpu, const std::string& engine, const std::string& version, WeightFormat format) {
  Deployment d = test::deployment(gpu, test::qwen3_235b(), 8);
  d.engine_name = engine;
  d.engine_version = version;
  d.expert_format = format;
  return d;
}

std::string first_choice(const Deployment& d) {
  return expert_kernels(d).formats.front();
}

TEST(ExpertKernels, AreTheEnginesOwnOnEachGpu) {
  struct Chosen {
    GpuSpec gpu;
    const char* engine;
    const char* version;
    WeightFormat format;
    const char* chosen;
  };
  const Chosen cases[] = {
      {test::h100(), "vllm-v1", "0.24", WeightFormat::bf16, "bf16.triton"},
      {test::h100(), "vllm-v1", "0.24", WeightFormat::int4_weight_only, "int4_wo.marlin"},
      {test::h100(), "vllm-v1", "0.24", WeightFormat::mxfp4, "w4a16_mxfp4.triton"},
      {test::h100(), "vllm-v1", "0.24", WeightFormat::fp8, "fp8_block.triton"},
      {test::h100(), "tensorrt-llm", "1.2", WeightFormat::fp8_block, "fp8_block.triton"},
      {test::h100(), "tensorrt-llm", "1.2", WeightFormat::fp8, "fp8.cutlass"},
      {test::b200(), "vllm-v1", "0.19", WeightFormat::fp8_block, "fp8_block.trtllm"},
      {test::b200(), "vllm-v1", "0.19", WeightFormat::mxfp4, "w4a16_mxfp4.trtllm"},
      {test::b200(), "sglang", "0.5.9", WeightFormat::mxfp4, "w4a8_mxfp4_mxfp8.trtllm"},
      {test::b200(), "sglang", "0.5.9", WeightFormat::bf16, "bf16.triton"},
      {test::b200(), "sglang", "0.5.18", WeightFormat::bf16, "bf16.trtllm"},
      {test::b200(), "tensorrt-llm", "1.2", WeightFormat::mxfp4, "w4a8_mxfp4_mxfp8.torch"},
      {test::b200(), "tensorrt-llm", "1.2", WeightFormat::fp8_block, "fp8_block.trtllm"},
      {test::b200(), "static", "", WeightFormat::nvfp4, "nvfp4.trtllm"},
  };
  for (const Chosen& c : cases) {
    EXPECT_EQ(first_choice(experts_on(c.gpu, c.engine, c.version, c.format)), c.chosen) << c.engine << " " << c.gpu.id;
  }
}

TEST(ExpertKernels, AreTheBackendThatIsAskedFor) {
  Deployment d = experts_on(test::b200(), "vllm-v1", "0.19", WeightFormat::fp8_block);
  d.moe_backend = "triton";
  EXPECT_EQ(first_choice(d), "fp8_block.triton");
  d.expert_format = WeightFormat::mxfp4;
  d.moe_backend = "trtllm_mxfp8";
  EXPECT_EQ(first_choice(d), "w4a8_mxfp4_mxfp8.trtllm");
  EXPECT_EQ(expert_kernels(d).format, WeightFormat::mxfp4_mxfp8);
  // TensorRT-LLM's own table has them under one name: Triton's kernels on Hopper, its own on Blackwell.
  d = experts_on(test::b200(), "tensorrt-llm", "1.2", WeightFormat::mxfp4);
  d.moe_backend = "trtllm_mxfp8";
  EXPECT_EQ(first_choice(d), "w4a8_mxfp4_mxfp8.torch");
  d = experts_on(test::h100(), "tensorrt-llm", "1.2", WeightFormat::mxfp4);
  d.moe_backend = "triton";
  EXPECT_EQ(first_choice(d), "w4a16_mxfp4.torch");
  d = experts_on(test::h100(), "vllm-v1", "0.19", WeightFormat::mxfp4);
  d.moe_backend = "trtllm_mxfp8";
  // Hopper multiplies in 8 bits as well; Ampere cannot.
  d.gpu = test::a100();
  EXPECT_EQ(expert_kernels(d).format, WeightFormat::mxfp4);
}

// A table in which routing is timed with the experts: no top-k and no permutation beside them.
TEST(ExpertKernels, CountRoutingOnce) {
  Deployment d = experts_on(test::h100(), "vllm-v1", "0.24", WeightFormat::bf16);
  d.level = CostLevel::calibrated;
  d.calibration = SharedCalibration(test::example_calibration());
  const auto operators = [](const Deployment& of) {
    std::map<std::string, OperatorCost> lines;
    const StepBreakdown step = make_cost_model(of)->breakdown({{}, {64, 64 * 1024, 0}});
    for (const OperatorCost& op : step.operators) lines[op.name] = op;
    return lines;
  };
  const auto timed_together = operators(d);
  d.level = CostLevel::roofline;
  const auto apart = operators(d);
  EXPECT_FALSE(timed_together.contains("expert_permute"));
  EXPECT_TRUE(apart.contains("expert_permute"));
}

}  // namespace
}  // namespace foretoken
