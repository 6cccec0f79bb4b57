// The memory plan of one GPU, computed the way serving engines do at start-up
// (src/cost/README.md, "Memory plan").
#include "foretoken/cost/memory_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cost/levels/engine_costs.hpp"
#include "cost/levels/levels.hpp"
#include "foretoken/base/units.hpp"
#include "foretoken/base/version.hpp"
#include "model/counts.hpp"
#include "model/media.hpp"

namespace foretoken {
namespace {

constexpr double kBf16 = 2;

// Layers [begin, end) of one pipeline stage: split evenly, extra layers to the first stages.
struct Stage {
  int begin = 0;
  int end = 0;
  bool first = false;
  bool last = false;
};

Stage stage_of(int index, int stages, int layers) {
  const int each = layers / stages;
  const int extra = layers % stages;
  const int begin = index * each + std::min(index, extra);
  return {begin, begin + each + (index < extra ? 1 : 0), index == 0, index == stages - 1};
}

bool has_experts(const ModelSpec& m, int layer) {
  const int after = layer - m.moe.first_dense_layers;
  return m.moe.experts > 0 && after >= 0 && (after + 1) % std::max(1, m.moe.layer_step) == 0;
}

// MoE layers among the stage's; where not every layer has an MLP, their even share.
double moe_layers_in(const ModelSpec& m, const ParameterCounts& c, const Stage& stage) {
  const double share = static_cast<double>(stage.end - stage.begin) / m.layers;
  if (m.mlp_layers > 0 && m.mlp_layers != m.layers) return c.moe_layers * share;
  double layers = 0;
  for (int i = stage.begin; i < stage.end; ++i) layers += has_experts(m, i) ? 1 : 0;
  return layers;
}

double stage_weights(const Deployment& d, const ParameterCounts& c, const Stage& stage) {
  const ModelSpec& m = d.model;
  const double dense = weight_bytes_per_element(d.dense_format);
  const double expert = weight_bytes_per_element(d.expert_format);
  const double tp = d.parallelism.tensor;
  const double share = static_cast<double>(stage.end - stage.begin) / std::max(1, m.layers);
  const double moe = moe_layers_in(m, c, stage);
  const double mlp_layers = (c.dense_layers + c.moe_layers) * share;
  const double dense_layers = std::max(0.0, mlp_layers - moe);
  double bytes = share * (c.attention_layers * c.attention_per_layer + c.recurrent + c.extra) * dense / tp;
  bytes += dense_layers * c.dense_mlp_per_layer * dense / tp;
  bytes += moe * c.routed_experts_per_layer * expert / (tp * d.parallelism.data);
  bytes += moe * (c.shared_expert_per_layer + c.latent_projections_per_layer) * dense / tp;
  bytes += moe * c.router_per_layer * (m.moe.router_float32 ? 4 : kBf16) + share * c.norms * kBf16;
  if (stage.first) bytes += c.embedding * kBf16 / tp;
  // A tied table is kept once per device: the last stage of several needs its own copy.
  if (stage.last) bytes += (c.lm_head > 0 ? c.lm_head : stage.first ? 0 : c.embedding) * kBf16 / tp;
  return bytes;
}

// The drafter's: its layers, what fuses its inputs, heads, and tables of its own.
double drafter_weights(const Deployment& d) {
  const DraftSpec& draft = d.draft;
  if (draft.passes == 0) return 0;
  const ModelSpec& m = draft.model;
  const double hidden = m.hidden_size;
  const double tp = d.parallelism.tensor;
  if (draft.method == DraftMethod::medusa)
    return medusa_heads(draft) * (hidden * hidden + hidden * m.vocab_size / tp) * kBf16;
  const ParameterCounts c = count_parameters(m);
  const double each = weight_bytes_per_element(draft.format);
  const double expert = draft.method == DraftMethod::mtp ? weight_bytes_per_element(d.expert_format) : each;
  double bytes = (c.attention_layers * c.attention_per_layer + c.dense_layers * c.dense_mlp_per_layer + c.recurrent +
                  c.moe_layers * (c.shared_expert_per_layer + c.latent_projections_per_layer)) *
                 each / tp;
  bytes +=
      c.moe_layers * (c.routed_experts_per_layer * expert / (tp * d.parallelism.data) + c.router_per_layer * kBf16);
  bytes += draft.fused_inputs * hidden * hidden * each / tp + c.norms * kBf16;
  if (draft.method == DraftMethod::eagle3)
    bytes += (hidden * (m.heads + 2.0 * m.kv_heads) * m.head_dim * each + c.embedding * kBf16) / tp;
  else if (draft.own_tables)
    bytes += (c.embedding + c.lm_head) * kBf16 / tp;
  return bytes;
}

// The encoder's, sliced like the rest or whole on every rank.
double encoder_weights(const Deployment& d) {
  if (d.largest_item == 0 || d.encoded_elsewhere) return 0;
  const double tp = d.encoder_data_parallel ? 1 : d.parallelism.tensor;
  return encoder_parameters(d.model.encoder, d.model.hidden_size) * kBf16 / tp;
}
// Embeddings that it keeps: as many as the larger of a step's tokens and the largest item.
double encoder_cache(const Deployment& d, const MemorySettings& s) {
  if (d.largest_item == 0) return 0;
  return static_cast<double>(std::max(s.max_num_batched_tokens, d.largest_item)) * d.model.hidden_size * kBf16;
}

// Bytes per token, element and head width that a forward pass holds at its peak, by
// tensor-parallel degree 1, 2, 4, 8 and more (AIConfigurator; not checked).
double activation_factor(const ModelSpec& m, int tp) {
  constexpr std::array<double, 4> kLlama = {11, 6.5, 5, 5};
  constexpr std::array<double, 4> kDense = {10, 6, 5, 5};
  constexpr std::array<double, 4> kExperts = {22, 13, 10, 10};
  const std::size_t column = tp >= 8 ? 3 : tp >= 4 ? 2 : tp >= 2 ? 1 : 0;
  if (m.moe.experts > 0 || m.attention == AttentionKind::latent) return kExperts[column];
  const bool llama = m.architecture.starts_with("Llama") || m.id.starts_with("Llama");
  return llama ? kLlama[column] : kDense[column];
}

double activation_peak(const Deployment& d, const MemorySettings& s) {
  const ModelSpec& m = d.model;
  const double width = static_cast<double>(m.heads) * m.head_dim;
  const double forward =
      2 * static_cast<double>(s.max_num_batched_tokens) * width * activation_factor(m, d.parallelism.tensor);
  // Logits of the sampled rows in fp32 and in the model's type.
  const double logits = static_cast<double>(s.max_num_seqs) * m.vocab_size / d.parallelism.tensor * (4 + 2);
  return forward + logits;
}

// CUDA context and workspaces (a guess), and NCCL's buffers where ranks talk.
double non_torch(const Deployment& d) {
  const int ranks = d.parallelism.tensor * d.parallelism.data * d.parallelism.pipeline;
  const double nccl = ranks <= 1 ? 0 : ranks == 2 ? 342 * kMiB : 392 * kMiB;
  return 0.5 * kGiB + nccl;
}

double cuda_graphs(const Deployment& d) {
  if (d.cuda_graph_max_rows == 0) return 0;
  const std::string_view since = engine_costs(d.engine_name).graphs_in_budget_from;
  if (!since.empty() && !version_at_least(d.engine_version, since)) return 0;
  return kGiB;
}

std::string gib(double bytes) {
  return fmt::format("{:.2f} GiB", bytes / kGiB);
}

std::string verdict_of(const Deployment& d, const MemorySettings& s, const MemoryPlan& p, bool weights_fit) {
  const std::string parts =
      fmt::format("{} has {}, of which {} may be used; weights take {}, activations {}, CUDA graphs {}, other {}",
                  d.gpu.id, gib(p.capacity.value), gib(p.budget.value), gib(p.weights.value), gib(p.activations.value),
                  gib(p.cuda_graphs.value), gib(p.non_torch.value)) +
      (p.adapters.value > 0 ? fmt::format(", {} slots of LoRA adapters {}", d.lora.max_loras, gib(p.adapters.value))
                            : "");
  if (!weights_fit || p.num_gpu_blocks <= 0) {
    return fmt::format("{} with TP {} and PP {} does not fit: {}, which leaves {} for the KV cache", d.model.id,
                       d.parallelism.tensor, d.parallelism.pipeline, parts, gib(p.kv_cache.value));
  }
  return fmt::format("one request of max_model_len {} needs {} blocks of {} tokens and only {} are usable: {}",
                     s.max_model_len, s.layout.most_blocks(s.max_model_len, s.max_num_batched_tokens, s.block_size),
                     s.block_size, p.usable_blocks, parts);
}

}  // namespace

// Recurrent layers keep one state per sequence that may run. Engines lower max_num_seqs rather than refuse to start:
// SGLang gives states at most 0.9 of what it gives the KV cache (server_args.py, mamba_full_memory_ratio), and vLLM's
// states and blocks share one pool; the same share is taken for all.
constexpr double kStateShare = 0.9 / 1.9;

double take_states(const Deployment& d, const MemorySettings& s, double layers_share, MemoryPlan& p) {
  const double one = d.model.recurrent.state_bytes * layers_share / d.parallelism.tensor;
  if (!(one > 0) || !(p.kv_cache.value > 0)) return 0;
  const double room = std::floor(kStateShare * p.kv_cache.value / one);
  p.most_states =
      static_cast<std::int64_t>(std::clamp(room, 1.0, static_cast<double>(std::max<std::int64_t>(1, s.max_num_seqs))));
  return one * static_cast<double>(p.most_states);
}

// An engine without the language model: no KV cache, and what is left is nobody's.
MemoryPlan plan_of_encoder(const Deployment& d, const MemorySettings& s, MemoryPlan p) {
  p.weights = {encoder_weights(d)};
  p.activations = s.activation_bytes.value_or(ByteCount{encoder_cache(d, s)});
  p.non_torch = s.non_torch_bytes.value_or(ByteCount{non_torch(d)});
  p.budget = {p.capacity.value * s.gpu_memory_utilization};
  p.fits = p.weights.value + p.activations.value + p.non_torch.value <= p.budget.value;
  if (!p.fits)
    p.verdict = fmt::format(
        "the encoder of {} does not fit: {} has {}, of which {} may be used; weights take {}, "
        "embeddings {}, other {}",
        d.model.id, d.gpu.id, gib(p.capacity.value), gib(p.budget.value), gib(p.weights.value),
        gib(p.activations.value), gib(p.non_torch.value));
  return p;
}

MemoryPlan plan_memory(const Deployment& d, const MemorySettings& s) {
  const ParameterCounts counts = count_parameters(d.model);
  const int stages = std::max(1, d.parallelism.pipeline);
  MemoryPlan p;
  p.capacity = d.gpu.memory_capacity;
  if (d.encodes_only) return plan_of_encoder(d, s, std::move(p));
  double kv_share = 1;
  for (int i = 0; i < stages; ++i) {
    const Stage stage = stage_of(i, stages, d.model.layers);
    const double weights = stage_weights(d, counts, stage);
    if (i > 0 && weights <= p.weights.value) continue;
    p.weights = {weights};
    kv_share = static_cast<double>(stage.end - stage.begin) / std::max(1, d.model.layers);
  }
  p.drafter = {drafter_weights(d)};
  p.weights.value += p.drafter.value + encoder_weights(d);
  if (d.lora.on())
    p.adapters = {d.lora.pool_bytes > 0
                      ? d.lora.pool_bytes
                      : d.lora.max_loras * adapter_slot_bytes(d.model, d.parallelism, d.lora.max_rank)};
  p.activations = s.activation_bytes.value_or(ByteCount{activation_peak(d, s)});
  p.cuda_graphs = s.cuda_graph_bytes.value_or(ByteCount{cuda_graphs(d)});
  p.non_torch = s.non_torch_bytes.value_or(ByteCount{non_torch(d)});
  if (!s.activation_bytes) p.activations.value += encoder_cache(d, s);
  const double fixed =
      p.weights.value + p.adapters.value + p.activations.value + p.cuda_graphs.value + p.non_torch.value;
  if (engine_costs(d.engine_name).shares_free_memory) {
    // A share of what is free once the model is loaded, not of the whole memory.
    const double free = p.capacity.value - fixed;
    p.kv_cache = {free > 0 ? s.gpu_memory_utilization * free : free};
    p.budget = {std::min(p.capacity.value, fixed + p.kv_cache.value)};
  } else {
    p.budget = {p.capacity.value * s.gpu_memory_utilization};
    p.kv_cache = {p.budget.value - fixed};
  }
  p.kv_bytes_per_token = kv_elements_per_token(d.model, d.parallelism.tensor) * kv_share * kv_bytes_per_element(d);
  // Where layers are in groups, those of the drafter are in them too.
  const double of_target = p.kv_bytes_per_token;
  if (d.draft.passes > 0 && d.draft.model.layers > 0)
    p.kv_bytes_per_token +=
        kv_elements_per_token(d.draft.model, d.parallelism.tensor) * kv_bytes_per_element(d.kv_format);
  if (s.layout.states == 0) p.kv_cache.value -= take_states(d, s, kv_share, p);
  const double of_a_block = s.layout.layers > 0
                                ? of_target * s.layout.layers / static_cast<double>(counts.attention_layers)
                                : p.kv_bytes_per_token;
  const double block_bytes = of_a_block * s.block_size;
  p.block_bytes = block_bytes;
  if (s.num_gpu_blocks_override) {
    p.num_gpu_blocks = *s.num_gpu_blocks_override;
  } else if (block_bytes > 0 && p.kv_cache.value > 0) {
    p.num_gpu_blocks = static_cast<std::int64_t>(std::min(std::floor(p.kv_cache.value / block_bytes), 1e15));
  }
  p.usable_blocks = std::max<std::int64_t>(0, p.num_gpu_blocks - (s.reserve_null_block ? 1 : 0));
  p.kv_cache_size_tokens = p.num_gpu_blocks * s.block_size;
  const std::int64_t longest = s.layout.most_blocks(s.max_model_len, s.max_num_batched_tokens, s.block_size);
  if (s.max_model_len > 0) {
    p.kv_cache_max_concurrency = static_cast<double>(p.kv_cache_size_tokens) / static_cast<double>(s.max_model_len);
    if (!s.layout.is_plain()) {
      p.kv_cache_max_concurrency = static_cast<double>(p.num_gpu_blocks) / static_cast<double>(longest);
      p.kv_cache_size_tokens =
          static_cast<std::int64_t>(p.kv_cache_max_concurrency * static_cast<double>(s.max_model_len));
    }
  }
  const bool weights_fit = fixed <= p.budget.value && p.budget.value <= p.capacity.value;
  p.fits = weights_fit && p.num_gpu_blocks > 0 && p.usable_blocks >= longest;
  if (!p.fits) p.verdict = verdict_of(d, s, p, weights_fit);
  return p;
}

}  // namespace foretoken
