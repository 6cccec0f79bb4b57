// MLP and expert widths, and which layers have experts.
#include <fmt/format.h>

#include <algorithm>

#include "model/hf_parts.hpp"

namespace foretoken {
namespace {

int dense_width(HfFields& fields, const HfTraits& traits, const ModelSpec& model) {
  const HfKeys keys = {"intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size"};
  // Llama 4 keeps the dense layers' width apart from the experts'.
  if (const std::optional<int> dense = fields.count({"intermediate_size_mlp"}, max_width)) return *dense;
  if (const std::optional<int> ratio = fields.count({"expansion_ratio"}, 64)) return *ratio * model.hidden_size;
  if (traits.mlp_is_4_hidden && !fields.has(keys)) return 4 * model.hidden_size;
  const bool experts_only = fields.has({"moe_intermediate_size"}) && !fields.has(keys);
  if (experts_only) return fields.count({"moe_intermediate_size"}, max_width).value_or(0);
  return fields.required_count(keys, max_width, "width of the MLP") / traits.intermediate_divisor;
}

// A list of the layers with a dense MLP, or per layer 1 = experts, 0 = dense.
// Only their number matters to the cost.
void read_dense_layer_lists(HfFields& fields, MoeSpec& moe) {
  if (const Json::Array* dense = fields.raw({"mlp_only_layers"}).if_array()) {
    moe.first_dense_layers = std::max(moe.first_dense_layers, static_cast<int>(dense->size()));
  }
  if (const Json::Array* freq = fields.raw({"moe_layer_freq"}).if_array()) {
    moe.first_dense_layers = static_cast<int>(std::count(freq->begin(), freq->end(), Json(0)));
  }
}

// All shared experts together. Few experts of bounded width: the product fits an int.
int shared_width(HfFields& fields, const HfTraits& traits, const MoeSpec& moe) {
  constexpr int max_shared_experts = 256;
  const std::optional<int> count = fields.count({"n_shared_experts", "num_shared_experts"}, max_shared_experts, true);
  if (const std::optional<int> width =
          fields.count({"shared_expert_intermediate_size", "moe_shared_expert_intermediate_size"}, max_width, true)) {
    return *width * std::max(1, count.value_or(1));
  }
  if (count) return *count * moe.expert_width;
  return traits.shared_expert_is_mlp ? moe.expert_width : 0;
}

}  // namespace

void read_mlp(HfFields& fields, const HfTraits& traits, ModelSpec& model) {
  model.mlp_matrices = traits.mlp_matrices;
  model.intermediate_size = dense_width(fields, traits, model);

  const HfKeys expert_keys = {"num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"};
  const int experts = fields.count(expert_keys, max_experts, true).value_or(0);
  if (experts == 0) return;
  MoeSpec& moe = model.moe;
  moe.experts = experts;
  moe.active_experts = fields.required_count(
      {"num_experts_per_tok", "experts_per_token", "num_experts_per_token", "moe_top_k", "moe_topk"}, max_experts,
      "experts that one token visits");
  if (moe.active_experts > experts) {
    fields.error("num_experts_per_tok", fmt::format("is {}, more than the {} experts", moe.active_experts, experts));
  }
  const std::optional<int> width = fields.count({"moe_intermediate_size", "moe_ffn_hidden_size"}, max_width);
  const std::optional<int> mlp_width = fields.count({"intermediate_size", "ffn_dim", "ffn_hidden_size"}, max_width);
  moe.expert_width = width ? *width : mlp_width.value_or(model.intermediate_size);
  moe.shared_width = shared_width(fields, traits, moe);
  moe.routing_bias = traits.routing_bias;
  moe.router_float32 = traits.router_float32;
  moe.latent_width = fields.count({"moe_latent_size"}, max_width, true).value_or(0);
  moe.first_dense_layers = fields.count({"first_k_dense_replace"}, max_layers, true).value_or(0);
  read_dense_layer_lists(fields, moe);
  if (moe.first_dense_layers > model.layers && model.layers > 0) {
    fields.error("first_k_dense_replace",
                 fmt::format("gives {} dense layers of {}", moe.first_dense_layers, model.layers));
  }
  const HfKeys step_keys = {"decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_freq"};
  if (fields.raw(step_keys).if_array() == nullptr) moe.layer_step = fields.count(step_keys, max_layers).value_or(1);
}

}  // namespace foretoken
