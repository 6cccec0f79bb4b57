// The number format of a checkpoint's weights.
#include <fmt/format.h>

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

// compressed-tensors: the first group's weights, {"num_bits": 8, "type": "float", ...}.
std::string compressed_tensors(const Json& config, HfFields& quantization) {
  const Json::Object* groups = config["config_groups"].if_object();
  if (groups == nullptr || groups->empty()) {
    quantization.error("config_groups", "is missing or empty, so the number format is not known");
    return {};
  }
  const Json& weights = groups->front().second["weights"];
  double bits = 0;
  const bool known = weights["num_bits"].number(bits);
  const std::string* type = weights["type"].if_string();
  const bool floating = type != nullptr && *type == "float";
  if (known && bits == 8) return floating ? "fp8" : "int8";
  if (known && bits == 4) return floating ? "nvfp4" : "int4";
  quantization.error("config_groups", "has weights that are neither 4 nor 8 bits wide");
  return {};
}

std::string modelopt(HfFields& quantization) {
  const std::string algorithm = quantization.text({"quant_algo"}).value_or("");
  if (algorithm.find("FP4") != std::string::npos) return "nvfp4";
  if (algorithm.find("FP8") != std::string::npos) return "fp8";
  if (algorithm.find("INT4") != std::string::npos || algorithm.find("W4A16") != std::string::npos) return "int4";
  quantization.error("quant_algo", fmt::format("`{}` is not supported", algorithm), "supported: NVFP4, FP8, W4A16");
  return {};
}

std::string quantized(const Json& config, HfFields& quantization) {
  const std::string method = quantization.text({"quant_method"}).value_or("");
  if (method == "fp8" || method == "fbgemm_fp8") return config["weight_block_size"].is_null() ? "fp8" : "fp8_block";
  if (method == "mxfp4") return "mxfp4";
  if (method == "awq" || method == "gptq") return by_bits(quantization, {"bits", "w_bit"});
  if (method == "compressed-tensors") return compressed_tensors(config, quantization);
  if (method == "modelopt" || method == "modelopt_fp4") return modelopt(quantization);
  if (method == "bitsandbytes") return quantization.flag({"load_in_8bit"}).value_or(false) ? "int8" : "int4";
  quantization.error("quant_method", fmt::format("`{}` is not supported", method),
                     "supported: fp8, mxfp4, awq, gptq, compressed-tensors, modelopt, bitsandbytes");
  return {};
}

}  // namespace

std::string read_weight_format(HfFields& root, HfFields& text) {
  const Json& in_text = text.raw({"quantization_config", "compression_config"});
  const Json& config = in_text.is_null() ? root.raw({"quantization_config", "compression_config"}) : in_text;
  if (!config.is_null()) {
    if (config.if_object() == nullptr) {
      root.error("quantization_config", "must be an object");
      return {};
    }
    HfFields quantization = root.nested(config, "quantization_config.");
    return quantized(config, quantization);
  }
  const HfKeys keys = {"torch_dtype", "dtype"};
  const std::optional<std::string> type = text.has(keys) ? text.text(keys) : root.text(keys);
  if (!type) return {};
  std::string name = *type;
  if (name.starts_with("torch.")) name.erase(0, 6);
  if (name == "bfloat16" || name == "float16") return name;
  if (name == "float32") return "float16";  // engines serve a float32 checkpoint in half precision
  if (name.starts_with("float8")) return "fp8";
  root.error("torch_dtype", fmt::format("`{}` is not supported", name), "supported: bfloat16, float16, float32");
  return {};
}

}  // namespace foretoken
