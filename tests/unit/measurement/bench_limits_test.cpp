// The limits that `trtllm-bench` sets by itself, worked by hand.
#include "measurement/accuracy/bench_limits.hpp"

#include <gtest/gtest.h>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {
namespace {

BenchLimits limits_of(const std::string& head, std::int64_t prompt, std::int64_t output) {
  const auto scenario = parse_scenario(
      head + "workload: {random_input_len: 16, random_output_len: 16, num_prompts: 10, request_rate: 1}\n", "limits",
      {});
  EXPECT_TRUE(scenario) << format(scenario.error());
  return bench_limits(scenario->deployment, prompt, output);
}

TEST(BenchLimits, AreWhatTheCacheHoldsRoundedUp) {
  // 0.95 (80 GiB - 70.55 GB) of 80 layers x 2 x 8 x 128 bytes a token: 88,980 tokens, so 347.6 requests of 256, 40.9 of
  // 2,176.
  const std::string one =
      "model: Llama-3.1-70B\nhardware: {gpu: h100_sxm, num_gpus: 1}\n"
      "engine: {name: tensorrt-llm, version: \"1.0\", quantization: fp8_static, kv_cache_dtype: fp8, max_model_len: "
      "256}\n";
  EXPECT_EQ(limits_of(one, 128, 128).requests, 384);
  EXPECT_EQ(limits_of(one, 128, 128).tokens, 2048);
  EXPECT_EQ(limits_of(one, 128, 2048).requests, 64);
  // 40.9 x (1 + 2048 / 128) are 695 tokens: at least 2,048 are given.
  EXPECT_EQ(limits_of(one, 2048, 128).tokens, 2048);
}

TEST(BenchLimits, AreOfOneMicroBatchAndCapped) {
  const std::string two =
      "model: Llama-3.1-8B\nhardware: {gpu: b200_sxm, num_gpus: 2}\n"
      "engine: {name: tensorrt-llm, version: \"1.0\", quantization: fp8_static, kv_cache_dtype: fp8, max_model_len: "
      "256, "
      "pipeline_parallel_size: 2}\n";
  const BenchLimits limits = limits_of(two, 128, 128);  // room for some 20,000: 4,096 over two stages
  EXPECT_EQ(limits.requests, 2048);
  EXPECT_EQ(limits.tokens, 4096);
  EXPECT_EQ(limits_of(two, 4000, 50).tokens, 32768);
}

TEST(BenchLimits, OfFormatsThatTheRuleDoesNotKnowAreTheEngines) {
  const std::string head =
      "model: gpt-oss-20b\nhardware: {gpu: b200_sxm, num_gpus: 1}\n"
      "engine: {name: tensorrt-llm, version: \"1.0\", max_model_len: 256}\n";
  EXPECT_EQ(limits_of(head, 128, 128).requests, 2048);
  EXPECT_EQ(limits_of(head, 128, 128).tokens, 8192);
}

}  // namespace
}  // namespace foretoken
