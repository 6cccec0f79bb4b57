// The encoder of images before the language model (src/cost/README.md, "Encoders").
#include <gtest/gtest.h>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/cost/memory_plan.hpp"
#include "model/media.hpp"
#include "support/deployments.hpp"

namespace foretoken {
namespace {

Deployment seeing(const GpuSpec& gpu, int tensor = 1) {
  Deployment d = test::deployment(gpu, test::llama_8b(), tensor);
  EncoderSpec& e = d.model.encoder;
  e.rule = MediaRule::qwen_vl;
  e.layers = 32;
  e.hidden_size = 1280;
  e.heads = 16;
  e.intermediate_size = 5120;
  e.patch_size = 14;
  e.merge_size = 2;
  e.max_pixels = 12845056;
  d.largest_item = 2691;
  d.overhead = {};
  return d;
}
constexpr EncodedItem kImage{2691, 1, 4 * 2691};  // 1920 x 1080
constexpr PrefillChunk kChunk{2800, 0, true};

double encoder_seconds(const Deployment& d, std::vector<EncodedItem> items) {
  const auto cost = make_cost_model(d);
  const std::span<const PrefillChunk> chunks(&kChunk, 1);
  return to_seconds(cost->step({chunks, {}, {}, 0, items}).total()) - to_seconds(cost->step({chunks, {}}).total());
}

TEST(Encoder, ComputesWhatItsLayersHave) {
  const Deployment d = seeing(test::h100());
  const auto cost = make_cost_model(d);
  const std::span<const EncodedItem> items(&kImage, 1);
  double flops = 0;
  for (const OperatorCost& op : cost->breakdown({std::span(&kChunk, 1), {}, {}, 0, items}).operators)
    if (op.name.starts_with("encoder_")) flops += op.flops;
  // 2 S (4 h^2 + 2 h mlp) and 4 S^2 h a layer, and beside them patches and projector.
  const double s = 4 * 2691, h = 1280;
  const double layers = 32 * (2 * s * (4 * h * h + 2 * h * 5120) + 4 * s * s * h);
  const double beside = 2 * s * 588 * h + 2 * 2691.0 * (5120.0 * 5120 + 5120.0 * 4096);
  EXPECT_NEAR(flops / (layers + beside), 1, 0.01);
}

TEST(Encoder, IsAboveTheDatasheetAndTheSumOfItsLines) {
  for (const int tensor : {1, 2}) {
    for (const bool data : {false, true}) {
      Deployment d = seeing(test::h100(), tensor);
      d.encoder_data_parallel = data;
      const auto cost = make_cost_model(d);
      const std::vector<EncodedItem> items(3, kImage);
      const StepShape shape{std::span(&kChunk, 1), {}, {}, 0, items};
      const double step = to_seconds(cost->step(shape).total());
      const StepBreakdown lines = cost->breakdown(shape);
      EXPECT_GE(step, lines.datasheet_seconds);
      EXPECT_NEAR(step / lines.seconds, 1, 0.01) << tensor << data;
    }
  }
}

TEST(Encoder, TakesLongerWithMoreAndLargerImages) {
  const Deployment d = seeing(test::h100());
  double last = 0;
  for (int side = 4; side <= 64; side += 6) {
    const double seconds = encoder_seconds(d, {{side * side, 1, 4 * side * side}});
    EXPECT_GT(seconds, last) << side;
    last = seconds;
  }
  EXPECT_GT(encoder_seconds(d, {kImage, kImage}), 1.8 * encoder_seconds(d, {kImage}));
  // Attention within tiles costs less than over all of them.
  EXPECT_LT(encoder_seconds(d, {{2691, 4, 2691}}), encoder_seconds(d, {kImage}));
}

TEST(Encoder, AttendsToWindowsWhereMostLayersDo) {
  Deployment d = seeing(test::h100());
  const double full = encoder_seconds(d, {kImage});
  d.model.encoder.window = 64;
  d.model.encoder.full_layers = 4;
  EXPECT_LT(encoder_seconds(d, {kImage}), 0.8 * full);
}

// Three tiles of 128 queries and 16 heads of 80, which are computed as 96, fit on 132 SMs at once: each goes through
// three blocks of keys, 4 x 128^2 x 3 x 96 / (989e12 / 132 x 0.675) + 3 x 0.095 = 4.017 us; 3,932,160 bytes take 3.383.
TEST(Encoder, AttentionIsThatOfItsKernel) {
  Deployment d = seeing(test::h100());
  d.level = CostLevel::calibrated;
  d.model.encoder.layers = 1;
  const EncodedItem item{96, 1, 384};
  for (const OperatorCost& op : make_cost_model(d)->breakdown({{}, {}, {}, 0, std::span(&item, 1)}).operators) {
    if (op.name != "encoder_attention") continue;
    EXPECT_NEAR(op.seconds * 1e6, 10.13 + 4.457, 0.01);
    EXPECT_EQ(op.served_by, "FlashAttention 3, vLLM 0.24.0");
  }
}

TEST(Encoder, IsDealtOutOrSliced) {
  Deployment d = seeing(test::h100(), 4);
  const double alone = encoder_seconds(seeing(test::h100()), {kImage});
  d.encoder_data_parallel = true;
  // One image has one rank; four have one each.
  EXPECT_NEAR(encoder_seconds(d, {kImage}) / alone, 1, 0.05);
  EXPECT_NEAR(encoder_seconds(d, {kImage, kImage, kImage, kImage}) / alone, 1, 0.1);
  d.encoder_data_parallel = false;
  EXPECT_LT(encoder_seconds(d, {kImage}), 0.6 * alone);
}

TEST(Encoder, WaitsForItsLaunchesWhereImagesAreSmall) {
  Deployment d = seeing(test::h100());
  d.overhead.per_prefill_layer = 0.2e-3;
  EXPECT_GT(encoder_seconds(d, {{4, 1, 16}}), 32 * 0.2e-3);
  EXPECT_LT(
      encoder_seconds(d, {kImage, kImage, kImage}) / encoder_seconds(seeing(test::h100()), {kImage, kImage, kImage}),
      1.01);
}

TEST(Encoder, TakesMemoryForItsWeightsAndWhatItKeeps) {
  const Deployment d = seeing(test::h100());
  Deployment text = d;
  text.largest_item = 0;
  const MemoryPlan with = plan_memory(d, {}), without = plan_memory(text, {});
  EXPECT_EQ(with.weights.value - without.weights.value, 2 * encoder_parameters(d.model.encoder, 4096));
  EXPECT_EQ(with.activations.value - without.activations.value, 8192 * 4096 * 2);
}

TEST(Encoder, OfAPoolOfItsOwnHasNoKvCache) {
  Deployment d = seeing(test::h100());
  d.encodes_only = true;
  const MemoryPlan plan = plan_memory(d, {});
  EXPECT_TRUE(plan.fits);
  EXPECT_EQ(plan.usable_blocks, 0);
  EXPECT_EQ(plan.weights.value, 2 * encoder_parameters(d.model.encoder, 4096));
  MemorySettings full;
  full.non_torch_bytes = ByteCount{79e9};
  const MemoryPlan none = plan_memory(d, full);
  EXPECT_FALSE(none.fits);
  EXPECT_NE(none.verdict.find("the encoder of"), std::string::npos) << none.verdict;
}

}  // namespace
}  // namespace foretoken
