// What cannot be priced is refused with a sentence for each reason.
#include <gmock/gmock.h>

#include <limits>

#include "foretoken/cost/cost_model.hpp"
#include "support/calibration.hpp"
#include "support/deployments.hpp"

namespace foretoken {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(DeploymentProblems, OrdinaryDeploymentsHaveNone) {
  EXPECT_THAT(deployment_problems(test::deployment(test::h100(), test::llama_8b())), IsEmpty());
  EXPECT_THAT(deployment_problems(test::deployment(test::b200(), test::deepseek_v3(), 8)), IsEmpty());
  EXPECT_THAT(deployment_problems(test::deployment(test::h100(), test::gpt_oss_120b(), 2)), IsEmpty());
  EXPECT_THAT(deployment_problems(test::deployment(test::h100(), test::llama_70b(), 16)), IsEmpty());
  EXPECT_THAT(calibration_problems(test::example_calibration()), IsEmpty());
}

TEST(DeploymentProblems, TensorParallelSizesMustDivideTheHeads) {
  const auto problems = deployment_problems(test::deployment(test::h100(), test::llama_8b(), 3));
  EXPECT_THAT(problems, ElementsAre(HasSubstr("does not divide the 32 attention heads"), HasSubstr("8 key/value heads"),
                                    HasSubstr("MLP width 14336")));
}

TEST(DeploymentProblems, EveryProblemIsReportedAtOnce) {
  Deployment d = test::deployment(test::h100(), test::llama_8b(), 5);
  d.gpu.memory_bandwidth.reset();
  d.parallelism.data = 2;
  d.parallelism.pipeline = 40;
  d.parallelism.expert_parallel = true;
  d.overhead.per_step = std::numeric_limits<double>::quiet_NaN();
  d.overhead.scale = 0;
  d.roofline.compute_efficiency = 1.5;
  d.node.scale_out_link = {};
  EXPECT_THAT(deployment_problems(d), SizeIs(11));
}

TEST(DeploymentProblems, ExpertsMustDivideOverTheirRanks) {
  Deployment d = test::deployment(test::h100(), test::qwen3_235b(), 4);
  d.parallelism.data = 12;
  d.parallelism.expert_parallel = true;
  EXPECT_THAT(deployment_problems(d), ElementsAre(HasSubstr("48 expert-parallel ranks do not divide the 128 experts")));
}

TEST(EngineOverheads, FollowTheEngineAndItsGeneration) {
  EXPECT_EQ(default_overhead("vllm-v1", "0.19").per_step, 300e-6);
  EXPECT_EQ(default_overhead("vllm-v0", "0.6").per_sequence, 80e-6);
  EXPECT_EQ(default_overhead("tensorrt-llm", "1.2").per_allreduce, 0);
  EXPECT_EQ(default_overhead("tensorrt-llm", "0.9").per_step, 650e-6);
  EXPECT_EQ(default_overhead("tensorrt-llm", "0.17").per_step, 300e-6);
  EXPECT_EQ(default_overhead("static", "").per_allreduce, 100e-6);
  EXPECT_EQ(default_overhead("vllm-v1", "0.19", test::h100()).scale, 1);
  GpuSpec other = test::h100();
  other.architecture = "Ada";
  EXPECT_EQ(default_overhead("vllm-v1", "0.19", other).scale, 1);
  other.architecture = "CDNA2";
  EXPECT_EQ(default_overhead("vllm-v0", "0.6", other).per_layer, 150e-6);
  EXPECT_EQ(default_overhead("vllm-v1", "0.19", other).per_layer, 0);
}

TEST(DeploymentProblems, BrokenCoefficientSetsAreNamed) {
  Deployment d = test::deployment(test::h100(), test::llama_8b());
  d.level = CostLevel::calibrated;
  d.calibration = test::example_calibration();
  d.calibration.change([](CalibrationTable& table) {
    table.sets[0].coefficients[1].value = 0;  // ec
    table.sets[0].coefficients[0].name = "tzero";
    table.sets[1].gpu = "h1000";
  });
  const auto problems = deployment_problems(d);
  EXPECT_THAT(problems, SizeIs(4));
  EXPECT_THAT(problems, ::testing::Contains(HasSubstr("ec is 0; it must be finite and above 0")));
  EXPECT_THAT(problems, ::testing::Contains(HasSubstr("unknown coefficient tzero")));
  EXPECT_THAT(problems, ::testing::Contains(HasSubstr("coefficient t0 is missing")));
}

}  // namespace
}  // namespace foretoken
