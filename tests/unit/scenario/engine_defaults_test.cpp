// Defaults of the engines by release and GPU (src/serving/README.md, "Defaults"), and what each refuses.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "foretoken/scenario/scenario.hpp"
#include "scenario/field_table.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace engine_defaults_test {

using ::testing::HasSubstr;
using ::testing::Not;

std::string text(const std::string& gpu, const std::string& engine) {
  return "model: Llama-3.1-8B\nhardware: {gpu: " + gpu + "}\nengine: {" + engine + "}\n";
}

Scenario load(const std::string& gpu, const std::string& engine) {
  auto scenario = parse_scenario(text(gpu, engine), "test.yaml", {});
  if (!scenario) throw std::runtime_error(format(scenario.error()));
  return std::move(*scenario);
}

std::string problems(const std::string& engine) {
  const auto scenario = parse_scenario(text("h100_sxm", engine), "test.yaml", {});
  return scenario ? "none" : format(scenario.error());
}

TEST(EngineDefaults, OfVllmV0FollowItsRelease) {
  const Scenario whole = load("h100_sxm", "name: vllm-v0, max_model_len: 4096");
  EXPECT_EQ(whole.engine.version, "0.6");
  EXPECT_FALSE(whole.engine.enable_chunked_prefill);
  EXPECT_EQ(whole.engine.max_num_batched_tokens, 4096) << "max(max_model_len, 2048)";
  EXPECT_EQ(whole.engine.max_num_seqs, 256);
  EXPECT_DOUBLE_EQ(whole.engine.watermark, 0.01);
  EXPECT_FALSE(whole.engine.reserve_null_block);
  EXPECT_EQ(load("h100_sxm", "name: vllm-v0, version: 0.5, enable_chunked_prefill: true").engine.max_num_batched_tokens,
            512);
  EXPECT_EQ(load("h100_sxm", "name: vllm-v0, version: 0.6, enable_chunked_prefill: true").engine.max_num_batched_tokens,
            2048);
}

TEST(EngineDefaults, OfSglangFollowTheMemoryOfTheGpu) {
  const Scenario h100 = load("h100_sxm", "name: sglang");
  EXPECT_EQ(h100.engine.chunked_prefill_size, 8192);
  EXPECT_EQ(h100.engine.block_size, 1);
  EXPECT_EQ(h100.deployment.cuda_graph_max_rows, 256) << "fewer than four ranks";
  EXPECT_EQ(h100.engine.max_num_seqs, 4096) << "min(pool / 2, clamp(512 pool / context, 2048, 4096))";
  // R = 512 + 1.5 x 8192 + 2 x 256 + 128 MiB = 13440 MiB.
  const double mib = h100.deployment.gpu.memory_capacity.value / (1024.0 * 1024);
  EXPECT_NEAR(h100.memory.gpu_memory_utilization, (mib - 13440) / mib, 1e-12);
  EXPECT_EQ(load("l40s", "name: sglang").engine.chunked_prefill_size, 4096);
  EXPECT_EQ(load("b200_sxm", "name: sglang").engine.chunked_prefill_size, 16384);
  EXPECT_FALSE(load("h100_sxm", "name: sglang, chunked_prefill_size: -1").engine.enable_chunked_prefill);
  EXPECT_TRUE(load("h100_sxm", "name: sglang, disable_radix_cache: true").engine.ignore_eos_admission);
}

TEST(EngineDefaults, OfTensorRtLlmAreItsOwn) {
  const Scenario s = load("h100_sxm", "name: tensorrt-llm");
  EXPECT_EQ(s.engine.max_num_seqs, 2048);
  EXPECT_EQ(s.engine.max_num_batched_tokens, 8192);
  EXPECT_EQ(s.engine.block_size, 32);
  EXPECT_FALSE(s.engine.enable_chunked_prefill);
  EXPECT_EQ(s.engine.capacity_scheduler_policy, "GUARANTEED_NO_EVICT");
  EXPECT_EQ(load("h100_sxm", "name: tensorrt-llm, tokens_per_block: 64").engine.block_size, 64) << "its own spelling";
}

TEST(EngineDefaults, AsyncSchedulingFollowsEngineAndRelease) {
  EXPECT_TRUE(load("h100_sxm", "name: vllm-v1, version: 0.15").engine.async_scheduling);
  EXPECT_TRUE(load("h100_sxm", "name: sglang, version: 0.4").engine.async_scheduling);
  EXPECT_TRUE(load("h100_sxm", "name: tensorrt-llm, version: 1.0").engine.async_scheduling);
  EXPECT_FALSE(load("h100_sxm", "name: tensorrt-llm, version: 0.21").engine.async_scheduling);
  EXPECT_TRUE(load("h100_sxm", "name: tensorrt-llm, version: 0.21, async_scheduling: true").engine.async_scheduling);
  EXPECT_FALSE(load("h100_sxm", "name: vllm-v1, async_scheduling: false").engine.async_scheduling);
  for (const char* name : {"vllm-v0", "orca", "static"}) {
    Diagnostics warnings;
    const auto s = parse_scenario(text("h100_sxm", fmt::format("name: {}, async_scheduling: true", name)), "test.yaml",
                                  {}, &warnings);
    ASSERT_TRUE(s) << name;
    EXPECT_FALSE(s->engine.async_scheduling) << name;
    EXPECT_THAT(
        format(warnings),
        HasSubstr(
            "'engine.async_scheduling' has no effect: only engine.name: vllm-v1, sglang and tensorrt-llm read it"))
        << name;
  }
  EXPECT_THAT(problems("name: sglang, disable_overlap_schedule: true"),
              HasSubstr("engine.async_scheduling: false says the same"));
}

std::string some_value(const Field& field) {
  switch (field.kind) {
    case FieldKind::flag:
      return "true";
    case FieldKind::choice:
      return std::string(field.choices().front());
    case FieldKind::quantity:
      return "5 ms";
    case FieldKind::number:
      return "0.5";
    default:
      return fmt::format("{}", std::max(1.0, field.least));
  }
}

// No knob is ignored without a word, and the word names who reads it.
TEST(EngineDefaults, KnobsOfOtherEnginesHaveNoEffectAndTheirEnginesAreNamed) {
  int told = 0;
  for (const Field& field : scenario_fields()) {
    const std::vector<std::string_view> readers = engines_with_own(field.path);
    if (readers.empty()) continue;
    for (const EngineProfile& engine : engine_profiles()) {
      std::string knob(field.path.substr(field.path.find('.') + 1)), value = some_value(field);
      for (auto dot = knob.rfind('.'); dot != std::string::npos; dot = knob.rfind('.')) {  // a map in the engine's
        value = fmt::format("{{{}: {}}}", knob.substr(dot + 1), value);
        knob.resize(dot);
      }
      const std::string given = fmt::format("name: {}, {}: {}", engine.info.name, knob, value);
      Diagnostics warnings;
      (void)parse_scenario(text("h100_sxm", given), "test.yaml", {}, &warnings);
      const std::string word = fmt::format("'{}' has no effect: only engine.name: ", field.path);
      if (engine.reads(field.path)) {
        EXPECT_THAT(format(warnings), Not(HasSubstr(word))) << given;
        continue;
      }
      ++told;
      EXPECT_THAT(format(warnings), HasSubstr(word)) << given;
      for (const std::string_view reader : readers) EXPECT_THAT(format(warnings), HasSubstr(reader)) << given;
    }
  }
  EXPECT_GE(told, 50);
}

// An engine's own knobs are fields, and where a field's meaning begins with an engine's name it is that engine's alone.
TEST(EngineDefaults, OwnKnobsAreFieldsThatSayWhoseTheyAre) {
  for (const EngineProfile& engine : engine_profiles()) {
    for (const std::string_view knob : engine.own_knobs) EXPECT_NE(find_field(knob), nullptr) << knob;
    for (const Field& field : scenario_fields()) {
      if (!field.meaning.starts_with(fmt::format("{}: ", engine.info.name))) continue;
      EXPECT_THAT(engines_with_own(field.path), ::testing::ElementsAre(engine.info.name)) << field.path;
    }
  }
}

TEST(EngineDefaults, ReleasesBelongToOneEngine) {
  EXPECT_THAT(problems("name: sglang, version: 0.19"), HasSubstr("must be one of 0.4, 0.4.6"));
  EXPECT_THAT(problems("name: vllm-v1, version: 0.6"), HasSubstr("for engine.name: vllm-v1; got '0.6'"));
}

TEST(EngineDefaults, VllmV0RefusesABudgetBelowTheLongestPrompt) {
  EXPECT_THAT(problems("name: vllm-v0, version: 0.6, enable_chunked_prefill: true, enable_prefix_caching: true, "
                       "max_num_batched_tokens: 1000"),
              HasSubstr("it must be a multiple of block_size, 16"));
  EXPECT_THAT(problems("name: tensorrt-llm, scheduling_policy: priority"),
              HasSubstr("'engine.scheduling_policy: priority' is not modelled for tensorrt-llm"));
  EXPECT_THAT(problems("name: vllm-v0, max_model_len: 4096, max_num_batched_tokens: 2048"),
              HasSubstr("refuses to start with max_num_batched_tokens 2048 below 4096"));
}

}  // namespace engine_defaults_test
}  // namespace foretoken
