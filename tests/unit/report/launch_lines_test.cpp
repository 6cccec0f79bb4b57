// Start lines say what was simulated, or what they leave out.
#include "report/launch_lines.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <stdexcept>

#include "report/bench_trace.hpp"

namespace foretoken {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Scenario load(const std::string& text) {
  auto scenario = parse_scenario("hardware: {gpu: h100_sxm}\n" + text, "test.yaml", {});
  if (!scenario) throw std::runtime_error(format(scenario.error()));
  return std::move(*scenario);
}

TEST(LaunchLines, ServeTheCheckpointThatWasNamed) {
  const std::string line = serve_line(load("model: meta-llama/Llama-3.1-8B-Instruct\n"));
  EXPECT_THAT(line, HasSubstr("vllm serve meta-llama/Llama-3.1-8B-Instruct "));
  EXPECT_THAT(bench_line(load("model: meta-llama/Llama-3.1-8B-Instruct\n")),
              HasSubstr("--model meta-llama/Llama-3.1-8B-Instruct "));
}

TEST(LaunchLines, NameSlotsOfAdapters) {
  const std::string lora = "engine: {enable_lora: true, max_loras: 8, max_lora_rank: 32, max_cpu_loras: 20";
  EXPECT_THAT(serve_line(load("model: Llama-3.1-8B\n" + lora + "}\n")),
              HasSubstr("--enable-lora --max-loras 8 --max-lora-rank 32 --max-cpu-loras 20"));
  const std::string asked = "workload: {random_input_len: 512, random_output_len: 64, adapters: {count: 30}}\n";
  EXPECT_THAT(launch_differences(load("model: Llama-3.1-8B\n" + lora + "}\n" + asked)),
              ElementsAre(HasSubstr("--lora-modules")));
  EXPECT_THAT(serve_line(load("model: Llama-3.1-8B\nengine: {name: sglang, enable_lora: true}\n")),
              HasSubstr("--enable-lora --max-loras-per-batch 8 --max-lora-rank 16"));
}

TEST(LaunchLines, OfPoolsSayWhatMakesThemHandOver) {
  const std::string two = "model: Llama-3.1-8B\npools: [{name: p, role: prefill}, {name: d, role: decode}]\n";
  const Scenario vllm = load(two);
  for (const PoolPlan& pool : vllm.pools)
    EXPECT_THAT(role_flags(vllm, pool), HasSubstr(R"("kv_connector":"NixlConnector")"));
  const Scenario sglang = load(two + "engine: {name: sglang}\n");
  EXPECT_EQ(role_flags(sglang, sglang.pools[0]), " --disaggregation-mode prefill");
  EXPECT_EQ(role_flags(sglang, sglang.pools[1]), " --disaggregation-mode decode");
  const Scenario plain = load(two + "disaggregation: {semantics: plain}\n");
  EXPECT_EQ(role_flags(plain, plain.pools[0]), "") << "no engine has it";
}

TEST(LaunchLines, SayHowDraftsAreMade) {
  EXPECT_THAT(serve_line(load("model: Llama-3.1-8B\nengine: {speculative_config: {method: eagle3, model: some/head, "
                              "num_speculative_tokens: 7, acceptance_rate: 0.7, parallel_drafting: true}}\n")),
              HasSubstr("--speculative-config '{\"method\": \"eagle3\", \"num_speculative_tokens\": 7, \"model\": "
                        "\"some/head\", \"parallel_drafting\": true}'"));
}

TEST(LaunchLines, LeaveThePrecisionToAQuantisedCheckpoint) {
  for (const char* model : {"nvidia/Llama-3.1-8B-Instruct-FP8", "DeepSeek-V3", "Qwen/Qwen3-14B-AWQ"}) {
    const Scenario s = load(std::string("model: ") + model + "\nengine: {tensor_parallel_size: 8}\n");
    EXPECT_THAT(serve_line(s), Not(HasSubstr("--quantization"))) << model;
    EXPECT_THAT(launch_differences(s), IsEmpty()) << model;
  }
  const Scenario fp8 = load("model: Llama-3.1-8B\nengine: {quantization: fp8_static}\n");
  EXPECT_THAT(serve_line(fp8), HasSubstr("--quantization fp8 ")) << "vLLM's name of it";
  const Scenario int8 = load("model: Llama-3.1-8B\nengine: {quantization: int8}\n");
  EXPECT_THAT(serve_line(int8), Not(HasSubstr("--quantization")));
  EXPECT_THAT(launch_differences(int8), ElementsAre(HasSubstr("int8 weights were simulated: serve a checkpoint")));
}

TEST(LaunchLines, SayWhatTheBenchmarkCannotSend) {
  const std::string model = "model: Llama-3.1-8B\nworkload: ";
  EXPECT_THAT(launch_differences(load(model + "{random_input_len: 512, random_output_len: 64}\n")), IsEmpty());
  const Scenario spread = load(
      model +
      "{input_lengths: {distribution: lognormal, mu: 6.2, sigma: 0.8, min: 16, max: 6000}, random_output_len: 64}\n");
  const Scenario prefix = load(model + "{random_input_len: 512, random_output_len: 64, random_prefix_len: 128}\n");
  EXPECT_THAT(bench_line(prefix), HasSubstr("--random-prefix-len 128 --random-input-len 512 "));
  EXPECT_THAT(launch_differences(prefix), IsEmpty());
  EXPECT_THAT(launch_differences(spread), ElementsAre(HasSubstr("mean lengths; simulated were distributions")));
}

// The same requests as the simulation's first run, one line each.
TEST(LaunchLines, WriteALoadThatFlagsCannotSayAsAFileToReplay) {
  const std::string model = "model: Llama-3.1-8B\nworkload: ";
  EXPECT_FALSE(wants_bench_trace(load(model + "{random_input_len: 512, random_prefix_len: 128, request_rate: 3}\n")));
  EXPECT_FALSE(wants_bench_trace(load(model + "{sessions: {turns: 3}, request_rate: 1}\n")))
      << "turns wait for each other";
  const Scenario spread = load(model +
                               "{input_lengths: {distribution: lognormal, mu: 6.2, sigma: 0.8, min: 16, max: 6000}, "
                               "random_output_len: 64, num_prompts: 40, request_rate: 5}\n");
  ASSERT_TRUE(wants_bench_trace(spread));
  const Result<BenchTrace> trace = bench_trace(spread);
  ASSERT_TRUE(trace) << format(trace.error());
  EXPECT_EQ(trace->requests, 40);
  EXPECT_FALSE(trace->cut);
  std::istringstream lines(trace->text);
  double last = 0, most = 0, least = 1e9;
  std::set<double> ids;
  for (std::string line; std::getline(lines, line);) {
    const Result<Json> row = parse_json(line, "load.jsonl");
    ASSERT_TRUE(row) << line;
    double time = 0, input = 0, output = 0;
    ASSERT_TRUE((*row)["timestamp"].number(time) && (*row)["input_length"].number(input) &&
                (*row)["output_length"].number(output));
    EXPECT_GE(time, last);
    last = time;
    most = std::max(most, input), least = std::min(least, input);
    EXPECT_EQ(output, 64);
    EXPECT_EQ((*row)["hash_ids"].if_array()->size(), static_cast<std::size_t>((input + 511) / 512));
    for (const Json& id : *(*row)["hash_ids"].if_array()) {
      double number = 0;
      ASSERT_TRUE(id.number(number));
      EXPECT_TRUE(ids.insert(number).second) << "no prompt shares anything";
    }
  }
  EXPECT_GT(most, 2 * least);
  EXPECT_THAT(
      replay_line(spread, *trace, "load.jsonl"),
      AllOf(HasSubstr("--dataset-name timed_trace --dataset-path load.jsonl --num-prompts 40 "),
            HasSubstr("--self-timed"), HasSubstr("--timed-trace-chunk-hash-size 512"), HasSubstr("--ignore-eos")));
  EXPECT_THAT(launch_differences(spread, true), IsEmpty());
}

TEST(LaunchLines, KeepWhatPromptsShareAndTheClientsOfAClosedLoop) {
  const Scenario s = load(
      "model: Llama-3.1-8B\nworkload: {num_prompts: 20, max_concurrency: 4, classes: [{name: a, random_input_len: 300, "
      "random_prefix_len: 1000}, {name: b, random_input_len: 100, random_output_len: 9}]}\n");
  ASSERT_TRUE(wants_bench_trace(s));
  const Result<BenchTrace> trace = bench_trace(s);
  ASSERT_TRUE(trace) << format(trace.error());
  EXPECT_EQ(1000 % trace->chunk, 0) << "the shared tokens are whole chunks";
  std::istringstream lines(trace->text);
  std::set<double> first;
  int prefixed = 0;
  for (std::string line; std::getline(lines, line);) {
    const Result<Json> row = parse_json(line, "load.jsonl");
    double input = 0, id = 0;
    ASSERT_TRUE(row && (*row)["input_length"].number(input) && (*row)["hash_ids"].if_array()->front().number(id));
    if (input < 1000) continue;
    ++prefixed;
    first.insert(id);
  }
  EXPECT_GT(prefixed, 1);
  EXPECT_EQ(first.size(), 1u);
  EXPECT_THAT(replay_line(s, *trace, "l"),
              AllOf(HasSubstr("--request-rate inf --max-concurrency 4"), Not(HasSubstr("--self-timed"))));
}

TEST(LaunchLines, NameEveryKnobThatIsNotTheEnginesDefault) {
  const std::string line =
      serve_line(load("model: Llama-3.1-8B\nengine: {scheduling_policy: priority, block_size: 32, "
                      "long_prefill_token_threshold: 256}\n"));
  EXPECT_THAT(line, HasSubstr("--scheduling-policy priority"));
  EXPECT_THAT(line, HasSubstr("--block-size 32"));
  EXPECT_THAT(line, HasSubstr("--long-prefill-token-threshold 256"));
}

}  // namespace
}  // namespace foretoken
