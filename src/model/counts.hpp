// Parameters and KV elements that follow from a model's shape (src/cost/README.md, "Memory plan").
#pragma once

#include "foretoken/model/model_spec.hpp"

namespace foretoken {

// Elements, not bytes. Per layer where it says so, otherwise of the whole model.
struct ParameterCounts {
  double embedding = 0;  // V*H, once
  double lm_head = 0;    // V*H when untied, 0 when tied
  double attention_per_layer = 0;
  double dense_mlp_per_layer = 0;       // of a layer with a dense MLP
  double routed_experts_per_layer = 0;  // all experts of a MoE layer
  double shared_expert_per_layer = 0;
  double router_per_layer = 0;
  double norms = 0;      // all norms of the model, incl. the final one
  int dense_layers = 0;  // layers with a dense MLP
  int moe_layers = 0;
  double latent_projections_per_layer = 0;  // down and up to MoeSpec::latent_width
  double recurrent = 0;                     // layers that are not attention + MLP
  double extra = 0;                         // ModelSpec::extra_parameters
  int attention_layers = 0;                 // layers with a KV cache
  double total = 0;
  double active = 0;  // touched by one token, both embedding tables counted
};

[[nodiscard]] ParameterCounts count_parameters(const ModelSpec& model);

// KV cache elements (not bytes) per token over all layers that keep one, on one
// device: GQA 2*max(1, kv_heads/tp)*head_dim per layer; MLA (kv_lora_rank + rope_head_dim),
// not divided by tp. Sliding layers counted in full.
[[nodiscard]] double kv_elements_per_token(const ModelSpec& model, int tensor_parallel_size = 1);

}  // namespace foretoken
