// The band of a prediction that no number of requests narrows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "foretoken/experiment/explain.hpp"

namespace foretoken {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

StepExplanation step(std::int64_t prefill_tokens, std::vector<OperatorCost> operators) {
  StepExplanation s;
  s.prefill_tokens = prefill_tokens;
  for (const OperatorCost& op : operators) s.breakdown.seconds += op.seconds;
  s.breakdown.operators = std::move(operators);
  return s;
}

OperatorCost taking(const char* name, double seconds, double error, bool inside = true) {
  OperatorCost op;
  op.name = name;
  op.seconds = seconds;
  op.error = error;
  op.inside_range = inside;
  return op;
}

// sqrt((3 x 0.1)^2 + (4 x 0.1)^2) = 0.5 of 10 s; times 1.2533 (deviation over mean error) x 1.96. Beside it what whole
// engines stray.
TEST(ModelBand, AddsIndependentErrorsByTheirShareOfTheStep) {
  Explanation e;
  e.steps = {step(100, {taking("gemm", 2, 0)}),
             step(0, {taking("qkv", 3, 0.1), taking("attention", 4, 0.1), taking("host", 3, 0)})};
  const ModelBand band = model_band(e);
  EXPECT_NEAR(band.decode, std::hypot(0.05 * 1.2533 * 1.96, 0.295), 1e-12);
  EXPECT_EQ(band.prefill, 0);
  EXPECT_TRUE(band.inside_range);
}

TEST(ModelBand, NamesWhatLiesOutsideOnce) {
  Explanation e;
  e.steps = {step(100, {taking("gemm", 1, 0.1, false)}),
             step(0, {taking("gemm", 1, 0.1, false), taking("norm", 1, 0.1)})};
  const ModelBand band = model_band(e);
  EXPECT_FALSE(band.inside_range);
  EXPECT_THAT(band.outside, ElementsAre("gemm"));
  EXPECT_EQ(band.outside_share, 1) << "the prefill step is nothing else";
}

Explanation explained(const std::string& hardware) {
  const auto s = parse_scenario("model: Llama-3.1-8B\nhardware: {gpu: " + hardware +
                                    "}\nworkload: {random_input_len: 1024, random_output_len: 128, request_rate: 1}\n",
                                "s.yaml", {});
  const auto e = explain(*s);
  return *e;
}

TEST(ModelBand, IsWiderOnAGpuThatBorrowsItsSets) {
  const ModelBand own = model_band(explained("h100_sxm")), borrowed = model_band(explained("l40s"));
  EXPECT_GT(own.decode, 0.02);
  EXPECT_LT(own.decode, 1);
  EXPECT_GT(borrowed.decode, own.decode);
}

TEST(ModelBand, DoesNotExistWithoutAModelOfHardware) {
  const auto s =
      parse_scenario("cost: {level: affine, affine: {per_step: 10 ms}}\nworkload: {request_rate: 1}\n", "s.yaml", {});
  const ModelBand band = model_band(*explain(*s));
  EXPECT_EQ(band.decode, 0);
  EXPECT_THAT(band.outside, IsEmpty());
}

}  // namespace
}  // namespace foretoken
