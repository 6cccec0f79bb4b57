// Steps too long to be timed end a run in words; shares of time are shares.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "foretoken/experiment/run.hpp"
#include "report/request_rows.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

constexpr const char* kText = R"(model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
workload: {random_input_len: 256, random_output_len: 32, num_prompts: 50, request_rate: 10}
)";

struct Answer {
  RunResult result;
  std::string rows;
};

Answer answer_of(const std::vector<std::string>& overrides, bool step_by_step = false) {
  LoadOptions load;
  load.overrides = overrides;
  RunOptions options;
  options.threads = 1;
  options.step_by_step = step_by_step;
  Answer done;
  options.on_request = [&](int replication, const RequestRecord& r) {
    done.rows += request_csv_row(replication, r, "", TpotConvention::per_output_token);
    if (r.outcome != Outcome::finished) return;
    Duration sum{};
    for (const Duration part : r.e2e_parts) {
      EXPECT_GE(part, Duration{});
      sum += part;
    }
    EXPECT_EQ(sum, r.finish - r.request.arrival);
  };
  done.result = run_scenario(parse_scenario(kText, "text.yaml", load).value(), options).value();
  return done;
}

// 256 tokens of prefill take about 10 ms: a millionth of the speed is beyond 1,100 s, and was cut to it.
TEST(LimitsOfTime, AStepTooLongToBeTimedEndsTheRunInWords) {
  for (const bool step_by_step : {false, true}) {
    const Answer slow = answer_of({"cost.scale=1e6", "workload.num_prompts=1"}, step_by_step);
    ASSERT_FALSE(slow.result.warnings.empty());
    EXPECT_THAT(slow.result.warnings[0], HasSubstr("a step of replica 0 would take more than 1100 s"));
    EXPECT_EQ(slow.result.summary["completed"], 0);
  }
}

TEST(LimitsOfTime, BelowThatTimesGrowWithTheCost) {
  const double at_1 = answer_of({"cost.scale=1e3", "workload.num_prompts=1"}).result.summary["mean_ttft_ms"];
  const double at_10 = answer_of({"cost.scale=1e4", "workload.num_prompts=1"}).result.summary["mean_ttft_ms"];
  // The host's part of a step is not scaled, and is below 1 % of it here.
  EXPECT_NEAR(at_10 / at_1, 10, 0.1);
}

// A GPU of 1 FLOP/s: steps that saturated gave MFU of 17,000 and negative parts of a request's time.
TEST(LimitsOfTime, AnAbsurdGpuHasNoFiguresBeyondItsPeaks) {
  for (const char* peak : {"1 FLOP/s", "1000000 FLOP/s", "1000000000 FLOP/s", "1 TFLOP/s"}) {
    const std::string gpu =
        std::string("hardware.gpu={name: g, vendor: NVIDIA, architecture: Blackwell, compute_units: 36, ") +
        "peak_dense: {bf16: " + peak + "}, memory: {capacity: 40 GiB, bandwidth: 448 GB/s, l2_cache: 32 MB}}";
    for (const char* level : {"datasheet", "roofline"}) {
      const Answer absurd = answer_of({gpu, std::string("cost.level=") + level});
      const double mfu = absurd.result.summary["mfu"];
      EXPECT_TRUE(std::isnan(mfu) || (mfu >= 0 && mfu <= 1 + 1e-9)) << peak << level << mfu;
      EXPECT_EQ(absurd.rows.find(".-"), std::string::npos) << peak;
      EXPECT_EQ(absurd.rows, answer_of({gpu, std::string("cost.level=") + level}, true).rows) << peak;
    }
  }
}

// With an overlapping scheduler a step follows the last answer, whose tokens nobody wants.
TEST(LimitsOfTime, AnEngineIsBusyForNoMoreThanTheWholeTime) {
  for (const char* engine : {"sglang", "vllm-v1", "tensorrt-llm"}) {
    for (const char* prompts : {"1", "3", "50"}) {
      const Answer full = answer_of({std::string("engine.name=") + engine, "workload.request_rate=inf",
                                     std::string("workload.num_prompts=") + prompts});
      EXPECT_LE(full.result.summary["engine_busy"], 1) << engine << prompts;
      EXPECT_GT(full.result.summary["engine_busy"], 0.9) << engine << prompts;
    }
  }
}

}  // namespace
}  // namespace foretoken
