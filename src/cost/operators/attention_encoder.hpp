// Attention of an encoder of images: every patch sees all others of its tile (src/cost/README.md, "Encoders").
#pragma once

#include "cost/operators/operator.hpp"

namespace foretoken {

// Of one family of kernels, which differ by generation.
struct EncoderKernel {
  const char* name = "";
  const char* generation = "";
  double fixed_64 = 0, fixed = 0;            // s, heads of up to 64 and larger ones
  double efficiency_64 = 1, efficiency = 1;  // of the tensor units, on padded heads
  double per_block = 0;                      // s that a tile of queries takes for a block of keys, whatever they hold
  double memory = 1;                         // of the bandwidth
  double error = 0;                          // median, on those that it was not fitted to
};
// Null: none was measured.
[[nodiscard]] const EncoderKernel* encoder_kernel(std::string_view generation);

// Tiles of queries of one launch, which may have several items.
struct EncoderTiles {
  double tiles = 0;    // of 128 queries and a head
  double work = 0;     // FLOPs of all, in whole tiles and padded heads
  double blocks = 0;   // of keys that all of them go through
  double longest = 0;  // FLOPs of one
  double longest_blocks = 0;
  double bytes = 0;
  void add(double sequences, double patches, double heads, double head_size);
};
[[nodiscard]] Estimate encoder_estimate(const EncoderTiles& tiles, double head_size, const EncoderKernel& kernel,
                                        const Device& device);

}  // namespace foretoken
