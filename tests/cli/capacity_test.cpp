// foretoken capacity, promise and compare: exit codes, tables, documents, interruption.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "cli/program.hpp"
#include "foretoken/base/json.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;

// 10 ms a step, eight seats of half a second each.
const char* const kAffine = R"(
engine: {name: vllm-v1, max_num_seqs: 8, num_gpu_blocks_override: 100000}
cost: {level: affine, affine: {per_step: 10 ms, per_prefill_token: 100 us}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 500, request_rate: 5}
slo: [p95_ttft <= 400 ms]
study: {max_replications: 10}
)";

class CapacityCommand : public ::testing::Test {
 protected:
  [[nodiscard]] ProcessResult program(const std::string& command, std::vector<std::string> arguments,
                                      const ProcessOptions& options = {}) const {
    arguments.insert(arguments.begin(), {command, folder_.file("s.yaml", kAffine)});
    return foretoken_program(arguments, options);
  }
  TemporaryFolder folder_;
};

TEST_F(CapacityCommand, AnswersWithRateHeadroomAndDays) {
  const ProcessResult result = program("capacity", {"--growth", "5%/month"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("CAPACITY"), HasSubstr("requests/s"), HasSubstr("headroom"), HasSubstr("full: in"),
                    HasSubstr("binds: p95_ttft"), HasSubstr("knee ="), HasSubstr("--set 'workload.request_rate=")));
}

TEST_F(CapacityCommand, WritesADocumentWithTheOriginOfItsFlags) {
  const ProcessResult result = program("capacity", {"--json", "--precision", "0.1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const Result<Json> json = parse_json(result.out, "capacity");
  ASSERT_TRUE(json) << result.out;
  EXPECT_EQ(*(*json)["schema"].if_string(), "foretoken.capacity/1");
  EXPECT_EQ(*(*json)["origins"]["capacity.precision"]["origin"].if_string(), "command line");
  double capacity = 0, missed = 0;
  ASSERT_TRUE((*json)["capacity"].number(capacity) && (*json)["smallest_missed"].number(missed));
  EXPECT_LT(capacity, missed);
  EXPECT_GT((*json)["looks"].if_array()->size(), 4u);
}

TEST_F(CapacityCommand, ExitsBy99WhenNothingMeetsAndBy98WhenTheBudgetIsTooSmall) {
  const ProcessResult none = program("capacity", {"--set", "slo=[p95_ttft <= 15 ms]"});
  EXPECT_EQ(none.exit_code, 99) << none.out;
  EXPECT_THAT(none.out, AllOf(HasSubstr("NO CAPACITY"), HasSubstr("100 prompt tokens")));
  const ProcessResult open = program("capacity", {"--set", "study.max_requests=1"});
  EXPECT_EQ(open.exit_code, 98) << open.out;
  EXPECT_THAT(open.out, AllOf(HasSubstr("NOT DECIDED"), HasSubstr("study.max_requests")));
}

TEST_F(CapacityCommand, RefusesWhatItCannotAnswer) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--variable", "users"}, "no users to add"},
      {{"--variable", "gpus"}, "request_rate"},
      {{"--growth", "nan%/month"}, "growth"},
      {{"--precision", "0"}, "capacity.precision"},
      {{"--set", "slo=[]"}, "'slo' is empty"},
      {{"--set", "workload.request_rate=inf"}, "request_rate is inf"},
      {{"--set", "slo=[p99_ttft <= 1 s, p99_ttft >= 2 s]"}, "contradict"},
  };
  for (const auto& [arguments, says] : cases) {
    const ProcessResult result = program("capacity", arguments);
    EXPECT_EQ(result.exit_code, 2) << says << result.out;
    EXPECT_THAT(result.err, HasSubstr(says));
  }
}

TEST_F(CapacityCommand, AnInterruptKeepsWhatIsKnown) {
  ProcessOptions options;
  options.meanwhile = [](int pid) {
    ::usleep(700'000);
    ::kill(pid, SIGINT);
  };
  const ProcessResult result = program(
      "capacity", {"--json", "-j", "1", "--set", "workload.num_prompts=200000", "--set", "study.max_replications=1000"},
      options);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  const Result<Json> json = parse_json(result.out, "capacity");
  ASSERT_TRUE(json) << result.out;
  EXPECT_TRUE(*(*json)["interrupted"].if_bool());
}

TEST_F(CapacityCommand, PromisesByLengths) {
  const ProcessResult result =
      program("promise", {"--input-len", "50,500,5000", "--output-len", "20", "--set", "workload.num_prompts=200"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("prompt \\ output"), HasSubstr("none"),
                                HasSubstr("Longest context by memory"), HasSubstr("Longest prompt by the objectives")));
  const ProcessResult trace = program("promise", {"--set", "workload.trace={path: x.csv}"});
  EXPECT_EQ(trace.exit_code, 2);
}

TEST_F(CapacityCommand, ComparesAScenarioWithAChangeOfIt) {
  const ProcessResult result =
      program("compare", {"--set", "cost.affine.per_step=12 ms", "--set", "workload.request_rate=6"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("What differs"), HasSubstr("cost.affine.per_step"), HasSubstr("Each change alone"),
                    HasSubstr("all together"), HasSubstr("same random numbers")));
  const ProcessResult nothing = program("compare", {});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("nothing to compare with"));
}

TEST_F(CapacityCommand, ComparesStoredResultsAndSaysWhatTheirIntervalIsWorth) {
  for (const char* rate : {"5", "6"}) {
    const ProcessResult run =
        program("run", {"--format", "json", "--set", "replications=5", "--set",
                        std::string("workload.request_rate=") + rate, "-o", folder_.path(std::string(rate) + ".json")});
    ASSERT_EQ(run.exit_code, 0) << run.err;
  }
  const ProcessResult result = foretoken_program({"compare", folder_.path("5.json"), folder_.path("6.json")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("workload.request_rate"), HasSubstr("independent runs")));
  const ProcessResult mixed = foretoken_program({"compare", folder_.path("5.json"), folder_.path("s.yaml")});
  EXPECT_EQ(mixed.exit_code, 2);
  EXPECT_THAT(mixed.err, HasSubstr("two of a kind"));
}

}  // namespace
}  // namespace foretoken
