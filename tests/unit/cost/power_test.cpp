// Power at work, what a cap leaves of the clock, and slices of a GPU (src/cost/README.md, "Power", "Power caps",
// "MIG").
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cost/levels/power_cap.hpp"
#include "foretoken/cost/cost_model.hpp"
#include "hardware/mig.hpp"
#include "support/deployments.hpp"

namespace foretoken {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

GpuSpec h100() {
  GpuSpec g;
  g.id = "h100_sxm";
  g.vendor = "NVIDIA";
  g.architecture = "Hopper";
  g.memory_type = "HBM3";
  g.compute_units = 132;
  g.peak_bf16 = {989.4e12};
  g.memory_capacity = {80 * 1073741824.0};
  g.memory_bandwidth = Bandwidth{3.35e12};
  g.l2_cache = {50e6};
  g.scale_up_domain = 8;
  g.tdp = Power{700};
  g.idle_power = Power{80};
  return g;
}

TEST(Power, P1IsAFloorAndTwoTerms) {
  const PowerTerms terms = power_terms(h100());
  EXPECT_NEAR(mean_watts(terms, 700, 80, 0, {1, .66, .024}), 463, 0.5);
  EXPECT_NEAR(mean_watts(terms, 700, 80, 0, {.5, .66, .024}), 80 + .5 * 340 + 43.3, 0.5);
  EXPECT_EQ(mean_watts(terms, 700, 80, 0, {}), 80);
}

TEST(Power, IsNeverAboveTheTdpOrTheCapNorBelowIdle) {
  const PowerTerms terms = power_terms(h100());
  EXPECT_NEAR(mean_watts(terms, 700, 80, 0, {1, 5, 5}), .98 * 700, 1e-9);
  EXPECT_NEAR(mean_watts(terms, 700, 80, 300, {1, .66, .024}), 300, 1e-9);
  EXPECT_NEAR(mean_watts(terms, 700, 80, 50, {1, .66, .024}), 80, 1e-9);
}

TEST(Power, P2ACapLeavesAShareOfTheClock) {
  EXPECT_NEAR(clock_under_cap(400, 660, 80), .634, .001);
  EXPECT_NEAR(clock_under_cap(500, 660, 80), .8735, .0005);
  EXPECT_NEAR(10 / clock_under_cap(500, 660, 80), 11.45, .01);
  EXPECT_EQ(clock_under_cap(660, 660, 80), 1);
  EXPECT_EQ(clock_under_cap(0, 660, 80), 1);
  EXPECT_EQ(clock_under_cap(90, 660, 80), .14) << "constant below what was measured";
  EXPECT_EQ(memory_rate_at(.8), 1);
  EXPECT_NEAR(memory_rate_at(.375), .5, 1e-12);
}

// The same steps under 350 W: prompts, which compute bounds, take much longer; decodes, which memory bounds, hardly.
TEST(Power, ACapSlowsPromptsMoreThanDecodes) {
  Deployment free = test::deployment(test::h100(), test::llama_8b());
  free.gpu.tdp = Power{700};
  free.gpu.idle_power = Power{80};
  Deployment capped = free;
  capped.power_cap = 350;
  const auto before = make_cost_model(free), after = make_cost_model(capped);
  const PrefillChunk chunk{4096, 0, true};
  const auto slower = [&](const StepShape& shape) {
    return to_seconds(after->step(shape).total()) / to_seconds(before->step(shape).total());
  };
  const double prompt = slower({std::span(&chunk, 1), {}}), decode = slower({{}, {8, 8 * 1000, 0}});
  EXPECT_GT(prompt, 1.5);
  EXPECT_LT(decode, 1.05) << "the memory keeps its clock";
  EXPECT_GE(decode, 1);
  // Decode curves say what steps say, and time does not fall with the context.
  FineDuration last;
  for (std::int64_t context = 0; context < 200'000; context += 997) {
    const DecodeShape shape{8, context, 0};
    EXPECT_EQ(after->step({{}, shape}).total(), after->decode(8).at(shape).total());
    EXPECT_GE(after->decode(8).at(shape).total(), last);
    last = after->decode(8).at(shape).total();
  }
  capped.power_cap = 700;
  EXPECT_EQ(make_cost_model(capped)->step({std::span(&chunk, 1), {}}).total(),
            before->step({std::span(&chunk, 1), {}}).total())
      << "a cap that does not bind";
}

TEST(Power, P3ASliceHasItsShareOfComputeAndMemory) {
  const std::optional<GpuSpec> slice = mig_slice(h100(), "4g.40gb");
  ASSERT_TRUE(slice);
  EXPECT_NEAR(slice->memory_bandwidth->value / 3.35e12, .5, 1e-12);
  EXPECT_NEAR(slice->peak_bf16.value / 989.4e12, 64.0 / 132, 1e-12);
  EXPECT_NEAR(slice->memory_capacity.value, 40 * 1073741824.0, 1);
  EXPECT_EQ(slice->scale_up_domain, 1);
  const std::optional<GpuSpec> one = mig_slice(h100(), "1g.10gb"), doubled = mig_slice(h100(), "1g.20gb");
  ASSERT_TRUE(one && doubled);
  EXPECT_EQ(one->compute_units, 16);
  EXPECT_EQ(doubled->compute_units, 26);
  EXPECT_NEAR(one->tdp->value, 87.5, 1e-9);
  EXPECT_EQ(mig_slice(h100(), "1g")->id, one->id);
  EXPECT_FALSE(mig_slice(h100(), "5g.50gb"));
  EXPECT_THAT(mig_profiles(h100()), Contains("3g.40gb"));
  GpuSpec consumer = h100();
  consumer.memory_type = "GDDR6X";
  EXPECT_THAT(mig_profiles(consumer), IsEmpty());
}

}  // namespace
}  // namespace foretoken
