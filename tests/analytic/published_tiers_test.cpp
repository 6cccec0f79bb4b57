// Published ratios of KV caches in host memory, from settings as far as they are published: in direction and size
// (src/serving/README.md, "KV tiers": whole systems).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>

#include "foretoken/experiment/run.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "support/temporary_file.hpp"

namespace foretoken::test {
namespace {

// Prompts that are sent 45 at a time and ask for 45 prefixes in turn, ten times for each, in Mooncake's format.
std::string prefixes_in_turn(std::int64_t blocks) {
  std::string rows;
  for (int i = 0; i < 450; ++i) {
    std::string ids;
    for (std::int64_t b = 0; b < blocks; ++b) ids += fmt::format("{}, ", i % 45 * 1000 + b);
    rows += fmt::format("{{\"timestamp\": 0, \"input_length\": {}, \"output_length\": 1024, \"hash_ids\": [{}{}]}}\n",
                        blocks * 512 + 256, ids, 1'000'000 + i);
  }
  return rows;
}

Summary summary_of(const std::string& text) {
  const Result<Scenario> scenario = parse_scenario(text, "published.yaml", {});
  EXPECT_TRUE(scenario) << text;
  if (!scenario) return {};
  const Result<RunResult> result = run_scenario(*scenario, {});
  EXPECT_TRUE(result);
  return result ? result->summary : Summary{};
}

// llm-d 0.4, Qwen3-32B on 8 x TP2 H100, prefixes of 30,000 tokens beyond the GPUs' memory. Published, with 100 GB of
// host memory an engine against none: mean TTFT 6.7 against 9.0 s (-26 %), tokens/s in and out +21 %; by LMCache 6.5 s,
// +22 %. Of 8,000 tokens, which fit: nothing.
TEST(PublishedTiers, HostMemoryHoldsWhatTheGpusDoNot) {
  const auto run = [](std::int64_t blocks, const std::string& offload) {
    const TemporaryFile trace(prefixes_in_turn(blocks), ".jsonl");
    return summary_of(
        fmt::format("model: Qwen/Qwen3-32B\nhardware: {{gpu: h100_sxm}}\nreplicas: 8\nrouter: llm_d\n"
                    "engine: {{name: vllm-v1, tensor_parallel_size: 2, gpu_memory_utilization: 0.65, max_model_len: "
                    "32768{}}}\nworkload: {{max_concurrency: 45, trace: {{path: '{}', format: mooncake}}}}\n",
                    offload, trace.path()));
  };
  const Summary none = run(59, "");
  for (const char* backend : {"native", "lmcache"}) {
    const Summary some = run(59, fmt::format(", kv_offloading_size: 93, kv_offloading_backend: {}", backend));
    const double ttft = some["mean_ttft_ms"] / none["mean_ttft_ms"];
    const double tokens = some["total_token_throughput"] / none["total_token_throughput"];
    std::cout << fmt::format("{}: TTFT {:.3f} x ({:.0f} ms without), tokens/s {:.3f} x ({:.0f} without)\n", backend,
                             ttft, none["mean_ttft_ms"], tokens, none["total_token_throughput"]);
    EXPECT_NEAR(ttft, 0.74, 0.05);
    EXPECT_NEAR(tokens, 1.21, 0.09);
  }
  const Summary fits = run(16, ""), fits_with = run(16, ", kv_offloading_size: 93");
  EXPECT_NEAR(fits_with["total_token_throughput"] / fits["total_token_throughput"], 1, 0.02);
}

// vLLM's blog (2026-01), one H100, Llama-3.1-8B, one prompt at a time, no front end: what lies in host memory has a
// TTFT 2 to 22 times lower than what is computed, by the length of the prompt.
TEST(PublishedTiers, AHitInHostMemoryIsTwoToTwentyTimesFaster) {
  const auto ttft = [](std::int64_t tokens, int gib) {
    return summary_of(
        fmt::format("model: Llama-3.1-8B\nhardware: {{gpu: h100_sxm}}\ncost: {{per_prompt_token: 0 s, "
                    "per_request: 0 s}}\nengine: {{max_model_len: 131072, enable_prefix_caching: false, "
                    "kv_offloading_size: {}}}\nworkload: {{random_prefix_len: {}, random_input_len: 16, "
                    "random_output_len: 2, num_prompts: 9, max_concurrency: 1}}\n",
                    gib, tokens))["median_ttft_ms"];
  };
  const double small = ttft(500, 0) / ttft(500, 200), large = ttft(100'000, 0) / ttft(100'000, 200);
  std::cout << fmt::format("500 tokens {:.2f} x, 100,000 tokens {:.1f} x\n", small, large);
  EXPECT_NEAR(small, 2, 0.7);
  EXPECT_NEAR(large, 22, 5);
}

}  // namespace
}  // namespace foretoken::test
