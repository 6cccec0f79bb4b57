// Experts at a shape that was timed: the table at its points, the formula between and beyond.
#include "cost/levels/measured_experts.hpp"

#include <gmock/gmock.h>

#include "cost/levels/pricing.hpp"
#include "cost/operators/routed_experts.hpp"
#include "support/calibration.hpp"
#include "support/deployments.hpp"

namespace foretoken {
namespace {

ServedSet formula_alone() {
  ServedSet set = make_pricing(test::deployment(test::b200(), test::qwen3_235b(), 8)).experts;
  set.level = CostLevel::calibrated;
  set.device = datasheet_device(test::b200());
  const double coefficients[] = {20e-6, 0.5, 0.7, 15e12, 3, 1, 0.4, 1e-9};
  std::copy(std::begin(coefficients), std::end(coefficients), set.c.begin());
  set.measured.clear();
  return set;
}

double at(double tokens, const ServedSet& set) {
  const RoutedExperts moe{tokens, 128, 8, 1, 4096, 192, 3, WeightFormat::bf16};
  return routed_experts_estimate(moe, set).seconds();
}

TEST(MeasuredExperts, AreTheTableAtItsPointsAndTheFormulaBeyond) {
  const ServedSet formula = formula_alone();
  ServedSet timed = formula;
  timed.measured = {{4, 1.3}, {64, 0.9}, {1024, 1.1}};
  for (const auto& [tokens, ratio] : timed.measured)
    EXPECT_NEAR(at(tokens, timed), ratio * at(tokens, formula), 1e-12) << tokens;
  EXPECT_NEAR(at(1, timed), 1.3 * at(1, formula), 1e-12);
  EXPECT_NEAR(at(8192, timed), 1.1 * at(8192, formula), 1e-12);
}

TEST(MeasuredExperts, NeverFallWithTokens) {
  ServedSet timed = formula_alone();
  timed.measured = {{2, 2.0}, {4, 0.7}, {48, 1.2}, {64, 0.6}, {4096, 0.9}};
  double before = 0;
  for (double tokens = 1; tokens < 6000; tokens += tokens < 200 ? 1 : 37) {
    const double now = at(tokens, timed);
    EXPECT_GE(now, before * (1 - 1e-12)) << tokens;
    before = now;
  }
}

Deployment deepseek_on_eight() {
  Deployment d = test::deployment(test::b200(), test::qwen3_235b(), 8);
  d.model.hidden_size = 7168;
  d.model.moe.experts = 256;
  d.model.moe.active_experts = 8;
  d.model.moe.expert_width = 2048;
  return d;
}

TEST(MeasuredExperts, AreOfOneShapeOneSetAndItsOwnGpu) {
  constexpr std::string_view kSet = "b200_sxm sglang 0.5.14 nvfp4.trtllm";
  Deployment d = deepseek_on_eight();
  d.parallelism.expert_parallel = false;
  EXPECT_GT(measured_experts(kSet, d, true).size(), 2U);
  EXPECT_TRUE(measured_experts("", d, true).empty()) << "a neighbour's set, or a user's";
  EXPECT_TRUE(measured_experts("b200_sxm vllm 0.1 nvfp4.trtllm", d, true).empty());
  d.model.hidden_size = 7000;
  EXPECT_TRUE(measured_experts(kSet, d, true).empty());
}

}  // namespace
}  // namespace foretoken
