// Prices one kernel of a table by the operator it is.
#include "cost/kernels.hpp"

#include <algorithm>
#include <cmath>

#include "cost/levels/coefficients.hpp"
#include "cost/operators/attention_decode.hpp"
#include "cost/operators/attention_mixed.hpp"
#include "cost/operators/communication.hpp"
#include "cost/operators/elementwise.hpp"
#include "cost/operators/expert_loads.hpp"
#include "cost/operators/gemm.hpp"
#include "cost/operators/latent_attention.hpp"
#include "cost/operators/linear_attention.hpp"
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
  if (format == "w4a8_mxfp4_mxfp8") return WeightFormat::mxfp4_mxfp8;
  return WeightFormat::bf16;
}

double experts_seconds(const KernelQuery& q, const ServedSet& set) {
  const std::vector<double> own = q.loads.empty() ? expert_loads_of(q) : std::vector<double>{};
  RoutedExperts moe;
  moe.tokens = q.tokens;
  moe.experts = q.experts;
  moe.active = q.active_experts;
  moe.expert_parallel = q.expert_parallel;
  moe.hidden = q.hidden;
  moe.width = q.expert_width;
  moe.matrices = q.expert_matrices;
  moe.format = weight_format(q.format);
  moe.loads = q.loads.empty() ? own : q.loads;
  moe.resident = q.resident;
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

// DeepSeek's latent attention, the only one that tables have.
constexpr LatentShape kDeepSeek{0, 512, 64, 128, 128};

std::optional<double> latent_seconds(const KernelQuery& q, const ServedSet& set) {
  LatentShape shape = kDeepSeek;
  shape.heads = q.query_heads;
  if (q.operation == "mla_decode")
    return latent_decode_estimate({q.batch, q.batch * q.context, shape, q.kv_bytes, q.resident}, set).seconds();
  return latent_prefill_estimate(latent_prefill_terms({q.batch, q.new_tokens, q.history, shape}, set), set).seconds();
}

std::optional<double> linear_seconds(const KernelQuery& q, const ServedSet& set) {
  const LinearShape shape{q.kv_heads, q.query_heads, q.head_size, q.value_size};
  if (q.operation == "linear_update") return linear_update_estimate(shape, q.batch, q.resident, set).seconds();
  if (q.operation == "linear_conv") return linear_conv_estimate(shape, q.batch * q.new_tokens, set).seconds();
  // Each sequence is scanned in chunks of its own.
  const double tokens = q.batch * std::ceil(q.new_tokens / kLinearScanChunk) * kLinearScanChunk;
  return linear_scan_estimate(shape, tokens, q.new_tokens, set).seconds();
}

std::optional<double> seconds_of(const KernelQuery& q, const ServedSet& set, double link) {
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
  if (q.operation == "mla_decode" || q.operation == "mla_prefill") return latent_seconds(q, set);
  if (q.operation.starts_with("linear_")) return linear_seconds(q, set);
  return attention_seconds(q, set);
}

}  // namespace

CalibrationDevice datasheet_calibration_device(const GpuSpec& gpu) {
  const Device d = datasheet_device(gpu);
  return {gpu.id,          gpu_generation(gpu), d.flops_bf16,
          d.flops_fp8,     d.flops_fp4,         d.bandwidth,
          d.compute_units, d.l2_bytes,          gpu.scale_up_link.per_direction.value};
}

std::vector<double> expert_loads_of(const KernelQuery& q) {
  const RoutingShape routing{q.tokens, static_cast<int>(q.experts), q.active_experts,
                             static_cast<int>(q.expert_parallel)};
  return q.power_law > 0 ? power_law_loads(routing, q.power_law) : balanced_loads(routing);
}

std::optional<double> kernel_seconds(const CalibrationDevice& device, const KernelQuery& query,
                                     std::span<const double> coefficients) {
  ServedSet set;
  set.level = CostLevel::calibrated;
  set.device = calibration_device(device);
  set.coefficients = coefficients.size();
  set.small_tiles = !query.library.empty();
  std::copy(coefficients.begin(), coefficients.end(), set.c.begin());
  return seconds_of(query, set, device.link_bandwidth);
}

std::optional<KernelPrediction> predict_kernel(const CalibrationTable& table, const KernelQuery& query) {
  const auto find = [&](const std::string& format) {
    return find_exact(table, query.gpu, query.engine, query.version, format, query.operation);
  };
  auto set = query.library.empty() ? std::nullopt : find(query.format + "." + query.library);
  if (!set) set = find(query.format);
  if (!set) return std::nullopt;
  double link = 0;
  for (const CalibrationDevice& device : table.devices) {
    if (device.gpu == query.gpu) link = device.link_bandwidth;
  }
  const auto seconds = seconds_of(query, *set, link);
  if (!seconds) return std::nullopt;
  return KernelPrediction{*seconds, set->name};
}

}  // namespace foretoken
