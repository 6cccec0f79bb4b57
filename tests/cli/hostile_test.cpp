// Devices, pipes, closed streams, kills and closed terminals: what is asked is done or refused in words, and no file of
// the user's is lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <thread>

#include "cli/program.hpp"
#include "foretoken/base/json.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// `$0` is the program.
ProcessResult shell(const std::string& script, const std::vector<std::string>& words = {}) {
  std::vector<std::string> command{"/bin/sh", "-c", script, FORETOKEN_PROGRAM};
  command.insert(command.end(), words.begin(), words.end());
  return run_process(command);
}

class Hostile : public ::testing::Test {
 protected:
  [[nodiscard]] ProcessResult run(std::vector<std::string> more, const ProcessOptions& options = {}) const {
    more.insert(more.begin(), {"run", scenario_, "-q"});
    return foretoken_program(more, options);
  }
  TemporaryFolder folder_;
  std::string scenario_ = folder_.file("s.yaml", small_scenario());
};

TEST_F(Hostile, DevicesAndFoldersAreNoResultsOrShards) {
  std::filesystem::create_directories(folder_.path("d/x.jsonl"));
  for (const char* path : {"/dev/zero", "/dev/urandom", "/dev/null", "/", folder_.path("d").c_str()}) {
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"verify", path}, {"diff", path, path}, {"merge", path}}) {
      const ProcessResult r = foretoken_program(words);
      EXPECT_EQ(r.exit_code, 2) << ::testing::PrintToString(words) << r.err;
      EXPECT_THAT(r.err, AllOf(HasSubstr("error: "), Not(HasSubstr("internal"))));
    }
  }
  const ProcessResult endless = shell("\"$0\" run - < /dev/zero");
  EXPECT_EQ(endless.exit_code, 2);
  EXPECT_THAT(endless.err, HasSubstr("NUL byte"));
}

TEST_F(Hostile, APipeAsATraceIsRefused) {
  ASSERT_EQ(::mkfifo(folder_.path("pipe.csv").c_str(), 0600), 0);
  const std::string trace = folder_.file(
      "trace.yaml", "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nworkload: {trace: {path: pipe.csv}}\n");
  for (const char* command : {"run", "check", "explain"}) {
    const ProcessResult r = foretoken_program({command, trace});
    EXPECT_EQ(r.exit_code, 2);
    EXPECT_THAT(r.err, HasSubstr("it is a pipe or a device, which cannot be read again"));
  }
}

TEST_F(Hostile, RangesWithoutEndAreRefused) {
  EXPECT_THAT(foretoken_program({"sweep", scenario_, "--over", "hardware.gpu=1..1000000000"}).err,
              HasSubstr("more than 100000 points"));
  const ProcessResult sizes = foretoken_program({"batch", scenario_, "--sizes", "1..1000000000"});
  EXPECT_EQ(sizes.exit_code, 2);
  EXPECT_THAT(sizes.err, HasSubstr("more than 1000 batch sizes"));
}

TEST_F(Hostile, NoCommandOverwritesItsScenario) {
  const std::string before = content_of(scenario_);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"run"},
                                                                                     {"check"},
                                                                                     {"explain"},
                                                                                     {"capacity"},
                                                                                     {"batch"},
                                                                                     {"sensitivity"},
                                                                                     {"promise"},
                                                                                     {"recommend"},
                                                                                     {"assert"},
                                                                                     {"compare", "--set", "seed=2"},
                                                                                     {"bill"},
                                                                                     {"sweep", "--over", "seed=1,2"}}) {
    std::vector<std::string> command = words;
    command.insert(command.begin() + 1, scenario_);
    command.insert(command.end(), {"-o", folder_.path("./s.yaml"), "-q"});
    const ProcessResult r = foretoken_program(command);
    EXPECT_EQ(r.exit_code, 2) << words[0];
    EXPECT_THAT(r.err, HasSubstr("are the same file")) << words[0];
    EXPECT_EQ(content_of(scenario_), before) << words[0];
  }
}

TEST_F(Hostile, NoCommandOverwritesTheFilesOfItsQuestion) {
  const std::string rows = "arrival_s,input_tokens,output_tokens\n0,5,5\n";
  (void)folder_.file("t.csv", rows);
  const std::string trace =
      folder_.file("trace.yaml", "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nworkload: {trace: {path: t.csv}}\n");
  for (const char* option : {"-o", "--save-requests"}) {
    EXPECT_EQ(foretoken_program({"run", trace, option, folder_.path("t.csv")}).exit_code, 2) << option;
    EXPECT_EQ(content_of(folder_.path("t.csv")), rows) << option;
  }
  const std::string stored = folder_.path("r.json");
  ASSERT_EQ(run({"--format", "json", "-o", stored}).exit_code, 0);
  const std::string result = content_of(stored);
  EXPECT_EQ(foretoken_program({"verify", stored, "-o", stored}).exit_code, 2);
  EXPECT_EQ(foretoken_program({"diff", stored, stored, "-o", stored}).exit_code, 2);
  EXPECT_EQ(content_of(stored), result);
  const std::string measured = folder_.path("m.json");
  ASSERT_EQ(run({"--format", "vllm", "-o", measured}).exit_code, 0);
  const std::string figures = content_of(measured);
  for (const char* option : {"-o", "--save"})
    EXPECT_EQ(foretoken_program({"calibrate", scenario_, "--measured", measured, option, measured}).exit_code, 2)
        << option;
  EXPECT_EQ(content_of(measured), figures);
}

// Neither is there yet, so only the folder tells that they are one.
TEST_F(Hostile, TwoSpellingsOfANewFileAreOne) {
  const ProcessResult r =
      shell("cd \"$1\" && exec \"$0\" run s.yaml -o x.json --save-requests ./x.json", {folder_.path("")});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_THAT(r.err, HasSubstr("are the same file"));
}

TEST_F(Hostile, LinksStayAndDescriptorsAreWrittenInPlace) {
  const ProcessResult r = shell("\"$0\" run \"$1\" -q --format json -o /dev/stdout > \"$2\" && ls -l /dev/stdout",
                                {scenario_, folder_.path("redirected")});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("->")) << "still a link";
  EXPECT_THAT(content_of(folder_.path("redirected")), StartsWith("{"));
}

TEST_F(Hostile, APipeGetsTheWholeResult) {
  const ProcessResult r =
      shell("mkfifo \"$2\" && { cat \"$2\" > \"$3\" & } && \"$0\" run \"$1\" -q --format json -o \"$2\"; wait",
            {scenario_, folder_.path("pipe"), folder_.path("read")});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_TRUE(parse_json(content_of(folder_.path("read")), "pipe"));
}

TEST_F(Hostile, AClosedStreamTakesNoFilesPlace) {
  const ProcessResult r =
      shell("exec \"$0\" sweep \"$1\" --over seed=1,2 --resume \"$2\" >&-", {scenario_, folder_.path("journal")});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.err, HasSubstr("cannot write to standard output"));
  EXPECT_EQ(lines_of(content_of(folder_.path("journal"))), 3u) << "a head and two points, no table";
}

TEST_F(Hostile, TheUmaskHolds) {
  EXPECT_EQ(shell("umask 077; exec \"$0\" run \"$1\" -q -o \"$2\"", {scenario_, folder_.path("u")}).exit_code, 0);
  struct stat status {};
  ASSERT_EQ(::stat(folder_.path("u").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(Hostile, TheLimitOfTheSizeOfFilesIsAMessage) {
  const ProcessResult r =
      shell("ulimit -f 8; exec \"$0\" run \"$1\" -q --save-requests \"$2\"", {scenario_, folder_.path("rows.csv")});
  EXPECT_EQ(r.exit_code, 1) << r.err;
  EXPECT_THAT(r.err, HasSubstr("File too large"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path("rows.csv")));
}

// Sent a moment after the run began.
ProcessOptions interrupted_by(int signal) {
  ProcessOptions options;
  options.meanwhile = [signal](int pid) {
    std::this_thread::sleep_for(std::chrono::seconds{1});
    ::kill(pid, signal);
    if (signal == SIGHUP) ::kill(pid, signal);  // the shell's and the terminal's
  };
  return options;
}

TEST_F(Hostile, AClosedTerminalKeepsWhatWasFinished) {
  for (const int signal : {SIGHUP, SIGTERM, SIGINT}) {
    const std::string out = folder_.path("part.json");
    const ProcessResult r =
        run({"--set", "workload.num_prompts=100000000", "--format", "json", "-o", out}, interrupted_by(signal));
    EXPECT_EQ(r.exit_code, 130) << signal << r.err;
    const Result<Json> json = parse_json(content_of(out), out);
    ASSERT_TRUE(json) << signal;
    double completed = 0;
    EXPECT_TRUE((*json)["summary"]["completed"].number(completed));
    EXPECT_GT(completed, 0) << signal;
    std::filesystem::remove(out);
  }
}

TEST_F(Hostile, NohupIsObeyed) {
  const ProcessResult r =
      shell("trap '' HUP; \"$0\" run \"$1\" -q --set workload.num_prompts=20000 & sleep 0.2; kill -HUP $!; wait $!",
            {scenario_});
  EXPECT_EQ(r.exit_code, 0) << r.err;
}

TEST_F(Hostile, KilledRunsLeaveOneFileThatTheNextUsesUp) {
  const std::size_t before = folder_.size();
  const std::vector<std::string> words{"--set", "workload.num_prompts=100000000", "--save-requests",
                                       folder_.path("rows.csv")};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(run(words, interrupted_by(SIGKILL)).exit_code, 128 + SIGKILL);
    EXPECT_EQ(folder_.size(), before + 1);
  }
  EXPECT_EQ(run({"--save-requests", folder_.path("rows.csv")}).exit_code, 0);
  EXPECT_EQ(folder_.size(), before + 1);
  EXPECT_EQ(lines_of(content_of(folder_.path("rows.csv"))), 201u);
}

TEST_F(Hostile, AnUnreadableCatalogIsNoAbsentOne) {
  std::filesystem::create_directories(folder_.path("c/gpus"));
  std::filesystem::permissions(folder_.path("c/gpus"), std::filesystem::perms::none);
  std::filesystem::permissions(folder_.path(""), std::filesystem::perms::all);
  std::filesystem::copy_file(FORETOKEN_PROGRAM, folder_.path("foretoken"));
  // The superuser may read everything, and becomes somebody else.
  const std::string as_other = ::geteuid() == 0 ? "setpriv --reuid 65534 --clear-groups " : "";
  const ProcessResult r =
      shell("exec " + as_other + "\"$1/foretoken\" run \"$1/s.yaml\" --catalog \"$1/c\" -q", {folder_.path("")});
  EXPECT_EQ(r.exit_code, 2) << r.err;
  EXPECT_THAT(r.err, HasSubstr("can't be read"));
}

TEST_F(Hostile, TerminalsGetNoEscapesFromTexts) {
  // Words that no option takes, and values that an option does not, are repeated as well.
  for (const auto& arguments : {std::vector<std::string>{"--format", "\x1b[31mx"}, {"\x1b[31mx", "\x1b[31mx"}}) {
    const ProcessResult repeated = run(arguments);
    EXPECT_EQ(repeated.exit_code, 2);
    EXPECT_THAT(repeated.err, AllOf(Not(HasSubstr("\x1b")), HasSubstr("\\x1b[31mx")));
  }
  const ProcessResult key = run({"--set", "\x1b[31mx=1"});
  EXPECT_EQ(key.exit_code, 2);
  EXPECT_THAT(key.err, AllOf(Not(HasSubstr("\x1b")), HasSubstr("\\x1b[31mx")));
}

// ---- answers that obey ----

TEST_F(Hostile, DiffHasAnExitCode) {
  const std::string a = folder_.path("a.json"), b = folder_.path("b.json");
  ASSERT_EQ(run({"--format", "json", "-o", a}).exit_code, 0);
  ASSERT_EQ(run({"--format", "json", "-o", b, "--seed", "5"}).exit_code, 0);
  EXPECT_EQ(foretoken_program({"diff", a, a, "--exit-code"}).exit_code, 0);
  EXPECT_EQ(foretoken_program({"diff", a, b, "--exit-code"}).exit_code, 99);
  EXPECT_EQ(foretoken_program({"diff", a, b}).exit_code, 0);
}

TEST_F(Hostile, VerifyPassesWhenOnlyTheVersionDiffers) {
  const std::string stored = folder_.path("r.json");
  ASSERT_EQ(run({"--format", "json", "-o", stored}).exit_code, 0);
  std::string text = content_of(stored);
  const std::string key = "\"foretoken_version\": \"";
  text.insert(text.find(key) + key.size(), "0.0.");
  const ProcessResult r = foretoken_program({"verify", folder_.file("older.json", text)});
  EXPECT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_THAT(r.out, HasSubstr("foretoken_version"));
  EXPECT_THAT(r.err, HasSubstr("every figure is the same"));
}

TEST_F(Hostile, AssertFallsBackToTheObjectives) {
  const ProcessResult r = foretoken_program({"assert", scenario_, "--junit", folder_.path("j.xml")});
  EXPECT_EQ(r.exit_code, 99) << r.err;
  EXPECT_THAT(r.out, AllOf(HasSubstr("p99_ttft <= 500 ms"), HasSubstr("output_throughput >= 100000")));
  EXPECT_THAT(content_of(folder_.path("j.xml")), HasSubstr("tests=\"2\""));
  const ProcessResult none = foretoken_program({"assert", scenario_, "--set", "slo=[]"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("there is nothing to judge"));
}

TEST_F(Hostile, CatalogMetricsShowsTheOneThatIsNamed) {
  const ProcessResult one = foretoken_program({"catalog", "metrics", "engine_busy"});
  EXPECT_EQ(one.exit_code, 0);
  EXPECT_EQ(lines_of(one.out), 1u);
  EXPECT_THAT(foretoken_program({"catalog", "metrics", "p99_ttft_ms"}).out, HasSubstr("p99_ttft_ms"));
  EXPECT_EQ(foretoken_program({"catalog", "metrics", "nonsense"}).exit_code, 2);
}

}  // namespace
}  // namespace foretoken
