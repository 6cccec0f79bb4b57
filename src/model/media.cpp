// Rules of the processors, as vLLM 0.22 (main 4ff865c38, model_executor/models) and Hugging Face's have them.
#include "model/media.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace foretoken {
namespace {

constexpr double kFramesTogether = 2;     // of a video, one temporal patch (Qwen)
constexpr std::int64_t kMostRatio = 200;  // of Qwen's processors

Diagnostics refused(std::string message, std::string hint = {}) {
  Diagnostics problems;
  problems.error({}, std::move(message), std::move(hint));
  return problems;
}

struct Grid {
  std::int64_t columns = 1, rows = 1;
  [[nodiscard]] std::int64_t tiles() const { return columns * rows; }
};

std::int64_t tile_patches(const EncoderSpec& e) {
  const std::int64_t side = e.image_size / e.patch_size;
  return side * side;
}
std::int64_t tile_tokens(const EncoderSpec& e) {
  return tile_patches(e) / (std::int64_t{e.merge_size} * e.merge_size);
}

// Sides to whole embeddings, half to even; then the area into its bounds, the ratio kept (smart_resize).
Result<MediaShape> qwen_vl(const EncoderSpec& e, const MediaSize& size) {
  const double factor = e.patch_size * e.merge_size;
  const auto height = static_cast<double>(size.height), width = static_cast<double>(size.width);
  if (std::max(size.width, size.height) > kMostRatio * std::min(size.width, size.height))
    return refused(
        fmt::format("an image of {} x {} is longer than {} times its other side, which Qwen's processor refuses",
                    size.width, size.height, kMostRatio));
  double h = std::max(1.0, std::nearbyint(height / factor)), w = std::max(1.0, std::nearbyint(width / factor));
  const double area = h * w * factor * factor;
  if (e.max_pixels > 0 && area > e.max_pixels) {
    const double shrink = std::sqrt(height * width / e.max_pixels);
    h = std::max(1.0, std::floor(height / shrink / factor));
    w = std::max(1.0, std::floor(width / shrink / factor));
  } else if (area < e.min_pixels) {
    const double grow = std::sqrt(e.min_pixels / (height * width));
    h = std::ceil(height * grow / factor);
    w = std::ceil(width * grow / factor);
  }
  const double times = size.frames > 1 ? std::ceil(static_cast<double>(size.frames) / kFramesTogether) : 1;
  const double merged = static_cast<double>(e.merge_size) * e.merge_size;
  return MediaShape{static_cast<std::int64_t>(times * h * w), static_cast<std::int64_t>(times),
                    static_cast<std::int64_t>(h * w * merged)};
}

// Of the resolutions of LLaVA-NeXT the one that shows most of the image, and of these the one that wastes least
// (select_best_resolution); then the padding goes, and each row ends with a token.
MediaShape llava_next(const EncoderSpec& e, const MediaSize& size) {
  constexpr std::array<Grid, 5> kGrids{{{2, 1}, {1, 2}, {2, 2}, {1, 3}, {3, 1}}};
  const double tile = e.image_size;
  Grid best;
  double most = -1, least_waste = 0;
  for (const Grid& grid : kGrids) {
    const double w = static_cast<double>(grid.columns) * tile, h = static_cast<double>(grid.rows) * tile;
    const double scale = std::min(w / static_cast<double>(size.width), h / static_cast<double>(size.height));
    const double shown = std::min(
        std::floor(static_cast<double>(size.width) * scale) * std::floor(static_cast<double>(size.height) * scale),
        static_cast<double>(size.width * size.height));
    const double waste = w * h - shown;
    if (shown < most || (shown == most && waste >= least_waste)) continue;
    most = shown, least_waste = waste, best = grid;
  }
  const std::int64_t side = e.image_size / e.patch_size;
  std::int64_t columns = best.columns * side, rows = best.rows * side;
  const double ratio = static_cast<double>(size.width) / static_cast<double>(size.height);
  if (ratio > static_cast<double>(columns) / static_cast<double>(rows)) {
    const auto kept =
        static_cast<std::int64_t>(static_cast<double>(size.height * columns) / static_cast<double>(size.width));
    rows -= (rows - kept) / 2 * 2;
  } else {
    const auto kept =
        static_cast<std::int64_t>(static_cast<double>(size.width * rows) / static_cast<double>(size.height));
    columns -= (columns - kept) / 2 * 2;
  }
  return {tile_tokens(e) + rows * columns + rows, best.tiles() + 1, tile_patches(e) + 1};
}

MediaShape pixtral(const EncoderSpec& e, const MediaSize& size) {
  const double longest = static_cast<double>(std::max(size.width, size.height)) / e.image_size;
  const double shrink = std::max(longest, 1.0), patch = e.patch_size;
  const auto columns = static_cast<std::int64_t>(std::ceil(static_cast<double>(size.width) / shrink / patch));
  const auto rows = static_cast<std::int64_t>(std::ceil(static_cast<double>(size.height) / shrink / patch));
  const std::int64_t merged = std::int64_t{e.merge_size} * e.merge_size;
  return {rows * columns / merged + rows / e.merge_size, 1, rows * columns};
}

// The tiling whose ratio is nearest; among equals the larger one where the image fills more than half of it.
MediaShape internvl(const EncoderSpec& e, const MediaSize& size) {
  const double ratio = static_cast<double>(size.width) / static_cast<double>(size.height);
  const double area = static_cast<double>(size.width * size.height);
  Grid best;
  double nearest = HUGE_VAL;
  for (std::int64_t tiles = 1; tiles <= e.max_tiles; ++tiles) {
    for (std::int64_t columns = 1; columns <= tiles; ++columns) {
      if (tiles % columns != 0) continue;
      const Grid grid{columns, tiles / columns};
      const double off = std::abs(ratio - static_cast<double>(grid.columns) / static_cast<double>(grid.rows));
      const bool fills = area > 0.5 * e.image_size * e.image_size * static_cast<double>(tiles);
      if (off < nearest || (off == nearest && fills)) best = grid;
      nearest = std::min(nearest, off);
    }
  }
  const std::int64_t tiles = best.tiles() > 1 ? best.tiles() + 1 : 1;
  return {tiles * tile_tokens(e), tiles, tile_patches(e) + 1};
}

// The least enlargement of all tilings that hold the image, or else the least reduction; among equals the fewest tiles.
// Every row of tiles ends with a separator, tiles in a row have one between them; one begins and one ends the image,
// one stands before the thumbnail.
MediaShape llama4(const EncoderSpec& e, const MediaSize& size) {
  Grid best;
  double chosen = 0;
  for (std::int64_t tiles = 1; tiles <= e.max_tiles; ++tiles) {
    for (std::int64_t columns = 1; columns <= tiles; ++columns) {
      if (tiles % columns != 0) continue;
      const Grid grid{columns, tiles / columns};
      const double scale = std::min(static_cast<double>(grid.columns * e.image_size) / static_cast<double>(size.width),
                                    static_cast<double>(grid.rows * e.image_size) / static_cast<double>(size.height));
      const bool better = chosen == 0 || (chosen >= 1 ? scale >= 1 && scale < chosen : scale > chosen);
      if (better) chosen = scale, best = grid;
    }
  }
  const std::int64_t tiles = best.tiles(), each = tile_tokens(e);
  const std::int64_t split = tiles > 1 ? tiles * (each + 1) : 0;
  return {split + each + 3, tiles > 1 ? tiles + 1 : 1, tile_patches(e) + 1};
}

// A spectrogram of 100 frames a second of at most 30 s, of which two convolutions leave half and a pool half of that;
// the encoder sees 30 s whatever comes.
MediaShape qwen2_audio(double seconds) {
  constexpr std::int64_t kMostFrames = 3000, kPositions = 1500;
  const std::int64_t frames = std::clamp<std::int64_t>(std::llround(seconds * 100), 2, kMostFrames);
  const std::int64_t halved = (frames - 1) / 2 + 1;
  return {std::max<std::int64_t>(1, (halved - 2) / 2 + 1), 1, kPositions};
}

}  // namespace

bool hears(const EncoderSpec& encoder) {
  return encoder.rule == MediaRule::qwen2_audio;
}

Result<MediaShape> media_shape(const EncoderSpec& e, const MediaSize& size) {
  if ((size.seconds > 0) != hears(e))
    return refused(hears(e) ? "the model hears, and sees no images" : "the model sees, and hears no sound",
                   hears(e) ? "give `seconds` instead of sides" : "give `width` and `height` instead of `seconds`");
  if (size.frames > 1 && e.rule != MediaRule::qwen_vl)
    return refused("videos are modelled for Qwen's families alone", "give single images");
  switch (e.rule) {
    case MediaRule::qwen_vl:
      return qwen_vl(e, size);
    case MediaRule::llava:
      return MediaShape{tile_tokens(e), 1, tile_patches(e) + 1};
    case MediaRule::llava_next:
      return llava_next(e, size);
    case MediaRule::gemma3:
      return MediaShape{tile_tokens(e), 1, tile_patches(e)};
    case MediaRule::pixtral:
      return pixtral(e, size);
    case MediaRule::internvl:
      return internvl(e, size);
    case MediaRule::llama4:
      return llama4(e, size);
    case MediaRule::qwen2_audio:
      return qwen2_audio(size.seconds);
    case MediaRule::none:
      break;
  }
  return refused("the model takes text alone", "name one with an encoder");
}

double projector_width(const EncoderSpec& e) {
  return static_cast<double>(e.hidden_size) * e.merge_size * e.merge_size;
}

double encoder_parameters(const EncoderSpec& e, double hidden) {
  const double h = e.hidden_size, in = projector_width(e);
  const double layer = 4 * h * h + static_cast<double>(e.mlp_matrices) * h * e.intermediate_size;
  return e.layers * layer + 3.0 * e.patch_size * e.patch_size * h + in * in + in * hidden;
}

}  // namespace foretoken
