// Parameters and KV elements of a transformer, from its shape alone
// (src/cost/README.md, "Memory plan"). Biases other than QKV are below 0.1 % and left out.
#include "model/counts.hpp"

#include <algorithm>

namespace foretoken {
namespace {

// Weights of one attention layer. MLA: down and up projections of q and of the
// latent KV, and the output; grouped query: q, k, v (with bias), o.
double attention_parameters(const ModelSpec& m) {
  const double hidden = m.hidden_size;
  const double heads = m.heads;
  if (m.attention == AttentionKind::latent) {
    const LatentAttentionSpec& a = m.latent;
    const double q_width = heads * (a.nope_head_dim + a.rope_head_dim);
    const double q = a.q_lora_rank > 0 ? hidden * a.q_lora_rank + a.q_lora_rank * q_width : hidden * q_width;
    const double kv =
        hidden * (a.kv_lora_rank + a.rope_head_dim) + a.kv_lora_rank * heads * (a.nope_head_dim + a.v_head_dim);
    return q + kv + heads * a.v_head_dim * hidden;
  }
  const double q_width = heads * m.head_dim;
  const double kv_width = 2.0 * m.kv_heads * m.head_dim;
  const double gate = m.attention_output_gate ? hidden * q_width : 0;
  const double bias = m.qkv_bias ? q_width + kv_width : 0;
  return hidden * (q_width + kv_width) + q_width * hidden + gate + bias;
}

// Of the layers after the leading dense ones, every layer_step-th has experts.
int moe_layer_count(const ModelSpec& m, int mlp_layers) {
  if (m.moe.experts <= 0) return 0;
  return std::max(0, mlp_layers - m.moe.first_dense_layers) / std::max(1, m.moe.layer_step);
}

}  // namespace

ParameterCounts count_parameters(const ModelSpec& m) {
  ParameterCounts c;
  const double hidden = m.hidden_size;
  const double matrices = m.mlp_matrices;
  const int mlp_layers = m.mlp_layers > 0 ? m.mlp_layers : m.layers;

  c.embedding = static_cast<double>(m.vocab_size) * hidden;
  c.lm_head = m.tie_word_embeddings ? 0 : c.embedding;
  c.attention_layers = m.sliding_layers + m.full_attention_layers;
  c.attention_per_layer = attention_parameters(m);
  c.moe_layers = moe_layer_count(m, mlp_layers);
  c.dense_layers = mlp_layers - c.moe_layers;
  c.dense_mlp_per_layer = matrices * hidden * m.intermediate_size;
  if (c.moe_layers > 0) {
    const double expert_io = m.moe.latent_width > 0 ? m.moe.latent_width : m.hidden_size;
    c.routed_experts_per_layer = matrices * expert_io * m.moe.expert_width * m.moe.experts;
    c.shared_expert_per_layer = matrices * hidden * m.moe.shared_width;
    c.router_per_layer = hidden * m.moe.experts;
    c.latent_projections_per_layer = 2.0 * hidden * m.moe.latent_width;
  }
  c.recurrent = m.recurrent.parameters;
  c.extra = m.extra_parameters;
  // One norm before each mixer (attention, recurrent, MLP) and the final one.
  c.norms = hidden * (c.attention_layers + m.recurrent.layers + mlp_layers + 1);

  const double every_token =
      c.embedding + c.lm_head + c.attention_layers * c.attention_per_layer + c.dense_layers * c.dense_mlp_per_layer +
      c.recurrent + c.extra + c.norms +
      c.moe_layers * (c.shared_expert_per_layer + c.router_per_layer + c.latent_projections_per_layer);
  const double experts = c.moe_layers * c.routed_experts_per_layer;
  c.total = every_token + experts;
  c.active = every_token;
  if (m.moe.experts > 0) c.active += experts * m.moe.active_experts / m.moe.experts;
  return c;
}

double kv_elements_per_token(const ModelSpec& m, int tensor_parallel_size) {
  const int layers = m.sliding_layers + m.full_attention_layers;
  if (m.attention == AttentionKind::latent) {
    return static_cast<double>(layers) * (m.latent.kv_lora_rank + m.latent.rope_head_dim);
  }
  // A KV head that does not divide over the ranks is replicated, never split.
  const int tp = std::max(1, tensor_parallel_size);
  const int local_heads = std::max(1, (m.kv_heads + tp - 1) / tp);
  return 2.0 * layers * local_heads * m.head_dim;
}

}  // namespace foretoken
