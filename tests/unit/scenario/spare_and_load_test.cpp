// Replicas that may be down, and so many times the load.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "foretoken/scenario/scenario.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace spare_and_load_test {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kBase = "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\n";

Result<Scenario> parsed(const std::string& text, std::vector<std::string> overrides = {}, bool down = false) {
  LoadOptions load;
  load.overrides = std::move(overrides);
  load.spares_down = down;
  return parse_scenario(kBase + text, "test.yaml", load);
}

Scenario load(const std::string& text, std::vector<std::string> overrides = {}, bool down = false) {
  auto scenario = parsed(text, std::move(overrides), down);
  if (!scenario) throw std::runtime_error(format(scenario.error()));
  return std::move(*scenario);
}

TEST(Spare, IsLeftOutWhereVerdictsAreAskedForAndPaidForEverywhere) {
  const std::string text = "replicas: 5\nspare: 2\nengine: {tensor_parallel_size: 2}\nprices: {gpu_hour: 3}\n";
  const Scenario up = load(text), down = load(text, {}, true);
  EXPECT_EQ(up.cluster.replicas, 5);
  EXPECT_EQ(down.cluster.replicas, 3);
  EXPECT_EQ(down.replicas_down, 2);
  EXPECT_EQ(replicas_in_all(down), 5);
  EXPECT_EQ(down.num_gpus, 10);
  EXPECT_DOUBLE_EQ(price_per_hour(down)->usd, 30);
  EXPECT_EQ(scenario_sha256(up), scenario_sha256(down));
}

TEST(Spare, LeavesOneReplicaToServe) {
  EXPECT_THAT(format(parsed("replicas: 2\nspare: 2\n").error()), HasSubstr("none is left to serve"));
  EXPECT_THAT(format(parsed("replicas: 2\nspare: 2\n").error()), HasSubstr("replicas: 3 serve with 2 down"));
  EXPECT_FALSE(parsed("spare: -1\n"));
  EXPECT_FALSE(parsed("spare: 1.5\n"));
  EXPECT_FALSE(parsed("hardware: {gpu: h100_sxm, num_gpus: 1}\nspare: 1\n"));
  // Without a number of replicas there is one beside the spare ones.
  EXPECT_EQ(load("spare: 1\n").cluster.replicas, 2);
  EXPECT_EQ(load("replicas: 4\nspare: 0\n", {}, true).cluster.replicas, 4);
}

TEST(LoadFactor, MultipliesRatesClientsAndRequests) {
  const Scenario rate = load("workload: {request_rate: 8, num_prompts: 300}\n", {"workload.load_factor=2.5"});
  EXPECT_DOUBLE_EQ(std::get<RenewalArrivals>(rate.workload.arrivals).rate, 20);
  EXPECT_EQ(rate.workload.num_prompts, 750);
  EXPECT_EQ(rate.load_factor, 2.5);
  const Scenario loop = load("workload: {request_rate: inf, max_concurrency: 3}\n", {"workload.load_factor=2"});
  EXPECT_EQ(loop.workload.max_concurrency, 6);
  const Scenario ramp =
      load("workload: {ramp_up_strategy: linear, ramp_up_start_rps: 1, ramp_up_end_rps: 5, load_factor: 2}\n");
  EXPECT_DOUBLE_EQ(std::get<RampArrivals>(ramp.workload.arrivals).end_rate, 10);
  const Scenario bursts =
      load("workload: {bursts: {low_rate: 1, high_rate: 4, mean_low: 1 s, mean_high: 1 s}, load_factor: 2}\n");
  EXPECT_DOUBLE_EQ(std::get<TwoStateArrivals>(bursts.workload.arrivals).high_rate, 8);
  const Scenario day =
      load("workload: {rate_profile: {period: 24 h, rates: [1, 2]}, duration: 24 h, load_factor: 2}\n");
  EXPECT_THAT(std::get<ProfileArrivals>(day.workload.arrivals).rates, ElementsAre(2, 4));
  EXPECT_EQ(to_seconds(*day.workload.duration), 86400);
}

TEST(LoadFactor, CompressesATraceInTime) {
  const std::string trace = std::string(FORETOKEN_SOURCE_DIR) + "/scenarios/traces/small-conversation.csv";
  const Scenario s =
      load("engine: {max_model_len: 32768}\nworkload: {trace: {path: " + trace + ", rate_scale: 3}, load_factor: 2}\n");
  EXPECT_DOUBLE_EQ(std::get<TraceConfig>(s.workload.arrivals).rate_scale, 6);
}

TEST(LoadFactor, IsAPositiveNumber) {
  for (const char* bad : {"0", "-1", "inf", "nan", "many", "1e9"})
    EXPECT_FALSE(parsed("", {std::string("workload.load_factor=") + bad})) << bad;
  EXPECT_EQ(scenario_sha256(load("")), scenario_sha256(load(""))) << "no key, no trace of it";
}

}  // namespace spare_and_load_test
}  // namespace foretoken
