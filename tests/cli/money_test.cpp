// Money on the command line: run, bill, assert with JUnit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "foretoken/base/json.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

ProcessResult with_small(const char* command, const TemporaryFolder& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {command, folder.file("s.yaml", small_scenario())});
  return foretoken_program(arguments);
}

double figure(const std::string& out, const char* key) {
  const auto json = parse_json(out, "out");
  double value = -1;
  return json && (*json)["summary"][key].number(value) ? value : -1;
}

TEST(Money, StaysOutOfARunThatDoesNotAskForIt) {
  const TemporaryFolder folder;
  const ProcessResult result = with_small("run", folder, {"--full"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, AllOf(Not(HasSubstr("\nCost\n")), Not(HasSubstr("Energy (estimate)")), Not(HasSubstr("$"))));
}

TEST(Money, OfAnExamplePriceIsCalledOneWhereverItShows) {
  const TemporaryFolder folder;
  const ProcessResult run = with_small("run", folder, {"--full", "--set", "prices.examples=true"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nCost\n"), HasSubstr("EXAMPLE PRICE, not a quote"),
                             HasSubstr("Cost of 1M output tokens")));
  const ProcessResult json = with_small("run", folder, {"--set", "prices.examples=true", "--format", "json"});
  EXPECT_THAT(json.out, AllOf(HasSubstr("\"example\": true"), HasSubstr("example, not a quote")));
  const ProcessResult own = with_small("run", folder, {"--full", "--set", "prices.gpu_hour=2"});
  EXPECT_THAT(own.out, AllOf(HasSubstr("2.00 $ per hour"), Not(HasSubstr("EXAMPLE"))));
}

TEST(Money, OfASummaryIsPriceTimesTimeOverTokens) {
  const TemporaryFolder folder;
  const ProcessResult r = with_small("run", folder, {"--set", "prices.gpu_hour=3.6", "--format", "json"});
  const double tokens = figure(r.out, "total_input_tokens") + figure(r.out, "total_output_tokens");
  EXPECT_NEAR(figure(r.out, "cost_per_1m_tokens"), 0.001 * figure(r.out, "duration") / tokens * 1e6, 1e-9);
  EXPECT_GT(figure(r.out, "energy_j_per_token"), 0);
}

TEST(Energy, WithoutATdpSaysWhy) {
  const TemporaryFolder folder;
  const ProcessResult r =
      with_small("run", folder, {"--full", "--set", "hardware.gpu=gh200_96gb", "--set", "prices.kwh=0.2"});
  EXPECT_THAT(r.out, HasSubstr("not available: the catalog has no TDP of gh200_96gb")) << r.err;
}

TEST(Bill, ComparesAFixedFleetWithOneResizedByTheHour) {
  const ProcessResult r =
      foretoken_program({"bill", std::string(FORETOKEN_SOURCE_DIR) + "/scenarios/cost-per-token.yaml"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, AllOf(HasSubstr("re-sized every hour"), HasSubstr("fixed, for the busiest hour"),
                           HasSubstr("Mon to Fri"), HasSubstr("re-sizing saves")));
}

TEST(Bill, SaysAllThatIsMissing) {
  const TemporaryFolder folder;
  const ProcessResult r = with_small("bill", folder, {});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_THAT(r.err, AllOf(HasSubstr("prices.gpu_hour"), HasSubstr("prices.load_profile"),
                           HasSubstr("prices.capacity_per_replica")));
}

TEST(Assert, ExitsWith0When99And98) {
  const TemporaryFolder folder;
  const auto exit_of = [&](const std::string& line, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"--set", "assert=[\"" + line + "\"]"});
    return with_small("assert", folder, more).exit_code;
  };
  EXPECT_EQ(exit_of("p99_ttft <= 5 s"), 0);
  EXPECT_EQ(exit_of("p99_ttft <= 1 us"), 99);
  EXPECT_EQ(exit_of("p99_ttft <= 5 s", {"--set", "study.max_requests=1"}), 98) << "one replication gives no interval";
  EXPECT_EQ(exit_of("p99_ttft <= 5 s", {"--set", "model=Llama-3.1-405B"}), 3);
  EXPECT_EQ(exit_of("p99_tftt <= 5 s"), 2);
  EXPECT_EQ(with_small("assert", folder, {"--set", "slo=null"}).exit_code, 2) << "nothing to judge";
}

TEST(Assert, RunPaysNoAttentionToIt) {
  const TemporaryFolder folder;
  EXPECT_EQ(with_small("run", folder, {"--set", "assert=[\"p99_ttft <= 1 us\"]"}).exit_code, 0);
}

TEST(Assert, WritesJUnitAlsoWhenItFails) {
  const TemporaryFolder folder;
  const std::string file = folder.path("j.xml");
  const std::string lines = "assert=[{name: '<fast> & good', that: p99_ttft <= 1 us}, p99_ttft <= 5 s]";
  const ProcessResult r = with_small("assert", folder, {"--set", lines, "--junit", file});
  EXPECT_EQ(r.exit_code, 99) << r.err;
  const std::string xml = content_of(file);
  EXPECT_THAT(xml, AllOf(HasSubstr("tests=\"2\" failures=\"1\" errors=\"0\""), HasSubstr("&lt;fast&gt; &amp; good"),
                         HasSubstr("must be &lt;= 0.001 ms"), HasSubstr("interval")));
  EXPECT_EQ(xml, (with_small("assert", folder, {"--set", lines, "--junit", file}), content_of(file)))
      << "the same bytes";
  EXPECT_EQ(folder.size(), 2U) << "no temporary file stays";
}

TEST(Assert, RefusesAJUnitFileThatCannotBeBeforeItSimulates) {
  const TemporaryFolder folder;
  const std::string line = "assert=[\"p99_ttft <= 5 s\"]";
  const ProcessResult nowhere = with_small("assert", folder, {"--set", line, "--junit", folder.path("no/such/j.xml")});
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("j.xml"));
  EXPECT_EQ(with_small("assert", folder, {"--set", line, "--junit", folder.path("s.yaml")}).exit_code, 2)
      << "the scenario itself";
}

}  // namespace
}  // namespace foretoken
