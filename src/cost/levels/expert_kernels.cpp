// The choice of the engines, as their sources have it (src/cost/README.md, "Routed experts").
#include "cost/levels/expert_kernels.hpp"

#include <algorithm>

#include "cost/levels/engine_costs.hpp"
#include "cost/operators/device.hpp"
#include "foretoken/base/version.hpp"

namespace foretoken {
namespace {

constexpr std::string_view kAny = "";

// What runs by default. The first row that fits counts.
struct Choice {
  std::string_view engine;      // of the sets
  std::string_view generation;  // kAny: all others
  std::string_view format;      // of the weights
  std::string_view library;
  bool narrow_activations = false;  // mxfp4: with activations in 8 bits
  std::string_view before = kAny;   // of releases before this one
};
constexpr Choice kChoices[] = {
    // vLLM: model_executor/layers/fused_moe/oracle. Grouped kernels of TensorRT-LLM through FlashInfer on data centre
    // Blackwell, of CUTLASS on its small relative, Triton's elsewhere; Marlin where weights alone are narrow.
    {"vllm", "sm100", "w4a16_mxfp4", "trtllm"},
    {"vllm", "sm100", "int4_wo", "marlin"},
    {"vllm", "sm100", kAny, "trtllm"},
    {"vllm", "sm120", "w4a16_mxfp4", "marlin"},
    {"vllm", "sm120", "int4_wo", "marlin"},
    {"vllm", "sm120", kAny, "cutlass"},
    {"vllm", kAny, "int4_wo", "marlin"},
    {"vllm", kAny, kAny, "triton"},
    // SGLang: server_args.py, moe_runner_backend.
    {"sglang", "sm100", "w4a16_mxfp4", "trtllm", true},
    {"sglang", "sm100", "int4_wo", "marlin", false, "0.5.14"},
    {"sglang", "sm100", "bf16", "triton", false, "0.5.14"},
    {"sglang", "sm100", kAny, "trtllm"},
    {"sglang", "sm120", "nvfp4", "cutlass"},
    {"sglang", "sm120", "w4a16_mxfp4", "marlin"},
    {"sglang", kAny, "int4_wo", "marlin"},
    {"sglang", kAny, kAny, "triton"},
    // TensorRT-LLM: moe_config.backend. On Blackwell TRTLLM's for what it knows, also where scripts ask for CUTLASS's
    // (whose table is 40 to 80 % slower than those servers); on Hopper the block kernels of its table are 10 % slower
    // than
    // servers, and Triton's are not (both seen on measured servers).
    {"trtllm", "sm100", "w4a16_mxfp4", "torch", true},
    {"trtllm", "sm100", "fp8_block", "trtllm"},
    {"trtllm", "sm100", "nvfp4", "trtllm"},
    {"trtllm", "sm90", "fp8_block", "triton"},
    {"trtllm", kAny, "w4a16_mxfp4", "torch"},
    {"trtllm", kAny, kAny, "cutlass"},
};

// Libraries that an engine's own table times under another name: TensorRT-LLM's `moe_torch_flow` is what its AUTO
// resolves to for gpt-oss, Triton's kernels on Hopper and its own on Blackwell
// (ai-dynamo/aiconfigurator:collector/trtllm/collect_moe.py).
struct OwnTable {
  std::string_view engine, generation, format, named, library;
};
constexpr OwnTable kOwnTables[] = {
    {"trtllm", "sm90", "w4a16_mxfp4", "triton", "torch"},
    {"trtllm", "sm100", "w4a16_mxfp4", "trtllm_mxfp8", "torch"},
};

std::string library_of(std::string_view engine, std::string_view generation, std::string_view format,
                       const std::string& named) {
  for (const OwnTable& t : kOwnTables) {
    if (t.engine == engine && t.generation == generation && t.format == format && t.named == named)
      return std::string(t.library);
  }
  return named == "trtllm_mxfp8" ? "trtllm" : named;
}

const Choice& choice_of(std::string_view engine, std::string_view generation, std::string_view format,
                        std::string_view release) {
  const auto fits = [](std::string_view row, std::string_view wanted) { return row == kAny || row == wanted; };
  const auto row = std::find_if(std::begin(kChoices), std::end(kChoices), [&](const Choice& c) {
    return c.engine == engine && fits(c.generation, generation) && fits(c.format, format) &&
           (c.before == kAny || release.empty() || !version_at_least(release, c.before));
  });
  return row == std::end(kChoices) ? choice_of("vllm", generation, format, "") : *row;
}

// Formats whose sets describe a format, the nearest first.
std::vector<std::string_view> described_by(std::string_view format, std::string_view generation,
                                           const EngineCosts& engine) {
  // On Hopper and before, the fp8 tables time a library whose kernel reaches 15 to 20 % of the bandwidth; checkpoints
  // with dynamic scales run kernels like those of the block tables (chosen on measured servers). TensorRT-LLM's own
  // table reaches 85 %.
  if (format == "fp8" && generation != "sm100" && !engine.own_fp8_experts) return {"fp8_block", "fp8"};
  if (format == "fp8") return {"fp8", "fp8_block"};
  if (format == "int8") return {"fp8"};
  if (format == "int8_wo") return {"fp8_block", "fp8"};
  if (format == "w4a8_mxfp4_mxfp8") return {"w4a8_mxfp4_mxfp8", "w4a8_mxfp4", "w4a16_mxfp4"};
  return {format};
}

}  // namespace

std::vector<std::string_view> expert_libraries() {
  return {"triton", "marlin", "cutlass", "trtllm", "trtllm_mxfp8", "deepgemm", "cutedsl"};
}

ExpertKernels expert_kernels(const Deployment& d) {
  const EngineCosts& engine = engine_costs(d.engine_name);
  const std::string generation = gpu_generation(d.gpu);
  const Device device = datasheet_device(d.gpu);
  const std::string_view stored = matrix_format(d.expert_format, device).set_format;
  const Choice& choice = choice_of(engine.kernels, generation, stored, d.engine_version);
  std::string library(choice.library);
  bool narrow = choice.narrow_activations;
  if (!d.moe_backend.empty()) {
    narrow = d.moe_backend == "trtllm_mxfp8";
    library = library_of(engine.kernels, generation, stored, d.moe_backend);
  }
  ExpertKernels kernels{d.expert_format, {}};
  if (narrow && d.expert_format == WeightFormat::mxfp4 && device.flops_fp8 > 0)
    kernels.format = WeightFormat::mxfp4_mxfp8;
  // Others of the same format before another format; the plain name is of tables that mix libraries.
  for (const std::string_view format :
       described_by(matrix_format(kernels.format, device).set_format, generation, engine)) {
    kernels.formats.push_back(std::string(format) + "." + library);
    if (library == "trtllm") kernels.formats.push_back(std::string(format) + ".modular");
    for (const std::string_view other : {"torch", "trtllm", "cutlass", "triton", "marlin"}) {
      if (other != library) kernels.formats.push_back(std::string(format) + "." + std::string(other));
    }
    kernels.formats.emplace_back(format);
  }
  return kernels;
}

}  // namespace foretoken
