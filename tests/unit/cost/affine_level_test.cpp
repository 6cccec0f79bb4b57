// The affine level: the user's straight line, to the unit.
#include <gmock/gmock.h>

#include "foretoken/cost/cost_model.hpp"

namespace foretoken {
namespace {

Deployment affine(AffineTerms terms) {
  Deployment deployment;
  deployment.level = CostLevel::affine;
  deployment.affine = terms;
  return deployment;
}

TEST(AffineLevel, AStepIsTheSumOfItsTerms) {
  const auto model = make_cost_model(affine({1e-3, 2e-6, 3e-6, 4e-9}));
  const std::vector<PrefillChunk> prefill{{100, 0, true}, {50, 1000, false}};
  const StepTime time = model->step({prefill, {8, 16000, 0}});
  // 1000 us + 150*2 us + 8*3 us + 16000*0.004 us = 1388 us
  EXPECT_NEAR(to_seconds(time.total()), 1388e-6, 1e-11);
  EXPECT_NEAR(to_seconds(time[TimePart::memory]), 64e-6, 1e-11);
  EXPECT_NEAR(model->breakdown({prefill, {8, 16000, 0}}).seconds, 1388e-6, 1e-11);
}

TEST(AffineLevel, AStepWithoutPrefillAgreesWithTheDecodeCurveExactly) {
  const auto model = make_cost_model(affine({1e-3, 2e-6, 3e-6, 4e-9}));
  for (std::int64_t n : {0, 1, 7, 500}) {
    const DecodeShape shape{n, n * 1234, 0};
    EXPECT_EQ(model->step({{}, shape}).parts, model->decode(n).at(shape).parts);
  }
}

TEST(AffineLevel, AStepTakesAtLeastANanosecond) {
  const auto model = make_cost_model(affine({}));
  EXPECT_EQ(ceil_to_nanoseconds(model->step({{}, {1, 10, 0}}).total()).count(), 1);
}

TEST(AffineLevel, AbsurdTokenCountsSaturate) {
  const auto model = make_cost_model(affine({1e9, 1e3, 1e3, 1e3}));
  const std::vector<PrefillChunk> prefill{{std::int64_t{1} << 40, 0, true}};
  EXPECT_GT(model->step({prefill, {1000, std::int64_t{1} << 40, 0}}).total().units, 0);
}

TEST(AffineLevel, NegativeAndNonFiniteTermsAreAllReported) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(deployment_problems(affine({-1, infinity, std::nan(""), 0})).size(), 3U);
  EXPECT_TRUE(deployment_problems(affine({1, 0, 0, 0})).empty());
}

}  // namespace
}  // namespace foretoken
