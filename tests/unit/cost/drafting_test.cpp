// The contract of cost models where steps verify drafts and make new ones (src/cost/README.md, "Drafting").
#include <gtest/gtest.h>

#include "foretoken/cost/cost_model.hpp"
#include "model/counts.hpp"
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
    std::vector<Deployment> all;
    for (const DraftMethod method : kMethods) all.push_back(drafting(base, method, 3));
    all.push_back(drafting(base, DraftMethod::eagle3, 3));
    all.back().draft = in_parallel(all.back().draft);
    for (const Deployment& d : all) {
      const DraftMethod method = d.draft.method;
      const auto cost = make_cost_model(d);
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

// Seven drafts in one pass of four layers: masks are rows of its layers and of its LM head.
TEST(Drafting, InParallelOnePassHasARowForEveryDraft) {
  Deployment serial = drafting(test::deployment(test::h100(), test::llama_8b()), DraftMethod::eagle3, 7);
  serial.draft.host_per_pass = serial.draft.host_per_step = 0;
  Deployment parallel = serial;
  parallel.draft = in_parallel(parallel.draft);
  const auto work = [](const Deployment& d) { return make_cost_model(d)->step({{}, rows(4, 1000, 7)}); };
  Deployment plain = serial;
  plain.draft = {};
  const StepTime target = work(plain), s = work(serial), p = work(parallel);
  const ModelSpec& m = parallel.draft.model;
  EXPECT_EQ(m.layers, 4);
  // FLOPs of matrices: 4 x (1 + 7 + 6) rows in the layers, 4 x 7 in the LM head.
  const double layer = count_parameters(m).attention_per_layer + count_parameters(m).dense_mlp_per_layer;
  const double least = 2.0 * (56 * 4 * layer + 28.0 * m.hidden_size * m.vocab_size);
  const auto drafted = static_cast<double>(p.flops - target.flops);
  EXPECT_GT(drafted, least);
  EXPECT_LT(drafted, 1.25 * least) << "the rest: hidden states to one, the embedding's keys, attention";
  // Four layers once read less than one layer and its LM head seven times.
  EXPECT_LT(p.bytes - target.bytes, s.bytes - target.bytes);
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
