// Whole layers of latent attention, of full and of sparse kind, as decode steps price them, against layers that were
// timed as one (ai-dynamo/aiconfigurator, mla_generation_module_perf and dsa_generation_module_perf). Each operator
// has its own set, fitted to kernels that were timed alone; of these tables are the indexer's constants, and the core
// kernel of vLLM, which nobody timed alone.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>

#include "foretoken/scenario/catalog.hpp"
#include "measurement/kernels/attention_layer.hpp"
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

// One layer of a decode step, microseconds: its core kernel, and what is beside it.
AttentionLayerTime layer_time(const LayerRow& row, const std::string& gpu) {
  static const Catalog catalog;
  static const auto calibration = catalog.calibration().value();
  ModelSpec model = catalog.model(row.model == "zai-org/GLM-5" ? "GLM-5" : "DeepSeek-V3").value();
  if (row.model == "deepseek-ai/DeepSeek-V3.2") model.sparse = {2048, 64, 128};
  return attention_layer_time(
      {row.engine, row.version, row.weights, row.cache == "fp8", row.heads, row.batch, row.context},
      catalog.gpu(gpu).value(), model, calibration);
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
  const char *table, *version;
};
constexpr std::array<LayerEngine, 3> kLayerEngines = {
    {{"trtllm", "1.3.0rc20"}, {"vllm", "0.24.0"}, {"sglang", "0.5.14"}}};
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
    if (sparse && row.model != "zai-org/GLM-5" && row.model != "deepseek-ai/DeepSeek-V3.2") continue;
    const AttentionLayerTime priced = layer_time(row, gpu->second);
    const double error = priced.as_timed() * 1e6 / row.measured_us - 1;
    groups[fmt::format("{} {} {}", row.op, row.engine, row.gpu)].all.push_back(error);
    if (sparse) groups[fmt::format("{} {} {} {}", row.op, row.engine, row.gpu, row.model)].all.push_back(error);
    groups[fmt::format("{} {} {} {} cache {}", row.op, row.engine, row.gpu, row.weights, row.cache)].all.push_back(
        error);
    groups[row.op].all.push_back(error);
    if (std::getenv("FORETOKEN_ROWS") != nullptr)
      std::cout << fmt::format("row {} {} {} {} {} b {} L {} h {}: {:.1f} us, {:+.0f} %, beside {:.1f}\n", row.op,
                               row.engine, row.gpu, row.weights, row.cache, row.batch, row.context, row.heads,
                               row.measured_us, error * 100, priced.beside * 1e6);
  }
  std::filesystem::remove(table);
  for (const auto& [name, errors] : groups)
    std::cout << fmt::format("{:<60} {:4} rows: {:5.1f} % in the mean, bias {:+.1f} %\n", name, errors.all.size(),
                             errors.mean() * 100, errors.bias() * 100);
  EXPECT_GE(groups["mla_module_decode"].all.size(), 250u);
  EXPECT_LE(groups["mla_module_decode trtllm H100"].mean(), 0.10);
  EXPECT_LE(groups["mla_module_decode trtllm B200"].mean(), 0.14);
  for (const char* gpu : {"H100", "B200"}) {
    EXPECT_LE(groups[fmt::format("mla_module_decode vllm {}", gpu)].mean(), 0.10) << gpu;
    for (const LayerEngine& engine : kLayerEngines)
      EXPECT_LE(groups[fmt::format("dsa_module_decode {} {}", engine.table, gpu)].mean(), 0.12) << engine.table << gpu;
  }
}

}  // namespace
}  // namespace foretoken::test
