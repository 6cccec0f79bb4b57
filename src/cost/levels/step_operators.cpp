// Composes a step from operators (src/cost/README.md, "Composing a step").
#include "cost/levels/step_operators.hpp"

#include <cmath>

#include "cost/operators/attention_decode.hpp"
#include "cost/operators/elementwise.hpp"
#include "cost/operators/float32_gemm.hpp"
#include "cost/operators/gemm.hpp"

namespace foretoken {
namespace {

constexpr double kElementBytes = 2;  // activations between operators are bf16
constexpr double kEmbeddingLaunch = 2e-6;
constexpr double kTopK = 6e-6;  // routing beside the router's GEMM, a guess
// Three passes over fp32 logits (softmax, sort or mask, draw), at a guessed share of the bandwidth.
constexpr double kSamplingPasses = 3;
constexpr double kSamplingEfficiency = 0.6;

double split(int total, int ranks) {
  return std::ceil(static_cast<double>(total) / ranks);
}

}  // namespace

StepOperators::StepOperators(const Deployment& d)
    : d_(d), pricing_(make_pricing(d)), counts_(count_parameters(d.model)) {
  const ModelSpec& m = d.model;
  const int tp = d.parallelism.tensor;
  is_latent_ = m.attention == AttentionKind::latent;
  heads_ = {split(m.heads, tp), std::max(1.0, split(m.kv_heads, tp)), static_cast<double>(m.head_dim)};
  latent_ = {heads_.query, static_cast<double>(m.latent.kv_lora_rank), static_cast<double>(m.latent.rope_head_dim),
             static_cast<double>(m.latent.nope_head_dim), static_cast<double>(m.latent.v_head_dim)};
  kv_bytes_ = kv_bytes_per_element(d);
  if (d.level != CostLevel::datasheet && !is_latent_) kv_ = kv_kernels(d.kv_format, gpu_generation(d.gpu), m.head_dim);
  const RecurrentSpec& r = m.recurrent;
  if (r.layers > 0 && r.value_heads > 0)
    linear_ = {split(r.key_heads, tp), split(r.value_heads, tp), static_cast<double>(r.key_head_dim),
               static_cast<double>(r.value_head_dim), has_channel_gates(r)};
  const bool windowed = m.sliding_window > 0 && !is_latent_;
  windowed_layers_ = windowed ? m.sliding_layers : 0;
  full_layers_ = counts_.attention_layers - windowed_layers_;
  mixed_ = pricing_.attention_mixed.level == CostLevel::calibrated && !is_latent_;
  tensor_group_ = link_group(d, tp);
  expert_group_ = link_group(d, tp * d.parallelism.data);
  const int stages = d.parallelism.pipeline;
  if (stages > 1) stage_link_ = link_group(d, d.parallelism.gpus());
  popularity_ = expert_popularity_of(d);
  const double mixers = counts_.attention_layers + m.recurrent.layers;
  if (tp > 1) {
    all_reduces_ = mixers + counts_.dense_layers + (d.parallelism.data > 1 ? 0 : counts_.moe_layers);
  }
}

Operator StepOperators::matrix(const char* name, double count, double m, double n, double k,
                               WeightFormat format) const {
  const ServedSet& set = format == d_.dense_format ? pricing_.dense : pricing_.dense_bf16;
  const Gemm gemm{m, n, k, format};
  return {name,
          count,
          gemm_work(gemm, pricing_.datasheet),
          gemm_estimate(gemm, set),
          gemm_datasheet(gemm, pricing_.datasheet),
          &set,
          inside_range(set, "m", m) && inside_range(set, "n", n) && inside_range(set, "k", k)};
}

Operator StepOperators::fed_matrix(const char* name, double count, double m, double n, double k) const {
  Operator op = matrix(name, count, m, n, k, d_.dense_format);
  op.served = &pricing_.dense_fed;
  op.estimate = gemm_estimate({m, n, k, d_.dense_format}, pricing_.dense_fed);
  return op;
}

// One small matrix per head, counted as one GEMM of the same width; kept in bf16. But every head has inputs and outputs
// of its own, and many rows are bound by them.
Operator StepOperators::absorbed(const char* name, double tokens, double width) const {
  Operator op = matrix(name, counts_.attention_layers, tokens, latent_.heads * width, latent_.rank, WeightFormat::bf16);
  const double bytes = kElementBytes * latent_.heads * (width * latent_.rank + tokens * (width + latent_.rank));
  op.datasheet = std::max(op.datasheet, bytes / pricing_.datasheet.bandwidth);
  const ServedSet& set = pricing_.dense_bf16;
  const double efficiency = set.level == CostLevel::calibrated ? set.c[2] : set.roofline.em;
  const double seconds = bytes / (set.device.bandwidth * efficiency);
  if (seconds > op.estimate.variable) {
    op.estimate.variable = seconds;
    op.estimate.bound = TimePart::memory;
  }
  return op;
}

Operator StepOperators::pass(const char* name, double count, double bytes, const ServedSet& set) const {
  return {name,
          count,
          {0, bytes},
          elementwise_estimate(bytes, set),
          bytes / pricing_.datasheet.bandwidth,
          &set,
          inside_range(set, "bytes", bytes)};
}

std::vector<Operator> StepOperators::dense(std::int64_t token_count) const {
  std::vector<Operator> out;
  const auto tokens = static_cast<double>(token_count);
  if (token_count <= 0) return out;
  const double gathered = tokens * d_.model.hidden_size * 2 * kElementBytes;
  out.push_back({"embedding",
                 1,
                 {0, gathered},
                 memory_pass(gathered, kEmbeddingLaunch, 1, pricing_.datasheet),
                 gathered / pricing_.datasheet.bandwidth});
  add_projections(out, tokens);
  add_mlps(out, tokens);
  add_elementwise(out, tokens);
  add_communication(out, tokens);
  return out;
}

std::vector<Operator> StepOperators::group(std::int64_t group_tokens) const {
  std::vector<Operator> out;
  if (!has_group() || group_tokens <= 0) return out;
  const auto tokens = static_cast<double>(group_tokens);
  add_routed_experts(out, tokens);
  if (!pricing_.experts.routes) out.push_back(expert_permute(tokens));
  out.push_back(expert_exchange(tokens));
  return out;
}

void StepOperators::add_projections(std::vector<Operator>& out, double tokens) const {
  const ModelSpec& m = d_.model;
  const double hidden = m.hidden_size;
  const double layers = counts_.attention_layers;
  if (layers > 0 && is_latent_) {
    const double q_width = latent_.heads * (latent_.nope + latent_.rope);
    const double kv_width = latent_.rank + latent_.rope;
    if (m.latent.q_lora_rank > 0) {
      out.push_back(matrix("q_a_kv_a", layers, tokens, m.latent.q_lora_rank + kv_width, hidden, d_.dense_format));
      out.push_back(matrix("q_b", layers, tokens, q_width, m.latent.q_lora_rank, d_.dense_format));
    } else {
      out.push_back(matrix("q_kv_a", layers, tokens, q_width + kv_width, hidden, d_.dense_format));
    }
    out.push_back(matrix("o", layers, tokens, hidden, latent_.heads * latent_.value, d_.dense_format));
    if (m.sparse.top_k > 0) {  // whole on every rank
      const double index = m.sparse.index_heads * m.sparse.index_head_dim;
      out.push_back(matrix("index_q", layers, tokens, index, m.latent.q_lora_rank, d_.dense_format));
      out.push_back(matrix("index_k", layers, tokens, m.sparse.index_head_dim + m.sparse.index_heads, hidden,
                           WeightFormat::bf16));
    }
  } else if (layers > 0) {
    const double q_width = heads_.query * heads_.size;
    const double gate = m.attention_output_gate ? q_width : 0;
    out.push_back(fed_matrix("qkv", layers, tokens, q_width + gate + 2 * heads_.kv * heads_.size, hidden));
    out.push_back(matrix("o", layers, tokens, hidden, q_width, d_.dense_format));
  }
  if (m.recurrent.layers > 0) add_recurrent(out, tokens);
}

void StepOperators::add_recurrent(std::vector<Operator>& out, double tokens) const {
  const RecurrentSpec& r = d_.model.recurrent;
  const double hidden = d_.model.hidden_size;
  if (r.value_heads == 0) {
    // Their projections as one matrix of the same parameters; the scan itself is not modelled.
    const double width = r.parameters / r.layers / hidden / d_.parallelism.tensor;
    out.push_back(matrix("recurrent", r.layers, tokens, std::ceil(width), hidden, d_.dense_format));
    return;
  }
  const double values = linear_.value_heads * linear_.value_size;
  if (linear_.channel_gates) {
    // Both gates go through as many numbers as a key head has, which every rank computes.
    const double rank = linear_.key_size;
    out.push_back(matrix("recurrent_in", r.layers, tokens, linear_.conv_width(), hidden, d_.dense_format));
    out.push_back(
        matrix("recurrent_gates", r.layers, tokens, linear_.value_heads + 2 * rank, hidden, WeightFormat::bf16));
    out.push_back(matrix("recurrent_gates_up", 2 * r.layers, tokens, values, rank, WeightFormat::bf16));
  } else {
    out.push_back(matrix("recurrent_in", r.layers, tokens, linear_.conv_width() + values, hidden, d_.dense_format));
    out.push_back(
        matrix("recurrent_gates", r.layers, tokens, r.gates * linear_.value_heads, hidden, WeightFormat::bf16));
  }
  out.push_back(linear("recurrent_conv", linear_conv_work(linear_, tokens),
                       linear_conv_estimate(linear_, tokens, pricing_.linear_conv), pricing_.linear_conv));
  out.push_back(pass("recurrent_norm", r.layers, tokens * values * 6, pricing_.norm));
  out.push_back(matrix("recurrent_out", r.layers, tokens, hidden, values, d_.dense_format));
}

Operator StepOperators::linear(const char* name, const Work& work, const Estimate& estimate,
                               const ServedSet& set) const {
  const Device& d = pricing_.datasheet;
  return {name,     static_cast<double>(d_.model.recurrent.layers),     work,
          estimate, datasheet_seconds(work, d.flops_bf16, d.bandwidth), &set};
}

Operator StepOperators::router(double tokens) const {
  const ModelSpec& m = d_.model;
  Operator op = matrix("router", counts_.moe_layers, tokens, m.moe.experts, m.hidden_size, WeightFormat::bf16);
  if (m.moe.router_float32) {
    const Float32Gemm wide{tokens, static_cast<double>(m.moe.experts), static_cast<double>(m.hidden_size), d_.tf32};
    op.work = float32_gemm_work(wide);
    op.datasheet = float32_gemm_datasheet(wide, pricing_.datasheet);
    op.estimate = d_.level == CostLevel::datasheet ? Estimate{0, op.datasheet, TimePart::memory}
                                                   : float32_gemm_estimate(wide, pricing_.dense_bf16.device);
  }
  if (d_.level != CostLevel::datasheet && !pricing_.experts.routes) op.estimate.fixed += kTopK;
  return op;
}

void StepOperators::add_mlps(std::vector<Operator>& out, double tokens) const {
  const ModelSpec& m = d_.model;
  const int tp = d_.parallelism.tensor;
  const double hidden = m.hidden_size;
  const double fused = m.mlp_matrices - 1;  // gate and up in one launch
  const char* up = m.mlp_matrices == 3 ? "gate_up" : "up";
  if (counts_.dense_layers > 0) {
    const double width = split(m.intermediate_size, tp);
    out.push_back(fed_matrix(up, counts_.dense_layers, tokens, fused * width, hidden));
    out.push_back(fed_matrix("down", counts_.dense_layers, tokens, hidden, width));
  }
  if (counts_.moe_layers == 0) return;
  const double layers = counts_.moe_layers;
  out.push_back(router(tokens));
  if (!has_group()) add_routed_experts(out, tokens);
  if (m.moe.latent_width > 0) {
    out.push_back(matrix("latent_down", layers, tokens, m.moe.latent_width, hidden, d_.dense_format));
    out.push_back(matrix("latent_up", layers, tokens, hidden, m.moe.latent_width, d_.dense_format));
  }
  if (m.moe.shared_width > 0) {
    const double width = split(m.moe.shared_width, tp);
    out.push_back(fed_matrix("shared_gate_up", layers, tokens, fused * width, hidden));
    out.push_back(fed_matrix("shared_down", layers, tokens, hidden, width));
  }
}

// One before each mixer and MLP. Behind an all-reduce it needs no launch of its own where one kernel does both.
void StepOperators::add_norms(std::vector<Operator>& out, double tokens) const {
  const double norms = counts_.attention_layers + d_.model.recurrent.layers + counts_.dense_layers + counts_.moe_layers;
  const double hidden = d_.model.hidden_size;
  const bool fuses = tokens * hidden * kElementBytes <= pricing_.fused_norm_bytes;
  const double fused = fuses ? std::min(norms, all_reduces_) : 0;
  if (norms > fused) out.push_back(pass("norm", norms - fused, tokens * hidden * 8, pricing_.norm));
  if (fused == 0) return;
  Operator op = pass("fused_norm", fused, tokens * hidden * 8, pricing_.norm);
  op.estimate.fixed = 0;
  out.push_back(op);
}

void StepOperators::add_elementwise(std::vector<Operator>& out, double tokens) const {
  const ModelSpec& m = d_.model;
  const int tp = d_.parallelism.tensor;
  const double activation_bytes = m.mlp_matrices == 3 ? 6 : 4;  // reads gate and up, writes one
  add_norms(out, tokens);
  if (counts_.attention_layers > 0) {
    const double turned = is_latent_ ? (latent_.heads + 1) * latent_.rope : (heads_.query + heads_.kv) * heads_.size;
    const double stored = is_latent_ ? (latent_.rank + latent_.rope) / 2 : heads_.kv * heads_.size;
    out.push_back(pass("rope", counts_.attention_layers, tokens * turned * 4, pricing_.rope));
    out.push_back(pass("kv_write", counts_.attention_layers, tokens * stored * 8, pricing_.rope));
    if (kv_.queries != KvKernels::Queries::wide) {  // read in 16 bits, written in 8
      Operator op =
          pass("kv_quantise", counts_.attention_layers, tokens * heads_.query * heads_.size * 3, pricing_.rope);
      if (kv_.queries == KvKernels::Queries::fused) op.estimate.fixed = 0;
      out.push_back(op);
    }
  }
  if (m.qk_norm != QkNorm::none && counts_.attention_layers > 0)
    out.push_back(pass("qk_norm", counts_.attention_layers, tokens * (heads_.query + heads_.kv) * heads_.size * 4,
                       pricing_.rope));
  if (is_latent_ && m.latent.q_lora_rank > 0)
    out.push_back(pass("latent_norm", 2 * counts_.attention_layers,
                       tokens * (m.latent.q_lora_rank + m.latent.kv_lora_rank) / 2 * 4, pricing_.norm));
  if (counts_.dense_layers > 0) {
    out.push_back(pass("activation", counts_.dense_layers, tokens * split(m.intermediate_size, tp) * activation_bytes,
                       pricing_.activation));
  }
  if (counts_.moe_layers > 0) {
    if (!has_group() && !pricing_.experts.routes) out.push_back(expert_permute(tokens));
    if (m.moe.shared_width > 0) {
      out.push_back(pass("shared_activation", counts_.moe_layers,
                         tokens * split(m.moe.shared_width, tp) * activation_bytes, pricing_.activation));
    }
  }
}

void StepOperators::add_communication(std::vector<Operator>& out, double tokens) const {
  const double row_bytes = d_.model.hidden_size * kElementBytes;
  const CollectiveSets own{pricing_.own_all_reduce ? &pricing_.all_reduce : nullptr, &pricing_.nccl};
  const ServedSet* main = own.custom != nullptr ? own.custom : own.nccl;
  if (all_reduces_ > 0) {
    const double z = tokens * row_bytes;
    out.push_back({"all_reduce",
                   all_reduces_,
                   {},
                   all_reduce_estimate(z, tensor_group_, own),
                   all_reduce_datasheet(z, tensor_group_),
                   main,
                   inside_range(*main, "message_bytes", z)});
  }
  if (d_.model.qk_norm == QkNorm::full && d_.parallelism.tensor > 1) {
    const double z = tokens * 2 * 4;  // the mean squares of queries and keys
    out.push_back({"qk_norm_all_reduce",
                   static_cast<double>(counts_.attention_layers),
                   {},
                   all_reduce_estimate(z, tensor_group_, own),
                   all_reduce_datasheet(z, tensor_group_),
                   main,
                   inside_range(*main, "message_bytes", z)});
  }
  if (d_.parallelism.pipeline > 1) {
    const double bytes = 2 * tokens * row_bytes;  // hidden state and residual travel separately
    const double bandwidth =
        stage_link_.kind == LinkKind::scale_out ? stage_link_.node_bandwidth : stage_link_.bandwidth;
    out.push_back({"stage_transfer",
                   d_.parallelism.pipeline - 1.0,
                   {},
                   point_to_point_estimate(bytes, stage_link_, pricing_.point_to_point),
                   bytes / bandwidth,
                   &pricing_.point_to_point});
  }
}

std::vector<Operator> StepOperators::head(std::int64_t sampled, bool greedy) const {
  std::vector<Operator> out;
  if (sampled <= 0) return out;
  const auto rows = static_cast<double>(sampled);
  const ModelSpec& m = d_.model;
  out.push_back(pass("final_norm", 1, rows * m.hidden_size * 8, pricing_.norm));
  out.push_back(
      matrix("lm_head", 1, rows, split(m.vocab_size, d_.parallelism.tensor), m.hidden_size, WeightFormat::bf16));
  const double logits = rows * m.vocab_size * 4 * (greedy ? 1 : kSamplingPasses);
  const double efficiency = d_.level == CostLevel::datasheet ? 1 : kSamplingEfficiency;
  out.push_back({"sampling",
                 1,
                 {0, logits},
                 memory_pass(logits, 0, efficiency, pricing_.datasheet),
                 logits / pricing_.datasheet.bandwidth});
  return out;
}

// Logits to fp32, their softmax, and the residual to draw from (vLLM's v1/sample/rejection_sampler.py; as many passes
// as those of the sampler, a guess).
std::vector<Operator> StepOperators::verification(std::int64_t tokens) const {
  std::vector<Operator> out;
  if (tokens <= 0) return out;
  const double logits = static_cast<double>(tokens) * d_.model.vocab_size * 4 * kSamplingPasses;
  const double efficiency = d_.level == CostLevel::datasheet ? 1 : kSamplingEfficiency;
  out.push_back({"rejection_sampling",
                 1,
                 {0, logits},
                 memory_pass(logits, 0, efficiency, pricing_.datasheet),
                 logits / pricing_.datasheet.bandwidth});
  return out;
}

// Drafts pass the absorbed projections as rows do. Of a recurrent state each writes one more, which half the traffic
// is.
std::vector<Operator> StepOperators::beside_decode(std::int64_t row_count, std::int64_t drafts) const {
  std::vector<Operator> out;
  if (row_count <= 0) return out;
  const auto tokens = static_cast<double>(row_count + drafts);
  const double rows = static_cast<double>(row_count) + static_cast<double>(drafts) / 2;
  if (is_latent_ && counts_.attention_layers > 0) {
    out.push_back(absorbed("absorb_k", tokens, latent_.nope));
    out.push_back(absorbed("absorb_v", tokens, latent_.value));
  }
  if (linear_.value_heads > 0) {
    out.push_back(linear("recurrent_state", linear_update_work(linear_, rows),
                         linear_update_estimate(linear_, rows, false, pricing_.linear_update), pricing_.linear_update));
  } else if (d_.model.recurrent.layers > 0 && d_.model.recurrent.state_bytes > 0) {
    const double state = 2 * rows * d_.model.recurrent.state_bytes / d_.parallelism.tensor;  // read and written
    const double efficiency = d_.level == CostLevel::datasheet ? 1 : kSamplingEfficiency;
    out.push_back({"recurrent_state",
                   1,
                   {0, state},
                   memory_pass(state, 0, efficiency, pricing_.datasheet),
                   state / pricing_.datasheet.bandwidth});
  }
  return out;
}

std::vector<Operator> StepOperators::beside_prefill(std::int64_t attended, std::int64_t new_tokens,
                                                    std::int64_t longest) const {
  std::vector<Operator> out;
  if (linear_.value_heads > 0 && new_tokens > 0) {
    const auto tokens = static_cast<double>(new_tokens);
    out.push_back(linear("recurrent_scan", linear_scan_work(linear_, tokens),
                         linear_scan_estimate(linear_, tokens, static_cast<double>(longest), pricing_.linear_scan),
                         pricing_.linear_scan));
  }
  if (!is_latent_ || attended <= 0 || counts_.attention_layers == 0) return out;
  out.push_back(matrix("kv_b", counts_.attention_layers, static_cast<double>(attended),
                       latent_.heads * (latent_.nope + latent_.value), latent_.rank, d_.dense_format));
  return out;
}

}  // namespace foretoken
