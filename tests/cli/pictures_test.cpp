// --report, --plot and --timeline as a user meets them.
#include <gmock/gmock.h>

#include "program.hpp"

namespace foretoken::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Pictures, StandBesideTheResultAndDoNotChangeIt) {
  const TemporaryFolder folder;
  const std::string scenario = folder.file("s.yaml", small_scenario());
  const ProcessResult alone = foretoken_program({"run", scenario, "--format", "json"});
  const ProcessResult pictured = foretoken_program(
      {"run", scenario, "--format", "json", "--report", folder.path("r.html"), "--plot", folder.path("first.svg"),
       "--plot", "roofline=" + folder.path("roof.svg"), "--timeline", folder.path("t.json")});
  EXPECT_EQ(pictured.exit_code, 0) << pictured.err;
  EXPECT_EQ(pictured.out, alone.out);
  EXPECT_THAT(content_of(folder.path("r.html")), HasSubstr("</html>"));
  EXPECT_THAT(content_of(folder.path("first.svg")), HasSubstr("<title>Latencies"));
  EXPECT_THAT(content_of(folder.path("roof.svg")), HasSubstr("<title>Roofline"));
  EXPECT_THAT(content_of(folder.path("t.json")), HasSubstr("\"traceEvents\""));
  const std::string once = content_of(folder.path("r.html"));
  (void)foretoken_program({"run", scenario, "-j", "1", "--report", folder.path("r.html"), "-q"});
  EXPECT_EQ(content_of(folder.path("r.html")).size(), once.size()) << "the same page on any number of threads";
}

TEST(Pictures, OfEveryStudyCanBeHad) {
  const TemporaryFolder folder;
  const std::string scenario = folder.file("s.yaml", small_scenario());
  const std::vector<std::vector<std::string>> commands = {
      {"explain", scenario},
      {"memory", scenario},
      {"sweep", scenario, "--over", "engine.max_num_seqs=8,64"},
      {"compare", scenario, "--set", "engine.max_num_seqs=8", "--replications", "2"},
      {"check", scenario, "--no-fixes"},
  };
  for (std::vector<std::string> command : commands) {
    const std::string page = folder.path(command[0] + ".html");
    command.insert(command.end(), {"-q", "--report", page, "--plot", folder.path(command[0] + ".svg")});
    const ProcessResult result = foretoken_program(command);
    EXPECT_THAT(result.exit_code, ::testing::AnyOf(0, 98, 99)) << command[0] << ": " << result.err;
    EXPECT_THAT(content_of(page), HasSubstr("<section id=\"verdict\"")) << command[0];
    EXPECT_THAT(content_of(folder.path(command[0] + ".svg")), HasSubstr("</svg>")) << command[0];
  }
}

TEST(Pictures, ThatCannotBeMadeAreRefusedBeforeTheRun) {
  const TemporaryFolder folder;
  const std::string scenario = folder.file("s.yaml", small_scenario());
  const auto refused = [&](std::vector<std::string> options, const char* words) {
    options.insert(options.begin(), {"run", scenario});
    const ProcessResult result = foretoken_program(options);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(words));
  };
  refused({"--plot", "latnecy=" + folder.path("x.svg")}, "did you mean 'latency'?");
  refused({"--report", folder.path("no/such/folder/r.html")}, "no/such/folder");
  refused({"--report", scenario}, "are the same file");
  refused({"--report", folder.path("a"), "--plot", folder.path("a")}, "are the same file");
  refused({"--timeline", folder.path("t.json"), "--timeline-window", "5"}, "write FROM:TO");
  refused({"--timeline", scenario}, "are the same file");
  EXPECT_EQ(folder.size(), 1U) << "nothing stays behind";
}

TEST(Pictures, OfAShardOrOfAPlanAreRefused) {
  const TemporaryFolder folder;
  const std::string scenario = folder.file("s.yaml", small_scenario());
  for (const char* part : {"--dry-run", "--shard=0/2"}) {
    const ProcessResult result = foretoken_program(
        {"sweep", scenario, "--over", "engine.max_num_seqs=8,64", part, "--report", folder.path("r.html")});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("--report and --plot"));
  }
}

TEST(Timeline, SaysWhatItLeavesOut) {
  const TemporaryFolder folder;
  const std::string scenario = folder.file("s.yaml", small_scenario());
  const ProcessResult result =
      foretoken_program({"run", scenario, "--timeline", folder.path("t.json"), "--timeline-events", "50"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("are left out"));
  EXPECT_THAT(result.out, Not(HasSubstr("left out: ")));
}

}  // namespace
}  // namespace foretoken::testing
