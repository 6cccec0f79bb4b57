// Whole layers of latent attention, of full and of sparse kind, as decode steps price them, against layers that were
// timed as one (ai-dynamo/aiconfigurator, mla_generation_module_perf and dsa_generation_module_perf). Each operator
// has its own set, fitted to kernels that were timed alone; only the launches of the indexer are of these tables.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/scenario/catalog.hpp"
#include "support/kernel_rows.hpp"
#include "test_paths.hpp"

namespace foretoken::test {
namespace {

struct LayerRow {
  std::string op, gpu, engine, version, model, weights, cache;
  int batch = 0, context = 0, heads = 0;
  double measured_us = 0;
};

std::vector<LayerRow> layers_of(const std::string& table) {
  std::vector<LayerRow> rows;
  KernelRows table_rows(table);
  while (table_rows.next()) {
    const auto at = [&](const char* column) { return table_rows.at(column); };
    if (at("suspect") == "1" || at("part").find("skip_indexer") != std::string::npos) continue;
    rows.push_back({at("op"), at("gpu"), at("engine"), at("engine_version"), at("model"), at("gemm_dtype"),
                    at("kv_dtype"), table_rows.whole("batch"), table_rows.whole("context"), table_rows.whole("q_heads"),
                    std::stod(at("measured_us"))});
  }
  return rows;
}

// One layer of a decode step: what belongs to attention, without its all-reduce.
double layer_us(const LayerRow& row, const std::string& gpu, const std::string& model, const std::string& engine,
                const std::string& version) {
  static const Catalog catalog;
  static const auto calibration = catalog.calibration().value();
  Deployment d;
  d.gpu = catalog.gpu(gpu).value();
  d.model = catalog.model(model).value();
  d.model.heads = row.heads;
  if (row.model == "deepseek-ai/DeepSeek-V3.2") d.model.sparse = {2048, 64, 128};
  d.engine_name = engine;
  d.engine_version = version;
  d.level = CostLevel::calibrated;
  d.calibration = calibration;
  d.dense_format = row.weights == "nvfp4"       ? WeightFormat::nvfp4
                   : row.weights == "fp8_block" ? WeightFormat::fp8_block
                                                : WeightFormat::bf16;
  d.kv_format = row.cache == "fp8" ? KvFormat::fp8 : KvFormat::bf16;
  constexpr std::array<const char*, 13> kOfAttention = {
      "q_a_kv_a", "q_b",      "o",           "index_q",          "index_k",     "absorb_k", "absorb_v",
      "rope",     "kv_write", "kv_quantise", "attention_decode", "latent_norm", "q_kv_a"};
  const DecodeShape decode{row.batch, static_cast<std::int64_t>(row.batch) * row.context};
  const StepBreakdown step = make_cost_model(d)->breakdown({{}, decode, {}, row.batch, {}});
  const bool shown = std::getenv("FORETOKEN_OPERATORS") != nullptr;
  double seconds = 0;
  for (const OperatorCost& op : step.operators) {
    if (std::find(kOfAttention.begin(), kOfAttention.end(), op.name) == kOfAttention.end()) continue;
    seconds += op.seconds / d.model.layers;
    if (shown)
      std::cout << fmt::format("  {} {:.1f} us x {} by {}\n", op.name, op.seconds / d.model.layers * 1e6,
                               op.count / d.model.layers, op.served_by);
  }
  return seconds * 1e6;
}

struct LayerErrors {
  std::vector<double> all;  // signed
  [[nodiscard]] double mean() const {
    double sum = 0;
    for (const double e : all) sum += std::abs(e);
    return all.empty() ? 0 : sum / static_cast<double>(all.size());
  }
  [[nodiscard]] double bias() const {
    double sum = 0;
    for (const double e : all) sum += e;
    return all.empty() ? 0 : sum / static_cast<double>(all.size());
  }
};

struct LayerEngine {
  const char *table, *version, *name, *release;
};
constexpr std::array<LayerEngine, 3> kLayerEngines = {{{"trtllm", "1.3.0rc20", "tensorrt-llm", "1.0"},
                                                       {"vllm", "0.24.0", "vllm-v1", "0.22"},
                                                       {"sglang", "0.5.14", "sglang", "0.5.14"}}};
constexpr std::array<std::pair<const char*, const char*>, 2> kLayerGpus = {
    {{"H100", "h100_sxm"}, {"B200", "b200_sxm"}}};

TEST(AttentionLayers, OfLatentKindAreTheSumOfTheirOperators) {
  const std::string packed = std::string(FORETOKEN_SOURCE_DIR) + "/../shared/truth/kernels2.csv.gz";
  if (!std::filesystem::exists(packed)) GTEST_SKIP() << "the table of kernels is not here: " << packed;
  const std::string table = ::testing::TempDir() + "attention_layers.csv";
  const std::string wanted = "^(op|mla_module_decode|dsa_module_decode),";
  ASSERT_EQ(std::system(("gzip -dc '" + packed + "' | grep -E '" + wanted + "' > '" + table + "'").c_str()), 0);
  std::map<std::string, LayerErrors> groups;
  for (const LayerRow& row : layers_of(table)) {
    // Splits of up to eight ranks, contexts that decode steps have.
    if (row.heads < 8 || row.context < 128 || row.batch > 512) continue;
    const auto gpu =
        std::find_if(kLayerGpus.begin(), kLayerGpus.end(), [&](const auto& g) { return row.gpu == g.first; });
    const auto engine = std::find_if(kLayerEngines.begin(), kLayerEngines.end(), [&](const LayerEngine& e) {
      return row.engine == e.table && row.version == e.version;
    });
    if (gpu == kLayerGpus.end() || engine == kLayerEngines.end()) continue;
    const bool sparse = row.op.starts_with("dsa");
    const bool glm = row.model == "zai-org/GLM-5";
    if (sparse && !glm && row.model != "deepseek-ai/DeepSeek-V3.2") continue;
    const double priced = layer_us(row, gpu->second, glm ? "GLM-5" : "DeepSeek-V3", engine->name, engine->release);
    const double error = priced / row.measured_us - 1;
    groups[fmt::format("{} {} {}", row.op, row.engine, row.gpu)].all.push_back(error);
    if (sparse) groups[fmt::format("{} {} {} {}", row.op, row.engine, row.gpu, row.model)].all.push_back(error);
    groups[fmt::format("{} {} {} {} cache {}", row.op, row.engine, row.gpu, row.weights, row.cache)].all.push_back(
        error);
    groups[row.op].all.push_back(error);
    if (std::getenv("FORETOKEN_ROWS") != nullptr)
      std::cout << fmt::format("row {} {} {} {} {} b {} L {} h {}: {:.1f} us, {:+.0f} %\n", row.op, row.engine, row.gpu,
                               row.weights, row.cache, row.batch, row.context, row.heads, row.measured_us, error * 100);
  }
  std::filesystem::remove(table);
  for (const auto& [name, errors] : groups)
    std::cout << fmt::format("{:<60} {:4} rows: {:5.1f} % in the mean, bias {:+.1f} %\n", name, errors.all.size(),
                             errors.mean() * 100, errors.bias() * 100);
  // Those of engines whose own core kernel has a table. That of vLLM has none in 8 bits.
  EXPECT_GE(groups["mla_module_decode"].all.size(), 250u);
  EXPECT_LE(groups["mla_module_decode trtllm H100"].mean(), 0.10);
  EXPECT_LE(groups["mla_module_decode trtllm B200"].mean(), 0.14);
}

}  // namespace
}  // namespace foretoken::test
