// The workloads of tests/bench are what their comments say, at a size that a test can afford.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/scenario_json.hpp"
#include "foretoken/base/json.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;

Json result_of(const std::string& workload, const std::vector<std::string>& settings) {
  std::vector<std::string> arguments = {"run", FORETOKEN_SOURCE_DIR "/tests/bench/" + workload, "--format", "json"};
  for (const std::string& setting : settings) {
    arguments.emplace_back("--set");
    arguments.push_back(setting);
  }
  const ProcessResult run = foretoken_program(arguments);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  Result<Json> json = parse_json(run.out, workload);
  EXPECT_TRUE(json) << run.out;
  return json ? *json : Json();
}

class BenchWorkload : public ::testing::TestWithParam<const char*> {};

TEST_P(BenchWorkload, ServesEveryRequest) {
  const Json json = result_of(GetParam(), {"workload.num_prompts=2000"});
  EXPECT_EQ(number(json["summary"], "completed"), 2000);
}

TEST_P(BenchWorkload, GivesTheSameBytesStepByStep) {
  const std::string file = std::string(FORETOKEN_SOURCE_DIR "/tests/bench/") + GetParam();
  std::vector<std::string> arguments = {"run", file, "--format", "json", "--set", "workload.num_prompts=1000"};
  const ProcessResult stretches = foretoken_program(arguments);
  arguments.emplace_back("--step-by-step");
  const ProcessResult steps = foretoken_program(arguments);
  EXPECT_EQ(stretches.exit_code, 0) << stretches.err;
  EXPECT_EQ(stretches.out, steps.out);
}

INSTANTIATE_TEST_SUITE_P(OfTheRepository, BenchWorkload,
                         ::testing::Values("w1.yaml", "w1-pools.yaml", "w2.yaml", "w3.yaml", "w4.yaml",
                                           "fleet-week.yaml", "fleet-autoscaled-week.yaml"),
                         [](const auto& workload) {
                           std::string name = workload.param;
                           name.resize(name.find('.'));
                           for (char& letter : name) letter = letter == '-' ? '_' : letter;
                           return name;
                         });

// Their rates are numbers, so that they stay when the model changes; this is how far capacity may have moved since.
TEST(BenchRates, AreSeventyPercentOfCapacity) {
  for (const char* workload : {"w1.yaml", "w3.yaml"}) {
    const double rate = number(result_of(workload, {"workload.num_prompts=100"})["config"]["workload"], "request_rate");
    const Json saturated = result_of(workload, {"workload.num_prompts=20000", "workload.request_rate=inf"});
    const double capacity = number(saturated["summary"], "request_throughput");
    EXPECT_NEAR(rate / capacity, 0.7, 0.1) << workload << ": " << rate << " of " << capacity << " requests/s";
  }
}

TEST(BenchW4, PreemptsForItsFullCache) {
  const Json summary = result_of("w4.yaml", {"workload.num_prompts=5000"})["summary"];
  EXPECT_GT(number(summary, "preemption_count"), 500) << "about one request in three loses its blocks once";
}

}  // namespace
}  // namespace foretoken
