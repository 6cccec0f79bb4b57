// The shape of a decoder-only transformer: what the operator list, the weight
// bytes and the KV bytes follow from.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace foretoken {

enum class AttentionKind { grouped_query, latent };  // MHA and MQA are grouped_query; latent = MLA

// Queries and keys are normalised per head, or over all heads together (MiniMax: an all-reduce under tensor
// parallelism).
enum class QkNorm { none, head, full };

// DeepSeek sparse attention: an indexer scores all tokens, attention reads the best of them.
struct SparseAttentionSpec {
  int top_k = 0;  // tokens that attention reads; 0 = all
  int index_heads = 0;
  int index_head_dim = 0;
  bool operator==(const SparseAttentionSpec&) const = default;
};

// Multi-head latent attention (DeepSeek): the cache holds kv_lora_rank + rope_head_dim per token.
struct LatentAttentionSpec {
  int q_lora_rank = 0;  // 0 = full-rank q projection
  int kv_lora_rank = 0;
  int nope_head_dim = 0;
  int rope_head_dim = 0;
  int v_head_dim = 0;
  bool operator==(const LatentAttentionSpec&) const = default;
};

struct MoeSpec {
  int experts = 0;             // routed experts; 0 = dense model
  int active_experts = 0;      // per token
  int expert_width = 0;        // intermediate size of one routed expert
  int shared_width = 0;        // total intermediate size of the shared experts, 0 = none
  int first_dense_layers = 0;  // leading layers with a dense MLP
  int layer_step = 1;          // every n-th layer is MoE (Llama-4-Maverick: 2)
  int latent_width = 0;        // experts read and write this width instead of hidden_size (Nemotron-3-Super)
  // The router adds a bias of its own to each expert's score, which keeps all equally busy (DeepSeek-V3's noaux_tc).
  bool routing_bias = false;
  bool operator==(const MoeSpec&) const = default;
};

// Layers that keep a state per sequence instead of a KV cache (gated delta net, Mamba-2). Without heads their
// projections are one matrix of the same parameters.
struct RecurrentSpec {
  int layers = 0;
  double parameters = 0;   // of all recurrent layers together
  double state_bytes = 0;  // per sequence, all layers
  // Of Mamba-2: groups and heads, the size of its state and of a head.
  int key_heads = 0;
  int value_heads = 0;
  int key_head_dim = 0;
  int value_head_dim = 0;
  int gates = 2;  // numbers per token and value head beside them (alpha and beta; Mamba-2 has one, dt)
  bool operator==(const RecurrentSpec&) const = default;
};

struct ModelSpec {
  std::string id;                    // Llama-3.1-8B
  std::vector<std::string> aliases;  // HF ids and other spellings
  std::string hf_id;
  std::string architecture;  // LlamaForCausalLM
  int hidden_size = 0;
  int layers = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;           // real head_dim, not hidden/heads
  int intermediate_size = 0;  // dense MLP width
  int mlp_matrices = 3;       // 3 = gated (SwiGLU), 2 = ungated
  int vocab_size = 0;
  bool tie_word_embeddings = false;
  bool qkv_bias = false;
  bool attention_output_gate = false;  // the q projection is twice as wide (Qwen3.5)
  QkNorm qk_norm = QkNorm::none;
  AttentionKind attention = AttentionKind::grouped_query;
  LatentAttentionSpec latent;
  SparseAttentionSpec sparse;  // of latent attention
  MoeSpec moe;
  int sliding_window = 0;         // tokens, 0 = none (chunked attention: the chunk)
  int sliding_layers = 0;         // layers that look back only `sliding_window` tokens
  int full_attention_layers = 0;  // layers with an unbounded KV cache
  RecurrentSpec recurrent;
  int mlp_layers = 0;           // layers with an MLP or experts; 0 = all (Nemotron-H has one mixer per layer)
  double extra_parameters = 0;  // what the shape doesn't imply: learned positions, a sparse-attention indexer
  int max_position_embeddings = 0;
  std::string
      released_weight_format;         // bfloat16, float16, fp8, fp8_block, int8, int4, nvfp4, mxfp4; empty = not stated
  std::string released_dense_format;  // attention and dense MLPs where experts alone are quantised; empty = alike
  std::string released_format_origin;  // what of the checkpoint says so, its name or its config; empty = the catalog
  // As stated by the source, billions; count_parameters() must agree with them.
  std::optional<double> stated_total_params_b;
  std::optional<double> stated_active_params_b;
  std::optional<double> stated_kv_bytes_per_token;  // in bf16, sliding layers counted in full
  std::vector<std::string> sources;
  std::string notes;
  bool operator==(const ModelSpec&) const = default;
};

}  // namespace foretoken
