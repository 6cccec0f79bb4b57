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
  bool router_float32 = false;  // its weights and inputs are of 32 bits (MiniMax-M2, GLM-4.5)
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
  int gates =
      2;  // per token and value head beside them: alpha and beta; Mamba-2: dt; KDA: beta, an alpha a key channel
  bool operator==(const RecurrentSpec&) const = default;
};

// How many tokens of a prompt an image, a video or a sound takes (src/cost/README.md, "Images and audio").
enum class MediaRule {
  none,         // the model takes text alone
  qwen_vl,      // sides rounded to whole embeddings, the area kept within bounds
  llava,        // one square of a fixed size
  llava_next,   // the same, and a grid of such squares without the padding
  gemma3,       // one square of a fixed size, pooled
  pixtral,      // as it is, up to a longest side; every row ends with a token
  internvl,     // square tiles nearest to its ratio, and a thumbnail
  llama4,       // square tiles that hold it best, and a thumbnail
  qwen2_audio,  // spectrogram of at most 30 s
};

// The encoder before the language model: its layers, and what of an item it sees.
struct EncoderSpec {
  MediaRule rule = MediaRule::none;
  int layers = 0;
  int hidden_size = 0;
  int heads = 0;
  int intermediate_size = 0;
  int mlp_matrices = 2;   // 3 = gated
  int patch_size = 14;    // pixels of a side
  int merge_size = 1;     // patches of a side that become one token of the prompt
  int image_size = 0;     // pixels of a side of a tile, or of the longest side (pixtral)
  int max_tiles = 1;      // without the thumbnail
  double min_pixels = 0;  // qwen_vl: of an image, after rounding
  double max_pixels = 0;
  int window = 0;       // patches that most layers attend to; 0: all of the item
  int full_layers = 0;  // with a window: those that attend to all
  bool operator==(const EncoderSpec&) const = default;
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
  EncoderSpec encoder;          // of images or sound
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
