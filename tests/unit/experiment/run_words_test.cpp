// What a run says in words: that more comes than goes, and what would fit.
#include <gmock/gmock.h>

#include <cstdio>
#include <stdexcept>
#include <string>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/run.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Scenario load(const std::string& text) {
  auto scenario = parse_scenario(text, "test.yaml", {});
  if (!scenario) throw std::runtime_error(format(scenario.error()));
  return std::move(*scenario);
}

// A server of 10 ms a step and two seats: 20 tokens take 0.2 s, so it carries 10 requests per second.
Scenario server(double rate, const std::string& more = "") {
  return load(
      "cost: {level: affine, affine: {per_step: 10 ms}}\nengine: {max_num_seqs: 2, async_scheduling: false}\n"
      "workload: {random_input_len: 8, random_output_len: 20, num_prompts: 2000, request_rate: " +
      std::to_string(rate) + more + "}\n");
}

TEST(Overload, IsSaidWithTheRateAtWhichTheBacklogGrows) {
  const Result<RunResult> run = run_scenario(server(15));
  ASSERT_TRUE(run);
  // 15 come and 10 leave; the rates are of 133 s, in which 2000 arrivals have a deviation of 2.2 %.
  EXPECT_THAT(run->overload, HasSubstr("OVERLOADED: "));
  double come = 0, leave = 0, grows = 0;
  ASSERT_EQ(
      std::sscanf(run->overload.c_str(), "OVERLOADED: %lf requests/s come and %lf leave, so the backlog grows by %lf",
                  &come, &leave, &grows),
      3);
  EXPECT_NEAR(come, 15, 3 * 0.022 * 15);
  EXPECT_NEAR(grows, come - 10, 0.15 * come);
  EXPECT_EQ(run->warnings.front(), run->overload);
  const std::string text = to_text(*run);
  EXPECT_LT(text.find("OVERLOADED"), text.find("Requests"));
  EXPECT_EQ(text.find("OVERLOADED"), text.rfind("OVERLOADED")) << "once";
}

TEST(Overload, OfALoadThatIsCarriedIsNotSaid) {
  for (const double rate : {1.0, 5.0, 8.0}) {
    const Result<RunResult> run = run_scenario(server(rate));
    ASSERT_TRUE(run);
    EXPECT_THAT(run->overload, IsEmpty()) << rate;
  }
}

TEST(Overload, IsNoWordForLoadsThatWaitForAnswers) {
  const Result<RunResult> closed = run_scenario(server(15, ", max_concurrency: 4"));
  ASSERT_TRUE(closed);
  EXPECT_THAT(closed->overload, IsEmpty());
}

TEST(Overload, OfManySeatsShowsBeforeAnybodyWaits) {
  // 1,024 seats: nobody waits in the queue, but decoding 60 requests per second does not keep up.
  const Scenario s = load(
      "cost: {level: affine, affine: {per_step: 5 ms, per_decode_token: 260 us}}\nengine: {max_num_seqs: 1024}\n"
      "workload: {random_input_len: 64, random_output_len: 128, num_prompts: 1500, request_rate: 60}\n");
  const Result<RunResult> run = run_scenario(s);
  ASSERT_TRUE(run);
  EXPECT_THAT(run->overload, HasSubstr("OVERLOADED"));
}

TEST(Overload, IsSaidBeforeTheFirstRequestsHaveLeft) {
  // The arrivals end after 17 s, of which the first requests stay for six: only the queue tells.
  const Result<RunResult> run = run_scenario(
      load("model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\n"
           "workload: {random_input_len: 1024, random_output_len: 128, num_prompts: 1000, request_rate: 60}\n"));
  ASSERT_TRUE(run);
  EXPECT_THAT(run->overload, HasSubstr("so the queue grows by"));
}

TEST(DoesNotFit, NamesWhatWouldFit) {
  const Scenario s = load("model: Llama-3.1-70B\nhardware: {gpu: h100_sxm}\n");
  const Result<RunResult> run = run_scenario(s);
  ASSERT_TRUE(run);
  ASSERT_FALSE(run->feasible);
  EXPECT_THAT(run->memory.verdict, HasSubstr("what would fit: tensor_parallel_size 2 (2 GPUs a replica)"));
  EXPECT_THAT(run->memory.verdict, HasSubstr("quantization awq"));
  const Result<Explanation> why = explain(s);
  ASSERT_TRUE(why);
  EXPECT_EQ(why->memory.verdict, run->memory.verdict);
  // What is named does fit, and less does not.
  const auto fits = [&](const std::string& engine) {
    return run_scenario(load("model: Llama-3.1-70B\nhardware: {gpu: h100_sxm}\nworkload: {num_prompts: 2}\nengine: {" +
                             engine + "}\n"))
        ->feasible;
  };
  EXPECT_TRUE(fits("tensor_parallel_size: 2"));
  EXPECT_TRUE(fits("quantization: awq"));
  EXPECT_FALSE(fits("quantization: fp8"));
}

TEST(DoesNotFit, NamesTheLongestContextWhereTheWeightsFit) {
  const Result<RunResult> run =
      run_scenario(load("model: Llama-3.1-8B\nhardware: {gpu: a10g}\nengine: {max_model_len: 131072}\n"));
  ASSERT_TRUE(run);
  ASSERT_FALSE(run->feasible);
  const std::size_t at = run->memory.verdict.find("max_model_len ", run->memory.verdict.find("what would fit"));
  ASSERT_NE(at, std::string::npos) << run->memory.verdict;
  const long tokens = std::stol(run->memory.verdict.substr(at + 14));
  EXPECT_GT(tokens, 1000);
  EXPECT_LT(tokens, 131072);
}

TEST(Explanation, NamesTheLimitOfTheFullestBatch) {
  const Result<Explanation> e =
      explain(load("model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: {max_model_len: 8192}\n"
                   "workload: {random_input_len: 4096, random_output_len: 512}\n"));
  ASSERT_TRUE(e);
  EXPECT_THAT(e->steps.back().title, HasSubstr("the most at once (what the KV cache holds)"));
  EXPECT_THAT(to_text(*e), Not(HasSubstr("typical")));
}

}  // namespace
}  // namespace foretoken
