// The precision of a checkpoint: from its name, from its config, and against what the scenario asks for.
#include <gmock/gmock.h>

#include <algorithm>
#include <stdexcept>

#include "foretoken/cost/memory_plan.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "scenario/checkpoint_name.hpp"
#include "support/temporary_file.hpp"

namespace foretoken {
namespace checkpoint_test {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Loaded {
  Scenario scenario;
  std::string warnings;
};

Loaded load(const std::string& model, const std::string& engine = "{}") {
  Diagnostics warnings;
  const std::string text = "model: " + model + "\nhardware: {gpu: b200_sxm}\nengine: " + engine + "\n";
  auto scenario = parse_scenario(text, "test.yaml", {}, &warnings);
  if (!scenario) throw std::runtime_error(format(scenario.error()));
  return {std::move(*scenario), format(warnings)};
}

const ResolvedField& quantization(const Scenario& s) {
  const auto at = std::find_if(s.fields.begin(), s.fields.end(),
                               [](const ResolvedField& f) { return f.path == "engine.quantization"; });
  if (at == s.fields.end()) throw std::runtime_error("engine.quantization was not resolved");
  return *at;
}

TEST(CheckpointName, SaysThePrecisionOfTheWeights) {
  struct Row {
    const char* name;
    const char* base;
    const char* format;
  };
  for (const Row& row : {Row{"nvidia/Qwen3-32B-NVFP4", "nvidia/Qwen3-32B", "nvfp4"},
                         Row{"nvidia/DeepSeek-R1-0528-FP4-v2", "nvidia/DeepSeek-R1-0528", "nvfp4"},
                         Row{"RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "RedHatAI/Llama-3.3-70B-Instruct", "fp8"},
                         Row{"RedHatAI/Qwen3-8B-FP8-BLOCK", "RedHatAI/Qwen3-8B", "fp8_block"},
                         Row{"Qwen/Qwen3-8B-FP8", "Qwen/Qwen3-8B", "fp8_block"},
                         Row{"Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", "Qwen/Qwen2.5-7B-Instruct", "int4"},
                         Row{"Qwen/Qwen2.5-7B-Instruct-GPTQ-Int8", "Qwen/Qwen2.5-7B-Instruct", "int8_weight_only"},
                         Row{"x/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", "x/Meta-Llama-3.1-8B-Instruct", "int4"},
                         Row{"x/Llama-3.1-8B-quantized.w8a8", "x/Llama-3.1-8B", "int8"},
                         Row{"unsloth/Llama-3.1-8B-bnb-4bit", "unsloth/Llama-3.1-8B", "int4"},
                         Row{"unsloth/DeepSeek-V3-bf16", "unsloth/DeepSeek-V3", "bfloat16"},
                         Row{"x/Qwen3-8B-Q4_K_M", "x/Qwen3-8B", ""}, Row{"x/Qwen3-8B-W4A8", "x/Qwen3-8B", ""}}) {
    const CheckpointName read = read_checkpoint_name(row.name);
    EXPECT_EQ(read.base, row.base);
    EXPECT_EQ(read.format, row.format) << row.name;
    EXPECT_FALSE(read.suffix.empty()) << row.name;
  }
  for (const char* plain : {"Qwen/Qwen2.5-0.5B", "mistralai/Mixtral-8x7B-Instruct-v0.1", "Phi-3-mini-4k", "gpt-oss-20b",
                            "x", "meta-llama/Llama-4-Scout-17B-16E", "", "/", "-", "fp8", "a/fp8"})
    EXPECT_THAT(read_checkpoint_name(plain).suffix, IsEmpty()) << plain;
}

TEST(Checkpoint, IsPricedInThePrecisionOfItsName) {
  struct Row {
    const char* name;
    const char* format;
    WeightFormat priced;
  };
  for (const Row& row : {Row{"nvidia/Llama-3.1-8B-Instruct-FP8", "fp8", WeightFormat::fp8},
                         Row{"nvidia/Qwen3-32B-NVFP4", "nvfp4", WeightFormat::nvfp4},
                         Row{"Qwen/Qwen3-30B-A3B-FP8", "fp8_block", WeightFormat::fp8_block},
                         Row{"zai-org/GLM-4.5-Air-FP8", "fp8", WeightFormat::fp8},
                         Row{"nvidia/DeepSeek-R1-NVFP4", "nvfp4", WeightFormat::nvfp4},
                         Row{"Qwen/Qwen3-14B-AWQ", "awq", WeightFormat::int4_weight_only},
                         Row{"DeepSeek-V3-bf16", "none", WeightFormat::bf16}}) {
    const Loaded loaded = load(row.name);
    const ResolvedField& field = quantization(loaded.scenario);
    EXPECT_EQ(*field.value.if_string(), row.format) << row.name;
    EXPECT_EQ(field.origin, Origin::model);
    EXPECT_THAT(field.reason, HasSubstr("the name says")) << row.name;
    EXPECT_EQ(loaded.scenario.deployment.expert_format, row.priced) << row.name;
    EXPECT_THAT(loaded.warnings, IsEmpty()) << row.name;
  }
  const auto weights = [](const char* name) {
    const Scenario s = load(name).scenario;
    return plan_memory(s.deployment, s.memory).weights.value;
  };
  // All but the embedding and the head shrink from 16 to 8 bits.
  EXPECT_LT(weights("nvidia/Llama-3.1-8B-Instruct-FP8"), 0.6 * weights("Llama-3.1-8B"));
}

TEST(Checkpoint, KeepsTheProjectionsOfLatentAttentionWideInNvfp4) {
  const Deployment d = load("nvidia/DeepSeek-R1-NVFP4").scenario.deployment;
  EXPECT_EQ(d.expert_format, WeightFormat::nvfp4);
  EXPECT_EQ(d.dense_format, WeightFormat::bf16);
}

TEST(Checkpoint, WithASuffixThatIsNotModelledIsSaid) {
  const Loaded loaded = load("bartowski/Llama-3.1-8B-Instruct-Q4_K_M");
  EXPECT_EQ(loaded.scenario.deployment.model.id, "Llama-3.1-8B");
  EXPECT_EQ(loaded.scenario.deployment.dense_format, WeightFormat::bf16);
  EXPECT_THAT(loaded.warnings, HasSubstr("`Q4_K_M`"));
  EXPECT_THAT(loaded.warnings, HasSubstr("known: fp8, nvfp4"));
  EXPECT_THROW((void)load("Llama-3.1-8B-Frobnicated"), std::runtime_error) << "no precision, so another model";
}

TEST(Checkpoint, OfAnotherPrecisionThanTheScenarioAsksForIsDiagnosed) {
  const Loaded loaded = load("nvidia/Qwen3-32B-NVFP4", "{quantization: fp8}");
  EXPECT_EQ(loaded.scenario.deployment.dense_format, WeightFormat::fp8) << "what the user says wins";
  EXPECT_THAT(loaded.warnings, HasSubstr("the checkpoint holds nvfp4 (the name says NVFP4)"));
  EXPECT_THAT(load("nvidia/Qwen3-32B-NVFP4", "{quantization: nvfp4}").warnings, IsEmpty());
  EXPECT_THAT(load("Qwen/Qwen3-30B-A3B-FP8", "{quantization: fp8}").warnings, IsEmpty())
      << "fp8 loads block scales too";
  EXPECT_THAT(load("Qwen3-32B", "{quantization: fp8}").warnings, IsEmpty()) << "quantised when it is loaded";
}

TEST(Checkpoint, IsTheOneThatWasNamed) {
  EXPECT_EQ(load("meta-llama/Llama-3.1-8B-Instruct").scenario.deployment.model.hf_id,
            "meta-llama/Llama-3.1-8B-Instruct");
  EXPECT_EQ(load("llama-3.1-8b-instruct").scenario.deployment.model.hf_id, "meta-llama/Llama-3.1-8B-Instruct");
  EXPECT_EQ(load("Llama-3.1-8B").scenario.deployment.model.hf_id, "meta-llama/Llama-3.1-8B");
  EXPECT_EQ(load("nvidia/Qwen3-8B-FP8").scenario.deployment.model.hf_id, "nvidia/Qwen3-8B-FP8");
}

TEST(Checkpoint, ConfigStatesThePrecisionAndItsOrigin) {
  const test::TemporaryFile config(R"({"model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 4,
    "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "intermediate_size": 6144, "vocab_size": 151936,
    "num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768, "torch_dtype": "bfloat16",
    "quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4",
      "ignore": ["model.layers.0.self_attn*", "model.layers.1.self_attn*", "model.layers.2.self_attn*", "lm_head"]}})",
                                   ".json");
  const Loaded loaded = load(config.path());
  EXPECT_EQ(loaded.scenario.deployment.expert_format, WeightFormat::nvfp4);
  EXPECT_EQ(loaded.scenario.deployment.dense_format, WeightFormat::bf16) << "its attention was left as it was";
  EXPECT_THAT(quantization(loaded.scenario).reason, HasSubstr("quantization_config: modelopt"));
  EXPECT_THAT(quantization(loaded.scenario).reason, HasSubstr("attention and dense MLPs in bfloat16"));
  EXPECT_THAT(load(config.path(), "{quantization: none}").warnings, HasSubstr("the checkpoint holds nvfp4"));
}

TEST(CatalogNames, SuggestTheModelOfTheSameFamilyAndSize) {
  const Result<ModelSpec> model = Catalog().model("Llama3-8b");
  ASSERT_FALSE(model);
  EXPECT_THAT(format(model.error()), AnyOf(HasSubstr("Llama-3-8B"), HasSubstr("Llama-3.1-8B")));
}

}  // namespace checkpoint_test
}  // namespace foretoken
