// foretoken recommend as a user meets it: answers, files, and input that cannot be meant.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/program.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class RecommendCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("foretoken-recommend-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    scenario_ = (folder_ / "s.yaml").string();
    write(scenario_, kText);
  }
  void TearDown() override { fs::remove_all(folder_); }
  static void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
  ProcessResult recommend(std::vector<std::string> words) const {
    std::vector<std::string> command{"recommend", scenario_, "--no-progress"};
    command.insert(command.end(), words.begin(), words.end());
    return foretoken_program(command);
  }

  // A step takes 10 + n ms: one replica is not enough for 20 requests/s within 15 ms a token.
  static constexpr const char* kText = R"(
engine: {name: vllm-v1, max_num_seqs: 4, num_gpu_blocks_override: 100000}
cost: {level: affine, affine: {per_step: 10 ms, per_decode_token: 1 ms}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 1000, request_rate: 20}
slo: [p95_tpot <= 15 ms, p99_ttft <= 3 s]
recommend: {over: {replicas: {choices: [1, 2, 4, 6]}}}
)";
  fs::path folder_;
  std::string scenario_;
};

TEST_F(RecommendCommand, EmitsAWinnerThatCheckConfirms) {
  const std::string out = (folder_ / "deep" / "out").string();
  const ProcessResult found = recommend({"--emit", out});
  EXPECT_EQ(found.exit_code, 0) << found.err;
  EXPECT_THAT(found.out, HasSubstr("is the cheapest that meets the objectives: 4 GPUs"));
  const ProcessResult check = foretoken_program({"check", out + "/rank-1.yaml", "--no-progress"});
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
  for (const auto& file : fs::directory_iterator(out))
    EXPECT_EQ(foretoken_program({"run", file.path().string(), "--no-progress"}).exit_code, 0) << file.path();
  const ProcessResult again = recommend({"--emit", out});
  EXPECT_EQ(again.exit_code, 2) << "nothing is overwritten";
  EXPECT_THAT(again.err, HasSubstr("already"));
}

TEST_F(RecommendCommand, RefusesAFolderThatCannotBeWrittenInto) {
  EXPECT_EQ(recommend({"--emit", scenario_}).exit_code, 2) << "a file";
  EXPECT_EQ(recommend({"--emit", scenario_ + "/below"}).exit_code, 2) << "below a file";
  EXPECT_EQ(recommend({"--emit", "/proc/none"}).exit_code, 2);
}

TEST_F(RecommendCommand, HasAnExitCodePerAnswer) {
  EXPECT_EQ(recommend({"--set", "recommend.over={replicas: [1, 2]}"}).exit_code, 99);
  EXPECT_EQ(recommend({"--set", "slo=[p95_tpot <= 5 ms]"}).exit_code, 99);
  EXPECT_EQ(recommend({"--set", "slo=null"}).exit_code, 2);
  EXPECT_THAT(recommend({"--set", "slo=null"}).err, HasSubstr("'slo' is empty"));
  EXPECT_EQ(recommend({"--set", "study.max_requests=1000", "--set", "recommend.over={replicas: [4]}"}).exit_code, 98)
      << "one replication gives no interval";
}

TEST_F(RecommendCommand, SaysAllThatIsWrongWithADomainWhereItStands) {
  const std::pair<const char*, const char*> wrong[] = {
      {"replicas={choices: []}", "--over:1:20: error: 'replicas' has no values to go over"},
      {"replicas=", "--over:1:10: error: no values after '='"},
      {"replicas={range: {from: 1, to: 8, factor: 1}}", "never reaches 8"},
      {"replicas={range: {from: 1, to: 8, step: 0}}", "never reaches 8"},
      {"replicas={range: {from: 1, to: .nan}}", "'to' of a range must be a plain number"},
      {"replicas={range: {from: 1, to: .inf}}", "'to' of a range must be a plain number"},
      {"engine.max_num_seqs=1..1000000000", "more than 100000 candidates"},
      {"replica=1", "--over:1:1: error: 'replica' is not a field that can be searched"},
      {"workload.request_rate=1,2", "part of the question"},
      {"hardware.gpu=h100_sxm,h900_sxm", "--over:1:23: error: unknown gpu `h900_sxm`"},
      {"model=Llama-3.1-8B,Lama-3.1-70B", "did you mean"},
  };
  for (const auto& [axis, words] : wrong) {
    const ProcessResult result = recommend({"--set", "recommend=null", "--over", axis});
    EXPECT_EQ(result.exit_code, 2) << axis;
    EXPECT_THAT(result.err, HasSubstr(words)) << axis;
  }
  const ProcessResult many =
      recommend({"--set", "recommend=null", "--over", "replicas=1..100", "--over", "engine.max_num_seqs=1..100",
                 "--over", "engine.max_num_batched_tokens=1001..2000"});
  EXPECT_EQ(many.exit_code, 2);
  EXPECT_THAT(many.err, HasSubstr("more than 100000 candidates: 10000000"));
  const ProcessResult twice = recommend({"--over", "replicas=1", "--over", "hardware.gpu=h900"});
  EXPECT_THAT(twice.err, HasSubstr("--over:1:1: error: 'replicas' is searched twice"));
  EXPECT_THAT(twice.err, HasSubstr("--over:2:14: error: unknown gpu `h900`")) << "all at once";
  EXPECT_THAT(recommend({"--set", "recommend.over={}"}).err, HasSubstr("names no field"));
}

TEST_F(RecommendCommand, SaysAnUnknownNameOfASweepWhereItStands) {
  const ProcessResult sweep =
      foretoken_program({"sweep", scenario_, "--over", "hardware.gpu=h100_sxm,h900_sxm", "--dry-run"});
  EXPECT_EQ(sweep.exit_code, 2);
  EXPECT_THAT(sweep.err, HasSubstr("--over:1:23: error: unknown gpu `h900_sxm`"));
}

TEST_F(RecommendCommand, KeepsTheOtherAxesOfTheUsualDomain) {
  const ProcessResult found =
      recommend({"--set", "recommend=null", "--over", "engine.max_num_batched_tokens=2048", "--top", "1"});
  EXPECT_EQ(found.exit_code, 0) << found.err;
  EXPECT_THAT(found.out, HasSubstr("replicas (8) engine.max_num_batched_tokens (1)"));
  EXPECT_THAT(found.out, HasSubstr("is the cheapest that meets the objectives: 4 GPUs"));
  EXPECT_THAT(found.out, HasSubstr("cost_per_1m_output_tokens as `run`"));
}

TEST_F(RecommendCommand, PrintsADocument) {
  const ProcessResult json = recommend({"--json", "--top", "1"});
  EXPECT_EQ(json.exit_code, 0);
  EXPECT_THAT(json.out, HasSubstr("\"foretoken.recommend/1\""));
  EXPECT_EQ(json.out, recommend({"--json", "--top", "1", "-j", "1"}).out) << "the same bytes on any number of threads";
}

}  // namespace
}  // namespace foretoken
