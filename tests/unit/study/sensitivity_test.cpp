// Levers move what physics says they move, and in the right direction.
#include "study/sensitivity/sensitivity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "report/sensitivity_report.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

const char* const kAffineLevers = R"(
engine: {name: vllm-v1, max_num_seqs: 64, num_gpu_blocks_override: 20000, max_num_batched_tokens: 2048}
cost: {level: affine, affine: {per_step: 10 ms, per_prefill_token: 10 us}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 200, request_rate: 1}
)";
const char* const kGpu = R"(
model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
workload: {random_input_len: 100, random_output_len: 100, num_prompts: 100, request_rate: 0.5}
)";

Result<SensitivityStudy> levers_study(const std::string& text, const std::string& metric,
                                      std::vector<std::string> set = {}, int threads = 2,
                                      const std::atomic<bool>* stop = nullptr) {
  const Result<Scenario> scenario = parse_scenario(text, "s.yaml", {std::move(set), {}});
  if (!scenario) return scenario.error();
  SensitivityOptions options;
  options.metric = metric;
  options.run.threads = threads;
  options.run.stop = stop;
  return study_sensitivity(*scenario, options);
}

const LeverEffect* find(const SensitivityStudy& s, const std::string& name) {
  for (const LeverEffect& l : s.levers) {
    if (l.name == name) return &l;
  }
  return nullptr;
}

// TPOT of a lightly loaded engine is a step, 10 ms and a little: an elasticity of about 1.
TEST(Sensitivity, FollowsTheStepTimeOneToOne) {
  const auto s = levers_study(kAffineLevers, "mean_tpot");
  ASSERT_TRUE(s) << format(s.error());
  EXPECT_EQ(s->metric, "mean_tpot_ms");
  const LeverEffect* step = find(*s, "cost.affine.per_step");
  ASSERT_NE(step, nullptr);
  std::cout << "elasticity of per_step " << step->elasticity << "\n";
  EXPECT_NEAR(step->elasticity, 1, 0.05);
  EXPECT_TRUE(step->certain);
  EXPECT_EQ(s->levers.front().name, "cost.affine.per_step");
  for (const LeverEffect& l : s->levers) {
    EXPECT_EQ(l.effect > 0, l.down.moves() || l.up.moves()) << l.name << ": what chance does is no effect";
    const double doubt = l.down.paired.difference.half_width() + l.up.paired.difference.half_width();
    if (l.down.possible && l.up.possible) {
      EXPECT_EQ(l.certain, std::abs(l.up.paired.difference.value - l.down.paired.difference.value) > doubt) << l.name;
    }
  }
  EXPECT_LT(step->down.paired.difference.value, 0);
  EXPECT_GT(step->up.paired.difference.value, 0);
  const LeverEffect* seats = find(*s, "engine.max_num_seqs");
  ASSERT_NE(seats, nullptr);
  EXPECT_EQ(seats->effect, 0) << "64 seats are never taken";
  EXPECT_FALSE(seats->certain);
}

TEST(Sensitivity, LoneDecodesPayForMemoryBandwidthAndLongPromptsForFlops) {
  const auto decode = levers_study(kGpu, "mean_tpot");
  ASSERT_TRUE(decode) << format(decode.error());
  std::cout << decode->worth << "\n";
  EXPECT_THAT(decode->worth, HasSubstr("memory bandwidth is worth most"));
  EXPECT_LT(find(*decode, "memory bandwidth")->elasticity, -0.5);
  EXPECT_GT(find(*decode, "peak FLOP/s")->elasticity, -0.1);
  const auto prefill = levers_study(kGpu, "mean_ttft", {"workload.random_input_len=4000"});
  ASSERT_TRUE(prefill) << format(prefill.error());
  std::cout << prefill->worth << "\n";
  EXPECT_THAT(prefill->worth, HasSubstr("peak FLOP/s is worth most"));
  EXPECT_GT(find(*prefill, "prompt length")->elasticity, 0.8);
}

TEST(Sensitivity, WatchesTheObjectiveWithTheLeastRoom) {
  const auto s = levers_study(kAffineLevers, "", {"slo=[p99_ttft <= 10 s, mean_tpot <= 12 ms]"});
  ASSERT_TRUE(s) << format(s.error());
  EXPECT_EQ(s->metric, "mean_tpot_ms");
  EXPECT_THAT(s->why_this_metric, HasSubstr("least room"));
  EXPECT_EQ(levers_study(kAffineLevers, "")->metric, "p99_ttft_ms");
}

TEST(Sensitivity, MoreThroughputIsBetterAndComesFromTheRate) {
  const auto s = levers_study(kAffineLevers, "output_throughput");
  ASSERT_TRUE(s) << format(s.error());
  EXPECT_FALSE(s->smaller_is_better);
  EXPECT_NEAR(find(*s, "request rate")->elasticity, 1, 0.05);
}

TEST(Sensitivity, IsTheSameOnAnyNumberOfThreads) {
  const auto a = levers_study(kGpu, "p99_ttft", {}, 1), b = levers_study(kGpu, "p99_ttft", {}, 3);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(to_text(to_json(*a)), to_text(to_json(*b)));
}

TEST(Sensitivity, SaysWhatItCannotWatch) {
  const auto unknown = levers_study(kAffineLevers, "p99_tftt");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(format(unknown.error()), HasSubstr("is no metric"));
  const auto one_token = levers_study(kAffineLevers, "p99_tpot", {"workload.random_output_len=1"});
  ASSERT_FALSE(one_token);
  EXPECT_THAT(format(one_token.error()), HasSubstr("no finite value"));
}

TEST(Sensitivity, ModelsThatDoNotFitStepsThatCannotBeTakenAndInterrupts) {
  const auto none = levers_study("model: Llama-3.1-70B\nhardware: {gpu: h100_sxm}\nworkload: {request_rate: 1}\n", "");
  ASSERT_TRUE(none) << format(none.error());
  EXPECT_FALSE(none->feasible);
  const auto one_seat =
      levers_study(kAffineLevers, "mean_tpot", {"engine.max_num_seqs=1", "workload.request_rate=0.5"});
  ASSERT_TRUE(one_seat);
  EXPECT_FALSE(find(*one_seat, "engine.max_num_seqs")->up.possible) << "1 x 1.1 is 1";
  const std::atomic<bool> stop{true};
  const auto stopped = levers_study(kAffineLevers, "mean_tpot", {}, 1, &stop);
  ASSERT_TRUE(stopped);
  EXPECT_TRUE(stopped->interrupted);
}

TEST(Sensitivity, EveryKindOfLoadHasItsLevers) {
  for (const std::string& load :
       {std::string(
            "max_concurrency: 8, request_rate: inf, num_prompts: 100, random_input_len: 50, random_output_len: 20"),
        std::string("classes: [{name: a, weight: 1, random_input_len: 50, random_output_len: 10}], request_rate: 2, "
                    "num_prompts: 100")}) {
    const auto s = levers_study(
        "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm, num_gpus: 2}\nengine: {tensor_parallel_size: 2}\nworkload: {" +
            load + "}\n",
        "mean_e2el");
    ASSERT_TRUE(s) << format(s.error());
    EXPECT_NE(find(*s, "link bandwidth"), nullptr);
    EXPECT_GT(find(*s, "output length")->elasticity, 0.4) << load;
    EXPECT_EQ(find(*s, "workload.max_concurrency") != nullptr, load.starts_with("max"));
  }
}

}  // namespace
}  // namespace foretoken
