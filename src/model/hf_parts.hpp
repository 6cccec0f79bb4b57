// The parts of the config.json import: each reads its fields into the model and
// reports what is wrong with them.
#pragma once

#include <string>

#include "foretoken/model/model_spec.hpp"
#include "model/hf_fields.hpp"
#include "model/hf_traits.hpp"

namespace foretoken {

// Larger than any model anyone has announced, small enough that no product overflows.
inline constexpr int max_width = 1 << 20;
inline constexpr int max_layers = 10'000;
inline constexpr int max_heads = 1 << 16;
inline constexpr int max_experts = 1 << 16;
inline constexpr int max_vocabulary = 1 << 26;
inline constexpr int max_positions = 1 << 30;

void read_attention(HfFields& fields, const HfTraits& traits, ModelSpec& model);
void read_mlp(HfFields& fields, const HfTraits& traits, ModelSpec& model);
void read_layer_kinds(HfFields& fields, const HfTraits& traits, ModelSpec& model);

// Layers that are neither full nor sliding attention. Fill `recurrent` and, where a
// layer has one mixer only, `mlp_layers`.
void read_delta_net(HfFields& fields, int layers, ModelSpec& model);
void read_kimi_delta(HfFields& fields, const Json& config, ModelSpec& model);
void read_nemotron_hybrid(HfFields& fields, ModelSpec& model);

// The released formats of its parts and what says so. Needs the number of layers and experts.
void read_weight_format(HfFields& root, HfFields& text, ModelSpec& model);

}  // namespace foretoken
