// Bytes and loads of LoRA adapters (src/cost/README.md, "Adapters").
#include <algorithm>
#include <cmath>
#include <vector>

#include "foretoken/cost/deployment.hpp"

namespace foretoken {
namespace {

constexpr double kLoraBytes = 2;
constexpr double kSlotBuffers = 6e6;         // bytes of a slot whatever its rank, measured
constexpr double kLoraTensor = 14.3e-6;      // s that the copy of one matrix takes, whatever its rank, measured
constexpr double kLoraPadding = 3.2e-6;      // s more where its rank is below the slots': it is padded, measured
constexpr double kLoraParse = 20e-3;         // s, of a checkpoint from disk; a guess
constexpr double kLoraHostBandwidth = 29e9;  // bytes/s at least: rank 32 of Llama-3.1-8B is there in 6.4 ms
constexpr int kOptimalRank = 8;              // TensorRT-LLM's optimal_adapter_size: an adapter of it fills a page
constexpr double kLoraDiskBandwidth = 2e9;   // bytes/s, as for weights (cold_start.storage_bandwidth)

// Numbers in the two matrices of one projection, over the rank. Of one that is split by columns every GPU has all of
// A and its share of B; by rows the reverse.
double by_columns(double in, double out, double tp) {
  return in + out / tp;
}
double by_rows(double in, double out, double tp) {
  return in / tp + out;
}

double lora_attention(const ModelSpec& m, double tp) {
  const double hidden = m.hidden_size, heads = m.heads;
  if (m.attention == AttentionKind::latent) {
    const LatentAttentionSpec& a = m.latent;
    const double query = heads * (a.nope_head_dim + a.rope_head_dim);
    const double queries = a.q_lora_rank > 0 ? hidden + a.q_lora_rank + by_columns(a.q_lora_rank, query, tp)
                                             : by_columns(hidden, query, tp);
    return queries + hidden + a.kv_lora_rank + a.rope_head_dim +
           by_columns(a.kv_lora_rank, heads * (a.nope_head_dim + a.v_head_dim), tp) +
           by_rows(heads * a.v_head_dim, hidden, tp);
  }
  const double query = heads * m.head_dim, key = static_cast<double>(m.kv_heads) * m.head_dim;
  return by_columns(hidden, query, tp) + 2 * by_columns(hidden, key, std::min(tp, static_cast<double>(m.kv_heads))) +
         by_rows(query, hidden, tp);
}

double lora_mlp(const ModelSpec& m, double width, double tp) {
  if (!(width > 0)) return 0;
  return (m.mlp_matrices - 1) * by_columns(m.hidden_size, width, tp) + by_rows(width, m.hidden_size, tp);
}

// Numbers of an adapter over its rank, all layers and the tables at both ends.
double numbers_per_rank(const ModelSpec& m, double tp, double experts_tp, double experts_share) {
  const double attending = std::max(0, m.layers - m.recurrent.layers);
  const double with_experts =
      m.moe.experts > 0 ? std::max(0, m.layers - m.moe.first_dense_layers) / std::max(1, m.moe.layer_step) : 0;
  const double experts = m.moe.experts * experts_share * lora_mlp(m, m.moe.expert_width, experts_tp);
  return attending * lora_attention(m, tp) + (m.layers - with_experts) * lora_mlp(m, m.intermediate_size, tp) +
         with_experts * (experts + lora_mlp(m, m.moe.shared_width, tp)) + 2.0 * (m.hidden_size + m.vocab_size);
}

// Matrices of an adapter on one GPU: two for each projection.
double tensors_of_adapter(const ModelSpec& m, double experts_share) {
  const double attending = std::max(0, m.layers - m.recurrent.layers);
  const double with_experts =
      m.moe.experts > 0 ? std::max(0, m.layers - m.moe.first_dense_layers) / std::max(1, m.moe.layer_step) : 0;
  const double attention = m.attention == AttentionKind::latent ? (m.latent.q_lora_rank > 0 ? 5 : 4) : 4;
  const double mlp = m.intermediate_size > 0 ? m.mlp_matrices : 0, shared = m.moe.shared_width > 0 ? m.mlp_matrices : 0;
  return 2 * (attending * attention + (m.layers - with_experts) * mlp +
              with_experts * (m.moe.experts * experts_share * m.mlp_matrices + shared));
}

// In and out of the projections of a layer that TensorRT-LLM adapts, on one GPU (its LoraModule splits both sides of
// none: of columns the output, of rows the input).
std::vector<double> projections(const ModelSpec& m, double tp) {
  const double hidden = m.hidden_size, query = static_cast<double>(m.heads) * m.head_dim;
  const double key = static_cast<double>(m.kv_heads) * m.head_dim, keys = by_columns(hidden, key, tp);
  std::vector<double> all = {by_columns(hidden, query, tp), keys, keys, by_rows(query, hidden, tp)};
  for (int i = 1; i < m.mlp_matrices; ++i) all.push_back(by_columns(hidden, m.intermediate_size, tp));
  all.push_back(by_rows(m.intermediate_size, hidden, tp));
  return all;
}

double layers_of_stage(const ModelSpec& m, const Parallelism& split) {
  return std::ceil(static_cast<double>(m.layers) / std::max(1, split.pipeline));
}

}  // namespace

// PeftCacheManager::getPageManagerConfig (NVIDIA/TensorRT-LLM, peftCacheManager.cpp), with num_device_module_layer as
// the PyTorch executor sets it: max_lora_rank x layers x projections x max_loras, each as large as the largest
// projection.
AdapterPages adapter_pages(const ModelSpec& model, const Parallelism& split, int max_rank, int max_loras) {
  const std::vector<double> all = projections(model, split.tensor);
  const double width = *std::min_element(all.begin(), all.end());
  const double largest = std::ceil(*std::max_element(all.begin(), all.end()) / width);
  const double layers = layers_of_stage(model, split);
  double rows = 0;
  for (const double one : all) rows += std::min(kOptimalRank, max_rank) * std::ceil(one / width);
  const double page = std::max(rows * layers, std::ceil(max_rank * *std::max_element(all.begin(), all.end()) / width));
  const double slots = max_rank * layers * static_cast<double>(all.size()) * max_loras * largest;
  return {static_cast<std::int64_t>(std::ceil(slots / page)), static_cast<std::int64_t>(page), width};
}

// LoraCache::determineNumPages: a projection of a layer lies in one page, and one that no longer fits begins the next.
std::int64_t pages_of_adapter(const ModelSpec& model, const Parallelism& split, int rank, int max_rank) {
  const std::vector<double> all = projections(model, split.tensor);
  const AdapterPages pool = adapter_pages(model, split, max_rank, 1);
  std::int64_t pages = 1, used = 0;
  for (int layer = 0; layer < static_cast<int>(layers_of_stage(model, split)); ++layer) {
    for (const double one : all) {
      const auto rows = static_cast<std::int64_t>(std::ceil(rank * one / pool.width));
      if (used + rows > pool.slots) ++pages, used = 0;
      used += rows;
    }
  }
  return pages;
}

double adapter_bytes(const ModelSpec& model, const Parallelism& split, int rank) {
  const double tp = split.tensor;
  const double ranks = tp * split.data;
  const double numbers =
      split.expert_parallel ? numbers_per_rank(model, tp, 1, 1 / ranks) : numbers_per_rank(model, tp, ranks, 1);
  return kLoraBytes * rank * numbers / std::max(1, split.pipeline);
}

double adapter_slot_bytes(const ModelSpec& model, const Parallelism& split, int max_rank) {
  return adapter_bytes(model, split, max_rank) + kSlotBuffers;
}

// One copy after the other, of A and B of every projection.
double adapter_load_seconds(const ModelSpec& model, const Parallelism& split, int rank, int max_rank) {
  const double tensors = tensors_of_adapter(model, split.expert_parallel ? 1.0 / (split.tensor * split.data) : 1);
  const double copies = tensors / std::max(1, split.pipeline) * (kLoraTensor + (rank < max_rank ? kLoraPadding : 0));
  return std::max(copies, adapter_bytes(model, split, rank) / kLoraHostBandwidth);
}

// Every GPU's process reads the whole file.
double adapter_read_seconds(const ModelSpec& model, int rank) {
  return adapter_bytes(model, {}, rank) / kLoraDiskBandwidth + kLoraParse;
}

}  // namespace foretoken
