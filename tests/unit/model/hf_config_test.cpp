// The config.json import: real configs, old key names, and everything that can be wrong.
#include "model/hf_config.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "model/counts.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path config_folder = std::filesystem::path(FORETOKEN_SOURCE_DIR) / "../shared/facts/hf-configs";

Result<ModelSpec> parse(const std::string& text) {
  return model_from_hf_config(parse_json(text, "config.json").value(), "config.json");
}

std::string problems(const std::string& text) {
  const Result<ModelSpec> model = parse(text);
  return model ? "no problem" : format(model.error());
}

// A Llama-like config with `fields` put in front, so that they win nothing by accident.
std::string llama_with(const std::string& fields) {
  return "{" + fields + R"("model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 128256})";
}

struct Expected {
  const char* file;
  double total_b, active_b, kv_bytes_per_token;  // facts/models.csv
  int sliding_layers, full_layers, sliding_window;
  const char* format;
};

class PublishedConfig : public ::testing::TestWithParam<Expected> {};

TEST_P(PublishedConfig, GivesTheShapeThatTheModelTableStates) {
  const Expected& expected = GetParam();
  std::ifstream stream(config_folder / expected.file);
  if (!stream) GTEST_SKIP() << "shared facts are not here: " << config_folder;
  std::stringstream text;
  text << stream.rdbuf();
  const Result<ModelSpec> parsed = parse(text.str());
  ASSERT_TRUE(parsed) << format(parsed.error());
  const ModelSpec& model = *parsed;
  const ParameterCounts counts = count_parameters(model);
  EXPECT_NEAR(counts.total / 1e9, expected.total_b, 5e-4 * expected.total_b);
  EXPECT_NEAR(counts.active / 1e9, expected.active_b, 5e-4 * expected.active_b);
  EXPECT_EQ(2 * kv_elements_per_token(model), expected.kv_bytes_per_token);
  EXPECT_EQ(model.sliding_layers, expected.sliding_layers);
  EXPECT_EQ(model.full_attention_layers, expected.full_layers);
  EXPECT_EQ(model.sliding_window, expected.sliding_window);
  EXPECT_EQ(model.released_weight_format, expected.format);
}

INSTANTIATE_TEST_SUITE_P(
    HuggingFace, PublishedConfig,
    ::testing::Values(Expected{"bloom-176b.json", 176.24, 176.24, 4014080, 0, 70, 0, "bfloat16"},
                      Expected{"deepseek-v2-lite.json", 15.706, 2.661, 31104, 0, 27, 0, "bfloat16"},
                      Expected{"deepseek-v3.json", 671.026, 37.552, 70272, 0, 61, 0, "fp8_block"},
                      Expected{"falcon-180b.json", 178.555, 178.555, 163840, 0, 80, 0, "bfloat16"},
                      Expected{"gemma-3-27b-it.json", 27.008, 27.008, 507904, 52, 10, 1024, "bfloat16"},
                      Expected{"gpt-oss-20b.json", 20.915, 4.187, 49152, 12, 12, 128, "mxfp4"},
                      Expected{"llama-2-7b.json", 6.738, 6.738, 524288, 0, 32, 0, "float16"},
                      Expected{"llama-3.1-70b.json", 70.554, 70.554, 327680, 0, 80, 0, "bfloat16"},
                      Expected{"llama-3.1-8b.json", 8.03, 8.03, 131072, 0, 32, 0, "bfloat16"},
                      Expected{"llama-4-scout.json", 107.77, 17.173, 196608, 36, 12, 8192, "bfloat16"},
                      Expected{"mixtral-8x7b.json", 46.703, 12.88, 131072, 0, 32, 0, "bfloat16"},
                      Expected{"opt-66b.json", 65.716, 65.716, 2359296, 0, 64, 0, "float16"},
                      Expected{"qwen2.5-7b.json", 7.616, 7.616, 57344, 0, 28, 0, "bfloat16"},
                      Expected{"qwen3-30b-a3b.json", 30.532, 3.353, 98304, 0, 48, 0, "bfloat16"}),
    [](const auto& param) {
      std::string name;
      for (const char* c = param.param.file; *c != '\0'; ++c) {
        if (std::isalnum(static_cast<unsigned char>(*c)) != 0) name += *c;
      }
      return name;
    });

TEST(HfConfig, EveryConfigOfTheSharedFolderIsCoveredAbove) {
  if (!std::filesystem::exists(config_folder)) GTEST_SKIP() << "shared facts are not here: " << config_folder;
  int configs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(config_folder)) {
    configs += entry.path().extension() == ".json" ? 1 : 0;
  }
  EXPECT_EQ(configs, 14);
}

TEST(HfConfig, AbsentHeadDimIsHiddenOverHeadsAndAbsentKvHeadsAreAllHeads) {
  const ModelSpec model = parse(llama_with("")).value();
  EXPECT_EQ(model.head_dim, 128);
  EXPECT_EQ(model.kv_heads, 32);
  EXPECT_EQ(model.mlp_matrices, 3);
  EXPECT_FALSE(model.tie_word_embeddings);
}

TEST(HfConfig, KeysOfTheFirstGenerationAreRead) {
  const ModelSpec gpt2 =
      parse(R"({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "n_inner": null,
                "vocab_size": 50257})")
          .value();
  // The checkpoint of GPT-2 has 124.4 million parameters.
  EXPECT_NEAR(count_parameters(gpt2).total / 1e6, 124.4, 0.2);
  EXPECT_EQ(gpt2.intermediate_size, 3072);
}

TEST(HfConfig, FalconSharesOneKvHeadBeforeItsNewDecoderArchitecture) {
  const ModelSpec falcon =
      parse(R"({"model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32, "num_attention_heads": 71,
                "num_kv_heads": 71, "multi_query": true, "new_decoder_architecture": false, "vocab_size": 65024})")
          .value();
  EXPECT_EQ(falcon.kv_heads, 1);
  EXPECT_NEAR(count_parameters(falcon).total / 1e9, 6.92, 0.01);
}

TEST(HfConfig, TheNameGivesIdAndHubIdButALocalFolderOnlyTheId) {
  EXPECT_EQ(parse(llama_with(R"("_name_or_path": "org/My-8B",)")).value().hf_id, "org/My-8B");
  EXPECT_EQ(parse(llama_with(R"("_name_or_path": "org/My-8B",)")).value().id, "My-8B");
  EXPECT_EQ(parse(llama_with(R"("_name_or_path": "/home/me/My-8B",)")).value().hf_id, "");
  EXPECT_EQ(parse(llama_with(R"("_name_or_path": "/home/me/My-8B",)")).value().id, "My-8B");
}

TEST(HfConfig, AWindowLongerThanTheContextHasNoEffect) {
  const ModelSpec model = parse(llama_with(R"("sliding_window": 262145, "max_position_embeddings": 131072,)")).value();
  EXPECT_EQ(model.sliding_layers, 0);
  EXPECT_EQ(model.full_attention_layers, 32);
}

TEST(HfConfig, MistralSlidesInEveryLayer) {
  const ModelSpec model = parse(llama_with(R"("sliding_window": 4096, "max_position_embeddings": 32768,)")).value();
  EXPECT_EQ(model.sliding_layers, 32);
  EXPECT_EQ(model.sliding_window, 4096);
}

TEST(HfConfig, QwenSlidesFromItsFirstWindowLayerOn) {
  const ModelSpec model =
      parse(llama_with(R"("sliding_window": 4096, "use_sliding_window": true, "max_window_layers": 20,)")).value();
  EXPECT_EQ(model.full_attention_layers, 20);
  EXPECT_EQ(model.sliding_layers, 12);
}

TEST(HfConfig, GatedDeltaNetLayersKeepAStateAndNoKv) {
  const ModelSpec model =
      parse(R"({"model_type": "qwen3_5_moe", "text_config": {"model_type": "qwen3_5_moe_text", "hidden_size": 4096,
        "num_hidden_layers": 60, "num_attention_heads": 32, "num_key_value_heads": 2, "head_dim": 256,
        "vocab_size": 248320, "num_experts": 512, "num_experts_per_tok": 10, "moe_intermediate_size": 1024,
        "shared_expert_intermediate_size": 1024, "full_attention_interval": 4, "linear_num_key_heads": 16,
        "linear_num_value_heads": 64, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4}})")
          .value();
  EXPECT_EQ(model.recurrent.layers, 45);
  EXPECT_NEAR(count_parameters(model).total / 1e9, 396.346, 0.01);
  EXPECT_EQ(2 * kv_elements_per_token(model), 30720);
  EXPECT_FALSE(model.moe.routing_bias);
}

std::string kimi_linear(const std::string& linear, const std::string& layers = "27") {
  return R"({"model_type": "kimi_linear", "hidden_size": 2304, "num_hidden_layers": )" + layers + R"(,
    "num_attention_heads": 32, "num_key_value_heads": 32, "kv_lora_rank": 512, "q_lora_rank": null,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "intermediate_size": 9216,
    "vocab_size": 163840, "num_experts": 256, "num_experts_per_token": 8, "moe_intermediate_size": 1024,
    "num_shared_experts": 1, "first_k_dense_replace": 1, "linear_attn_config": )" +
         linear + "}";
}

// The released tensors have 49,122,681,728 elements.
TEST(HfConfig, KimiLinearHasDeltaAttentionWithGatesOfItsOwn) {
  const std::string linear = R"({"full_attn_layers": [4, 8, 12, 16, 20, 24, 27], "num_heads": 32, "head_dim": 128,
    "short_conv_kernel_size": 4, "kda_layers": [1,2,3,5,6,7,9,10,11,13,14,15,17,18,19,21,22,23,25,26])";
  const ModelSpec model = parse(kimi_linear(linear + "}")).value();
  EXPECT_EQ(model.recurrent.layers, 20);
  EXPECT_EQ(model.full_attention_layers, 7);
  EXPECT_EQ(model.recurrent.gates, 129);
  EXPECT_NEAR(count_parameters(model).total, 49122681728, 2e4);
  EXPECT_EQ(2 * kv_elements_per_token(model), 8064);
  EXPECT_TRUE(model.moe.routing_bias);
  EXPECT_THAT(format(parse(kimi_linear(linear + "}", "30")).error()), HasSubstr("27 entries for 30 layers"));
  EXPECT_THAT(format(parse(kimi_linear(linear + R"(, "use_full_rank_gate": true})")).error()),
              HasSubstr("use_full_rank_gate"));
  EXPECT_THAT(format(parse(kimi_linear(R"({"kda_layers": 3})")).error()), HasSubstr("must be the list of the layers"));
}

TEST(HfConfig, RoutersIn32BitsAreKnownByTheModel) {
  const std::string rest = R"("hidden_size": 3072, "num_hidden_layers": 2, "num_attention_heads": 48,
    "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 1536, "vocab_size": 200064, "num_local_experts": 256,
    "num_experts_per_tok": 8})";
  EXPECT_TRUE(parse(R"({"model_type": "minimax_m2", )" + rest).value().moe.router_float32);
  EXPECT_FALSE(parse(R"({"model_type": "qwen3_moe", )" + rest).value().moe.router_float32);
}

TEST(HfConfig, NemotronHybridsHaveOneMixerPerLayer) {
  const ModelSpec model =
      parse(R"({"model_type": "nemotron_h", "hidden_size": 2688, "num_hidden_layers": 52, "num_attention_heads": 32,
        "num_key_value_heads": 2, "head_dim": 128, "intermediate_size": 1856, "vocab_size": 131072,
        "n_routed_experts": 128, "num_experts_per_tok": 6, "moe_intermediate_size": 1856, "n_shared_experts": 1,
        "moe_shared_expert_intermediate_size": 3712, "mamba_num_heads": 64, "mamba_head_dim": 64,
        "ssm_state_size": 128, "n_groups": 8, "conv_kernel": 4,
        "hybrid_override_pattern": "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME"})")
          .value();
  const ParameterCounts counts = count_parameters(model);
  EXPECT_EQ(counts.moe_layers, 23);
  EXPECT_EQ(model.recurrent.layers, 23);
  EXPECT_NEAR(counts.total / 1e9, 31.578, 0.005);
  EXPECT_NEAR(counts.active / 1e9, 3.58, 0.005);
  EXPECT_TRUE(model.moe.routing_bias);
}

TEST(HfConfig, TheIndexerOfSparseAttentionIsCounted) {
  const ModelSpec glm5 =
      parse(R"({"model_type": "glm_moe_dsa", "hidden_size": 6144, "num_hidden_layers": 78, "num_attention_heads": 64,
        "intermediate_size": 12288, "vocab_size": 154880, "q_lora_rank": 2048, "kv_lora_rank": 512,
        "qk_nope_head_dim": 192, "qk_rope_head_dim": 64, "v_head_dim": 256, "n_routed_experts": 256,
        "num_experts_per_tok": 8, "n_shared_experts": 1, "moe_intermediate_size": 2048, "first_k_dense_replace": 3,
        "index_n_heads": 32, "index_head_dim": 128})")
          .value();
  EXPECT_NEAR(count_parameters(glm5).total / 1e9, 743.911, 0.001);
  EXPECT_TRUE(glm5.moe.routing_bias) << "its class has e_score_correction_bias, whatever the file says";
}

TEST(HfConfig, QuantisedCheckpointsSayTheirFormat) {
  const auto format_of = [](const std::string& quantization) {
    return parse(llama_with("\"quantization_config\": " + quantization + ",")).value().released_weight_format;
  };
  EXPECT_EQ(format_of(R"({"quant_method": "awq", "bits": 4})"), "int4");
  EXPECT_EQ(format_of(R"({"quant_method": "gptq", "bits": 8})"), "int8");
  EXPECT_EQ(format_of(R"({"quant_method": "fp8", "weight_block_size": [128, 128]})"), "fp8_block");
  EXPECT_EQ(format_of(R"({"quant_method": "modelopt", "quant_algo": "NVFP4"})"), "nvfp4");
  EXPECT_EQ(format_of(R"({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights":
                          {"num_bits": 4, "type": "int", "group_size": 32}}}})"),
            "int4");
}

// Experts and the rest apart: from lists of what was left alone, groups with targets, or formats by layer.
TEST(HfConfig, PartsOfAQuantisedCheckpointMayDiffer) {
  const auto parts_of = [](const std::string& quantization) {
    const ModelSpec m =
        parse(llama_with(R"("num_local_experts": 8, "num_experts_per_tok": 2, "quantization_config": )" + quantization +
                         ","))
            .value();
    return m.released_weight_format + "/" + m.released_dense_format;
  };
  EXPECT_EQ(parts_of(R"({"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn", "lm_head"]})"),
            "mxfp4/bfloat16");
  EXPECT_EQ(parts_of(R"({"quant_method": "fp8", "modules_to_not_convert": ["model.layers.0.self_attn.q_proj"]})"),
            "fp8/")
      << "one layer of 32";
  EXPECT_EQ(parts_of(R"({"quant_method": "compressed-tensors", "config_groups": {
                          "group_0": {"targets": ["Linear"], "weights": {"num_bits": 8, "type": "float"}},
                          "group_1": {"targets": ["re:.*mlp.experts.*"], "weights": {"num_bits": 4, "type": "float",
                                      "group_size": 16}}}})"),
            "nvfp4/fp8");
  EXPECT_EQ(parts_of(R"({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": {
                          "model.layers.0.self_attn.q_proj": {"quant_algo": "FP8"},
                          "model.layers.0.mlp.shared_experts.up_proj": {"quant_algo": "FP8"},
                          "model.layers.0.mlp.experts.0.up_proj": {"quant_algo": "NVFP4"}}})"),
            "nvfp4/fp8");
  EXPECT_EQ(parts_of(R"({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"targets": ["Linear"],
                          "weights": {"num_bits": 8, "type": "float", "strategy": "block"}}}})"),
            "fp8_block/");
}

TEST(HfConfig, AllProblemsAreReportedAtOnce) {
  const std::string text = problems(
      R"({"model_type": "llama", "hidden_size": -1, "num_hidden_layers": "many", "num_attention_heads": 1e300,
          "vocab_size": 2.5, "tie_word_embeddings": "yes"})");
  EXPECT_THAT(text, HasSubstr("`hidden_size` must be in 1..1048576, is -1"));
  EXPECT_THAT(text, HasSubstr("`num_hidden_layers` must be a whole number"));
  EXPECT_THAT(text, HasSubstr("`num_attention_heads` must be a whole number"));
  EXPECT_THAT(text, HasSubstr("`vocab_size` must be a whole number"));
  EXPECT_THAT(text, HasSubstr("`tie_word_embeddings` must be true or false"));
  EXPECT_THAT(text, HasSubstr("`intermediate_size` is missing"));
  EXPECT_THAT(text, HasSubstr("config.json"));
}

TEST(HfConfig, ContradictionsAreNotResolvedSilently) {
  EXPECT_THAT(problems(llama_with(R"("num_key_value_heads": 5,)")), HasSubstr("must divide num_attention_heads"));
  EXPECT_THAT(problems(llama_with(R"("num_experts": 4, "num_experts_per_tok": 8,)")),
              HasSubstr("more than the 4 experts"));
  EXPECT_THAT(problems(llama_with(R"("num_local_experts": 8, "num_experts": 16, "num_experts_per_tok": 2,)")),
              HasSubstr("contradicts"));
  EXPECT_THAT(problems(llama_with(R"("layer_types": ["full_attention", "sideways_attention"],)")),
              HasSubstr("an entry that is not known"));
  EXPECT_THAT(problems(llama_with(R"("layer_types": ["full_attention"],)")), HasSubstr("1 entries for 32 layers"));
  EXPECT_THAT(problems(llama_with(R"("quantization_config": {"quant_method": "magic"},)")), HasSubstr("`magic`"));
  EXPECT_THAT(problems(R"({"model_type": "llama", "hidden_size": 100, "intermediate_size": 400, "vocab_size": 1000,
                           "num_hidden_layers": 2, "num_attention_heads": 3})"),
              HasSubstr("not a multiple of 3 heads"));
}

// Each field of a config with about every kind of field, replaced by each hostile value.
TEST(HfConfig, NoValueOfAnyFieldDoesMoreThanGiveAModelOrADiagnosis) {
  const Json config = parse_json(R"({"model_type": "x", "hidden_size": 256, "intermediate_size": 512,
    "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 32, "vocab_size": 1000,
    "max_position_embeddings": 4096, "sliding_window": 128, "sliding_window_pattern": 2, "max_window_layers": 2,
    "use_sliding_window": true, "layer_types": ["full_attention", "sliding_attention", "linear_attention",
    "full_attention"], "no_rope_layers": [1, 1, 1, 0], "linear_num_key_heads": 2, "linear_num_value_heads": 2,
    "linear_key_head_dim": 16, "linear_value_head_dim": 16, "num_experts": 8, "num_experts_per_tok": 2,
    "moe_intermediate_size": 64, "n_shared_experts": 1, "first_k_dense_replace": 1, "moe_layer_freq": 1,
    "mlp_only_layers": [], "tie_word_embeddings": true, "attention_bias": true, "torch_dtype": "bfloat16",
    "quantization_config": {"quant_method": "gptq", "bits": 4}, "architectures": ["XForCausalLM"],
    "text_config": null, "hybrid_override_pattern": null, "kv_lora_rank": null, "expansion_ratio": null,
    "multi_query": null, "n_inner": null, "_name_or_path": "a/b", "is_encoder_decoder": false})",
                                 "config.json")
                          .value();
  ASSERT_TRUE(model_from_hf_config(config, "config.json"));
  const std::vector<Json> hostile{Json(),
                                  Json(-1),
                                  Json(0),
                                  Json(1),
                                  Json(std::int64_t{1} << 62),
                                  Json(1e300),
                                  Json(3.5),
                                  Json(""),
                                  Json("M*-E"),
                                  Json(true),
                                  Json(Json::Array{}),
                                  Json(Json::Array{Json(), Json(1e300)}),
                                  Json(Json::Object{}),
                                  Json(Json::Object{{"model_type", Json(7)}})};
  int models = 0;
  int diagnoses = 0;
  for (const auto& [key, unused] : *config.if_object()) {
    for (const Json& value : hostile) {
      Json changed = config;
      changed[key] = value;
      const Result<ModelSpec> result = model_from_hf_config(changed, "config.json");
      if (result) {
        ++models;
        EXPECT_GT(count_parameters(*result).total, 0) << key << ' ' << to_text(value, 0);
      } else {
        ++diagnoses;
        EXPECT_TRUE(result.error().has_errors()) << key;
      }
    }
  }
  EXPECT_GT(models, 50);
  EXPECT_GT(diagnoses, 200);
}

TEST(HfConfig, WhatIsNoDecoderOnlyTransformerIsRefused) {
  EXPECT_THAT(problems(R"({"model_type": "t5", "d_model": 512})"), HasSubstr("not a decoder-only transformer"));
  EXPECT_THAT(problems(R"({"model_type": "mamba"})"), HasSubstr("not a decoder-only transformer"));
  EXPECT_THAT(problems(llama_with(R"("is_encoder_decoder": true,)")), HasSubstr("not a decoder-only transformer"));
  EXPECT_THAT(problems(R"({"hidden_size": 4096})"), HasSubstr("what kind of model"));
  EXPECT_THAT(problems("[1, 2]"), HasSubstr("must be a JSON object"));
}

}  // namespace
}  // namespace foretoken
