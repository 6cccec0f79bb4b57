// Answers, refusals and what they say, on deployments whose limits are known.
#include "foretoken/study/capacity.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "foretoken/study/check.hpp"
#include "study/capacity/answer.hpp"
#include "study/capacity/look.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

// 10 ms a step and 0.1 ms a prompt token; eight seats of about half a second: at most some 14 requests/s.
const char* const kAffineLoad = R"(
engine: {name: vllm-v1, max_num_seqs: 8, num_gpu_blocks_override: 100000}
cost: {level: affine, affine: {per_step: 10 ms, per_prefill_token: 100 us}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 1000, request_rate: 5}
)";

Result<CapacityResult> capacity_of(const std::string& slo, std::vector<std::string> set = {}, RunOptions options = {}) {
  const Question question{std::string(kAffineLoad) + "slo: " + slo + "\n", "s.yaml", {std::move(set)}};
  const Result<Scenario> scenario = question.scenario();
  if (!scenario) return scenario.error();
  options.threads = 2;
  return find_capacity(question, *scenario, options);
}

Decision verdict_with(const std::string& slo, std::vector<std::string> set) {
  const Question question{std::string(kAffineLoad) + "slo: " + slo + "\n", "s.yaml", {std::move(set)}};
  const Result<Scenario> scenario = question.scenario();
  CheckOptions options;
  options.fixes = false;
  return check(question, scenario.value(), options).value().overall;
}

TEST(Capacity, PassesAtTheAnswerAndFailsAboveIt) {
  for (const char* slo : {"[p95_ttft <= 400 ms]", "[mean_tpot <= 11 ms]", "[mean_e2el <= 1 s, p99_ttft <= 2 s]"}) {
    const auto result = capacity_of(slo);
    ASSERT_TRUE(result) << format(result.error());
    ASSERT_EQ(result->outcome, CapacityOutcome::found) << slo;
    EXPECT_TRUE(result->precise || !result->reason.empty());
    EXPECT_EQ(verdict_with(slo, result->set), Decision::meets) << slo;
    EXPECT_EQ(verdict_with(slo, {fmt::format("workload.request_rate={}", *result->missed)}), Decision::misses) << slo;
    EXPECT_NEAR(*result->headroom, *result->capacity / 5 - 1, 1e-12);
    EXPECT_FALSE(result->bottleneck.empty());
    EXPECT_GT(result->requests, 0);
  }
}

TEST(Capacity, PromisesLessTheSurerOneWantsToBe) {
  const Question question{
      "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: {max_num_seqs: 8}\n"
      "workload: {random_input_len: 500, random_output_len: 100, request_rate: 4}\n"
      "capacity: {precision: 0.1}\nslo: [mean_e2el <= 2 s]\n",
      "s.yaml"};
  const Result<Scenario> scenario = question.scenario();
  ASSERT_TRUE(scenario) << format(scenario.error());
  const auto r = find_capacity(question, *scenario, {});
  ASSERT_TRUE(r) << format(r.error());
  ASSERT_TRUE(r->capacity);
  ASSERT_EQ(r->promised.size(), 2u) << r->no_confidence;
  ASSERT_TRUE(r->promised[0].load && r->promised[1].load);
  // As fast as the step times were measured to be off, at least.
  EXPECT_LT(*r->promised[0].load, *r->capacity);
  EXPECT_LE(*r->promised[1].load, *r->promised[0].load);
  EXPECT_LT(r->confidence.back().all_meet.value, 0.8);
  for (const PromisedLoad& p : r->promised) {
    const auto at = std::find_if(r->confidence.begin(), r->confidence.end(),
                                 [&](const LoadConfidence& c) { return c.load == *p.load; });
    ASSERT_NE(at, r->confidence.end());
    EXPECT_GE(at->all_meet.value, p.probability);
  }
}

TEST(Capacity, HasNothingToPromiseWhereNoHardwareIsPredicted) {
  const auto r = capacity_of("[mean_tpot <= 11 ms]");
  ASSERT_TRUE(r) << format(r.error());
  EXPECT_TRUE(r->promised.empty());
  EXPECT_THAT(r->no_confidence, HasSubstr("no hardware"));
}

TEST(Capacity, IsTheSameOnAnyNumberOfThreads) {
  const std::string slo = "[p95_ttft <= 400 ms]";
  RunOptions one;
  const auto a = capacity_of(slo, {}, one), b = capacity_of(slo);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->capacity, b->capacity);
  EXPECT_EQ(a->missed, b->missed);
  EXPECT_EQ(a->looks.size(), b->looks.size());
}

TEST(Capacity, AnUndecidedLoadWidensTheAnswerAndIsNotCountedAsMet) {
  const auto result = capacity_of("[p99_ttft <= 400 ms]", {"study.max_replications=2", "workload.num_prompts=200"});
  ASSERT_TRUE(result) << format(result.error());
  ASSERT_TRUE(result->capacity && result->missed);
  for (const CapacityLook& look : result->looks) {
    EXPECT_FALSE(look.decision == Decision::not_decided && look.load == *result->capacity);
    EXPECT_FALSE(look.decision == Decision::misses && look.load <= *result->capacity);
  }
}

// Of two loads that cannot settle within the budget the larger is known to be so from the smaller.
TEST(Capacity, FliesNoPilotWhereASmallerLoadDidNotSettle) {
  const Question question{std::string(kAffineLoad) + "slo: [p99_ttft <= 20 s]\n", "s.yaml", {}};
  LoadJudge judge(question, {}, 8);
  const auto pilot_at = [&](double rate) {
    const CapacityLook seen = judge(rate, {fmt::format("workload.request_rate={}", rate)}, 300'000).value();
    EXPECT_FALSE(seen.verdict->steady.settled) << rate;
    EXPECT_EQ(seen.decision, Decision::not_decided) << rate;
    return seen.verdict->pilot_requests;
  };
  EXPECT_GT(pilot_at(13.45), 0);
  EXPECT_EQ(pilot_at(13.5), 0);
}

TEST(Capacity, SaysThatNothingMeetsWhenARequestAloneMisses) {
  const auto result = capacity_of("[p99_ttft <= 15 ms]");  // 10 ms + 100 x 0.1 ms
  ASSERT_TRUE(result) << format(result.error());
  EXPECT_EQ(result->outcome, CapacityOutcome::nothing_meets);
  EXPECT_THAT(result->reason, HasSubstr("100 prompt tokens"));
  EXPECT_TRUE(result->looks.empty()) << "a bound says it";
  EXPECT_EQ(result->binding, 0u);
}

TEST(Capacity, SaysThatEverythingMeetsWhenNoObjectiveLimitsTheQueue) {
  const auto result = capacity_of("[mean_tpot <= 1 h]", {"workload.num_prompts=100"});
  ASSERT_TRUE(result) << format(result.error());
  EXPECT_EQ(result->outcome, CapacityOutcome::everything_meets);
  EXPECT_THAT(result->reason, HasSubstr("the largest tried"));
  EXPECT_FALSE(result->missed);
}

TEST(Capacity, CountsClientsAndUsersWhole) {
  const auto clients = capacity_of("[mean_tpot <= 12 ms]", {"workload.request_rate=inf", "workload.max_concurrency=2"});
  ASSERT_TRUE(clients) << format(clients.error());
  EXPECT_EQ(clients->variable, LoadVariable::max_concurrency);
  EXPECT_EQ(clients->unit, "clients");
  ASSERT_TRUE(clients->capacity);
  EXPECT_EQ(*clients->capacity, std::floor(*clients->capacity));
  const auto users = capacity_of(
      "[p90_ttft <= 200 ms]", {"workload.request_rate=inf", "workload.max_concurrency=2", "workload.think_time=2 s"});
  ASSERT_TRUE(users) << format(users.error());
  EXPECT_EQ(users->variable, LoadVariable::users);
  ASSERT_TRUE(users->capacity);
  EXPECT_GT(*users->capacity, 8) << "who thinks takes no seat";
}

TEST(Capacity, RefusesAVariableThatTheWorkloadLacks) {
  struct Case {
    std::vector<std::string> set;
    const char* says;
  };
  const Case cases[] = {
      {{"capacity.variable=users"}, "no users to add"},
      {{"capacity.variable=max_concurrency"}, "requests arrive by themselves"},
      {{"workload.request_rate=inf"}, "request_rate is inf"},
      {{"workload.request_rate=inf", "workload.max_concurrency=4", "capacity.variable=request_rate"},
       "no request_rate"},
  };
  for (const Case& c : cases) {
    const auto result = capacity_of("[p99_ttft <= 1 s]", c.set);
    ASSERT_FALSE(result) << c.says;
    EXPECT_THAT(format(result.error()), HasSubstr(c.says));
    EXPECT_THAT(format(result.error()), HasSubstr("hint")) << "and how to get it";
  }
}

TEST(Capacity, RefusesWhatCannotBeAsked) {
  EXPECT_THAT(format(capacity_of("[]").error()), HasSubstr("'slo' is empty"));
  EXPECT_THAT(format(capacity_of("[p99_ttft <= 100 ms, p50_ttft >= 200 ms]").error()), HasSubstr("contradict"));
  for (const char* growth : {"nan %/month", "inf %/week", "5/month", "5 %", "-100 %/month", "5 %/fortnight", "x"}) {
    const auto result = capacity_of("[p99_ttft <= 1 s]", {fmt::format("capacity.growth={}", growth)});
    EXPECT_FALSE(result) << growth;
  }
  for (const char* precision : {"0", "nan", "-1", "2"})
    EXPECT_FALSE(capacity_of("[p99_ttft <= 1 s]", {fmt::format("capacity.precision={}", precision)})) << precision;
}

TEST(Capacity, TurnsUpEveryFormOfArrivals) {
  const std::vector<std::vector<std::string>> arrivals = {
      {"workload.request_rate=null", "workload.bursts={low_rate: 1, high_rate: 8, mean_low: 20 s, mean_high: 5 s}"},
      {"workload.request_rate=null", "workload.rate_profile={period: 60 s, rates: [1, 3, 2]}"},
      {"workload.request_rate=null", "workload.ramp_up_strategy=linear", "workload.ramp_up_start_rps=1",
       "workload.ramp_up_end_rps=4"},
      {"workload.sessions={turns: 3, think_time: 1 s}"}};
  for (const auto& set : arrivals) {
    const auto result = capacity_of("[p95_ttft <= 1 s]", set);
    ASSERT_TRUE(result) << set.back() << format(result.error());
    ASSERT_TRUE(result->capacity) << set.back() << " " << result->reason;
    EXPECT_GT(result->offered, 0);
    EXPECT_GT(*result->capacity, 0.5);
    EXPECT_LT(*result->capacity, 60);
  }
}

// A full batch of eight or two seconds of waiting: little load waits for company, much load waits for seats.
TEST(Capacity, ReportsACurveThatIsNotMonotone) {
  for (const char* offered : {"5", "8"}) {
    const auto result = capacity_of("[p95_ttft <= 1.9 s]", {"engine.name=static", "engine.max_wait=2 s",
                                                            std::string("workload.request_rate=") + offered});
    ASSERT_TRUE(result) << format(result.error());
    ASSERT_FALSE(result->not_monotone.empty()) << offered << " " << to_string(result->outcome) << " " << result->reason;
    EXPECT_LT(result->not_monotone[0].misses, result->not_monotone[0].meets);
    EXPECT_EQ(result->outcome, CapacityOutcome::nothing_meets) << "the lowest loads miss";
    EXPECT_THAT(result->reason, HasSubstr("higher"));
  }
}

TEST(Capacity, KeepsWhatIsKnownAtAnInterrupt) {
  std::atomic<bool> stop{false};
  RunOptions options;
  options.stop = &stop;
  std::atomic<std::int64_t> seen{0};
  options.progress = [&](const Progress& p) {
    seen = p.requests;
    if (p.requests > 20'000) stop = true;
  };
  const auto result = capacity_of("[p95_ttft <= 400 ms]", {"workload.num_prompts=5000"}, options);
  ASSERT_TRUE(result) << format(result.error());
  EXPECT_TRUE(result->interrupted);
  EXPECT_GT(seen, 0);
}

TEST(Growth, CountsDaysUntilTheCapacityIsReached) {
  const GrowthRate monthly = parse_growth("5 %/month", {}).value();
  EXPECT_NEAR(monthly.period_days, 30.4375, 1e-9);
  // 1.05^n = 2 after 14.2067 months.
  EXPECT_NEAR(days_until(10, 20, monthly), 14.2067 * 30.4375, 0.01);
  EXPECT_EQ(days_until(20, 10, monthly), 0);
  EXPECT_TRUE(std::isinf(days_until(10, 20, parse_growth("0%/day", {}).value())));
  EXPECT_TRUE(std::isinf(days_until(10, 20, parse_growth("-3 %/year", {}).value())));
}

TEST(Knee, IsWhereLoadOverLatencyIsLargest) {
  // M/M/1 with mu = 10: T = 1 / (10 - load); load x (10 - load) is largest at 5.
  std::vector<CurvePoint> curve;
  for (double load = 1; load < 10; load += 1) curve.push_back({load, 1 / (10 - load)});
  const auto knee = find_knee(curve);
  ASSERT_TRUE(knee);
  EXPECT_EQ(knee->load, 5);
  EXPECT_EQ(knee->low, 4);
  EXPECT_EQ(knee->high, 6);
  EXPECT_FALSE(knee->at_end);
  EXPECT_FALSE(find_knee({{1, 1}, {2, 1}})) << "two points have no bend";
  EXPECT_TRUE(find_knee({{1, 1}, {2, 1}, {3, 1}})->at_end) << "a flat curve has none yet";
}

}  // namespace
}  // namespace foretoken
