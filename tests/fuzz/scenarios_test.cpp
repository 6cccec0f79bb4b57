// Scenario texts and overrides: a scenario or words with a place, never an exception, a crash or a hang.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "foretoken/scenario/scenario.hpp"
#include "fuzz/case.hpp"
#include "model/hf_config.hpp"
#include "scenario/field_table.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using namespace foretoken::fuzz;

const std::vector<std::string>& scenario_texts() {
  static const std::vector<std::string> texts = [] {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(FORETOKEN_SOURCE_DIR "/scenarios"))
      if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    std::vector<std::string> all;
    for (const auto& path : paths) {
      std::ifstream file(path);
      all.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return all;
  }();
  return texts;
}

void load(const std::string& text, const LoadOptions& options) {
  Diagnostics warnings;
  const Result<Scenario> scenario =
      parse_scenario(text, FORETOKEN_SOURCE_DIR "/scenarios/fuzz.yaml", options, &warnings);
  if (scenario) {
    EXPECT_FALSE(to_text(to_json(*scenario), 0).empty());
    EXPECT_EQ(format(warnings).find('\x1b'), std::string::npos);
  } else {
    expect_well_said(scenario.error());
  }
}

TEST(Fuzz, DamagedScenariosAreReadOrRefused) {
  run_cases("scenario text", 800,
            [](RandomStream& random) { load(damaged(one_of(random, scenario_texts()), random), {}); });
}

// A path of the field table, at times an element of a list, misspelt, or of nothing.
std::string some_path(RandomStream& random) {
  const auto fields = scenario_fields();
  std::string path(fields[below(random, fields.size())].path);
  if (const auto list = path.find("[]"); list != std::string::npos)
    path.insert(list + 1, one_of(random, {"0", "1", "99", "-1", "x", ""}));
  return below(random, 12) == 0 ? slipped(path, random) : path;
}

std::string some_value(RandomStream& random) {
  const std::string& value = nasty_value(random);
  switch (below(random, 6)) {
    case 0:
      return "[" + value + ", " + nasty_value(random) + "]";
    case 1:
      return "{" + one_of(random, {"distribution", "range", "name", "path", "gpu_hour", "a"}) + ": " + value + "}";
    default:
      return value;
  }
}

TEST(Fuzz, OverridesOfAnyKeyAreTakenOrRefused) {
  run_cases("--set", 1200, [](RandomStream& random) {
    LoadOptions options;
    const auto some = [&] { return some_path(random) + "=" + some_value(random); };
    for (std::size_t n = 1 + below(random, 3); n > 0; --n) options.overrides.push_back(some());
    if (below(random, 8) == 0) options.over.push_back(some());
    if (below(random, 8) == 0) options.recommend_over.push_back(some());
    load(one_of(random, scenario_texts()), options);
  });
}

constexpr const char* kConfig =
    R"({"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "hidden_size": 2048,
 "num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "vocab_size": 151936,
 "intermediate_size": 6144, "moe_intermediate_size": 768, "num_experts": 128, "num_experts_per_tok": 8,
 "decoder_sparse_step": 1, "mlp_only_layers": [], "max_position_embeddings": 40960, "tie_word_embeddings": false,
 "torch_dtype": "bfloat16", "sliding_window": null, "quantization_config": {"quant_method": "fp8"}})";

TEST(Fuzz, DamagedModelConfigsAreReadOrRefused) {
  run_cases("config.json", 1500, [](RandomStream& random) {
    const Result<Json> json = parse_json(damaged(kConfig, random), "config.json");
    if (!json) return expect_well_said(json.error());
    const Result<ModelSpec> model = model_from_hf_config(*json, "config.json");
    if (!model) expect_well_said(model.error());
  });
}

TEST(Fuzz, WhatIsReadAsJsonIsWrittenAndReadAsTheSame) {
  run_cases("json", 2000, [](RandomStream& random) {
    const Result<Json> json = parse_json(damaged(kConfig, random), "x.json");
    if (!json) return expect_well_said(json.error());
    const Result<Json> again = parse_json(to_text(*json), "x.json");
    ASSERT_TRUE(again) << format(again.error());
    EXPECT_TRUE(*again == *json);
  });
}

}  // namespace
}  // namespace foretoken
