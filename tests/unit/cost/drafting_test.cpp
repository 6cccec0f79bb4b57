// The contract of cost models where steps verify drafts and make new ones (src/cost/README.md, "Drafting").
#include <gtest/gtest.h>

#include "foretoken/cost/cost_model.hpp"
#include "support/deployments.hpp"

namespace foretoken {
namespace {

constexpr DraftMethod kMethods[] = {DraftMethod::ngram, DraftMethod::medusa, DraftMethod::eagle, DraftMethod::eagle3,
                                    DraftMethod::mtp};

Deployment drafting(Deployment d, DraftMethod method, int tokens) {
  d.level = CostLevel::roofline;
  d.draft = draft_spec(method, d.model, d.dense_format, tokens, d.engine_name, d.engine_version);
  return d;
}
DecodeShape rows(std::int64_t batch, std::int64_t context, std::int64_t drafts) {
  return {batch, batch * context, 0, batch * drafts};
}

TEST(Drafting, StepsAreAboveTheDatasheetAndSumsOfTheirLines) {
  for (const Deployment& base :
       {test::deployment(test::h100(), test::llama_8b()), test::deployment(test::b200(), test::deepseek_v3(), 8)}) {
    for (const DraftMethod method : kMethods) {
      const auto cost = make_cost_model(drafting(base, method, 3));
      const PrefillChunk chunk{512, 128, true};
      for (const StepShape& shape : {StepShape{{}, rows(1, 1000, 3)}, StepShape{{}, rows(64, 1000, 3)},
                                     StepShape{std::span(&chunk, 1), rows(16, 500, 2)}}) {
        const double step = to_seconds(cost->step(shape).total());
        const StepBreakdown lines = cost->breakdown(shape);
        EXPECT_GE(step, lines.datasheet_seconds) << to_string(method);
        EXPECT_NEAR(step / lines.seconds, 1, 0.01) << to_string(method);
      }
    }
  }
}

TEST(Drafting, WithoutDraftsAStepIsWhatItsCurveSays) {
  const auto cost = make_cost_model(drafting(test::deployment(test::h100(), test::llama_8b()), DraftMethod::eagle3, 3));
  for (const std::int64_t context : {0, 1, 1000, 100'000}) {
    const DecodeShape shape{8, context, 0};
    EXPECT_EQ(cost->step({{}, shape}).total(), cost->decode(8).at(shape).total());
  }
}

TEST(Drafting, NeverFallsWhenDraftsOrRowsAreAdded) {
  const auto cost = make_cost_model(drafting(test::deployment(test::h100(), test::llama_8b()), DraftMethod::eagle3, 4));
  FineDuration last;
  for (std::int64_t drafts = 1; drafts <= 4; ++drafts) {
    const FineDuration step = cost->step({{}, rows(32, 800, drafts)}).total();
    EXPECT_GE(step, last) << drafts;
    last = step;
  }
  last = {};
  for (std::int64_t batch = 1; batch <= 300; batch += 7) {
    const FineDuration step = cost->step({{}, rows(batch, 800, 4)}).total();
    EXPECT_GE(step, last) << batch;
    last = step;
  }
}

// At a long context nearly all bytes are keys and values: four tokens of a row read them once.
TEST(Drafting, VerifiedTokensReadTheKvCacheOnce) {
  Deployment d = test::deployment(test::h100(), test::llama_8b());
  d.level = CostLevel::roofline;
  const auto cost = make_cost_model(d);
  const auto bytes = [&](std::int64_t drafts) {
    return static_cast<double>(cost->step({{}, rows(32, 32'000, drafts)}).bytes);
  };
  EXPECT_LT(bytes(3), 1.03 * bytes(0));
  EXPECT_GT(static_cast<double>(cost->step({{}, rows(32, 32'000, 3)}).flops),
            3.5 * static_cast<double>(cost->step({{}, rows(32, 32'000, 0)}).flops));
}

}  // namespace
}  // namespace foretoken
