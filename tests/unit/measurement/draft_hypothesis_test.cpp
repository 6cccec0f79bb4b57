// The column "would speculation explain it?": acceptance that would make a run as fast as measured.
#include "measurement/accuracy/draft_hypothesis.hpp"

#include <gtest/gtest.h>

namespace foretoken {
namespace {

Scenario closed_loop(const std::string& model, const std::string& more = "") {
  const std::string text =
      "model: " + model +
      "\nhardware: {gpu: b200_sxm}\nengine: {tensor_parallel_size: 8}\nworkload: {max_concurrency: "
      "16, num_prompts: 64, random_input_len: 1000, random_output_len: 200}\n" +
      more;
  Result<Scenario> scenario = parse_scenario(text, "loop.yaml", {});
  EXPECT_TRUE(scenario) << format(scenario.error());
  return scenario ? *scenario : Scenario{};
}

TEST(DraftHypothesis, IsTheLengthThatWouldFit) {
  const Scenario s = closed_loop("DeepSeek-V3");
  // As fast as predicted: drafts would have to pay just for themselves.
  const auto even = draft_hypothesis(s, 20, 20);
  ASSERT_TRUE(even);
  EXPECT_EQ(even->method, "mtp");
  EXPECT_EQ(even->tokens, 1);
  EXPECT_GT(even->step_ratio, 1);
  EXPECT_DOUBLE_EQ(even->length, even->step_ratio);
  // A step with a draft takes `step_ratio` times as long and puts out 1.9 tokens.
  const auto one = draft_hypothesis(s, 20, 20 * even->step_ratio / 1.9);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->tokens, 1);
  EXPECT_NEAR(one->length, 1.9, 1e-12);
  EXPECT_TRUE(one->possible());
}

TEST(DraftHypothesis, TakesThreeDraftsWhereOneCannotExplainIt) {
  const Scenario s = closed_loop("DeepSeek-V3");
  const double ratio = draft_hypothesis(s, 20, 20)->step_ratio;
  const auto three = draft_hypothesis(s, 20, 20 * ratio / 2.2);
  ASSERT_TRUE(three);
  EXPECT_EQ(three->tokens, 3);
  EXPECT_GT(three->step_ratio, ratio);
  EXPECT_TRUE(three->possible());
  EXPECT_FALSE(draft_hypothesis(s, 20, 2)->possible()) << "ten times as fast: no acceptance explains it";
  EXPECT_FALSE(draft_hypothesis(s, 20, 60)->possible()) << "slower than without";
}

TEST(DraftHypothesis, HasHeadsOfEagle3ForModelsWithoutTheirOwn) {
  EXPECT_EQ(draft_hypothesis(closed_loop("Llama-3.1-8B"), 10, 8)->method, "eagle3");
}

TEST(DraftHypothesis, SaysNothingWithoutABatchOrWithDraftsOn) {
  Scenario open = closed_loop("Llama-3.1-8B");
  open.workload.max_concurrency.reset();
  open.workload.arrivals = RenewalArrivals{2};
  EXPECT_FALSE(draft_hypothesis(open, 10, 8));
  Scenario drafting = closed_loop("Llama-3.1-8B");
  drafting.deployment.draft.method = DraftMethod::eagle3;
  EXPECT_FALSE(draft_hypothesis(drafting, 10, 8));
  EXPECT_FALSE(draft_hypothesis(closed_loop("Llama-3.1-8B"), 10, 0));
}

}  // namespace
}  // namespace foretoken
