// What the simulation does for a request, counted and not timed: it must not grow with the
// length of the output, of the run, or of the batch, nor with replicas or load.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>

#include "bench/workloads.hpp"

namespace foretoken::test {
namespace {

// Per finished request.
struct Work {
  double steps = 0;
  double spans = 0;
  double schedule_calls = 0;
  std::int64_t preemptions = 0;
};

Work work_of(const std::string& file, const std::vector<std::string>& settings, bool step_by_step = false) {
  const Scenario scenario = bench::workload(file, settings);
  const SimulationOutcome outcome =
      bench::simulate_unwatched(scenario, *make_cost_model(scenario.deployment), step_by_step);
  EXPECT_EQ(outcome.finished, scenario.workload.num_prompts);
  Work work;
  for (const ReplicaTotals& replica : outcome.replicas) {
    work.steps += static_cast<double>(replica.steps);
    work.spans += static_cast<double>(replica.spans);
    work.schedule_calls += static_cast<double>(replica.schedule_calls);
    work.preemptions += replica.preemptions;
  }
  for (double* count : {&work.steps, &work.spans, &work.schedule_calls})
    *count /= static_cast<double>(outcome.finished);
  std::string said = file;
  for (const std::string& setting : settings) said.append(" ").append(setting, setting.find('.') + 1);
  std::cout << fmt::format("{}: {:.2f} steps, {:.3f} spans, {:.3f} schedule calls per request\n", said, work.steps,
                           work.spans, work.schedule_calls);
  return work;
}

// Without preemption a span ends for one of three reasons, each of which a request gives at most once: it arrives, its
// prompt is computed (512 tokens fit a step of 2,048 beside 256 decodes), it finishes.
constexpr double kMostSpans = 3;

void expect_few(const Work& work) {
  EXPECT_LE(work.spans, kMostSpans);
  // One call plans each span; those that find nothing to run follow a finish.
  EXPECT_LE(work.schedule_calls, work.spans + 1);
}

TEST(Growth, CountsASpanForEveryStepWhenStepByStep) {
  const Work oracle = work_of("w1.yaml", {"workload.num_prompts=500"}, true);
  EXPECT_EQ(oracle.spans, oracle.steps);
  const Work stretches = work_of("w1.yaml", {"workload.num_prompts=500"});
  EXPECT_EQ(stretches.steps, oracle.steps);
  EXPECT_LT(stretches.spans, oracle.spans);
}

// Alone, a request of 4,096 tokens takes 16 times the steps of one of 256; among others they share their steps.
TEST(Growth, OfWorkWithTheOutputLengthIsNone) {
  const auto at = [](const std::string& rate, int output_tokens) {
    return work_of("w1.yaml", {"workload.request_rate=" + rate, "workload.num_prompts=2000",
                               fmt::format("workload.random_output_len={}", output_tokens)});
  };
  for (const std::string rate : {"0.005", "0.5"}) {
    const Work short_outputs = at(rate, 256);
    const Work long_outputs = at(rate, 4096);
    if (rate == "0.005") {
      EXPECT_GT(long_outputs.steps, 10 * short_outputs.steps);
    }
    // A request that meets nobody gives two spans, one among others three.
    EXPECT_LE(long_outputs.spans, 1.5 * short_outputs.spans);
    for (const Work& work : {short_outputs, long_outputs, at(rate, 1), at(rate, 64), at(rate, 1024)}) expect_few(work);
  }
}

TEST(Growth, OfWorkWithTheRunLengthIsNone) {
  for (const char* workload : {"w1.yaml", "w3.yaml"}) {
    const Work shorter = work_of(workload, {"workload.num_prompts=20000"});
    const Work longer = work_of(workload, {"workload.num_prompts=200000"});
    EXPECT_NEAR(longer.spans, shorter.spans, 0.02 * shorter.spans) << workload;
    EXPECT_NEAR(longer.schedule_calls, shorter.schedule_calls, 0.02 * shorter.schedule_calls) << workload;
  }
}

TEST(Growth, OfWorkWithTheRunLengthIsNoneUnderPreemptions) {
  const Work shorter = work_of("w4.yaml", {"workload.num_prompts=10000"});
  const Work longer = work_of("w4.yaml", {"workload.num_prompts=50000"});
  EXPECT_GT(shorter.preemptions, 1000);
  EXPECT_NEAR(longer.spans, shorter.spans, 0.02 * shorter.spans);
}

TEST(Growth, OfWorkWithTheBatchIsNone) {
  for (const int seats : {4, 16, 64, 256}) {
    expect_few(work_of("w1.yaml", {"workload.request_rate=inf", "workload.num_prompts=10000",
                                   fmt::format("engine.max_num_seqs={}", seats)}));
  }
}

TEST(Growth, OfWorkWithTheLoadIsNone) {
  for (const char* rate : {"0.1", "2", "8", "16", "24.8", "32", "40"}) {
    expect_few(work_of("w1.yaml", {std::string("workload.request_rate=") + rate, "workload.num_prompts=10000"}));
  }
}

TEST(Growth, OfWorkWithReplicasIsNone) {
  for (const char* router : {"round_robin", "least_outstanding"}) {
    for (const int replicas : {1, 4, 16}) {
      expect_few(work_of("w2.yaml", {fmt::format("replicas={}", replicas), std::string("router=") + router,
                                     fmt::format("workload.request_rate={}", 24.8 * replicas)}));
    }
  }
}

}  // namespace
}  // namespace foretoken::test
