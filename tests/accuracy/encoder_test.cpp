// The attention of encoders of images as steps price it, against kernels that were timed alone
// (ai-dynamo/aiconfigurator, encoder_attention_perf of the engines' tables). Nothing here is fitted but what
// src/cost/README.md, "Encoders", says.
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

struct EncoderRow {
  std::string gpu;
  int batch = 0, patches = 0, heads = 0, head_dim = 0;
  double measured_us = 0;
};

std::vector<EncoderRow> rows_of(const std::string& table, const std::string& engine, const std::string& version) {
  std::vector<EncoderRow> rows;
  KernelRows table_rows(table);
  while (table_rows.next()) {
    const auto at = [&](const char* column) { return table_rows.at(column); };
    if (at("op") != "attention_encoder" || at("engine") != engine || at("engine_version") != version) continue;
    if (at("suspect") == "1") continue;
    rows.push_back({at("gpu"), table_rows.whole("batch"), table_rows.whole("seqlen_new"), table_rows.whole("q_heads"),
                    table_rows.whole("head_dim"), std::stod(at("measured_us"))});
  }
  return rows;
}

// What a step of one such layer takes for it.
double priced_us(const std::string& gpu, const EncoderRow& row) {
  static const Catalog catalog;
  Deployment d;
  d.gpu = catalog.gpu(gpu).value();
  d.model = catalog.model("Qwen2.5-7B").value();
  d.engine_name = "vllm-v1";
  d.engine_version = "0.22";
  d.level = CostLevel::calibrated;
  d.calibration = catalog.calibration().value();
  d.largest_item = 1;
  EncoderSpec& e = d.model.encoder;
  e.rule = MediaRule::qwen_vl;
  e.layers = 1;
  e.heads = row.heads;
  e.hidden_size = row.heads * row.head_dim;
  e.intermediate_size = e.hidden_size;
  const EncodedItem item{1, row.batch, row.patches};
  for (const OperatorCost& op : make_cost_model(d)->breakdown({{}, {}, {}, 0, std::span(&item, 1)}).operators) {
    if (op.name == "encoder_attention") return op.seconds * 1e6;
  }
  return 0;
}

struct Errors {
  std::vector<double> all;  // signed
  [[nodiscard]] double median() const {
    return at([](double e) { return std::abs(e); }, 0.5);
  }
  [[nodiscard]] double p90() const {
    return at([](double e) { return std::abs(e); }, 0.9);
  }
  [[nodiscard]] double bias() const {
    return at([](double e) { return e; }, 0.5);
  }

 private:
  template <class Of>
  [[nodiscard]] double at(Of of, double share) const {
    if (all.empty()) return 0;
    std::vector<double> sorted;
    for (const double e : all) sorted.push_back(of(e));
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
  }
};

TEST(EncoderAccuracy, AttentionOfImagesIsAsMeasured) {
  const std::string packed = std::string(FORETOKEN_SOURCE_DIR) + "/../shared/truth/kernels2.csv.gz";
  if (!std::filesystem::exists(packed)) GTEST_SKIP() << "the table of kernels is not here: " << packed;
  const std::string table = ::testing::TempDir() + "encoder_attention.csv";
  ASSERT_EQ(std::system(("gzip -dc '" + packed + "' | grep -E '^(op|attention_encoder),' > '" + table + "'").c_str()),
            0);
  const std::array<std::pair<const char*, const char*>, 4> gpus = {
      {{"H100", "h100_sxm"}, {"H200", "h200_sxm"}, {"B200", "b200_sxm"}, {"RTX_PRO_6000", "rtx_pro_6000_server"}}};
  std::map<std::string, Errors> groups;
  Errors large;
  for (const EncoderRow& row : rows_of(table, "vllm", "0.24.0")) {
    const auto gpu = std::find_if(gpus.begin(), gpus.end(), [&](const auto& g) { return row.gpu == g.first; });
    if (gpu == gpus.end()) continue;
    const double error = priced_us(gpu->second, row) / row.measured_us - 1;
    const bool is_image = row.patches >= 256;
    groups[fmt::format("{:<14} {} {}", row.gpu, row.head_dim, is_image ? ">= 256" : "below")].all.push_back(error);
    groups[fmt::format("{:<14} {:<2} {}", row.gpu, "", is_image ? ">= 256" : "below")].all.push_back(error);
    if (is_image) large.all.push_back(error);
    if (std::getenv("FORETOKEN_ROWS") != nullptr)
      std::cout << fmt::format("row {} b {} s {} h {} d {}: {:.1f} us, {:+.0f} %\n", row.gpu, row.batch, row.patches,
                               row.heads, row.head_dim, row.measured_us, error * 100);
  }
  std::filesystem::remove(table);
  for (const auto& [name, errors] : groups)
    std::cout << fmt::format("{:<28} {:3} rows: {:5.1f} % in the median, {:5.1f} % at the 90th, bias {:+.1f} %\n", name,
                             errors.all.size(), errors.median() * 100, errors.p90() * 100, errors.bias() * 100);
  std::cout << fmt::format("all of 256 patches and more: {} rows, {:.1f} % in the median, bias {:+.1f} %\n",
                           large.all.size(), large.median() * 100, large.bias() * 100);
  EXPECT_GT(large.all.size(), 80u);
  EXPECT_LE(large.median(), 0.12);
}

}  // namespace
}  // namespace foretoken::test
