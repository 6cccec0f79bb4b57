// foretoken batch, explain --request, sensitivity, and the model's error in check and run: exit codes, tables, JSON,
// bad input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "foretoken/base/json.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;

ProcessResult on_small(const TemporaryFolder& folder, const std::string& command, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {command, folder.file("s.yaml", small_scenario())});
  return foretoken_program(arguments);
}

TEST(Batch, PrintsBothViewsTheFrontierTheRidgePointsAndTheBudget) {
  const TemporaryFolder folder;
  const ProcessResult result =
      on_small(folder, "batch", {"--sizes", "16,1,4", "--set", "slo=[\"mean_tpot <= 50 ms\"]"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("largest throughput that keeps"), HasSubstr("static"), HasSubstr("TPOT static"),
                    HasSubstr("attention_decode never does"), HasSubstr("token budget"), HasSubstr("★")));
}

TEST(Batch, JsonIsOneDocumentWithBothViewsOfEverySize) {
  const TemporaryFolder folder;
  const ProcessResult result = on_small(folder, "batch", {"--sizes", "1,2", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = parse_json(result.out, "stdout");
  ASSERT_TRUE(json) << format(json.error());
  EXPECT_EQ(*(*json)["schema"].if_string(), "foretoken.batch/1");
  for (const Json& size : *(*json)["sizes"].if_array()) {
    double tpot = 0, tps = 0;
    EXPECT_TRUE(size["static"]["tpot_ms"].number(tpot));
    EXPECT_TRUE(size["continuous"]["output_throughput"]["value"].number(tps));
    EXPECT_GT(tpot * tps, 0);
  }
}

TEST(Batch, RefusesSizesThatAreNone) {
  const TemporaryFolder folder;
  for (const char* sizes : {"0", "1,x", "8,8", "4..1"}) {
    const ProcessResult result = on_small(folder, "batch", {"--sizes", sizes});
    EXPECT_EQ(result.exit_code, 2) << sizes << result.out;
    EXPECT_THAT(result.err, HasSubstr("--sizes")) << sizes;
  }
}

TEST(Insight, AModelThatDoesNotFitIs3ForEveryCommand) {
  const TemporaryFolder folder;
  const std::vector<std::vector<std::string>> commands{{"batch"}, {"explain", "--request", "p99"}, {"sensitivity"}};
  for (const auto& command : commands) {
    std::vector<std::string> arguments(command.begin() + 1, command.end());
    arguments.insert(arguments.end(), {"--set", "model=Llama-3.1-405B"});
    const ProcessResult result = on_small(folder, command[0], arguments);
    EXPECT_EQ(result.exit_code, 3) << command[0] << result.out << result.err;
    EXPECT_THAT(result.err, HasSubstr("does not fit")) << command[0];
  }
}

TEST(ExplainRequest, NamesTheCauseAndTheKnob) {
  const TemporaryFolder folder;
  const ProcessResult result = on_small(folder, "explain", {"--request", "p99", "--set", "engine.max_num_seqs=1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("p99 TTFT is"), HasSubstr("first to change: engine.max_num_seqs"), HasSubstr("median")));
}

TEST(ExplainRequest, RefusesWhatNamesNoRequest) {
  const TemporaryFolder folder;
  for (const char* which : {"p101", "-3", "slow", "1000000", "p99..p50"}) {
    const ProcessResult result = on_small(folder, "explain", {std::string("--request=") + which});
    EXPECT_EQ(result.exit_code, 2) << which << result.out;
    EXPECT_THAT(result.err, HasSubstr("--request")) << which;
  }
  EXPECT_EQ(on_small(folder, "explain", {"--request", "p99", "--metric", "itl"}).exit_code, 2);
  EXPECT_EQ(on_small(folder, "explain", {"--metric", "ttft"}).exit_code, 2) << "nothing to rank without --request";
}

TEST(Sensitivity, PrintsATornadoAndWhatIsWorthPayingFor) {
  const TemporaryFolder folder;
  const ProcessResult result = on_small(folder, "sensitivity", {"--metric", "mean_tpot", "--by", "20 %"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("is worth most"), HasSubstr("memory bandwidth"), HasSubstr("+20.0 %"), HasSubstr("█")));
}

TEST(Sensitivity, RefusesUnknownMetricsAndSteps) {
  const TemporaryFolder folder;
  const ProcessResult metric = on_small(folder, "sensitivity", {"--metric", "p99_tftt_ms"});
  EXPECT_EQ(metric.exit_code, 2);
  EXPECT_THAT(metric.err, HasSubstr("is no metric"));
  for (const char* by : {"0", "-10%", "60%", "nan", "ten", "%"}) {
    const ProcessResult result = on_small(folder, "sensitivity", {std::string("--by=") + by});
    EXPECT_EQ(result.exit_code, 2) << by;
    EXPECT_THAT(result.err, HasSubstr("--by")) << by;
  }
}

TEST(ModelError, StandsInTheTextAndJsonOfCheckAndRun) {
  const TemporaryFolder folder;
  const ProcessResult check = on_small(folder, "check", {"--set", "slo=[\"p99_ttft <= 500 ms\"]"});
  EXPECT_EQ(check.exit_code, 0) << check.err;
  EXPECT_THAT(check.out,
              AllOf(HasSubstr("P(meets)"), HasSubstr("they hold with probability"), HasSubstr("errors as of")));
  const ProcessResult off = on_small(folder, "check", {"--no-model-error", "--set", "slo=[\"p99_ttft <= 500 ms\"]"});
  EXPECT_THAT(off.out, HasSubstr("no P(meets): switched off"));
  const ProcessResult run = on_small(folder, "run", {"--band", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = parse_json(run.out, "stdout");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["model_uncertainty"]["figures"].if_array()->size(), 6u) << "the objectives are headline figures";
  const ProcessResult sweep = on_small(folder, "run", {"--band", "--set", "sweep={engine.max_num_seqs: [1, 2]}"});
  EXPECT_EQ(sweep.exit_code, 2);
  EXPECT_THAT(sweep.err, HasSubstr("--set sweep=null"));
}

}  // namespace
}  // namespace foretoken
