#include "measurement/kernels/attention_layer.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "foretoken/base/version.hpp"
#include "foretoken/cost/cost_model.hpp"

namespace foretoken {
namespace {

constexpr std::string_view kCore = "attention_decode";
constexpr std::array<std::string_view, 12> kBeside = {"q_a_kv_a", "q_kv_a",   "q_b",         "index_q",
                                                      "index_k",  "o",        "absorb_k",    "absorb_v",
                                                      "rope",     "kv_write", "kv_quantise", "latent_norm"};

// A layer of vLLM that is called uncompiled runs each norm as a chain of small kernels, which a server's compiler
// fuses. ai-dynamo/aiconfigurator 0e741b2, collector/vllm/utils.py, says so, times 74.1 us of them on B200 with 0.22
// where fused kernels take 21.0, and has fused ones since. Of the tables here that of dense layers on B200 with 0.24.0
// is the only one after that: the others have 50 to 60 us more whatever heads, batch and context are, and sparse layers
// take as long on B200 as on its neighbours. That other GPUs lose as much is a guess.
constexpr double kUnfusedNorms = 53.1e-6;

// Engines by their names in tables.
struct TableEngine {
  std::string_view table, engine;
  std::string_view fused_from;  // release of the first table of fused norms; empty: all
};
constexpr TableEngine kEngines[] = {
    {"vllm", "vllm-v1", "0.25"}, {"trtllm", "tensorrt-llm", ""}, {"sglang", "sglang", ""}};

TableEngine engine_of_table(const std::string& name) {
  const auto* row =
      std::find_if(std::begin(kEngines), std::end(kEngines), [&](const auto& e) { return e.table == name; });
  return row == std::end(kEngines) ? TableEngine{name, name, ""} : *row;
}

bool is_unfused(const TableEngine& engine, const AttentionLayer& layer, const GpuSpec& gpu, bool sparse) {
  if (engine.fused_from.empty() || version_at_least(layer.version, engine.fused_from)) return false;
  return sparse || !(gpu.id == "b200_sxm" && layer.version == "0.24.0");
}

WeightFormat format_of_table(std::string_view name) {
  if (name == "nvfp4") return WeightFormat::nvfp4;
  return name == "fp8_block" ? WeightFormat::fp8_block : WeightFormat::bf16;
}

}  // namespace

AttentionLayerTime attention_layer_time(const AttentionLayer& layer, const GpuSpec& gpu, const ModelSpec& model,
                                        const SharedCalibration& calibration) {
  Deployment d;
  d.gpu = gpu;
  d.model = model;
  d.model.heads = layer.heads;
  const TableEngine engine = engine_of_table(layer.engine);
  d.engine_name = engine.engine;
  d.engine_version = layer.version;
  d.level = CostLevel::calibrated;
  d.calibration = calibration;
  d.dense_format = format_of_table(layer.projections);
  d.kv_format = layer.narrow_cache ? KvFormat::fp8 : KvFormat::bf16;
  const DecodeShape decode{layer.batch, static_cast<std::int64_t>(layer.batch) * layer.context};
  const StepBreakdown step = make_cost_model(d)->breakdown({{}, decode, {}, layer.batch, {}});
  AttentionLayerTime time;
  if (is_unfused(engine, layer, gpu, model.sparse.top_k > 0)) time.unfused = kUnfusedNorms;
  for (const OperatorCost& op : step.operators) {
    if (op.name == kCore) time.core += op.seconds / d.model.layers;
    if (std::find(kBeside.begin(), kBeside.end(), op.name) != kBeside.end()) time.beside += op.seconds / d.model.layers;
  }
  return time;
}

}  // namespace foretoken
