// foretoken run and explain on small scenarios: formats, files, exit codes, interruption.
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
using ::testing::IsEmpty;
using ::testing::Not;

class RunCommand : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  std::string scenario_ = folder_.file("small.yaml", small_scenario());

  static Json json_of(const ProcessResult& result) {
    EXPECT_EQ(result.exit_code, 0) << result.err;
    Result<Json> json = parse_json(result.out, "standard output");
    EXPECT_TRUE(json) << result.out;
    return json ? *json : Json();
  }
  static double number(const Json& json, const char* key) {
    double value = std::nan("");
    EXPECT_TRUE(json[key].number(value)) << key;
    return value;
  }
};

TEST_F(RunCommand, PrintsATableWithEverythingPromised) {
  const ProcessResult result = foretoken_program({"run", scenario_, "--full"});
  EXPECT_EQ(result.exit_code, 0) << result.err << "objectives that are missed do not change the exit code of run";
  for (const char* words :
       {"Time to First Token", "Time per Output Token", "Inter-token Latency", "End-to-end Latency", "p99",
        "Request throughput", "Total throughput", "KV cache usage", "prefill", "decode", "✓ p99_ttft <= 500 ms",
        "✗ output_throughput >= 100000", "TPOT = ", "steady state", "Grades"}) {
    std::string squeezed;
    for (char c : result.out) {
      if (c != ' ' || squeezed.empty() || squeezed.back() != ' ') squeezed += c;
    }
    EXPECT_THAT(squeezed, HasSubstr(words));
  }
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(foretoken_program({"run", scenario_, "--color", "always"}).out, HasSubstr("\x1b["));
}

TEST_F(RunCommand, PrintsAResultDocument) {
  const Json json = json_of(foretoken_program({"run", scenario_, "--format", "json", "--seed", "7"}));
  EXPECT_EQ(*json["schema"].if_string(), "foretoken.result/1");
  EXPECT_EQ(*json["seed"].if_int(), 7);
  EXPECT_EQ(json["scenario_sha256"].if_string()->size(), 64u);
  EXPECT_EQ(*json["conventions"]["tpot"].if_string(), "per_output_token");
  EXPECT_EQ(*json["summary"]["completed"].if_int(), 200);
  for (const char* key : {"mean_ttft_ms", "p99_tpot_ms", "mean_e2el_ms", "request_throughput", "output_throughput",
                          "total_token_throughput", "p95_itl_ms", "mean_kv_cache_usage_perc"}) {
    EXPECT_GT(number(json["summary"], key), 0) << key;
  }
  EXPECT_FALSE(json["config"].is_null());
  EXPECT_FALSE(json["origins"]["engine.max_num_seqs"].is_null());
  EXPECT_EQ(json["slo"].if_array()->size(), 2u);
  EXPECT_TRUE(*(*json["slo"].if_array())[0]["ok"].if_bool());
  EXPECT_GT(number(json["memory"], "num_gpu_blocks"), 0);
}

TEST_F(RunCommand, TheSameScenarioGivesTheSameBytesHoweverItRuns) {
  const std::vector<std::string> base{"run", scenario_, "--format", "json", "--set", "replications=3"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    const ProcessResult result = foretoken_program(more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  };
  const std::string once = with({});
  EXPECT_EQ(once, with({"-j", "1"}));
  EXPECT_EQ(once, with({"-j", "8"}));
  EXPECT_EQ(once, with({"--step-by-step"}));
  EXPECT_NE(once, with({"--seed", "5"}));
}

TEST_F(RunCommand, TheVllmFileHasTheBenchmarksKeysAndConvention) {
  const Json vllm = json_of(foretoken_program({"run", scenario_, "--format", "vllm"}));
  const Json own = json_of(foretoken_program({"run", scenario_, "--format", "json"}));
  for (const char* key :
       {"duration", "completed", "total_input_tokens", "total_output_tokens", "request_throughput", "output_throughput",
        "total_token_throughput", "mean_ttft_ms", "median_ttft_ms", "std_ttft_ms", "p99_ttft_ms", "mean_tpot_ms",
        "mean_itl_ms", "mean_e2el_ms", "num_prompts", "request_rate"}) {
    number(vllm, key);
  }
  // N = 64 for every request: their TPOT is ours times 64 / 63.
  EXPECT_NEAR(number(vllm, "mean_tpot_ms"), number(own["summary"], "mean_tpot_ms") * 64 / 63, 1e-4);
}

TEST_F(RunCommand, SavesARowPerRequest) {
  const std::string csv = folder_.path("requests.csv");
  const ProcessResult result = foretoken_program({"run", scenario_, "--save-requests", csv});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(lines_of(content_of(csv)), 201u);
  EXPECT_EQ(folder_.size(), 2u) << "no temporary file stays";
}

TEST_F(RunCommand, AFullDiskIsDiagnosedWithExitCode1) {
  ASSERT_TRUE(std::filesystem::exists("/dev/full"));
  for (const char* option : {"--save-requests", "--output"}) {
    const ProcessResult result = foretoken_program({"run", scenario_, option, "/dev/full"});
    EXPECT_EQ(result.exit_code, 1) << option;
    EXPECT_THAT(result.err, HasSubstr("No space left"));
    EXPECT_THAT(result.out, HasSubstr("Time to First Token")) << "the result is not lost";
  }
}

TEST_F(RunCommand, WritesTheResultToAFile) {
  const std::string path = folder_.path("result.json");
  const ProcessResult result = foretoken_program({"run", scenario_, "--format", "json", "-o", path});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_EQ(content_of(path), foretoken_program({"run", scenario_, "--format", "json"}).out);
}

TEST_F(RunCommand, NoOutputOverwritesAnotherOrTheScenario) {
  const std::string path = folder_.path("same.out");
  const std::string detour = folder_.path("./same.out");
  const std::string before = content_of(scenario_);
  for (const std::vector<std::string>& files : {std::vector<std::string>{"-o", path, "--save-requests", detour},
                                                {"-o", scenario_},
                                                {"--save-requests", scenario_}}) {
    std::vector<std::string> arguments{"run", scenario_};
    arguments.insert(arguments.end(), files.begin(), files.end());
    const ProcessResult result = foretoken_program(arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("are the same file"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(content_of(scenario_), before);
}

TEST_F(RunCommand, ReadsStandardInput) {
  ProcessOptions options;
  options.input = small_scenario();
  const ProcessResult result = foretoken_program({"run", "-", "--format", "json"}, options);
  EXPECT_EQ(*json_of(result)["summary"]["completed"].if_int(), 200);
}

TEST_F(RunCommand, RefusesBadInputWithExitCode2AndSaysWhere) {
  const ProcessResult missing = foretoken_program({"run", folder_.path("none.yaml")});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("none.yaml"));
  const std::string bad =
      folder_.file("bad.yaml", "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: {max_num_seq: 4}\n");
  const ProcessResult typo = foretoken_program({"run", bad});
  EXPECT_EQ(typo.exit_code, 2);
  EXPECT_THAT(typo.err, HasSubstr("bad.yaml:3:"));
  EXPECT_THAT(typo.err, HasSubstr("max_num_seqs"));
  EXPECT_THAT(typo.out, IsEmpty());
  EXPECT_EQ(foretoken_program({"run", scenario_, "--set", "engine.max_num_seqs=none"}).exit_code, 2);
  EXPECT_EQ(foretoken_program({"run", scenario_, "--save-requests", folder_.path("no/such/folder.csv")}).exit_code, 2);
  EXPECT_EQ(foretoken_program({"run", scenario_, "-o", folder_.path("no/such/folder.txt")}).exit_code, 2);
}

TEST_F(RunCommand, AModelThatDoesNotFitExitsWith3AndTheNumbers) {
  const ProcessResult result =
      foretoken_program({"run", scenario_, "--set", "model=Llama-3.1-70B", "--format", "json"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("does not fit"));
  const Result<Json> json = parse_json(result.out, "standard output");
  ASSERT_TRUE(json);
  EXPECT_FALSE(*(*json)["feasible"].if_bool());
  EXPECT_EQ(foretoken_program({"explain", scenario_, "--set", "model=Llama-3.1-70B"}).exit_code, 3);
}

TEST_F(RunCommand, AnInterruptKeepsWhatIsFinished) {
  ProcessOptions options;
  options.meanwhile = [](int pid) {
    std::this_thread::sleep_for(std::chrono::milliseconds{700});
    ::kill(pid, SIGINT);
  };
  const std::string csv = folder_.path("requests.csv");
  const ProcessResult result = foretoken_program({"run", scenario_, "--format", "json", "--step-by-step", "--set",
                                                  "workload.num_prompts=100000000", "--save-requests", csv},
                                                 options);
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_THAT(result.err, HasSubstr("what was finished is kept"));
  const Result<Json> json = parse_json(result.out, "standard output");
  ASSERT_TRUE(json) << result.out.substr(0, 200);
  EXPECT_TRUE(*(*json)["interrupted"].if_bool());
  EXPECT_GT(lines_of(content_of(csv)), 1u);
}

// Waits until the program has begun to write the rows of `csv`, which stand under another name until the end.
void wait_for_rows(const std::string& csv) {
  const std::filesystem::path path(csv);
  for (int tries = 0; tries < 3000; ++tries) {
    for (const auto& entry : std::filesystem::directory_iterator(path.parent_path())) {
      const bool rows = entry.path().filename().string().starts_with(path.filename().string() + ".");
      if (rows && entry.file_size() > 0) return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  ADD_FAILURE() << "no rows after half a minute";
}

TEST_F(RunCommand, ATerminatedRunSavesWholeRowsForAllItFinished) {
  const std::string csv = folder_.path("requests.csv");
  ProcessOptions options;
  options.meanwhile = [&](int pid) {
    wait_for_rows(csv);
    ::kill(pid, SIGTERM);
  };
  const std::vector<std::string> command{
      "run", scenario_, "--format", "json", "--set", "workload.num_prompts=100000000", "--save-requests", csv};
  const ProcessResult result = foretoken_program(command, options);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  const Result<Json> json = parse_json(result.out, "standard output");
  ASSERT_TRUE(json) << result.out.substr(0, 200);

  std::istringstream text(content_of(csv));
  std::string line;
  ASSERT_TRUE(std::getline(text, line));
  const auto commas = [](const std::string& row) { return std::count(row.begin(), row.end(), ','); };
  const auto wanted = commas(line);
  double finished = 0;
  while (std::getline(text, line)) {
    ASSERT_EQ(commas(line), wanted) << line;
    ASSERT_FALSE(text.eof()) << "the last row ends with a line break: " << line;
    finished += line.find(",finished,") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(finished, 0);
  EXPECT_EQ(finished, number((*json)["summary"], "completed"));
  EXPECT_EQ(folder_.size(), 2u) << "scenario and rows";
}

TEST_F(RunCommand, AKilledRunLeavesNoFileUnderTheName) {
  const std::string csv = folder_.path("requests.csv");
  ProcessOptions options;
  options.meanwhile = [&](int pid) {
    wait_for_rows(csv);
    ::kill(pid, SIGKILL);
  };
  const ProcessResult result =
      foretoken_program({"run", scenario_, "--set", "workload.num_prompts=100000000", "--save-requests", csv}, options);
  EXPECT_EQ(result.exit_code, 128 + SIGKILL);
  EXPECT_FALSE(std::filesystem::exists(csv));
}

TEST_F(RunCommand, RowsThatDoNotFitOnTheDiskLeaveNoFileButTheResult) {
  // A limit on the size of files (8 x 512 bytes) stands for the full disk.
  const std::string csv = folder_.path("requests.csv");
  const ProcessResult result = run_process({"/bin/sh", "-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"",
                                            FORETOKEN_PROGRAM, "run", scenario_, "--save-requests", csv});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("requests.csv: error: cannot write: File too large"));
  EXPECT_THAT(result.out, HasSubstr("Time to First Token")) << "the run itself is not lost";
  EXPECT_EQ(folder_.size(), 1u) << "only the scenario";
}

TEST_F(RunCommand, AnUnwritableFolderIsSaidBeforeTheRun) {
  // The superuser may write everywhere but there.
  std::string folder = "/sys";
  if (::geteuid() != 0) {
    folder = folder_.path("locked");
    std::filesystem::create_directory(folder);
    std::filesystem::permissions(folder, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  }
  ASSERT_TRUE(std::filesystem::exists(folder));
  for (const char* option : {"--save-requests", "--output"}) {
    const ProcessResult result = foretoken_program({"run", scenario_, option, folder + "/rows.csv"});
    EXPECT_EQ(result.exit_code, 2) << option;
    EXPECT_THAT(result.err, HasSubstr(folder + "/rows.csv: error: cannot write: "));
    EXPECT_THAT(result.out, IsEmpty());
    EXPECT_FALSE(std::filesystem::exists(folder + "/rows.csv"));
  }
}

TEST_F(RunCommand, ATerminatedSweepKeepsItsFinishedPoints) {
  ProcessOptions options;
  options.meanwhile = [](int pid) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1500});
    ::kill(pid, SIGTERM);
  };
  // The first point takes no time, the second would take hours.
  const ProcessResult result = foretoken_program({"run", scenario_, "--format", "json", "--step-by-step", "-j", "1",
                                                  "--set", "sweep={workload.num_prompts: [50, 100000000]}"},
                                                 options);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("what was finished is kept"));
  const Result<Json> json = parse_json(result.out, "standard output");
  ASSERT_TRUE(json) << result.out.substr(0, 200);
  EXPECT_TRUE(*(*json)["interrupted"].if_bool());
  ASSERT_NE((*json)["points"].if_array(), nullptr);
  EXPECT_GE((*json)["points"].if_array()->size(), 1u);
}

TEST_F(RunCommand, ASweepNamesTheLargestBatchWithinTheLimit) {
  const std::string path = folder_.file("sweep.yaml", R"(model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
workload: {random_input_len: 128, random_output_len: 128, num_prompts: 256, request_rate: inf}
slo: ["mean_tpot < 12 ms"]
sweep: {engine.max_num_seqs: [1, 8, 64, 256]}
)");
  const ProcessResult table = foretoken_program({"run", path});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("largest max_num_seqs with mean_tpot < 12 ms: "));
  EXPECT_THAT(table.out, HasSubstr("ridge point"));
  const Json json = json_of(foretoken_program({"run", path, "--format", "json"}));
  EXPECT_EQ(*json["schema"].if_string(), "foretoken.sweep/1");
  const auto& points = *json["points"].if_array();
  ASSERT_EQ(points.size(), 4u);
  for (std::size_t i = 1; i < points.size(); ++i) {
    EXPECT_GT(number(points[i]["summary"], "output_throughput"), number(points[i - 1]["summary"], "output_throughput"));
    EXPECT_GE(number(points[i]["summary"], "mean_tpot_ms"), number(points[i - 1]["summary"], "mean_tpot_ms"));
  }
  EXPECT_EQ(foretoken_program({"run", path, "--format", "vllm"}).exit_code, 2);
}

TEST_F(RunCommand, ExplainShowsOriginsMemoryRooflinesAndFloors) {
  const ProcessResult result = foretoken_program({"explain", scenario_, "--set", "engine.max_num_seqs=32"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* words : {"engine.max_num_seqs", "command line", "small.yaml:", "default", "weights", "KV cache",
                            "prefill step", "decode step", "Ridge point", "Floors", "datasheet"}) {
    EXPECT_THAT(result.out, HasSubstr(words));
  }
  const Json json = json_of(foretoken_program({"explain", scenario_, "--format", "json"}));
  EXPECT_GT(number(json, "ridge_point"), 100);
  EXPECT_GT(number(json["floors"], "ttft_ms"), number(json["floors"], "datasheet_ttft_ms"));
}

}  // namespace
}  // namespace foretoken
