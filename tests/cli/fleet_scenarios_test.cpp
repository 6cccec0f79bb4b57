// What the scenarios with fleets promise in their texts: what scaling saves, how many spares, how a storm ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/scenario_json.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::HasSubstr;

// Does the service recover after a retry storm? In the order of the sweep: continue and abort, without retries and
// with.
TEST(RetryStorm, StaysWhereTheServerWorksForNobodyAndEndsElsewhere) {
  const Json json = run_json("retry-storm.yaml");
  const auto& points = *json["points"].if_array();
  ASSERT_EQ(points.size(), 4u);
  const auto last_bad = [&](std::size_t i) { return number(points[i]["summary"], "last_unanswered_s"); };
  EXPECT_GT(last_bad(1), 1190) << "continue, two retries: to the end";
  EXPECT_LT(last_bad(3), 300) << "abort, two retries";
  EXPECT_LT(last_bad(0), 600) << "continue, no retries";
  EXPECT_LT(last_bad(2), 300) << "abort, no retries";
  const std::vector<std::string> storm{"sweep=null", "workload.client.on_timeout=continue"};
  EXPECT_THAT(to_text(run_json("retry-storm.yaml", storm)["warnings"], 0), HasSubstr("METASTABLE (retry storm)"));
  std::vector<std::string> budget = storm;
  budget.emplace_back("workload.client.retry_budget=0.1");
  EXPECT_LT(number(run_json("retry-storm.yaml", budget)["summary"], "last_unanswered_s"), 600);
}

// What does a planned fleet cost? Less than four replicas all the time, with the objective kept; ordered late it is
// missed.
TEST(PlannedFleet, KeepsItsObjectiveForLessThanAFixedSize) {
  const Json fleet = run_json("planned-fleet.yaml");
  const Json fixed = run_json("planned-fleet.yaml", {"fleet=null", "replicas=4"});
  const Json late = run_json("planned-fleet.yaml", {"fleet.schedule[0].at=10 min"});
  const auto p99 = [](const Json& run) { return number(run["summary"], "p99_ttft_ms"); };
  EXPECT_LT(p99(fleet), 500);
  EXPECT_LT(p99(fixed), 500);
  EXPECT_GT(p99(late), 500);
  // 2 x 30 min and 2 x 15 min against 4 x 30 min.
  EXPECT_NEAR(number(fleet["summary"], "gpu_hours"), 1.5, 0.01);
  EXPECT_NEAR(number(fleet["summary"], "run_cost"), 4.5, 0.03);
  EXPECT_NEAR(number(fleet["summary"], "cost_per_hour") / number(fixed["summary"], "cost_per_hour"), 0.75, 0.01);
}

// What does autoscaling save? A fifth of five replicas' price with the objective kept; with a target too near to what a
// replica carries it is missed.
TEST(Autoscale, KeepsItsObjectiveForLessThanAFixedSize) {
  const Json scaled = run_json("autoscale.yaml", {"recommend=null"});
  const Json late = run_json("autoscale.yaml", {"recommend=null", "fleet.autoscaler.target=42"});
  const Json fixed = run_json("autoscale.yaml", {"recommend=null", "fleet=null", "replicas=5"});
  const Json small = run_json("autoscale.yaml", {"recommend=null", "fleet=null", "replicas=4"});
  const auto p99 = [](const Json& run) { return number(run["summary"], "p99_ttft_ms"); };
  EXPECT_LT(p99(scaled), 500);
  EXPECT_GT(p99(late), 500);
  EXPECT_LT(p99(fixed), 500);
  EXPECT_GT(p99(small), 500);
  EXPECT_NEAR(number(scaled["summary"], "run_cost"), 36.7, 0.5);
  EXPECT_NEAR(number(scaled["summary"], "cost_per_hour") / number(fixed["summary"], "cost_per_hour"), 0.82, 0.02);
  const auto& decisions = *scaled["fleet"]["decisions"].if_array();
  EXPECT_EQ(static_cast<double>(decisions.size()), number(scaled["summary"], "scale_events"));
}

// What do pools save that scale apart? A ninth of the smallest fixed sizes that keep the objectives.
TEST(PoolsScaleApart, KeepTheirObjectivesForLessThanFixedSizes) {
  const auto run = [](const std::vector<std::string>& s) { return run_json("pools-scale-apart.yaml", s)["summary"]; };
  const auto meets = [](const Json& s) { return number(s, "p95_ttft_ms") <= 1500 && number(s, "p95_tpot_ms") <= 20; };
  const Json apart = run({}), fixed = run({"fleet=null", "pools.prefill.replicas=3", "pools.decode.replicas=3"});
  EXPECT_TRUE(meets(apart) && meets(fixed));
  EXPECT_FALSE(meets(run({"fleet=null", "pools.prefill.replicas=4", "pools.decode.replicas=2"})));
  EXPECT_FALSE(meets(run({"fleet=null", "pools.prefill.replicas=3", "pools.decode.replicas=2"})));
  EXPECT_FALSE(meets(run({"fleet.autoscaler.ttft=800 ms", "seed=1"})));
  EXPECT_GT(number(apart, "p99_ttft_ms"), number(fixed, "p99_ttft_ms")) << "starts come late";
  EXPECT_NEAR(number(apart, "cost_per_hour") / number(fixed, "cost_per_hour"), 0.885, 0.02);
}

// How many spares for one node down? Two replicas do not carry the load, three do until one dies, four do all the same.
TEST(NodeDown, NeedsOneSpare) {
  const Json json = run_json("node-down.yaml");
  const auto& points = *json["points"].if_array();
  ASSERT_EQ(points.size(), 3u);
  const auto p99 = [&](std::size_t i) { return number(points[i]["summary"], "p99_ttft_ms"); };
  EXPECT_GT(p99(0), 2000);
  EXPECT_GT(p99(1), 2000);
  EXPECT_LT(p99(2), 2000);
  const Json all_up = run_json("node-down.yaml", {"sweep=null", "fleet=null"});
  EXPECT_LT(number(all_up["summary"], "p99_ttft_ms"), 2000) << "three carry it while all are up";
  EXPECT_GT(number(points[2]["summary"], "refused_requests"), 0);
  EXPECT_LT(number(points[2]["summary"], "failed"), 0.005 * number(points[2]["summary"], "num_prompts"))
      << "tried again";
}

// The same as a search: three are known to miss, with four all of twenty runs hold.
TEST(NodeDown, IsAnsweredBySpares) {
  const ProcessResult run =
      foretoken_program({"spares", std::string(FORETOKEN_SOURCE_DIR) + "/scenarios/node-down.yaml", "--runs", "20",
                         "--target", "80%", "--format", "json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const Result<Json> json = parse_json(run.out, "spares");
  ASSERT_TRUE(json);
  EXPECT_EQ(*(*json)["spares"].if_int(), 1);
  const auto& steps = *(*json)["steps"].if_array();
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(*steps[0]["verdict"].if_string(), "misses");
  EXPECT_EQ(*steps[1]["verdict"].if_string(), "meets");
  EXPECT_LT(number(steps[0], "high_95"), 0.8);
  EXPECT_GE(number(steps[1], "low_95"), 0.8);
}

// A fleet's price is that of its run: with twice as many requests in flight on each fewer replicas are paid for.
TEST(Autoscale, IsSearchedForTheCheapest) {
  const ProcessResult run = foretoken_program(
      {"recommend", std::string(FORETOKEN_SOURCE_DIR) + "/scenarios/autoscale.yaml", "--set", "recommend=null", "--set",
       "workload.duration=20 min", "--set", "workload.rate_profile={period: 20 min, rates: [30, 50, 60, 40]}", "--over",
       "fleet.autoscaler.target=12,24", "--format", "json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const Result<Json> json = parse_json(run.out, "recommend");
  ASSERT_TRUE(json);
  const auto& ranked = *(*json)["ranked"].if_array();
  ASSERT_EQ(ranked.size(), 2u);
  EXPECT_EQ(*ranked[0]["values"]["fleet.autoscaler.target"].if_string(), "24");
  EXPECT_LT(number(ranked[0], "usd_per_hour"), number(ranked[1], "usd_per_hour"));
}

}  // namespace
}  // namespace foretoken
