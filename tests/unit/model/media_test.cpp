// Tokens of images and sounds by the families' rules.
#include "model/media.hpp"

#include <gtest/gtest.h>

namespace foretoken {
namespace {

EncoderSpec encoder(MediaRule rule, int patch, int merge, int image = 0, int tiles = 1) {
  EncoderSpec e;
  e.rule = rule;
  e.patch_size = patch;
  e.merge_size = merge;
  e.image_size = image;
  e.max_tiles = tiles;
  e.hidden_size = 1280;
  return e;
}
EncoderSpec qwen() {
  EncoderSpec e = encoder(MediaRule::qwen_vl, 14, 2);
  e.min_pixels = 3136;
  e.max_pixels = 12845056;
  return e;
}
MediaShape shape(const EncoderSpec& e, std::int64_t width, std::int64_t height, std::int64_t frames = 1) {
  const Result<MediaShape> found = media_shape(e, {width, height, frames});
  EXPECT_TRUE(found) << format(found.error());
  return found ? *found : MediaShape{};
}

// Golden case 20 of the reference.
TEST(MediaTokens, FollowTheRuleOfTheFamily) {
  EXPECT_EQ(shape(qwen(), 1920, 1080).tokens, 2691);
  EXPECT_EQ(shape(encoder(MediaRule::qwen_vl, 16, 2), 1920, 1080).tokens, 2040);
  EXPECT_EQ(shape(encoder(MediaRule::internvl, 14, 2, 448, 12), 1920, 1080).tokens, 2304);
  EXPECT_EQ(shape(encoder(MediaRule::llava_next, 14, 1, 336), 672, 672).tokens, 2928);
  EXPECT_EQ(shape(encoder(MediaRule::llava, 14, 1, 336), 1920, 1080).tokens, 576);
  EXPECT_EQ(shape(encoder(MediaRule::gemma3, 14, 4, 896), 1920, 1080).tokens, 256);
  EXPECT_EQ(shape(encoder(MediaRule::pixtral, 16, 1, 1024), 1920, 1080).tokens, 64 * 36 + 36);
}

TEST(MediaTokens, OfQwenHaveFourPatchesEach) {
  const MediaShape image = shape(qwen(), 1920, 1080);
  EXPECT_EQ(image.sequences, 1);
  EXPECT_EQ(image.patches, 4 * 2691);
}

TEST(MediaTokens, KeepTheAreaWithinItsBounds) {
  const MediaShape large = shape(qwen(), 8000, 8000);
  EXPECT_EQ(large.tokens, 128 * 128) << "3584 x 3584 pixels: at most 12,845,056";
  EXPECT_EQ(shape(qwen(), 20, 20).tokens, 4) << "56 x 56 pixels: at least 3136";
}

TEST(MediaTokens, OfAVideoComeFromPairsOfFrames) {
  const MediaShape video = shape(qwen(), 280, 280, 15);
  EXPECT_EQ(video.tokens, 8 * 10 * 10);
  EXPECT_EQ(video.sequences, 8) << "frames attend to themselves";
}

TEST(MediaTokens, OfLlama4CountTilesSeparatorsAndTheThumbnail) {
  const EncoderSpec e = encoder(MediaRule::llama4, 14, 2, 336, 16);
  EXPECT_EQ(shape(e, 336, 336).tokens, 144 + 3);
  // 672 x 336 holds it without a change: two tiles and a thumbnail.
  const MediaShape wide = shape(e, 672, 336);
  EXPECT_EQ(wide.tokens, 2 * 145 + 144 + 3);
  EXPECT_EQ(wide.sequences, 3);
  EXPECT_EQ(wide.patches, 577);
  EXPECT_EQ(shape(e, 1920, 1080).tokens, 15 * 145 + 144 + 3) << "5 x 3 tiles, a little smaller";
}

TEST(MediaTokens, OfSoundAreTwentyFiveASecond) {
  const EncoderSpec e = encoder(MediaRule::qwen2_audio, 14, 1);
  const auto tokens = [&](double seconds) { return media_shape(e, {0, 0, 1, seconds})->tokens; };
  EXPECT_EQ(tokens(30), 750);
  EXPECT_EQ(tokens(10), 250);
  EXPECT_EQ(tokens(300), 750) << "what is longer is cut";
  EXPECT_EQ(media_shape(e, {0, 0, 1, 1.0})->patches, 1500) << "the encoder sees 30 s whatever comes";
}

TEST(MediaTokens, AreRefusedWhereTheProcessorRefuses) {
  EXPECT_NE(format(media_shape(qwen(), {2010, 10, 1}).error()).find("200 times"), std::string::npos);
  EXPECT_TRUE(media_shape(qwen(), {2000, 10, 1}));
  EXPECT_FALSE(media_shape(qwen(), {0, 0, 1, 5.0})) << "it hears nothing";
  EXPECT_FALSE(media_shape(encoder(MediaRule::gemma3, 14, 4, 896), {100, 100, 8}));
}

// 32 layers of 1280 with a gated MLP of 3420: 0.63 billion, and the projector from 5120 to 3584.
TEST(EncoderParameters, AreThoseOfItsLayersAndTheProjector) {
  EncoderSpec e = qwen();
  e.layers = 32;
  e.heads = 16;
  e.intermediate_size = 3420;
  e.mlp_matrices = 3;
  const double layers = 32.0 * (4.0 * 1280 * 1280 + 3.0 * 1280 * 3420);
  const double projector = 5120.0 * 5120 + 5120.0 * 3584;
  EXPECT_DOUBLE_EQ(encoder_parameters(e, 3584), layers + projector + 3.0 * 14 * 14 * 1280);
}

}  // namespace
}  // namespace foretoken
