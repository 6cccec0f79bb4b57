// Chooses the physics of every operator family (src/cost/README.md, "Choice of coefficients").
#include "cost/levels/pricing.hpp"

#include <algorithm>

#include "cost/levels/coefficients.hpp"
#include "cost/levels/engine_costs.hpp"
#include "cost/levels/expert_kernels.hpp"
#include "cost/levels/measured_experts.hpp"

namespace foretoken {
namespace {

// Operator families of the roofline defaults: medians over the measured GPUs.
enum class Family {
  gemm,
  gemm_low_precision,
  prefill,
  decode,
  moe,
  moe_fp8,
  moe_fp4,
  linear,
  linear_scan,
  elementwise,
  all_reduce,
  nccl,
  p2p
};

bool is_link(Family family) {
  return family == Family::all_reduce || family == Family::nccl || family == Family::p2p;
}

RooflineCoefficients default_roofline(Family family, bool nvidia) {
  RooflineCoefficients r;
  switch (family) {
    case Family::gemm:
      r = {3.5e-6, 0.73, 0.80};
      break;
    case Family::gemm_low_precision:
      r = {8e-6, 0.40, 0.75};
      break;
    case Family::prefill:
      r = {12e-6, 0.46, 0.32};
      break;
    case Family::decode:
      r = {12e-6, 0.46, 0.80};
      break;
    case Family::moe:
      r = {30e-6, 0.25, 0.80};
      break;
    case Family::moe_fp8:
      r = {30e-6, 0.15, 0.80};
      break;
    case Family::moe_fp4:
      r = {30e-6, 0.13, 0.80};
      break;
    case Family::linear:
      r = {4e-6, 1, 0.8};
      break;
    case Family::linear_scan:
      r = {20e-6, 0.08, 1};
      break;
    case Family::elementwise:
      r = {2.5e-6, 1, 0.45};
      break;
    case Family::all_reduce:
      r = {5e-6, 0.6, 1};
      break;
    case Family::nccl:
      r = {14e-6, 0.6, 1};
      break;
    case Family::p2p:
      r = {7.5e-6, 0.78, 1};
      break;
  }
  if (nvidia || is_link(family)) return r;
  // Nothing is measured elsewhere: a guess, never better than the medians above.
  if (family == Family::gemm) r.t0 = 8e-6;
  r.ec = std::min(r.ec, 0.5);
  r.em = std::min(r.em, 0.65);
  return r;
}

// One family on the level that the deployment asks for.
// Medians over GPUs, on a GPU that was not among them (its worst classes of kernels).
constexpr double kRooflineError = 0.3;

class Chooser {
 public:
  explicit Chooser(const Deployment& d) : d_(d), device_(datasheet_device(d.gpu)) {}

  ServedSet choose(const SetQuery& query, Family family) const {
    if (d_.level != CostLevel::datasheet) return scaled(unscaled(query, family));
    ServedSet set;
    set.device = device_;
    set.level = CostLevel::datasheet;
    set.name = "datasheet";
    return set;
  }

 private:
  ServedSet unscaled(const SetQuery& query, Family family) const {
    ServedSet set;
    set.device = device_;
    if (d_.level == CostLevel::calibrated) {
      if (auto found = find_calibrated(d_.calibration, d_.gpu, query)) return *found;
    }
    set.roofline = default_roofline(family, d_.gpu.vendor == "NVIDIA");
    set.name = "roofline default";
    set.error = kRooflineError;
    if (auto found = find_roofline(d_.calibration, d_.gpu, query)) set = *found;
    override_terms(set, is_link(family));
    return set;
  }

  // A faster or slower device, so that times still never fall when work is added.
  ServedSet scaled(ServedSet set) const {
    const EfficiencyScales& by = d_.efficiency;
    for (double* flops : {&set.device.flops_bf16, &set.device.flops_fp8, &set.device.flops_int8, &set.device.flops_fp4})
      *flops *= by.compute;
    set.device.bandwidth *= by.memory;
    if (by.compute != 1 || by.memory != 1) set.name += ", scaled by the scenario";
    return set;
  }

  void override_terms(ServedSet& set, bool link) const {
    const RooflineTerms& own = d_.roofline;
    const double compute = link ? own.link_efficiency : own.compute_efficiency;
    if (compute > 0) set.roofline.ec = compute;
    if (!link && own.memory_efficiency > 0) set.roofline.em = own.memory_efficiency;
    if (compute > 0 || (!link && own.memory_efficiency > 0)) set.name += " with the scenario's efficiencies";
  }

  const Deployment& d_;
  Device device_;
};

// The vLLM kernel sets describe every engine's steps better than the other engines' own kernel tables do.
const std::vector<std::string_view> kKernelEngines = {"vllm", "vidur", "trtllm"};

std::vector<std::string> gemm_formats(std::string_view format, const EngineCosts& engine) {
  // Tables of vLLM and SGLang have constants in fp8_block GEMMs that steps do not show; the per-tensor set is nearer.
  if (format == "fp8_block" && !engine.own_block_gemms) return {"fp8"};
  if (format == "fp8_block") return {"fp8_block", "fp8"};
  if (format == "w4a16_mxfp4" || format == "w4a8_mxfp4_mxfp8") return {"int4_wo"};
  return {std::string(format)};
}
bool low_precision(const MatrixFormat& f) {
  return f.activation_bytes < 2;
}

// Marlin against the matrix product in 16 bits: its weights stream as those do (within 5 % of 3.87 times as fast up to
// 32 rows), its tensor units reach 0.9 of the rate (about 10 % slower from 1,024 rows on; arXiv 2408.11743, on A10).
constexpr double kMarlinCompute = 0.9;
constexpr double kMarlinError = 0.15;

ServedSet unpacked_by_marlin(ServedSet bf16) {
  bf16.device.flops_bf16 *= kMarlinCompute;
  bf16.error = std::max(bf16.error, kMarlinError);
  bf16.name += ", weights unpacked by Marlin";
  return bf16;
}
bool only_weights_are_narrow(const MatrixFormat& f) {
  return f.activation_bytes == 2 && f.weight_bytes < 2;
}

bool fuses_passes(const EngineCosts& engine, const std::string& release) {
  return !engine.fused_passes_from.empty() && version_at_least(release, engine.fused_passes_from);
}

// A pass whose constants come from kernels of before, at the rate at which those of today stream.
void streamed(ServedSet& set, const ServedSet& pass) {
  if (set.level != CostLevel::calibrated || pass.level != CostLevel::calibrated || set.engine == pass.engine) return;
  for (std::size_t i = 1; i < pass.coefficients; ++i) set.c[i] = pass.c[i];
  set.device = pass.device;
  set.name += ", streaming as " + pass.name;
}

// Of a matrix product's coefficients those before what quantises its inputs.
constexpr std::size_t kGemmsAlone = 8;

// Messages of an all-reduce that takes the norm behind it along, of two or four and of eight ranks: the thresholds that
// launch scripts give vLLM (SemiAnalysisAI/InferenceX, benchmarks/70b_fp8_b200_docker.sh).
constexpr double kFusedBytes = 32e6;
constexpr double kFusedBytesOfMany = 8e6;

}  // namespace

bool has_channel_gates(const RecurrentSpec& recurrent) {
  return recurrent.gates > 1 && recurrent.gates > recurrent.key_head_dim;
}

Pricing make_pricing(const Deployment& d) {
  const Chooser chooser(d);
  Pricing p;
  p.datasheet = datasheet_device(d.gpu);
  const MatrixFormat dense = matrix_format(d.dense_format, p.datasheet);
  const ExpertKernels kernels = expert_kernels(d);
  p.expert_format = kernels.format;
  p.gathers_quantised = engine_costs(d.engine_name).gathers_quantised && kernels.format != WeightFormat::fp8_block;
  const MatrixFormat experts = matrix_format(kernels.format, p.datasheet);
  const EngineCosts& engine = engine_costs(d.engine_name);
  const std::string_view version = engine.kernels_by_release ? std::string_view(d.engine_version) : "";
  const std::vector<std::string> bf16 = {"bf16"};
  const auto kernel = [&](std::string_view operation, std::vector<std::string> formats) {
    return SetQuery{operation, std::move(formats), kKernelEngines, version, 0};
  };

  SetQuery of_dense = kernel("gemm", gemm_formats(dense.set_format, engine));
  if (of_dense.formats.front() == "fp8_block") of_dense.engines.insert(of_dense.engines.begin(), engine.kernels);
  p.dense = chooser.choose(of_dense, low_precision(dense) ? Family::gemm_low_precision : Family::gemm);
  if (d.dense_format == WeightFormat::fp8_static) p.dense.coefficients = std::min(p.dense.coefficients, kGemmsAlone);
  p.dense_bf16 = chooser.choose(kernel("gemm", bf16), Family::gemm);
  if (engine.marlin && only_weights_are_narrow(dense) && p.dense_bf16.level == CostLevel::calibrated)
    p.dense = unpacked_by_marlin(p.dense_bf16);
  p.dense_fed = p.dense;
  // Without graphs layers are not compiled.
  if (engine.fuses_quantisation && fuses_passes(engine, d.engine_version) && d.dense_format == WeightFormat::fp8 &&
      d.cuda_graph_max_rows > 0)
    p.dense_fed.coefficients = std::min(p.dense.coefficients, kGemmsAlone);
  const Family family = !low_precision(experts)        ? Family::moe
                        : experts.activation_bytes < 1 ? Family::moe_fp4
                                                       : Family::moe_fp8;
  p.experts = chooser.choose(
      {"moe", kernels.formats, {engine.kernels, "vllm", "sglang", "trtllm"}, d.engine_version, 0}, family);
  p.experts.measured = measured_experts(p.experts.timed_as, d, expert_popularity_of(d).empty());
  if (!p.experts.measured.empty()) p.experts.name += ", times of this shape";
  p.attention_prefill = chooser.choose(kernel("attention_prefill", bf16), Family::prefill);
  p.attention_decode = chooser.choose(kernel("attention_decode", bf16), Family::decode);
  // One kernel for both kinds only where engines run FlashAttention-2; elsewhere the two times add.
  const std::string generation = gpu_generation(d.gpu);
  const bool one_kernel = engine.mixed_kernel && (generation == "sm120" || generation == "sm86");
  p.attention_mixed = one_kernel ? chooser.choose(kernel("attention_mixed", bf16), Family::decode) : ServedSet{};
  const std::string kv = kv_bytes_per_element(d.kv_format) <= 1 ? "kv_fp8" : "kv_bf16";
  // Latent attention is a kernel of the engine's choice, several times apart between them; tables of whole layers agree
  // with the engine's own.
  const auto latent = [&](std::string_view operation, Family of) {
    return chooser.choose({operation, {kv, "kv_bf16"}, {engine.kernels, "trtllm", "sglang", "vllm"}, version, 0}, of);
  };
  p.latent_prefill = latent("mla_prefill", Family::prefill);
  p.latent_decode = latent("mla_decode", Family::decode);
  const std::vector<std::string_view> engines = {engine.kernels, "vllm", "sglang", "trtllm"};
  // The decay of each channel has kernels of its own; the convolution has not.
  const auto linear = [&](std::string_view operation, Family of) {
    std::vector<std::string> formats = bf16;
    if (has_channel_gates(d.model.recurrent)) formats.insert(formats.begin(), "kda");
    return chooser.choose({operation, formats, engines, d.engine_version, 0}, of);
  };
  p.linear_update = linear("linear_update", Family::linear);
  p.linear_conv = linear("linear_conv", Family::linear);
  p.linear_scan = linear("linear_scan", Family::linear_scan);
  const auto elementwise = [&](std::string_view operation) {
    return chooser.choose({operation, bf16, {"vllm", "vidur", "any"}, version, 0}, Family::elementwise);
  };
  p.norm = elementwise("elementwise_rmsnorm");
  p.activation = elementwise("elementwise_act");
  p.rope = elementwise("elementwise_rope");
  const bool fuses = fuses_passes(engine, d.engine_version) && d.level == CostLevel::calibrated;
  if (fuses) {
    const ServedSet pass = chooser.choose({"elementwise_pass", bf16, {"vllm"}, "", 0}, Family::elementwise);
    for (ServedSet* set : {&p.norm, &p.activation, &p.rope}) streamed(*set, pass);
  }

  const LinkGroup group = link_group(d, d.parallelism.tensor * d.parallelism.data);
  const bool eager = d.cuda_graph_max_rows == 0;
  SetQuery custom{eager ? "allreduce_eager" : "allreduce_custom",
                  {"any"},
                  {engine.all_reduce, "vllm"},
                  d.engine_version,
                  group.bandwidth};
  p.all_reduce = chooser.choose(custom, Family::all_reduce);
  p.nccl = chooser.choose({"allreduce_nccl", {"any"}, {"nccl"}, "", group.bandwidth}, Family::nccl);
  // The engines' own kernels need peer access; over PCIe only a measured set says they are used.
  p.own_all_reduce = group.kind == LinkKind::scale_up || p.all_reduce.level == CostLevel::calibrated ||
                     d.level == CostLevel::datasheet;
  if (fuses && group.kind == LinkKind::scale_up && gpu_generation(d.gpu) == "sm100")
    p.fused_norm_bytes = d.parallelism.tensor > 4 ? kFusedBytesOfMany : kFusedBytes;
  p.indexer = generation == "sm90" ? engine.indexer_on_hopper : engine.indexer;
  p.point_to_point = chooser.choose({"p2p", {"any"}, {}, "", 0}, Family::p2p);
  return p;
}

LinkGroup link_group(const Deployment& d, int ranks) {
  LinkGroup group;
  group.ranks = ranks;
  if (ranks <= 1) return group;
  const bool linked = d.gpu.scale_up_link.per_direction.value > 0;
  const LinkSpec& host = d.gpu.host_link.per_direction.value > 0 ? d.gpu.host_link : d.gpu.scale_up_link;
  const int per_node = std::max(1, std::min(d.node.gpus_per_node, ranks));
  if (linked && ranks <= d.gpu.scale_up_domain) {
    group.kind = LinkKind::scale_up;
    group.ranks_per_node = ranks;
    group.bandwidth = d.gpu.scale_up_link.per_direction.value;
    group.latency = d.gpu.scale_up_link.latency.value;
  } else if (ranks <= d.node.gpus_per_node) {
    group.kind = LinkKind::host;
    group.ranks_per_node = ranks;
    group.bandwidth = host.per_direction.value;
    group.latency = host.latency.value;
  } else {
    const LinkSpec& inside = linked && per_node <= d.gpu.scale_up_domain ? d.gpu.scale_up_link : host;
    group.kind = LinkKind::scale_out;
    group.ranks_per_node = per_node;
    group.bandwidth = inside.per_direction.value;
    group.node_bandwidth = d.node.bandwidth_per_device();
    group.latency = std::max(inside.latency.value, d.node.scale_out_link.latency.value);
  }
  return group;
}

}  // namespace foretoken
