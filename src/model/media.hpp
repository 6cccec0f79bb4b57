// What an image, a video or a sound becomes in a prompt, by the family of the model (src/cost/README.md, "Images and
// audio").
#pragma once

#include <cstdint>

#include "foretoken/base/result.hpp"
#include "foretoken/model/model_spec.hpp"

namespace foretoken {

struct MediaSize {
  std::int64_t width = 0;  // pixels
  std::int64_t height = 0;
  std::int64_t frames = 1;  // more than one: a video
  double seconds = 0;       // above 0: a sound
};

// What the encoder computes, and what of the prompt it becomes.
struct MediaShape {
  std::int64_t tokens = 0;
  std::int64_t sequences = 1;  // tiles or frames, which attend to themselves alone
  std::int64_t patches = 0;    // of each
  bool operator==(const MediaShape&) const = default;
};

// Errors: what the model does not take, and sizes that its processor refuses. Precondition: the sizes are positive.
[[nodiscard]] Result<MediaShape> media_shape(const EncoderSpec& encoder, const MediaSize& size);

[[nodiscard]] bool hears(const EncoderSpec& encoder);

// Weights: its layers, the embedding of patches and the projector to `hidden` of the language model.
[[nodiscard]] double encoder_parameters(const EncoderSpec& encoder, double hidden);
// Inputs of the projector: the patches of an embedding side by side.
[[nodiscard]] double projector_width(const EncoderSpec& encoder);

}  // namespace foretoken
