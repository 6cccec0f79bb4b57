// Start lines say what was simulated, or what they leave out.
#include "report/launch_lines.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace foretoken {
namespace {

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
