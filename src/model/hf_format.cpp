// The number format of a checkpoint's weights.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "model/hf_parts.hpp"

namespace foretoken {
namespace {

std::string by_bits(HfFields& quantization, HfKeys keys) {
  const int bits = quantization.count(keys, 16).value_or(4);
  if (bits == 4) return "int4";
  if (bits == 8) return "int8";
  quantization.error(*keys.begin(), fmt::format("is {}; weights of 4 and 8 bits are supported", bits));
  return {};
}

// Formats of the two parts that a deployment tells apart; an empty `dense` is alike.
struct PartFormats {
  std::string experts, dense;
};

bool mentions(std::string_view name, std::string_view word) {
  return name.find(word) != std::string_view::npos;
}

bool is_routed_expert(std::string_view name) {
  return mentions(name, "expert") && !mentions(name, "shared_expert");
}

// Weights of a group of compressed-tensors, {"num_bits": 8, "type": "float", "strategy": "block", ...}.
std::string group_format(const Json& group, HfFields& quantization) {
  const Json& weights = group["weights"];
  double bits = 0;
  const bool known = weights["num_bits"].number(bits);
  const std::string* type = weights["type"].if_string();
  const std::string* strategy = weights["strategy"].if_string();
  const bool floating = type != nullptr && *type == "float";
  const bool blocks = strategy != nullptr && *strategy == "block";
  if (known && bits == 8) return !floating ? "int8" : blocks ? "fp8_block" : "fp8";
  double size = 0;
  const bool mx = weights["group_size"].number(size) && size == 32;
  if (known && bits == 4) return !floating ? "int4" : mx ? "mxfp4" : "nvfp4";
  quantization.error("config_groups", "has weights that are neither 4 nor 8 bits wide");
  return {};
}

// A group whose targets name experts is theirs alone; what no group names stays as it was.
PartFormats compressed_tensors(const Json& config, HfFields& quantization) {
  const Json::Object* groups = config["config_groups"].if_object();
  if (groups == nullptr || groups->empty()) {
    quantization.error("config_groups", "is missing or empty, so the number format is not known");
    return {};
  }
  std::string all, experts;
  for (const auto& [name, group] : *groups) {
    const std::string format = group_format(group, quantization);
    bool of_experts = false;
    if (const Json::Array* targets = group["targets"].if_array(); targets != nullptr && !targets->empty()) {
      of_experts = std::all_of(targets->begin(), targets->end(), [](const Json& target) {
        const std::string* text = target.if_string();
        return text != nullptr && is_routed_expert(*text);
      });
    }
    std::string& part = of_experts ? experts : all;
    if (part.empty()) part = format;
  }
  if (experts.empty()) return {all, {}};
  return {experts, all.empty() ? "bfloat16" : all};
}

std::string modelopt_format(std::string_view algorithm) {
  if (mentions(algorithm, "MXFP4")) return "mxfp4";
  if (mentions(algorithm, "FP4")) return "nvfp4";
  if (mentions(algorithm, "FP8"))
    return mentions(algorithm, "PB_WO") || mentions(algorithm, "BLOCK") ? "fp8_block" : "fp8";
  if (mentions(algorithm, "INT4") || mentions(algorithm, "W4A16")) return "int4";
  return {};
}

// MIXED_PRECISION lists the format of every layer; each part has that of most of its layers.
PartFormats mixed_layers(const Json::Object& layers) {
  std::map<std::string, int> experts, dense;
  for (const auto& [name, layer] : layers) {
    const std::string* algorithm = layer["quant_algo"].if_string();
    const std::string format = algorithm == nullptr ? std::string() : modelopt_format(*algorithm);
    if (!format.empty()) ++(is_routed_expert(name) ? experts : dense)[format];
  }
  const auto most = [](const std::map<std::string, int>& votes) {
    const auto at =
        std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    return at == votes.end() ? std::string() : at->first;
  };
  if (experts.empty()) return {most(dense), {}};
  return {most(experts), dense.empty() ? "bfloat16" : most(dense)};
}

PartFormats modelopt(const Json& config, HfFields& quantization) {
  const std::string algorithm = quantization.text({"quant_algo"}).value_or("");
  if (const Json::Object* layers = config["quantized_layers"].if_object();
      layers != nullptr && mentions(algorithm, "MIXED")) {
    if (PartFormats parts = mixed_layers(*layers); !parts.experts.empty()) return parts;
  }
  if (std::string format = modelopt_format(algorithm); !format.empty()) return {std::move(format), {}};
  quantization.error("quant_algo", fmt::format("`{}` is not supported", algorithm),
                     "supported: NVFP4, MXFP4, FP8, W4A16");
  return {};
}

PartFormats quantized(const Json& config, HfFields& quantization) {
  const std::string method = quantization.text({"quant_method"}).value_or("");
  if (method == "fp8" || method == "fbgemm_fp8")
    return {config["weight_block_size"].is_null() ? "fp8" : "fp8_block", {}};
  if (method == "mxfp4") return {"mxfp4", {}};
  if (method == "awq" || method == "gptq") return {by_bits(quantization, {"bits", "w_bit"}), {}};
  if (method == "compressed-tensors") return compressed_tensors(config, quantization);
  if (method.starts_with("modelopt")) return modelopt(config, quantization);
  if (method == "bitsandbytes") return {quantization.flag({"load_in_8bit"}).value_or(false) ? "int8" : "int4", {}};
  quantization.error("quant_method", fmt::format("`{}` is not supported", method),
                     "supported: fp8, mxfp4, awq, gptq, compressed-tensors, modelopt, bitsandbytes");
  return {};
}

// Are the attention projections of most layers left as they were? Lists name modules, with a wildcard or a
// pattern for all layers or one by one.
bool leaves_attention(const Json& config, int layers) {
  std::set<std::string> one_by_one;
  for (const char* key : {"modules_to_not_convert", "ignore", "exclude_modules", "ignored_layers"}) {
    const Json::Array* list = config[key].if_array();
    if (list == nullptr) continue;
    for (const Json& entry : *list) {
      const std::string* name = entry.if_string();
      if (name == nullptr || !mentions(*name, "attn")) continue;
      const std::size_t at = name->find("layers.");
      const std::size_t digits = at == std::string::npos ? at : at + 7;
      if (digits == std::string::npos || digits >= name->size() ||
          std::isdigit(static_cast<unsigned char>((*name)[digits])) == 0)
        return true;
      one_by_one.insert(name->substr(digits, name->find_first_not_of("0123456789", digits) - digits));
    }
  }
  return 2 * one_by_one.size() > static_cast<std::size_t>(std::max(0, layers));
}

void read_quantization(const Json& config, HfFields& root, ModelSpec& model) {
  HfFields quantization = root.nested(config, "quantization_config.");
  const PartFormats parts = quantized(config, quantization);
  model.released_weight_format = parts.experts;
  model.released_format_origin =
      fmt::format("quantization_config: {}", quantization.text({"quant_method"}).value_or(""));
  if (model.moe.experts > 0) {
    model.released_dense_format = leaves_attention(config, model.layers) ? "bfloat16" : parts.dense;
    if (model.released_dense_format == model.released_weight_format) model.released_dense_format.clear();
  } else if (leaves_attention(config, model.layers)) {
    model.released_format_origin += "; its 16-bit attention is priced like its MLPs";
  }
}

}  // namespace

void read_weight_format(HfFields& root, HfFields& text, ModelSpec& model) {
  const Json& in_text = text.raw({"quantization_config", "compression_config"});
  const Json& config = in_text.is_null() ? root.raw({"quantization_config", "compression_config"}) : in_text;
  if (!config.is_null()) {
    if (config.if_object() == nullptr)
      root.error("quantization_config", "must be an object");
    else
      read_quantization(config, root, model);
    return;
  }
  const HfKeys keys = {"torch_dtype", "dtype"};
  const std::optional<std::string> type = text.has(keys) ? text.text(keys) : root.text(keys);
  if (!type) return;
  std::string name = *type;
  if (name.starts_with("torch.")) name.erase(0, 6);
  if (name == "bfloat16" || name == "float16") {
    model.released_weight_format = name;
  } else if (name == "float32") {
    model.released_weight_format = "float16";  // engines serve a float32 checkpoint in half precision
  } else if (name.starts_with("float8")) {
    model.released_weight_format = "fp8";
  } else {
    root.error("torch_dtype", fmt::format("`{}` is not supported", name), "supported: bfloat16, float16, float32");
  }
}

}  // namespace foretoken
