// Groups of requests with equally long outputs: they form, they last, the user is told, and spread outputs end them.
#include "experiment/steady/equal_outputs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "foretoken/report/report.hpp"
#include "foretoken/study/check.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

// About a 32B model on two H100: 13 ms a step, 80 ms a prompt, 0.075 ms a row. Five to six requests/s per replica are
// half of what it can do.
const char* const kReplicas = R"(
engine: {name: vllm-v1, max_num_seqs: 256, num_gpu_blocks_override: 100000, max_num_batched_tokens: 8192}
cost: {level: affine, affine: {per_step: 13 ms, per_prefill_token: 53 us, per_decode_token: 75 us}}
workload: {random_input_len: 1500, random_output_len: 300, num_prompts: 20000, request_rate: 40}
replicas: 7
router: least_outstanding
slo: [p95_ttft <= 600 ms]
)";
const char* const kClients = R"(
engine: {name: vllm-v1, max_num_seqs: 64, num_gpu_blocks_override: 100000, max_num_batched_tokens: 8192}
cost: {level: affine, affine: {per_step: 6 ms, per_prefill_token: 25 us, per_decode_token: 30 us}}
workload: {random_input_len: 1024, random_output_len: 256, num_prompts: 640, request_rate: inf, max_concurrency: 32}
slo: [mean_ttft <= 10 s]
)";

Scenario scenario(const std::string& text, std::vector<std::string> set = {}) {
  return parse_scenario(text, "s.yaml", {std::move(set), {}}).value();
}
std::vector<std::string> warnings(const std::string& text, std::vector<std::string> set = {}) {
  RunOptions options;
  options.threads = 2;
  return run_scenario(scenario(text, std::move(set)), options).value().warnings;
}
RequestRecord finished(std::int64_t index, int replica, int at_ms) {
  RequestRecord r;
  r.request.index = index;
  r.replica = replica;
  r.finish = TimePoint{std::chrono::milliseconds{at_ms}};
  return r;
}

TEST(FinishGroups, CountWhoFinishesInTheSameStepOfTheSameReplica) {
  FinishGroups groups(0, 16);
  for (const auto& [index, replica, at] :
       {std::tuple{0, 0, 5}, {1, 0, 5}, {2, 0, 5}, {3, 1, 5}, {12, 0, 9}, {13, 0, 9}})
    groups.add(finished(index, replica, at));
  RequestRecord rejected = finished(14, 0, 9);
  rejected.outcome = Outcome::rejected;
  groups.add(rejected);
  groups.add(finished(16, 0, 9));  // beyond the range
  EXPECT_DOUBLE_EQ(groups.mean_size(0), (3 * 3 + 1) / 4.0);
  EXPECT_DOUBLE_EQ(groups.mean_size(1), 0);
  EXPECT_DOUBLE_EQ(groups.mean_size(3), 2);
  EXPECT_DOUBLE_EQ(groups.mean_size(), (3 * 3 + 1 + 2 * 2) / 6.0);
}

TEST(EqualOutputs, MatterWhereThePlacesOfThoseThatFinishAreFilledAtOnce) {
  EXPECT_EQ(outputs_that_finish_together(scenario(kReplicas)), 300);
  EXPECT_EQ(outputs_that_finish_together(scenario(kClients)), 256);
  for (const char* other : {"router=round_robin", "workload.random_range_ratio=0.1", "workload.random_output_len=1",
                            "workload.output_lengths={distribution: uniform, min: 290, max: 310}"}) {
    std::vector<std::string> set{other};
    if (set.front().starts_with("workload.output_lengths")) set.emplace_back("workload.random_output_len=null");
    EXPECT_FALSE(outputs_that_finish_together(scenario(kReplicas, set))) << other;
  }
  EXPECT_TRUE(outputs_that_finish_together(scenario(
      kReplicas,
      {"workload.random_input_len=null", "workload.input_lengths={distribution: uniform, min: 1, max: 3000}"})))
      << "prompts that differ do not part them";
}

TEST(EqualOutputs, KeepTheirMeanWhenTheyAreSpread) {
  const WorkloadConfig w = with_outputs_spread(scenario(kReplicas).workload, 0.1);
  EXPECT_EQ(std::get<UniformLength>(w.lengths.output), (UniformLength{270, 330}));
  EXPECT_EQ(w.lengths.input, scenario(kReplicas).workload.lengths.input);
}

TEST(EqualOutputs, ARunIsWarnedOfGroupsThatGrowAndOfNoOthers) {
  const auto equal = warnings(kReplicas);
  ASSERT_EQ(equal.size(), 1U);
  std::cout << equal.front() << '\n';
  EXPECT_THAT(equal.front(), HasSubstr("every output has 300 tokens"));
  EXPECT_TRUE(warnings(kReplicas, {"workload.random_range_ratio=0.1"}).empty());
  EXPECT_TRUE(warnings(kReplicas, {"router=round_robin"}).empty());
  EXPECT_TRUE(warnings(kReplicas, {"workload.request_rate=4"}).empty())
      << "groups do not form where hardly anyone waits";
  const auto waves = warnings(kClients);
  ASSERT_EQ(waves.size(), 1U);
  std::cout << waves.front() << '\n';
  EXPECT_THAT(waves.front(), HasSubstr("waves"));
  EXPECT_TRUE(warnings(kClients, {"workload.random_range_ratio=0.1"}).empty());
}

// What is random at the clients, in the network and before the scheduler does not part them: only their lengths do.
// Pauses with a mean of 2 ms are more than a client and a server need.
TEST(EqualOutputs, PausesOfMillisecondsDoNotEndWavesAndSpreadOutputsDo) {
  const auto mean_ttft = [](std::vector<std::string> set) {
    return run_scenario(scenario(kClients, std::move(set))).value().summary["mean_ttft_ms"];
  };
  const double equal = mean_ttft({});
  const double paused = mean_ttft({"workload.think_time=2 ms", "workload.think_time_distribution=exponential"});
  const double spread = mean_ttft({"workload.random_range_ratio=0.1"});
  std::cout << "mean TTFT " << equal << " ms, with pauses " << paused << " ms, with outputs of ±10 % " << spread
            << " ms\n";
  EXPECT_GT(paused, 0.8 * equal);
  EXPECT_LT(spread, 0.7 * equal);
}

TEST(EqualOutputs, ACheckSaysWhatItsFiguresWouldBeWithSpreadOutputs) {
  const auto check_of = [](std::vector<std::string> set) {
    const Question question{kClients, "s.yaml"};
    CheckOptions options;
    options.run.threads = 2;
    options.model_error = false;
    options.fixes = false;
    return check(question.with(set), scenario(kClients, set), options).value();
  };
  const CheckResult equal = check_of({});
  ASSERT_TRUE(equal.spread_outputs);
  ASSERT_TRUE(equal.spread_outputs->figures.front());
  EXPECT_LT(equal.spread_outputs->figures.front()->high, 0.7 * equal.verdict->objectives.front().interval.value);
  EXPECT_GT(equal.spread_outputs->group, 1.3 * equal.spread_outputs->group_spread);
  EXPECT_THAT(to_text(equal), HasSubstr("every output has 256 tokens"));
  EXPECT_FALSE(check_of({"workload.random_range_ratio=0.1"}).spread_outputs);
}

// Of a load without end the number of prompts says nothing: the groups grow while a pilot watches. Their slow growth
// needs more than this budget to end, and what they have reached in it misses already.
TEST(EqualOutputs, AVerdictIsOfGroupsThatHaveGrownWhateverNumPromptsSays) {
  RunOptions options;
  options.threads = 2;
  const auto verdict_of = [&](const char* num_prompts) {
    const std::string n = std::string("workload.num_prompts=") + num_prompts;
    return reach_verdict(scenario(kReplicas, {n, "study.max_requests=600000", "slo=[p95_ttft <= 400 ms]"}), options)
        .value();
  };
  const double short_run =
      run_scenario(scenario(kReplicas, {"workload.num_prompts=3000"})).value().summary["p95_ttft_ms"];
  EXPECT_LT(short_run, 350);
  const Verdict few = verdict_of("3000"), many = verdict_of("100000");
  const Interval& f = few.objectives.front().interval;
  std::cout << to_string(few.overall) << ", p95 TTFT " << f.value << " ms [" << f.low << ", " << f.high << "], settled "
            << few.steady.settled << ", " << few.steady.warmup << " + " << few.steady.measured << " requests\n";
  EXPECT_EQ(few.overall, Decision::misses) << "a run of 3,000 prompts shows " << short_run << " ms";
  EXPECT_EQ(many.overall, Decision::misses);
  EXPECT_EQ(f.value, many.objectives.front().interval.value);
}

// The window of a verdict is counted within stretches as it is step by step (INV-11).
TEST(EqualOutputs, RatesAndGapsOfTheWindowAreTheSameStepByStep) {
  const auto intervals = [](const char* text, bool step_by_step) {
    Scenario s = scenario(text, {"slo=[output_throughput >= 1, request_throughput >= 0.01, p99_itl <= 1 h]",
                                 "workload.random_range_ratio=0.05", "study.max_requests=60000"});
    RunOptions options;
    options.step_by_step = step_by_step;
    std::vector<double> values;
    for (const ObjectiveVerdict& o : reach_verdict(s, options).value().objectives) {
      EXPECT_TRUE(o.steady_state);
      values.insert(values.end(), {o.interval.value, o.interval.low, o.interval.high});
    }
    return values;
  };
  for (const char* text : {kReplicas, kClients}) EXPECT_EQ(intervals(text, false), intervals(text, true));
}

}  // namespace
}  // namespace foretoken
