// foretoken memory and import, fronts of sweeps, and a run as CSV: exit codes, tables, documents, bad input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/program.hpp"
#include "foretoken/base/json.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Memory, AnswersWithoutAScenario) {
  const ProcessResult result =
      foretoken_program({"memory", "--set", "model=Llama-2-7B", "--gpu", "h100_sxm,l40s", "--context", "4096"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("requests of 4,096 tokens on h100_sxm with none/auto: TPOT"),
                                HasSubstr("tokens on l40s with"), HasSubstr("level 'calibrated'")));
}

TEST(Memory, ExitsBy3WhenNothingFitsAndBy2OnBadLists) {
  const TemporaryFolder folder;
  const std::string file = folder.file("s.yaml", small_scenario());
  const ProcessResult none = foretoken_program({"memory", file, "--set", "model=Llama-3.1-405B", "--quantization",
                                                "none", "--kv-cache-dtype", "auto", "--json"});
  EXPECT_EQ(none.exit_code, 3) << none.err;
  const auto json = parse_json(none.out, "stdout");
  ASSERT_TRUE(json) << none.out;
  EXPECT_EQ(*(*json)["candidates"].if_array()->front()["status"].if_string(), "does not fit");
  const ProcessResult bad = foretoken_program({"memory", file, "--gpu", "h100_sxn", "--context", "4..2"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, AllOf(HasSubstr("--gpu:1:1"), HasSubstr("--context:1")));
  EXPECT_EQ(foretoken_program({"memory"}).exit_code, 2);
}

// The scenario that import writes is one that runs as it stands.
TEST(ImportCommand, WritesAScenarioThatRuns) {
  const TemporaryFolder folder;
  const std::string file = folder.path("mine.yaml");
  const ProcessResult import = foretoken_program(
      {"import", "--gpu", "h100_sxm", "-o", file,
       "vllm serve Qwen/Qwen3-8B --max-num-seqs 32 --max-model-len 4096 --enable-sleep-mode",
       "vllm bench serve --model Qwen/Qwen3-8B --random-input-len 64 --random-output-len 16 --num-prompts 50"});
  ASSERT_EQ(import.exit_code, 0) << import.err;
  EXPECT_THAT(import.err, HasSubstr("not simulated: --enable-sleep-mode"));
  const ProcessResult run = foretoken_program({"run", file, "--format", "vllm", "-q"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  EXPECT_THAT(run.out, HasSubstr("\"completed\": 50"));
}

TEST(ImportCommand, TakesTheWordsOfALineBehindTwoDashes) {
  const ProcessResult import = foretoken_program({"import", "--gpu", "h100_sxm", "--", "vllm", "serve", "Qwen/Qwen3-8B",
                                                  "--max-model-len", "4096", "--served-model-name", "my model"});
  EXPECT_EQ(import.exit_code, 0) << import.err;
  EXPECT_THAT(import.out, AllOf(HasSubstr("model: Qwen/Qwen3-8B"), HasSubstr("--served-model-name my model")));
}

TEST(ImportCommand, ReadsAFolderWithAConfig) {
  const TemporaryFolder folder;
  const std::string config =
      R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32,
"num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
"max_position_embeddings": 8192, "torch_dtype": "bfloat16", "tie_word_embeddings": false})";
  std::filesystem::create_directory(folder.path("checkpoint"));
  const std::string path = folder.file("checkpoint/config.json", config);
  const std::string file = folder.path("mine.yaml");
  const ProcessResult import =
      foretoken_program({"import", folder.path("checkpoint"), "--gpu", "h100_sxm", "-o", file});
  ASSERT_EQ(import.exit_code, 0) << import.err;
  EXPECT_THAT(content_of(file), HasSubstr("config.json"));
  EXPECT_EQ(foretoken_program({"run", file, "-q", "--set", "workload.num_prompts=20"}).exit_code, 0);
  // The same for a start line that names the local checkpoint.
  EXPECT_EQ(foretoken_program({"import", "vllm serve " + folder.path("checkpoint"), "--gpu", "h100_sxm"}).exit_code, 0);
  EXPECT_EQ(foretoken_program(
                {"import", "vllm serve nobody/knows --max-model-len 4096", "--gpu", "h100_sxm", "--model", path})
                .exit_code,
            0);
}

TEST(ImportCommand, RefusesWithThePlace) {
  const TemporaryFolder folder;
  const std::string script = folder.file("start.sh", "# mine\nvllm serve Qwen/Qwen3-8B \\\n  --max-num-seqs\n");
  const ProcessResult import = foretoken_program({"import", script});
  EXPECT_EQ(import.exit_code, 2);
  EXPECT_THAT(import.err, HasSubstr("start.sh:3:3: error: '--max-num-seqs' needs a value"));
  EXPECT_EQ(foretoken_program({"import", folder.path("absent")}).exit_code, 2);
  EXPECT_EQ(foretoken_program({"import"}).exit_code, 2);
}

class Front : public ::testing::Test {
 protected:
  [[nodiscard]] ProcessResult sweep(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     {"sweep", folder_.file("s.yaml", small_scenario()), "-q", "--over", "engine.max_num_seqs=2,8,32"});
    return foretoken_program(arguments);
  }
  TemporaryFolder folder_;
};

TEST_F(Front, StandsInTheTableTheDocumentAndTheCsv) {
  const ProcessResult table = sweep({"--front", "mean_tpot,output_throughput"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, AllOf(HasSubstr("Pareto front"),
                               HasSubstr("mean_tpot_ms (less is better) against output_throughput (more is better)")));
  const ProcessResult csv = sweep({"--front", "mean_tpot,output_throughput", "-f", "csv"});
  EXPECT_THAT(csv.out.substr(0, csv.out.find('\n')), HasSubstr(",slo_ok,on_front"));
  const auto json = parse_json(sweep({"--front", "mean_tpot,output_throughput", "-f", "json"}).out, "stdout");
  ASSERT_TRUE(json);
  EXPECT_FALSE((*json)["front"]["points"].if_array()->empty());
}

TEST_F(Front, IsRefusedBeforeAnythingRuns) {
  const ProcessResult result = sweep({"--front", "mean_tpt,output_throughput"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr("--front:1:1"), HasSubstr("did you mean 'mean_tpot'?")));
  const ProcessResult shard = sweep({"--front", "mean_tpot,output_throughput", "--shard", "0/2"});
  EXPECT_EQ(shard.exit_code, 2);
  EXPECT_THAT(shard.err, HasSubstr("foretoken merge"));
}

TEST_F(Front, ComesWithTheShardsOfAMergeToo) {
  const std::vector<std::string> front{"--front", "mean_tpot,output_throughput"};
  const std::string one = folder_.path("0.jsonl"), two = folder_.path("1.jsonl");
  ASSERT_EQ(sweep({"--shard", "0/2", "-o", one}).exit_code, 0);
  ASSERT_EQ(sweep({"--shard", "1/2", "-o", two}).exit_code, 0);
  EXPECT_EQ(foretoken_program({"merge", one, two, front[0], front[1]}).out, sweep(front).out);
}

TEST_F(Front, ALoadCurveSaysWhereObjectivesBreak) {
  const ProcessResult result =
      foretoken_program({"sweep", folder_.file("s.yaml", small_scenario()), "-q", "--set", "slo=[p99_ttft <= 100 ms]",
                         "--over", "workload.request_rate=10,20,2000"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("Load curve"), HasSubstr("met up to 20, missed from 2000: p99_ttft_ms is")));
}

TEST_F(Front, ARunIsARowWithTheColumnsOfASweep) {
  const std::string file = folder_.file("s.yaml", small_scenario());
  const ProcessResult run = foretoken_program({"run", file, "-f", "csv", "-q"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(lines_of(run.out), 2u);
  EXPECT_THAT(run.out, StartsWith("status,reason,duration,"));
  const ProcessResult point = foretoken_program({"sweep", file, "--over", "engine.max_num_seqs=64", "-f", "csv", "-q"});
  const std::string header = point.out.substr(0, point.out.find('\n')),
                    row = point.out.substr(point.out.find('\n') + 1);
  EXPECT_EQ(header, "engine.max_num_seqs," + run.out.substr(0, run.out.find('\n')));
  EXPECT_EQ(row, "64," + run.out.substr(run.out.find('\n') + 1));
  const ProcessResult none = foretoken_program({"run", file, "-f", "csv", "-q", "--set", "model=Llama-3.1-405B"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.out, HasSubstr("\ndoes not fit,"));
}

}  // namespace
}  // namespace foretoken
