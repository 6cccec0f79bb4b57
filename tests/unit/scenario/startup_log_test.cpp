// Lines as the engines print them.
#include "scenario/startup_log.hpp"

#include <gtest/gtest.h>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {
namespace startup_log_test {

TEST(StartupLog, ReadsWhatTheEnginesPrint) {
  const auto v1 =
      cache_of_log_line("(EngineCore_0 pid=7) INFO 11-24 kv_cache_utils.py:868] GPU KV cache size: 1,062,336 tokens");
  ASSERT_TRUE(v1);
  EXPECT_EQ(v1->value, 1'062'336);
  EXPECT_TRUE(v1->in_tokens);
  const auto v0 = cache_of_log_line("INFO gpu_executor.py:122] # GPU blocks: 3896, # CPU blocks: 512");
  ASSERT_TRUE(v0);
  EXPECT_EQ(v0->value, 3896);
  EXPECT_FALSE(v0->in_tokens);
  EXPECT_EQ(cache_of_log_line("max_total_num_tokens=423321, chunked_prefill_size=8192")->value, 423'321);
}

TEST(StartupLog, IsNothingWithoutANumber) {
  for (const char* line :
       {"", "GPU KV cache size:", "GPU KV cache size: -4 tokens", "GPU KV cache size: 0 tokens", "# GPU blocks: many",
        "num_gpu_blocks=99999999999999999999", "Available KV cache memory: 42 GiB"}) {
    EXPECT_FALSE(cache_of_log_line(line)) << line;
  }
}

Result<Scenario> load(const std::string& more) {
  return parse_scenario("model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nworkload: {request_rate: 1}\n" + more,
                        "s.yaml", {});
}

TEST(StartupLog, ReplacesThePlannedBlocks) {
  const auto tokens = load("memory: {startup_log: 'GPU KV cache size: 320,000 tokens'}\n");
  ASSERT_TRUE(tokens) << format(tokens.error());
  EXPECT_EQ(tokens->engine.num_gpu_blocks, 20'000);
  const auto blocks = load("memory: {startup_log: '# GPU blocks: 5000, # CPU blocks: 0'}\n");
  ASSERT_TRUE(blocks) << format(blocks.error());
  EXPECT_EQ(blocks->engine.num_gpu_blocks, 5000);
}

TEST(StartupLog, IsRefusedWhenItSaysNothingOrTooMuch) {
  EXPECT_NE(format(load("memory: {startup_log: 'Model loading took 15 GiB'}\n").error()).find("names no KV cache"),
            std::string::npos);
  EXPECT_NE(
      format(load("engine: {num_gpu_blocks_override: 900}\nmemory: {startup_log: '# GPU blocks: 5000'}\n").error())
          .find("both give the KV blocks"),
      std::string::npos);
}

}  // namespace startup_log_test
}  // namespace foretoken
