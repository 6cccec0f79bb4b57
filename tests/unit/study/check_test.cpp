// Bounds, contradictions and fixes, on deployments whose floors are known.
#include "foretoken/study/check.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>

namespace foretoken {
namespace {

// 10 ms a step and 0.1 ms a prompt token: alone, 100 + 50 tokens take 20 ms to the first and 490 ms for the other 49.
const char* const kBatchOfEight = R"(
engine: {name: vllm-v1, max_num_seqs: 8, num_gpu_blocks_override: 100000}
cost: {level: affine, affine: {per_step: 10 ms, per_prefill_token: 100 us}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 400, request_rate: 5}
)";

Result<CheckResult> check_text(const std::string& text, std::vector<std::string> set = {}, CheckOptions options = {}) {
  const Question question{text, "s.yaml", {std::move(set)}};
  const Result<Scenario> scenario = question.scenario();
  if (!scenario) return scenario.error();
  options.run.threads = 2;
  return check(question, *scenario, options);
}
Result<CheckResult> check_affine(const std::string& slo, std::vector<std::string> set = {}) {
  return check_text(std::string(kBatchOfEight) + "slo: " + slo + "\n", std::move(set));
}

const Bound* bound_of(const CheckResult& r, std::size_t objective) {
  const auto it =
      std::find_if(r.bounds.begin(), r.bounds.end(), [&](const Bound& b) { return b.objective == objective; });
  return it == r.bounds.end() ? nullptr : &*it;
}

TEST(Check, MeetsWhatALoneRequestAlmostTakes) {
  const auto result = check_affine("[mean_tpot <= 20 ms]");
  ASSERT_TRUE(result) << format(result.error());
  EXPECT_EQ(result->overall, Decision::meets);
  ASSERT_NE(bound_of(*result, 0), nullptr);
  EXPECT_NEAR(bound_of(*result, 0)->value, 9.8, 0.01) << "49 steps of 10 ms over 50 tokens";
  EXPECT_TRUE(result->fixes.empty());
}

TEST(Check, RefusesWhatEvenAnIdleEngineCannotDoWithoutSimulating) {
  const auto result = check_affine("[p99_ttft <= 15 ms, mean_e2el <= 1 h]");
  ASSERT_TRUE(result) << format(result.error());
  EXPECT_TRUE(result->impossible);
  EXPECT_EQ(result->overall, Decision::misses);
  EXPECT_FALSE(result->verdict);
  ASSERT_NE(bound_of(*result, 0), nullptr);
  EXPECT_NEAR(bound_of(*result, 0)->value, 20, 0.01) << "10 ms + 100 x 0.1 ms";
  EXPECT_NE(bound_of(*result, 0)->text.find("100 prompt tokens"), std::string::npos) << bound_of(*result, 0)->text;
}

TEST(Check, RefusesMoreThroughputThanIsOffered) {
  const auto result = check_affine("[output_throughput >= 1000]");  // 5 x 50 = 250 offered
  ASSERT_TRUE(result) << format(result.error());
  EXPECT_TRUE(result->impossible);
  EXPECT_NEAR(bound_of(*result, 0)->value, 250, 1e-6);
}

TEST(Check, RefusesAnEndBeforeTheLastRequestIsSent) {
  const auto result = check_affine("[duration <= 30 s]");  // 400 requests at 5/s are sent in 80 s
  ASSERT_TRUE(result) << format(result.error());
  EXPECT_TRUE(result->impossible);
  EXPECT_NEAR(bound_of(*result, 0)->value, 79.8, 0.01);
}

TEST(Check, RefusesAnAttainmentThatLoneRequestsMiss) {
  const auto result = check_affine("[slo_attainment >= 90 %]", {"goodput.ttft=15"});
  ASSERT_TRUE(result) << format(result.error());
  EXPECT_TRUE(result->impossible);
  EXPECT_DOUBLE_EQ(bound_of(*result, 0)->value, 0);
}

// The floors must be floors: no simulated figure of any load lies below them.
TEST(Bounds, LieBelowWhatIsSimulatedUnderAnyLoad) {
  for (const char* rate : {"1", "5", "15", "25"}) {
    const auto result =
        check_affine("[mean_ttft <= 1 h, p50_ttft <= 1 h, p99_ttft <= 1 h, p90_tpot <= 1 h, mean_e2el <= 1 h]",
                     {std::string("workload.request_rate=") + rate, "workload.random_input_len=null",
                      "workload.random_output_len=null",
                      "workload.input_lengths={distribution: lognormal, mu: 4.6, sigma: 0.8, min: 1, max: 2000}",
                      "workload.output_lengths={distribution: uniform, min: 2, max: 90}"});
    ASSERT_TRUE(result) << format(result.error());
    ASSERT_TRUE(result->verdict);
    for (const Bound& b : result->bounds) {
      const Interval& seen = result->verdict->objectives[b.objective].interval;
      EXPECT_LE(b.value, seen.high) << b.text << " at " << rate;
    }
    EXPECT_EQ(result->bounds.size(), 5u);
  }
}

TEST(Check, AnOverloadOfTheRooflineIsRefusedWithTheBacklogsGrowth) {
  const auto result = check_text(R"(
model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
workload: {random_input_len: 4000, random_output_len: 100, num_prompts: 1000, request_rate: 1000}
slo: [p99_ttft <= 10 s]
)");
  ASSERT_TRUE(result) << format(result.error());
  ASSERT_TRUE(result->impossible);
  // 4,000 tokens x 2 x 7 G parameters (without embeddings) at 989 TFLOP/s: at most some 17 requests/s.
  std::cout << result->bounds[0].text << "\n";
  EXPECT_NE(result->bounds[0].text.find("no steady state"), std::string::npos);
  // Four replicas or another GPU do not rescue a load 50 times too high.
  for (const Fix& fix : result->fixes) EXPECT_NE(fix.decision, Decision::meets) << fix.change;
}

TEST(Contradictions, AreDiagnosedWithBothObjectives) {
  const std::pair<const char*, const char*> cases[] = {
      {"[p99_ttft <= 100 ms, p99_ttft >= 200 ms]", "no value is both"},
      {"[p99_ttft <= 100 ms, mean_ttft >= 200 ms]", "the slowest 1 %"},
      {"[p99_ttft <= 100 ms, p50_ttft >= 200 ms]", "never above"},
      {"[p99_e2el <= 100 ms, p99_ttft >= 200 ms]", "never above"},
      {"[max_tpot < 10 ms, mean_tpot >= 10 ms]", "never above"},
      {"[output_throughput < 10, output_throughput >= 20]", "no value is both"}};
  for (const auto& [slo, words] : cases) {
    const auto result = check_affine(slo);
    ASSERT_FALSE(result) << slo;
    EXPECT_NE(format(result.error()).find("contradict each other"), std::string::npos) << format(result.error());
    EXPECT_NE(format(result.error()).find(words), std::string::npos) << format(result.error());
  }
}

TEST(Contradictions, AreNotSeenWhereThereAreNone) {
  for (const char* slo : {"[p99_ttft <= 200 ms, p99_ttft >= 100 ms]", "[p99_ttft <= 100 ms, mean_tpot >= 200 ms]",
                          "[p50_ttft <= 100 ms, p99_ttft >= 200 ms]", "[p99_ttft <= 100 ms, p99_ttft >= 100 ms]",
                          "[p50_ttft <= 100 ms, mean_ttft >= 200 ms]", "[std_ttft <= 1 ms, std_e2el >= 2 ms]"}) {
    const Scenario s = parse_scenario(std::string(kBatchOfEight) + "slo: " + slo, "s.yaml", {}).value();
    EXPECT_TRUE(contradictions(s).empty()) << slo << format(contradictions(s));
  }
}

TEST(Check, SaysWhatCannotBeJudged) {
  const auto empty = check_affine("[]");
  ASSERT_FALSE(empty);
  EXPECT_NE(format(empty.error()).find("'slo' is empty"), std::string::npos);
  const auto one_token = check_affine("[p95_tpot <= 50 ms]", {"workload.random_output_len=1"});
  ASSERT_FALSE(one_token);
  EXPECT_NE(format(one_token.error()).find("with one output token there is no tpot"), std::string::npos);
}

// One seat, 5 requests/s of 0.51 s each: two seats or two replicas are needed.
TEST(Fixes, FindTheKnobThatIsTooSmallAndRankItBeforeGpus) {
  const auto result = check_affine("[p99_ttft <= 1 s]", {"engine.max_num_seqs=2"});
  ASSERT_TRUE(result) << format(result.error());
  EXPECT_EQ(result->overall, Decision::misses);
  EXPECT_TRUE(result->verdict->steady.overloaded);
  ASSERT_FALSE(result->fixes.empty());
  const Fix& first = result->fixes.front();
  std::cout << first.change << ": " << first.effects.front().before << " -> " << first.effects.front().after.value
            << "\n";
  EXPECT_EQ(first.change, "max_num_seqs 2 -> 4");
  EXPECT_EQ(first.decision, Decision::meets);
  EXPECT_EQ(first.cost, FixCost{});
  const auto replicas = std::find_if(result->fixes.begin(), result->fixes.end(),
                                     [](const Fix& f) { return f.change == "replicas 1 -> 2"; });
  ASSERT_NE(replicas, result->fixes.end());
  EXPECT_EQ(replicas->decision, Decision::meets);
  EXPECT_EQ(replicas->cost.gpus_added, 1);
  EXPECT_GT(replicas->cost_per_recovered, 0);
}

// What a fix line says comes true when its --set is pasted.
TEST(Fixes, ComeTrueWhenPasted) {
  const auto result = check_affine("[p99_ttft <= 1 s]", {"engine.max_num_seqs=2"});
  ASSERT_TRUE(result);
  int tried = 0;
  for (const Fix& fix : result->fixes) {
    if (fix.status != PointStatus::ok || fix.decision == Decision::not_decided || ++tried > 3) continue;
    std::vector<std::string> set{"engine.max_num_seqs=2"};
    set.insert(set.end(), fix.set.begin(), fix.set.end());
    const auto pasted = check_affine("[p99_ttft <= 1 s]", set);
    ASSERT_TRUE(pasted) << format(pasted.error());
    EXPECT_EQ(pasted->overall, fix.decision) << fix.change;
  }
  EXPECT_GE(tried, 2);
}

TEST(Check, IsTheSameOnAnyNumberOfThreads) {
  const std::string text = std::string(kBatchOfEight) + "slo: [p99_ttft <= 1 s]\n";
  const Question question{text, "s.yaml", {{"engine.max_num_seqs=2"}}};
  const Scenario s = question.scenario().value();
  CheckOptions one, three;
  one.run.threads = 1;
  three.run.threads = 3;
  const CheckResult a = check(question, s, one).value(), b = check(question, s, three).value();
  ASSERT_EQ(a.fixes.size(), b.fixes.size());
  for (std::size_t i = 0; i < a.fixes.size(); ++i) {
    EXPECT_EQ(a.fixes[i].change, b.fixes[i].change);
    if (a.fixes[i].effects.empty()) continue;
    EXPECT_EQ(a.fixes[i].effects[0].after, b.fixes[i].effects[0].after);
  }
}

}  // namespace
}  // namespace foretoken
