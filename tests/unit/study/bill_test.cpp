// The bill of a month against arithmetic by hand, and fixes ranked by money.
#include "study/bill/bill.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "foretoken/study/check.hpp"
#include "study/assert/assertions.hpp"

namespace foretoken {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// 10 ms a step and 0.1 ms a prompt token, on a machine without a name.
const std::string kAffineBill = R"(
engine: {name: vllm-v1, max_num_seqs: 8, num_gpu_blocks_override: 100000}
cost: {level: affine, affine: {per_step: 10 ms, per_prefill_token: 100 us}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 400, request_rate: 5}
replicas: 2
)";

Scenario load(const std::string& rest, std::vector<std::string> set = {}) {
  const auto s = parse_scenario(kAffineBill + rest, "s.yaml", {std::move(set), {}});
  if (!s) throw std::runtime_error(format(s.error()));
  return *s;
}
std::string problems(const std::string& rest) {
  const auto s = parse_scenario(kAffineBill + rest, "s.yaml", {});
  return s ? "none" : format(s.error());
}

std::string list(int count, const std::string& value = "1") {
  std::string text = "[";
  for (int i = 0; i < count; ++i) text += (i > 0 ? ", " : "") + value;
  return text + "]";
}

const std::string kDay = "[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0]";

TEST(Bill, OfADayIsHoursTimesReplicasTimesPrice) {
  // 8 hours at 5/s need 2 replicas of 3/s, 4 hours at 10/s need 4, 12 quiet hours keep 1.
  const auto bill = monthly_bill(load("prices: {gpu_hour: 2, capacity_per_replica: 3, load_profile: " + kDay + "}\n"));
  ASSERT_TRUE(bill) << format(bill.error());
  const double days = 365.25 / 12;
  EXPECT_THAT(bill->replicas_by_hour, SizeIs(168));
  EXPECT_EQ(bill->fixed.most_replicas, 4);
  EXPECT_EQ(bill->resized.least_replicas, 1);
  EXPECT_NEAR(bill->fixed.usd_per_month, days * 24 * 4 * 2, 1e-6);
  EXPECT_NEAR(bill->resized.usd_per_month, days * (12 * 1 + 8 * 2 + 4 * 4) * 2, 1e-6);
  EXPECT_NEAR(bill->as_given.usd_per_month, days * 24 * 2 * 2, 1e-6);
  EXPECT_NEAR(bill->mean_rate, (8 * 5 + 4 * 10) / 24.0, 1e-9);
  EXPECT_NEAR(bill->peak_rate, 10, 1e-9);
  const double tokens = days * 3600 * (8 * 5 + 4 * 10) * 150;
  EXPECT_NEAR(bill->resized.usd_per_1m_tokens, bill->resized.usd_per_month / tokens * 1e6, 1e-9);
}

TEST(Bill, SaysWhereTheGivenFleetIsTooSmall) {
  const auto bill = monthly_bill(load("prices: {gpu_hour: 2, capacity_per_replica: 3, load_profile: " + kDay + "}\n"));
  ASSERT_TRUE(bill);
  EXPECT_EQ(bill->as_given.hours_short, 4 * 7) << "10/s against 2 x 3/s";
  EXPECT_NEAR(bill->as_given.unserved_share, 4 * (10 - 6) / 80.0, 1e-9);
  EXPECT_EQ(bill->fixed.hours_short, 0);
  EXPECT_EQ(bill->resized.hours_short, 0);
}

TEST(Bill, ReadsTheThreeSpellingsOfAWeekAlike) {
  const std::string weekend = "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]";
  EXPECT_EQ(load("prices: {load_profile: " + kDay + "}\n").prices.load_profile,
            load("prices: {load_profile: {weekday: " + kDay + ", weekend: " + kDay + "}}\n").prices.load_profile);
  const auto week =
      load("prices: {load_profile: {weekday: " + kDay + ", weekend: " + weekend + "}}\n").prices.load_profile;
  ASSERT_THAT(week, SizeIs(168));
  EXPECT_EQ(week[12], 2) << "Monday noon";
  EXPECT_EQ(week[5 * 24 + 12], 0) << "Saturday noon";
  EXPECT_EQ(week[6 * 24 + 23], 1) << "Sunday night";
  EXPECT_THAT(load("prices: {load_profile: " + list(168, "0.5") + "}\n").prices.load_profile,
              AllOf(SizeIs(168), Each(0.5)));
}

TEST(Bill, RefusesProfilesThatAreNoWeek) {
  for (const std::string& bad :
       {list(167), list(169), list(0), list(23), std::string("5"), list(24, "-1"), list(24, ".nan"), list(24, ".inf"),
        list(24, "x"), list(24, "0"), std::string("{weekday: ") + list(24) + "}",
        "{weekday: " + list(24) + ", weekend: " + list(23) + "}"}) {
    EXPECT_THAT(problems("prices: {load_profile: " + bad + "}\n"), HasSubstr("error")) << bad;
  }
  EXPECT_THAT(problems("prices: {load_profile: " + list(167) + "}\n"), HasSubstr("24 or 168 numbers, got 167"));
}

TEST(Bill, NamesEverythingThatIsMissingAtOnce) {
  const auto bill = monthly_bill(load("", {"workload={random_input_len: 100, max_concurrency: 4, num_prompts: 40}"}));
  ASSERT_FALSE(bill);
  EXPECT_THAT(format(bill.error()), AllOf(HasSubstr("prices.gpu_hour"), HasSubstr("load_profile"),
                                          HasSubstr("capacity_per_replica"), HasSubstr("no offered rate")));
}

// 8 seats for 50 steps of 10 ms and more: no replica serves more than 16/s.
TEST(Bill, LooksForTheCapacityOfOneReplicaWhereItIsNotSaid) {
  const std::string text = kAffineBill + "slo: [p99_ttft <= 500 ms]\n";
  const auto found = capacity_of_one_replica({text, "s.yaml", {{"prices.gpu_hour=2"}}});
  ASSERT_TRUE(found) << format(found.error());
  EXPECT_LT(found->requests_per_s, 16);
  EXPECT_GT(found->requests_per_s, 5);
  const auto bill = monthly_bill(load("prices: {gpu_hour: 2, load_profile: " + list(24) + "}\n"), *found);
  ASSERT_TRUE(bill) << format(bill.error());
  EXPECT_EQ(bill->fixed.most_replicas, 1) << "5/s";
  EXPECT_FALSE(capacity_of_one_replica({kAffineBill, "s.yaml"})) << "no objectives";
}

TEST(Bill, NeedsNoReplicaMoreForARoundingError) {
  // 5 x 0.6 over 1.0 is 3.0000000000000004 or so.
  const auto bill =
      monthly_bill(load("prices: {gpu_hour: 1, capacity_per_replica: 1, load_profile: " + list(24, "0.6") + "}\n"));
  ASSERT_TRUE(bill);
  EXPECT_EQ(bill->fixed.most_replicas, 3);
}

TEST(Bill, RefusesFleetsThatCannotBeMeant) {
  const auto bill =
      monthly_bill(load("prices: {gpu_hour: 1, capacity_per_replica: 0.00001, load_profile: " + list(24) + "}\n"));
  ASSERT_FALSE(bill);
  EXPECT_THAT(format(bill.error()), HasSubstr("replicas"));
}

TEST(FixCost, IsMoneyWherePricesAreKnown) {
  const std::string text = kAffineBill + "slo: [p99_ttft <= 60 ms]\n";
  const Question question{text, "s.yaml", {{"workload.request_rate=30", "prices.gpu_hour=2.5"}}};
  const auto scenario = question.scenario();
  ASSERT_TRUE(scenario) << format(scenario.error());
  const auto result = check(question, *scenario, {});
  ASSERT_TRUE(result) << format(result.error());
  ASSERT_EQ(result->overall, Decision::misses);
  ASSERT_TRUE(result->price);
  EXPECT_DOUBLE_EQ(result->price->usd, 5);
  int priced = 0;
  for (const Fix& fix : result->fixes) {
    if (fix.status != PointStatus::ok) continue;
    ASSERT_TRUE(fix.cost.usd_per_hour_added) << fix.change;
    EXPECT_DOUBLE_EQ(*fix.cost.usd_per_hour_added, 2.5 * fix.cost.gpus_added) << fix.change;
    priced += fix.cost.gpus_added > 0 ? 1 : 0;
    if (fix.cost.gpus_added > 0 && fix.recovered > 0) {
      EXPECT_DOUBLE_EQ(fix.cost_per_recovered, *fix.cost.usd_per_hour_added / fix.recovered);
    }
  }
  EXPECT_GT(priced, 0);
}

TEST(Assertions, AreJudgedLikeObjectivesAndKeepTheirOrder) {
  const std::string text =
      "assert:\n  - {name: slow enough, that: mean_tpot >= 1 ms}\n  - {name: impossible, that: mean_tpot <= 1 ms}\n";
  const auto result = judge_assertions(load(text));
  ASSERT_TRUE(result) << format(result.error());
  ASSERT_TRUE(result->verdict);
  EXPECT_EQ(result->verdict->objectives[0].decision, Decision::meets);
  EXPECT_EQ(result->verdict->objectives[1].decision, Decision::misses);
  EXPECT_EQ(result->overall, Decision::misses);
  EXPECT_EQ(result->scenario.assertions[0].name, "slow enough");
  EXPECT_FALSE(judge_assertions(load(""))) << "nothing to judge";
}

TEST(Assertions, HaveThreeSpellingsAndRefuseTheRest) {
  EXPECT_EQ(load("assert: {mean_tpot_ms: \"<=500\"}\n").assertions[0].line.limit, 500);
  EXPECT_EQ(load("assert: [mean_tpot <= 500 ms]\n").assertions[0].name, "mean_tpot <= 500 ms");
  EXPECT_EQ(load("assert: {name: n, that: mean_tpot <= 500 ms}\n").assertions[0].name, "n");
  EXPECT_THAT(problems("assert: [mean_tpt <= 500 ms]\n"),
              AllOf(HasSubstr("s.yaml:6"), HasSubstr("did you mean 'mean_tpot'")));
  for (const char* bad :
       {"p99_ttft <= 5 ms", "[[1]]", "[{that: p99_ttft}]", "[{name: x}]", "[{that: p99_ttft <= 1 ms, nme: x}]",
        "{p99_ttft_ms: [1]}", "[slo_attainment >= 99 %]", "[cost_per_request <= 1 $]"}) {
    EXPECT_THAT(problems(std::string("assert: ") + bad + "\n"), HasSubstr("error")) << bad;
  }
}

}  // namespace
}  // namespace foretoken
