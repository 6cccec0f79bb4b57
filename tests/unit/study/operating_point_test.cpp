// The closed form of a load against its simulation.
#include "study/batch/operating_point.hpp"

#include <gmock/gmock.h>

#include "foretoken/experiment/run.hpp"
#include "foretoken/scenario/question.hpp"

namespace foretoken {
namespace operating_point_test {
namespace {

Scenario scenario_with(const std::string& workload, const std::string& engine = "{}") {
  const std::string yaml = "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: " + engine +
                           "\nworkload: {random_input_len: 1024, random_output_len: 256, num_prompts: 4000, " +
                           workload + "}\n";
  return Question{yaml, "test.yaml", {}}.scenario().value();
}

OperatingPoint point_of(const Scenario& s) {
  return operating_point(s, workload_summary(s).value()).value();
}

// Means of Poisson arrivals of equal requests: within a tenth where no queue forms.
TEST(OperatingPoint, IsNearTheSimulatedMeans) {
  for (const char* rate : {"1", "5", "10", "15"}) {
    const Scenario s = scenario_with(std::string("request_rate: ") + rate);
    const OperatingPoint at = point_of(s);
    const RunResult run = run_scenario(s).value();
    EXPECT_FALSE(at.overloaded) << rate;
    EXPECT_NEAR(at.tpot_ms / run.steady_state["mean_tpot_ms"], 1, 0.1) << rate;
    EXPECT_NEAR(at.e2el_ms / run.steady_state["mean_e2el_ms"], 1, 0.1) << rate;
  }
}

TEST(OperatingPoint, OfAClosedLoopIsNearTheSimulatedMeans) {
  for (const char* clients : {"1", "8", "64"}) {
    const Scenario s = scenario_with(std::string("request_rate: inf, max_concurrency: ") + clients);
    const OperatingPoint at = point_of(s);
    const RunResult run = run_scenario(s).value();
    EXPECT_NEAR(at.output_throughput / run.summary["output_throughput"], 1, 0.1) << clients;
  }
}

TEST(OperatingPoint, KnowsWhenMoreComesThanGoes) {
  const OperatingPoint easy = point_of(scenario_with("request_rate: 1"));
  const double most = easy.most_requests_per_second;
  EXPECT_FALSE(point_of(scenario_with("request_rate: " + std::to_string(most * 0.98))).overloaded);
  const OperatingPoint over = point_of(scenario_with("request_rate: " + std::to_string(most * 1.5)));
  EXPECT_TRUE(over.overloaded);
  EXPECT_NEAR(over.request_throughput, most, most * 1e-6);
  // What the simulation completes when all comes at once is near it.
  const RunResult run = run_scenario(scenario_with("request_rate: inf")).value();
  EXPECT_NEAR(run.summary["request_throughput"] / most, 1, 0.2);
}

TEST(OperatingPoint, RisesWithTheLoadAndFallsWithReplicas) {
  double before = 0;
  for (int rate = 1; rate < 20; ++rate) {
    const OperatingPoint at = point_of(scenario_with("request_rate: " + std::to_string(rate)));
    EXPECT_GT(at.running, before) << rate;
    before = at.running;
  }
}

TEST(OperatingPoint, SaysNothingOfClosedBatches) {
  const Scenario s = scenario_with("request_rate: 1", "{name: static}");
  EXPECT_FALSE(operating_point(s, workload_summary(s).value()));
}

}  // namespace
}  // namespace operating_point_test
}  // namespace foretoken
