// foretoken check: exit codes, tables, JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "foretoken/base/json.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kSlo = "slo=[\"p99_ttft <= ";

ProcessResult check_small(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"check", folder.file("s.yaml", small_scenario())});
  return foretoken_program(arguments);
}

TEST(Check, ExitsWith0WhenItMeetsItsObjectives) {
  const TemporaryFolder folder;
  const ProcessResult result = check_small(folder, {"--set", kSlo + "500 ms\"]"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("MEETS"), HasSubstr("✓"), HasSubstr("interval"), HasSubstr("load without end")));
  EXPECT_THAT(result.out, Not(HasSubstr("fixes")));
}

TEST(Check, ExitsWith99WhenAnObjectiveIsImpossibleAndSaysWhatBinds) {
  const TemporaryFolder folder;
  const ProcessResult result = check_small(folder, {"--set", kSlo + "1 ms\"]"});
  EXPECT_EQ(result.exit_code, 99) << result.out << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("IMPOSSIBLE"), HasSubstr("even an idle h100_sxm needs"), HasSubstr("bound by")));
}

TEST(Check, ExitsWith99AndFixesWhenItMisses) {
  const TemporaryFolder folder;
  const ProcessResult result = check_small(folder, {"--set", "engine.max_num_seqs=6", "--set", kSlo + "500 ms\"]"});
  EXPECT_EQ(result.exit_code, 99) << result.out << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("MISSES"), HasSubstr("--set engine.max_num_seqs=12"), HasSubstr("+1 GPU")));
  const ProcessResult alone =
      check_small(folder, {"--set", "engine.max_num_seqs=6", "--set", kSlo + "500 ms\"]", "--no-fixes"});
  EXPECT_EQ(alone.exit_code, 99);
  EXPECT_THAT(alone.out, Not(HasSubstr("fixes")));
}

TEST(Check, ExitsWith98WhenTheBudgetIsTooSmallToDecide) {
  const TemporaryFolder folder;
  const ProcessResult result = check_small(folder, {"--set", kSlo + "500 ms\"]", "--set", "study.max_requests=200"});
  EXPECT_EQ(result.exit_code, 98) << result.out << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("NOT DECIDED"), HasSubstr("study.max_requests 200")));
}

TEST(Check, ExitsWith3WhenTheModelDoesNotFit) {
  const TemporaryFolder folder;
  const ProcessResult result = check_small(folder, {"--set", "model=Llama-3.1-70B"});
  EXPECT_EQ(result.exit_code, 3) << result.out << result.err;
  EXPECT_THAT(result.err, HasSubstr("does not fit"));
}

TEST(Check, ExitsWith2OnObjectivesThatCannotBeJudged) {
  const TemporaryFolder folder;
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--set", "slo=[]"}, "'slo' is empty"},
      {{"--set", "slo=[\"p99_tftt <= 1 s\"]"}, "unknown metric 'p99_tftt'"},
      {{"--set", "slo=[\"p99_ttft <= 100 ms\", \"mean_ttft >= 200 ms\"]"}, "contradict each other"},
      {{"--set", "slo=[\"p95_tpot <= 50 ms\"]", "--set", "workload.random_output_len=1"}, "with one output token"}};
  for (const auto& [arguments, words] : cases) {
    const ProcessResult result = check_small(folder, arguments);
    EXPECT_EQ(result.exit_code, 2) << words << result.out;
    EXPECT_THAT(result.err, HasSubstr(words));
    EXPECT_THAT(result.out, IsEmpty());
  }
}

TEST(Check, WritesJsonThatSaysTheSame) {
  const TemporaryFolder folder;
  const ProcessResult result =
      check_small(folder, {"--set", "engine.max_num_seqs=6", "--set", kSlo + "500 ms\"]", "--format", "json"});
  EXPECT_EQ(result.exit_code, 99) << result.err;
  const Result<Json> json = parse_json(result.out, "check");
  ASSERT_TRUE(json) << result.out;
  EXPECT_EQ(to_text((*json)["schema"], 0), "\"foretoken.check/1\"");
  EXPECT_EQ(to_text((*json)["verdict"], 0), "\"misses\"");
  EXPECT_FALSE((*json)["fixes"].is_null());
}

}  // namespace
}  // namespace foretoken
