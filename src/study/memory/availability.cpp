// Which number formats engines serve on which GPUs, as far as their documentation says.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "foretoken/study/memory.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

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
    case WeightFormat::mxfp4_mxfp8:
      break;
  }
  return "";
}

// Nobody unpacks weights whose activations are INT8 too.
std::string weights_problem(const Deployment& d, const std::string& name, std::string& note) {
  const std::string missing = missing_arithmetic(d.expert_format, d.gpu);
  if (missing.empty()) return {};
  if (d.expert_format == WeightFormat::int8 || !find_engine(d.engine_name).unpacks_weights)
    return fmt::format("{} has no {} matrix units, and {} does not serve {} weights without them", d.gpu.id, missing,
                       d.engine_name, name);
  note = fmt::format("{} has no {} matrix units: {} weights are unpacked and multiplied in 16 bits", d.gpu.id, missing,
                     name);
  return {};
}

std::string_view word_of(KvFormat format) {
  switch (format) {
    case KvFormat::bf16:
      return "16 bits";
    case KvFormat::fp8:
      return "fp8";
    case KvFormat::int8:
      return "int8";
    case KvFormat::int4:
      return "int4";
    case KvFormat::fp4:
      return "fp4";
    case KvFormat::fp8_per_token_head:
      return "fp8_per_token_head";
    case KvFormat::int8_per_token_head:
      return "int8_per_token_head";
  }
  return "unknown";
}

// 16 bits, fp8 and fp4.
std::string words_of(std::span<const KvFormat> formats) {
  std::string text;
  for (std::size_t i = 0; i < formats.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 < formats.size() ? ", " : " and ", word_of(formats[i]));
  return text;
}

std::string kv_problem(const Deployment& d, const std::string& name, std::string& note) {
  const std::span<const KvFormat> formats = find_engine(d.engine_name).kv_formats;
  if (formats.empty()) return {};
  if (std::find(formats.begin(), formats.end(), d.kv_format) == formats.end())
    return fmt::format("{} has no {} KV cache; it has {}", d.engine_name, name, words_of(formats));
  if (d.kv_format == KvFormat::fp4 && !d.gpu.peak_fp4)
    return fmt::format("{} has no FP4 units, which an fp4 KV cache needs", d.gpu.id);
  if (d.kv_format == KvFormat::fp8 && !d.gpu.peak_fp8)
    note += fmt::format("{}{} has no FP8 matrix units: an fp8 KV cache is only stored so", note.empty() ? "" : "; ",
                        d.gpu.id);
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
