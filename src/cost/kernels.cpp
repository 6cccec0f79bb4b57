// Prices one kernel of a table by the operator it is.
#include "cost/kernels.hpp"

#include <cmath>

#include "cost/levels/coefficients.hpp"
#include "cost/operators/attention_decode.hpp"
#include "cost/operators/attention_mixed.hpp"
#include "cost/operators/communication.hpp"
#include "cost/operators/elementwise.hpp"
#include "cost/operators/expert_loads.hpp"
#include "cost/operators/gemm.hpp"
#include "cost/operators/routed_experts.hpp"

namespace foretoken {
namespace {

WeightFormat weight_format(std::string_view format) {
  if (format == "fp8") return WeightFormat::fp8;
  if (format == "fp8_block") return WeightFormat::fp8_block;
  if (format == "int8_wo") return WeightFormat::int8_weight_only;
  if (format == "int4_wo") return WeightFormat::int4_weight_only;
  if (format == "nvfp4") return WeightFormat::nvfp4;
  if (format == "w4a16_mxfp4") return WeightFormat::mxfp4;
  return WeightFormat::bf16;
}

double experts_seconds(const KernelQuery& q, const ServedSet& set) {
  const RoutingShape routing{q.tokens, static_cast<int>(q.experts), q.active_experts,
                             static_cast<int>(q.expert_parallel)};
  const std::vector<double> loads = q.power_law > 0 ? power_law_loads(routing, q.power_law) : balanced_loads(routing);
  const RoutedExperts moe{
      q.tokens, q.experts, q.active_experts, q.expert_parallel, q.hidden, q.expert_width, 3, weight_format(q.format),
      loads,    q.resident};
  return routed_experts_estimate(moe, set).seconds();
}

double mixed_seconds(const KernelQuery& q, const ServedSet& set) {
  const MixedAttention::Chunk chunk[] = {{q.new_tokens, q.history}};
  MixedAttention a;
  if (q.new_tokens > 0) a.chunks = chunk;
  a.decodes = q.decodes;
  a.decode_context = q.decodes * q.context;
  a.longest_key_blocks = std::ceil((q.context + 1) / 128);
  a.decode_key_blocks = q.decodes * a.longest_key_blocks;
  a.heads = {q.query_heads, q.kv_heads, q.head_size};
  a.resident = q.resident;
  return mixed_attention_estimate(a, set).seconds();
}

std::optional<double> attention_seconds(const KernelQuery& q, const ServedSet& set) {
  const AttentionHeads heads{q.query_heads, q.kv_heads, q.head_size};
  if (q.operation == "attention_prefill") {
    const PrefillAttention a{q.batch, q.new_tokens, q.history, heads, q.window, q.resident};
    return prefill_estimate(prefill_terms(a, set), set).seconds();
  }
  if (q.operation == "attention_decode") {
    const double seen = q.window > 0 ? std::min(q.context, q.window) : q.context;
    return decode_attention_estimate({q.batch, q.batch * seen, seen, heads, q.kv_bytes, q.resident}, set).seconds();
  }
  if (q.operation == "attention_mixed") return mixed_seconds(q, set);
  return std::nullopt;
}

std::optional<double> kernel_seconds(const KernelQuery& q, const ServedSet& set, double link) {
  if (q.operation == "gemm") return gemm_estimate({q.m, q.n, q.k, weight_format(q.format), q.resident}, set).seconds();
  if (q.operation == "moe") return experts_seconds(q, set);
  if (q.operation.starts_with("elementwise_")) return elementwise_estimate(q.bytes, set).seconds();
  if (q.operation == "allreduce_custom" || q.operation == "allreduce_eager") {
    return custom_all_reduce(q.message_bytes, q.ranks, link, set);
  }
  if (q.operation.ends_with("_nccl")) {
    const double traffic = (q.operation == "allreduce_nccl" ? 2 : 1) * (q.ranks - 1) / q.ranks;
    return nccl_collective(q.message_bytes, q.ranks, traffic, link, set);
  }
  return attention_seconds(q, set);
}

}  // namespace

std::optional<KernelPrediction> predict_kernel(const CalibrationTable& table, const KernelQuery& query) {
  const auto set = find_exact(table, query.gpu, query.engine, query.version, query.format, query.operation);
  if (!set) return std::nullopt;
  double link = 0;
  for (const CalibrationDevice& device : table.devices) {
    if (device.gpu == query.gpu) link = device.link_bandwidth;
  }
  const auto seconds = kernel_seconds(query, *set, link);
  if (!seconds) return std::nullopt;
  return KernelPrediction{*seconds, set->name};
}

}  // namespace foretoken
