// Damaged scenarios: whatever happens to the text, the answer is a scenario or diagnostics,
// never an exception, a hang or a problem without words.
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "foretoken/scenario/scenario.hpp"

namespace foretoken {
namespace mutation_test {

const std::string kWhole = R"(model: Llama-3.1-8B
hardware: {gpu: h100_sxm, num_gpus: 4}
engine:
  name: vllm-v1
  tensor_parallel_size: 2
  max_num_batched_tokens: 4096
  queue_timeout: 30 s
memory: {non_torch: 2 GiB}
workload:
  bursts: {low_rate: 1, high_rate: 10, mean_low: 1 min, mean_high: 10 s}
  num_prompts: 100
  input_lengths: {distribution: lognormal, mu: 5.5, sigma: 0.8, max: 4000}
  classes:
    - {name: chat, weight: 2, goodput: {ttft: 300}}
    - name: batch
      output_lengths: {distribution: empirical, tokens: [10, 20], weights: [1, 2]}
slo: ["p99_ttft <= 500 ms", 'output_throughput >= 2000']
sweep: {engine.max_num_seqs: [1, 2, 4]}
seed: 7
)";

// One random slip: a byte changed, lost or doubled, a line moved, the end cut off, a token
// replaced by something nasty.
std::string damaged(std::string text, RandomStream& random) {
  static const std::vector<std::string> nasty{
      "-1", "0",  "1e400", ".nan", "[",    "]",    "{",    "}",
      ": ", "&a", "*a",    "!!x",  "\"",   "\t",   "null", "9223372036854775808",
      "- ", "\n", "#",     "|",    "true", "\xc3", "%"};
  const auto at = static_cast<std::size_t>(random.uniform_int(0, static_cast<std::int64_t>(text.size()) - 1));
  switch (random.uniform_int(0, 4)) {
    case 0:
      text[at] = static_cast<char>(random.uniform_int(1, 255));
      break;
    case 1:
      text.erase(at, static_cast<std::size_t>(random.uniform_int(1, 20)));
      break;
    case 2:
      text.insert(at, text.substr(at, static_cast<std::size_t>(random.uniform_int(1, 40))));
      break;
    case 3:
      text.resize(at);
      break;
    default:
      text.replace(at, 1,
                   nasty[static_cast<std::size_t>(random.uniform_int(0, static_cast<std::int64_t>(nasty.size()) - 1))]);
  }
  return text;
}

TEST(DamagedScenario, IsReadOrRefusedWithWordsAndAPlace) {
  RandomStream random(1, "damaged scenarios");
  int refused = 0;
  constexpr int kTries = 1500;
  for (int i = 0; i < kTries; ++i) {
    std::string text = kWhole;
    for (std::int64_t slips = random.uniform_int(1, 3); slips > 0 && !text.empty(); --slips)
      text = damaged(text, random);
    SCOPED_TRACE(text);
    const auto scenario = parse_scenario(text, "damaged.yaml", {});
    if (scenario) continue;
    ++refused;
    const Diagnostics problems = scenario.error();
    ASSERT_TRUE(problems.has_errors());
    for (const Diagnostic& d : problems.items()) {
      EXPECT_FALSE(d.message.empty());
      EXPECT_FALSE(d.where.file.empty()) << d.message;
    }
  }
  EXPECT_GT(refused, kTries / 4) << "the slips should break most texts";
  EXPECT_LT(refused, kTries) << "some slips are harmless";
}

}  // namespace mutation_test
}  // namespace foretoken
