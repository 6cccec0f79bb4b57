// Every scenario of the repository runs, keeps its promises of form, and gives the same answer either way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/program.hpp"
#include "foretoken/base/json.hpp"
#include "support/scenario_files.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::HasSubstr;

double number(const Json& json, const char* key) {
  double value = -1;
  EXPECT_TRUE(json[key].number(value)) << key;
  return value;
}

class Scenarios : public ::testing::TestWithParam<std::string> {};

TEST_P(Scenarios, RunsAndIsExplained) {
  const ProcessResult table = foretoken_program({"run", GetParam()});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  const ProcessResult explained = foretoken_program({"explain", GetParam()});
  EXPECT_EQ(explained.exit_code, 0) << explained.err;
  EXPECT_THAT(explained.out, HasSubstr("Floors"));
}

TEST_P(Scenarios, GivesTheSameBytesStepByStep) {
  const ProcessResult stretches = foretoken_program({"run", GetParam(), "--format", "json"});
  const ProcessResult steps = foretoken_program({"run", GetParam(), "--format", "json", "--step-by-step", "-j", "1"});
  EXPECT_EQ(stretches.exit_code, 0) << stretches.err;
  EXPECT_EQ(stretches.out, steps.out);
}

std::string test_name(const ::testing::TestParamInfo<std::string>& scenario) {
  std::string name = std::filesystem::path(scenario.param).stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(OfTheRepository, Scenarios, ::testing::ValuesIn(test::scenario_files()), test_name);

TEST(BatchTradeoff, RisesFlattensCrossesTheRidgeAndNamesTheLargestBatch) {
  const ProcessResult run =
      foretoken_program({"run", FORETOKEN_SOURCE_DIR "/scenarios/batch-tradeoff.yaml", "--format", "json"});
  const Result<Json> json = parse_json(run.out, "batch-tradeoff");
  ASSERT_TRUE(json);
  const auto& points = *(*json)["points"].if_array();
  ASSERT_EQ(points.size(), 18u);
  for (std::size_t engine = 0; engine < 2; ++engine) {
    const auto summary = [&](std::size_t i) -> const Json& { return points[9 * engine + i]["summary"]; };
    for (std::size_t i = 1; i < 9; ++i) {
      EXPECT_GT(number(summary(i), "mean_tpot_ms"), number(summary(i - 1), "mean_tpot_ms")) << engine << " " << i;
      EXPECT_GT(number(summary(i), "mean_ttft_ms"), number(summary(i - 1), "mean_ttft_ms")) << engine << " " << i;
      EXPECT_GT(number(summary(i), "output_throughput"), number(summary(i - 1), "output_throughput"))
          << engine << " " << i;
    }
    // Doubling the batch nearly doubles the throughput at first and adds little in the end.
    const double first = number(summary(1), "output_throughput") / number(summary(0), "output_throughput");
    const double last = number(summary(8), "output_throughput") / number(summary(7), "output_throughput");
    EXPECT_GT(first, 1.7);
    EXPECT_LT(last, 1.4);
    const double ridge = number(summary(0), "ridge_point");
    EXPECT_LT(number(summary(0), "arithmetic_intensity"), ridge);
    EXPECT_GT(number(summary(8), "arithmetic_intensity"), ridge);
  }
  EXPECT_FALSE((*(*json)["frontiers"].if_array())[1]["largest"].is_null());
}

TEST(AzureTrace, CompletesEveryRequestOfTheRealOne) {
  const std::string trace = FORETOKEN_SOURCE_DIR "/../shared/traces/azure_2023_conv.csv";
  if (!std::filesystem::exists(trace)) GTEST_SKIP() << "the real trace is not here: " << trace;
  const ProcessResult run = foretoken_program({"run", FORETOKEN_SOURCE_DIR "/scenarios/azure-conversation.yaml",
                                               "--format", "json", "--set", "workload.trace.path=" + trace});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const Result<Json> json = parse_json(run.out, "azure");
  ASSERT_TRUE(json);
  EXPECT_EQ(*(*json)["summary"]["completed"].if_int(), 19366);
  EXPECT_EQ(*(*json)["summary"]["failed"].if_int(), 0);
}

// What the scenario's text promises: routers that find the history of a conversation answer in a fraction of the time,
// also with signals that are a second old.
TEST(RouteByPrefix, AnswersInAFractionOfTheTime) {
  const auto ttft_by_router = [](const std::string& set) {
    const ProcessResult run = foretoken_program(
        {"run", FORETOKEN_SOURCE_DIR "/scenarios/route-by-prefix.yaml", "--format", "json", "--set", set});
    const Result<Json> json = parse_json(run.out, "route-by-prefix");
    std::vector<double> ttft;
    if (!json) return ttft;
    for (const Json& point : *(*json)["points"].if_array()) ttft.push_back(number(point["summary"], "mean_ttft_ms"));
    return ttft;
  };
  const std::vector<double> fresh = ttft_by_router("seed=0"), old = ttft_by_router("routing.signal_period=1 s");
  ASSERT_EQ(fresh.size(), 6u);
  ASSERT_EQ(old.size(), 6u);
  const double least_outstanding = fresh[1];
  for (const std::size_t finds_prefixes : {2u, 3u, 4u}) EXPECT_LT(fresh[finds_prefixes], 0.4 * least_outstanding);
  EXPECT_LT(old[4], 0.4 * least_outstanding) << "llm_d";
  EXPECT_GT(old[5], fresh[5]) << "dynamo leans on the load more";
}

// What the scenario's text promises: at two requests a second three drafts halve the time per token and more; at a
// large batch fewer drafts are best.
TEST(DoesSpeculationPay, HalvesTheTimePerTokenAtALowLoad) {
  const std::string path = FORETOKEN_SOURCE_DIR "/scenarios/does-speculation-pay.yaml";
  const Result<Json> run = parse_json(foretoken_program({"run", path, "--format", "json"}).out, "drafts");
  ASSERT_TRUE(run);
  std::vector<double> tpot;
  for (const Json& point : *(*run)["points"].if_array()) tpot.push_back(number(point["summary"], "mean_tpot_ms"));
  ASSERT_EQ(tpot.size(), 5u);
  for (std::size_t i = 1; i < tpot.size(); ++i) EXPECT_LT(tpot[i], tpot[i - 1]) << i;
  EXPECT_LT(tpot[3], 0.5 * tpot[0]);
  const Result<Json> why = parse_json(foretoken_program({"explain", path, "--format", "json"}).out, "explain");
  ASSERT_TRUE(why);
  const Json& speculation = (*why)["speculation"];
  EXPECT_NEAR(number(speculation, "mean_acceptance_length"), 2.79, 0.01);
  const auto& points = *speculation["points"].if_array();
  EXPECT_GT(number(points.front(), "speed_up"), 2);
  EXPECT_LT(number(points.back(), "speed_up"), number(points.front(), "speed_up"));
  EXPECT_LT(*points.back()["best_tokens"].if_int(), *points.front()["best_tokens"].if_int());
}

}  // namespace
}  // namespace foretoken
