// Layers that keep a constant state instead of a KV cache: gated delta net
// (Qwen3-Next, Qwen3.5), its kin of Kimi Linear and mamba2 (Nemotron-H). Shapes follow the classes of those names in
// Hugging Face transformers.
#include <fmt/format.h>

#include <algorithm>

#include "model/hf_parts.hpp"

namespace foretoken {
namespace {

constexpr double float_bytes = 4;  // recurrent states are kept in float32
constexpr double half_bytes = 2;   // the convolution's window in bf16

}  // namespace

void read_delta_net(HfFields& fields, int layers, ModelSpec& model) {
  const double key_heads = fields.required_count({"linear_num_key_heads"}, max_heads, "key heads of linear attention");
  const double value_heads =
      fields.required_count({"linear_num_value_heads"}, max_heads, "value heads of linear attention");
  const double key_dim = fields.required_count({"linear_key_head_dim"}, max_width, "size of a linear key head");
  const double value_dim = fields.required_count({"linear_value_head_dim"}, max_width, "size of a linear value head");
  const double kernel = fields.count({"linear_conv_kernel_dim"}, 1024).value_or(4);
  model.attention_output_gate = fields.flag({"attn_output_gate"}).value_or(true);

  const double hidden = model.hidden_size;
  const double keys = key_heads * key_dim;
  const double values = value_heads * value_dim;
  const double conv = 2 * keys + values;
  // q, k, v, z; beta and a per value head; convolution; A, dt bias, norm; output.
  const double per_layer = hidden * (conv + values) + hidden * 2 * value_heads + conv * kernel + 2 * value_heads +
                           value_dim + values * hidden;
  const double state = value_heads * key_dim * value_dim * float_bytes + conv * (kernel - 1) * half_bytes;
  model.recurrent = {.layers = layers,
                     .parameters = layers * per_layer,
                     .state_bytes = layers * state,
                     .key_heads = static_cast<int>(key_heads),
                     .value_heads = static_cast<int>(value_heads),
                     .key_head_dim = static_cast<int>(key_dim),
                     .value_head_dim = static_cast<int>(value_dim),
                     .gates = 2};
}

// Kimi Linear: latent attention in some layers, delta attention with a gate for each channel in the others.
void read_kimi_delta(HfFields& fields, const Json& config, ModelSpec& model) {
  HfFields linear = fields.nested(config, "linear_attn_config.");
  const auto listed = [&](std::string_view key) {
    const Json::Array* layers = linear.raw({key}).if_array();
    if (layers == nullptr) linear.error(key, "must be the list of the layers of this kind");
    return layers == nullptr ? 0 : static_cast<int>(layers->size());
  };
  const int layers = listed("kda_layers");
  model.full_attention_layers = listed("full_attn_layers");
  if (layers + model.full_attention_layers != model.layers && model.layers > 0)
    linear.error("kda_layers", fmt::format("and full_attn_layers have {} entries for {} layers",
                                           layers + model.full_attention_layers, model.layers));
  const double heads = linear.required_count({"num_heads"}, max_heads, "heads of linear attention");
  const double dim = linear.required_count({"head_dim"}, max_width, "size of a linear head");
  const double kernel = linear.count({"short_conv_kernel_size"}, 1024).value_or(4);
  if (linear.flag({"use_full_rank_gate"}).value_or(false))
    linear.error("use_full_rank_gate", "an output gate of full rank is not modelled");

  const double hidden = model.hidden_size;
  const double width = heads * dim;
  // q, k, v, o; decay and output gate through dim numbers each, beta per head; convolutions; A, dt bias, norm.
  const double per_layer =
      4 * hidden * width + 2 * (hidden + width) * dim + hidden * heads + 3 * width * kernel + heads + width + dim;
  const double state = width * dim * float_bytes + 3 * width * (kernel - 1) * half_bytes;
  model.recurrent = {.layers = layers,
                     .parameters = layers * per_layer,
                     .state_bytes = layers * state,
                     .key_heads = static_cast<int>(heads),
                     .value_heads = static_cast<int>(heads),
                     .key_head_dim = static_cast<int>(dim),
                     .value_head_dim = static_cast<int>(dim),
                     .gates = 1 + static_cast<int>(dim)};
}

// One mixer per layer: M mamba2, * attention, - MLP, E experts.
void read_nemotron_hybrid(HfFields& fields, ModelSpec& model) {
  const std::string pattern = fields.text({"hybrid_override_pattern"}).value_or("");
  const auto count = [&](char kind) { return static_cast<int>(std::count(pattern.begin(), pattern.end(), kind)); };
  if (static_cast<int>(pattern.size()) != model.layers && model.layers > 0) {
    fields.error("hybrid_override_pattern", fmt::format("has {} letters for {} layers", pattern.size(), model.layers));
  }
  if (pattern.find_first_not_of("M*-E") != std::string::npos) {
    fields.error("hybrid_override_pattern", "has a letter that is not known",
                 "allowed: M mamba2, * attention, - MLP, E experts");
  }
  model.full_attention_layers = count('*');
  model.mlp_layers = count('-') + count('E');
  if (model.moe.experts > 0) model.moe.first_dense_layers = count('-');
  const int layers = count('M');
  if (layers == 0) return;

  const double heads = fields.required_count({"mamba_num_heads"}, max_heads, "mamba2 heads");
  const double head_dim = fields.required_count({"mamba_head_dim"}, max_width, "size of a mamba2 head");
  const double state = fields.required_count({"ssm_state_size"}, max_width, "state per mamba2 channel");
  const double groups = fields.count({"n_groups"}, max_heads).value_or(1);
  const double kernel = fields.count({"conv_kernel"}, 1024).value_or(4);
  const double hidden = model.hidden_size;
  const double inner = heads * head_dim;
  const double conv = inner + 2 * groups * state;
  // z, x, B, C, dt; convolution with bias; A, D, dt bias; gated norm; output.
  const double per_layer = hidden * (inner + conv + heads) + conv * (kernel + 1) + 3 * heads + inner + inner * hidden;
  const double bytes = heads * head_dim * state * float_bytes + conv * (kernel - 1) * half_bytes;
  model.recurrent = {.layers = layers,
                     .parameters = layers * per_layer,
                     .state_bytes = layers * bytes,
                     .key_heads = static_cast<int>(groups),
                     .value_heads = static_cast<int>(heads),
                     .key_head_dim = static_cast<int>(state),
                     .value_head_dim = static_cast<int>(head_dim),
                     .gates = 1};
}

}  // namespace foretoken
