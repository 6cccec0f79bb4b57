// Which number formats engines serve on which GPUs, as far as their documentation says.
#include <fmt/format.h>

#include "foretoken/study/memory.hpp"

namespace foretoken {
namespace {

// Engines of the catalog that people run, as opposed to those that show a policy.
bool is(const Deployment& d, std::string_view family) {
  return d.engine_name.starts_with(family);
}

const char* missing_arithmetic(WeightFormat format, const GpuSpec& gpu) {
  switch (format) {
    case WeightFormat::fp8:
    case WeightFormat::fp8_static:
    case WeightFormat::fp8_block:
      return gpu.peak_fp8 ? "" : "FP8";
    case WeightFormat::int8:
      return gpu.peak_int8 ? "" : "INT8";
    case WeightFormat::nvfp4:
      return gpu.peak_fp4 ? "" : "FP4";
    case WeightFormat::bf16:
    case WeightFormat::int8_weight_only:
    case WeightFormat::int4_weight_only:
    case WeightFormat::mxfp4:
      break;
  }
  return "";
}

// vLLM and SGLang unpack FP8 and FP4 weights to 16 bits where the GPU has no such matrix units (Marlin kernels);
// TensorRT-LLM does not, and nobody does so for INT8 activations.
std::string weights_problem(const Deployment& d, const std::string& name, std::string& note) {
  const std::string missing = missing_arithmetic(d.expert_format, d.gpu);
  if (missing.empty()) return {};
  const bool unpacks = missing != "INT8" && !is(d, "tensorrt");
  if (!unpacks)
    return fmt::format("{} has no {} matrix units, and {} does not serve {} weights without them", d.gpu.id, missing,
                       d.engine_name, name);
  note = fmt::format("{} has no {} matrix units: {} weights are unpacked and multiplied in 16 bits", d.gpu.id, missing,
                     name);
  return {};
}

std::string kv_problem(const Deployment& d, const std::string& name, std::string& note) {
  const bool vllm = is(d, "vllm"), sglang = is(d, "sglang"), tensorrt = is(d, "tensorrt");
  if (!vllm && !sglang && !tensorrt) return {};
  const auto none = [&](const char* allowed) {
    return fmt::format("{} has no {} KV cache; it has {}", d.engine_name, name, allowed);
  };
  switch (d.kv_format) {
    case KvFormat::bf16:
      return {};
    case KvFormat::fp8:
      if (!d.gpu.peak_fp8)
        note += fmt::format("{}{} has no FP8 matrix units: an fp8 KV cache is only stored so", note.empty() ? "" : "; ",
                            d.gpu.id);
      return {};
    case KvFormat::int8:
      return tensorrt ? "" : none(sglang ? "16 bits, fp8 and fp4" : "16 bits and fp8");
    case KvFormat::int4:
      return none(vllm ? "16 bits and fp8" : sglang ? "16 bits, fp8 and fp4" : "16 bits, fp8, int8 and fp4");
    case KvFormat::fp4:
      if (vllm) return none("16 bits and fp8");
      if (!d.gpu.peak_fp4) return fmt::format("{} has no FP4 units, which an fp4 KV cache needs", d.gpu.id);
      return {};
  }
  return {};
}

}  // namespace

std::string why_not_available(const Deployment& d, const std::string& quantization, const std::string& kv_cache_dtype,
                              std::string& note) {
  note.clear();
  const std::string weights = weights_problem(d, quantization, note);
  const std::string kv = kv_problem(d, kv_cache_dtype, note);
  return weights.empty() ? kv : kv.empty() ? weights : weights + "; " + kv;
}

}  // namespace foretoken
