// The far ends of what a scenario may ask for: done, or refused with a reason, in little memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <sstream>
#include <thread>

#include "cli/program.hpp"
#include "foretoken/base/json.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::HasSubstr;

class Limits : public ::testing::Test {
 protected:
  // The small scenario with these overrides, as a result document.
  ProcessResult run(const std::vector<std::string>& overrides, const ProcessOptions& options = {}) const {
    std::vector<std::string> arguments{"run", scenario_, "--format", "json", "--quiet"};
    for (const std::string& text : overrides) {
      arguments.emplace_back("--set");
      arguments.push_back(text);
    }
    return foretoken_program(arguments, options);
  }

  static double figure(const ProcessResult& result, const char* key) {
    double value = std::nan("");
    const Result<Json> json = parse_json(result.out, "standard output");
    EXPECT_TRUE(json) << result.err;
    if (!json || !(*json)["summary"][key].number(value)) return std::nan("");
    return value;
  }

  TemporaryFolder folder_;
  std::string scenario_ = folder_.file("small.yaml", small_scenario());
};

TEST_F(Limits, AnswersOfOneTokenHaveNoTimePerOutputToken) {
  const ProcessResult result = run({"workload.random_output_len=1", "workload.num_prompts=20000", "slo=[]"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(figure(result, "completed"), 20000);
  EXPECT_EQ(figure(result, "mean_e2el_ms"), figure(result, "mean_ttft_ms"));
  EXPECT_TRUE(std::isnan(figure(result, "mean_tpot_ms")));
}

TEST_F(Limits, AHundredThousandReplicasServeAHandful) {
  const ProcessResult result = run({"replicas=100000", "workload.num_prompts=5"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(figure(result, "completed"), 5);
}

TEST_F(Limits, TenMillionRequestsPerSecondWaitInTheQueue) {
  const ProcessResult result =
      run({"workload.request_rate=10000000", "workload.num_prompts=20000", "workload.random_output_len=2"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(figure(result, "completed"), 20000);
  // All came within 2 ms: the mean request waited for half of the run.
  EXPECT_NEAR(figure(result, "mean_ttft_ms") / (1e3 * figure(result, "duration")), 0.5, 0.05);
}

TEST_F(Limits, APromptOfAMillionTokensNeedsItsMaxModelLen) {
  const ProcessResult refused = run({"workload.random_input_len=1000000"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("a prompt of 1000000 tokens does not fit max_model_len 8192"));
  const ProcessResult too_large = run({"workload.random_input_len=1000000", "engine.max_model_len=1000100"});
  EXPECT_EQ(too_large.exit_code, 3) << too_large.err;
  EXPECT_THAT(too_large.err, HasSubstr("one request of max_model_len 1000100 needs"));
  const ProcessResult served = run({"workload.random_input_len=1000000", "engine.max_model_len=1000100",
                                    "hardware.gpu=b200_sxm", "workload.num_prompts=2"});
  EXPECT_EQ(served.exit_code, 0) << served.err;
  EXPECT_EQ(figure(served, "completed"), 2);
}

// Resident kB of a process, from /proc.
long resident(int pid) {
  std::istringstream status(content_of("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  return 0;
}

TEST_F(Limits, ABillionRequestsStreamUntilTheyAreInterrupted) {
  long kilobytes = 0;
  ProcessOptions options;
  options.meanwhile = [&](int pid) {
    std::this_thread::sleep_for(std::chrono::seconds{3});
    kilobytes = resident(pid);
    ::kill(pid, SIGTERM);
  };
  const ProcessResult result = run({"workload.num_prompts=1000000000"}, options);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_GT(figure(result, "completed"), 0);
  EXPECT_GT(kilobytes, 0);
  // A billion request records would be 64 GB.
  EXPECT_LT(kilobytes, 300'000);
}

}  // namespace
}  // namespace foretoken
