// The catalog against the tables of sourced facts it was written from: no figure
// was lost, rounded or mistyped on the way.
#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <optional>

#include "base/csv.hpp"
#include "foretoken/scenario/catalog.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using Row = std::map<std::string, std::string>;

const std::filesystem::path shared = std::filesystem::path(FORETOKEN_SOURCE_DIR) / "../shared";

std::vector<Row> read_table(const std::filesystem::path& path) {
  std::vector<Row> rows;
  Result<LineReader> reader = LineReader::open(path.string());
  if (!reader) return rows;
  std::string line;
  if (!reader->next(line)) return rows;
  const std::vector<std::string> header = split_csv(line);
  while (reader->next(line)) {
    const std::vector<std::string> fields = split_csv(line);
    Row& row = rows.emplace_back();
    for (std::size_t i = 0; i < header.size() && i < fields.size(); ++i) row[header[i]] = fields[i];
  }
  return rows;
}

std::optional<double> number(const Row& row, const std::string& column, double unit = 1) {
  double value = 0;
  if (!parse_number(row.at(column), value)) return std::nullopt;
  return value * unit;
}

template <class Q>
std::optional<double> value(const std::optional<Q>& quantity) {
  return quantity ? std::optional(quantity->value) : std::nullopt;
}

void expect_same(std::optional<double> stated, std::optional<double> in_catalog, const std::string& what) {
  ASSERT_EQ(stated.has_value(), in_catalog.has_value()) << what;
  EXPECT_NEAR(in_catalog.value_or(0), stated.value_or(0), 1e-9 * std::abs(stated.value_or(0))) << what;
}

TEST(CatalogFacts, AcceleratorsCarryTheFiguresOfTheTable) {
  const std::vector<Row> rows = read_table(shared / "facts/gpus.csv");
  if (rows.empty()) GTEST_SKIP() << "shared facts are not here: " << shared;
  EXPECT_EQ(rows.size(), 40U);
  const Catalog catalog;
  for (const Row& row : rows) {
    const std::string& name = row.at("name");
    const Result<GpuSpec> gpu = catalog.gpu(name);
    ASSERT_TRUE(gpu) << format(gpu.error());
    expect_same(number(row, "peak_fp16_bf16_tflops", 1e12), gpu->peak_bf16.value, name + " bf16");
    expect_same(number(row, "peak_fp8_tflops", 1e12), value(gpu->peak_fp8), name + " fp8");
    expect_same(number(row, "peak_int8_tops", 1e12), value(gpu->peak_int8), name + " int8");
    expect_same(number(row, "peak_fp4_tflops", 1e12), value(gpu->peak_fp4), name + " fp4");
    expect_same(number(row, "mamf_bf16_tflops_measured", 1e12), value(gpu->measured_bf16), name + " measured bf16");
    expect_same(number(row, "mem_bw_gb_s", 1e9), value(gpu->memory_bandwidth), name + " memory bandwidth");
    expect_same(number(row, "tdp_w"), value(gpu->tdp), name + " tdp");
    expect_same(number(row, "idle_w"), value(gpu->idle_power), name + " idle power");
    EXPECT_EQ(number(row, "l2_mb", 1e6).value_or(0), gpu->l2_cache.value) << name;
    EXPECT_EQ(number(row, "compute_units").value_or(0), gpu->compute_units) << name;
    const double mebibytes =
        number(row, "mem_capacity_visible_mib").value_or(1024 * number(row, "mem_capacity_label").value_or(0));
    EXPECT_EQ(mebibytes * 1024 * 1024, gpu->memory_capacity.value) << name;
    if (const auto rate = number(row, "interconnect_per_dir_gb_s", 1e9)) {
      EXPECT_NEAR(*rate, gpu->scale_up_link.per_direction.value, 1) << name;
    }
    if (const auto rate = number(row, "pcie_per_dir_gb_s", 1e9)) {
      EXPECT_EQ(*rate, gpu->host_link.per_direction.value) << name;
    }
    if (const auto devices = number(row, "scaleup_domain_max")) {
      EXPECT_EQ(*devices, gpu->scale_up_domain) << name;
    }
  }
}

TEST(CatalogFacts, ModelsCarryTheShapesOfTheTable) {
  const std::vector<Row> rows = read_table(shared / "facts/models.csv");
  if (rows.empty()) GTEST_SKIP() << "shared facts are not here: " << shared;
  EXPECT_EQ(rows.size(), 83U);
  const Catalog catalog;
  for (const Row& row : rows) {
    const std::string& name = row.at("name");
    const Result<ModelSpec> model = catalog.model(name);
    ASSERT_TRUE(model) << format(model.error());
    const auto same = [&](const char* column, int in_catalog) {
      EXPECT_EQ(number(row, column).value_or(0), in_catalog) << name << ' ' << column;
    };
    same("hidden_size", model->hidden_size);
    same("num_hidden_layers", model->layers);
    same("num_attention_heads", model->heads);
    same("num_key_value_heads", model->kv_heads);
    if (model->attention == AttentionKind::grouped_query) same("head_dim", model->head_dim);
    same("intermediate_size", model->intermediate_size);
    same("vocab_size", model->vocab_size);
    same("mlp_matrices", model->mlp_matrices);
    same("num_experts", model->moe.experts);
    same("num_experts_per_tok", model->moe.active_experts);
    same("moe_intermediate_size", model->moe.expert_width);
    same("shared_expert_intermediate_size", model->moe.shared_width);
    same("first_k_dense_replace", model->moe.first_dense_layers);
    same("q_lora_rank", model->latent.q_lora_rank);
    same("kv_lora_rank", model->latent.kv_lora_rank);
    same("qk_nope_head_dim", model->latent.nope_head_dim);
    same("qk_rope_head_dim", model->latent.rope_head_dim);
    same("v_head_dim", model->latent.v_head_dim);
    same("sliding_layers", model->sliding_layers);
    same("full_attention_layers", model->full_attention_layers);
    same("max_position_embeddings", model->max_position_embeddings);
    EXPECT_EQ(row.at("tie_word_embeddings") == "true", model->tie_word_embeddings) << name;
    EXPECT_EQ(row.at("qkv_bias") == "true", model->qkv_bias) << name;
    EXPECT_EQ(number(row, "total_params_b_computed"), model->stated_total_params_b) << name;
    EXPECT_EQ(number(row, "active_params_b_computed"), model->stated_active_params_b) << name;
    EXPECT_EQ(number(row, "kv_bytes_per_token_bf16"), model->stated_kv_bytes_per_token) << name;
  }
}

TEST(CatalogFacts, EveryNameUsedInTheMeasurementsIsFound) {
  const std::vector<Row> rows = read_table(shared / "truth/names.csv");
  if (rows.empty()) GTEST_SKIP() << "shared measurements are not here: " << shared;
  const Catalog catalog;
  for (const Row& row : rows) {
    const std::string& spelling = row.at("name_in_points");
    if (row.at("kind") == "gpu") {
      const Result<GpuSpec> gpu = catalog.gpu(spelling);
      ASSERT_TRUE(gpu) << format(gpu.error());
      EXPECT_EQ(gpu->display_name, row.at("facts_name"));
    } else {
      const Result<ModelSpec> model = catalog.model(spelling);
      ASSERT_TRUE(model) << format(model.error());
      EXPECT_EQ(model->id, row.at("facts_name"));
    }
  }
}

}  // namespace
}  // namespace foretoken
