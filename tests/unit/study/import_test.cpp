// Start lines and manifests as scenarios that can be run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "foretoken/scenario/scenario.hpp"
#include "study/import/import_scenario.hpp"

namespace foretoken {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

Result<ImportedScenario> import_of(const std::string& text, const std::string& origin = "command line",
                                   ImportOptions options = {"h100_sxm"}, Diagnostics* warnings = nullptr) {
  return import_scenario({{text, origin, false}}, options, warnings);
}

// What the text says once it is read.
Scenario scenario_of(const std::string& text, const std::string& origin = "command line") {
  const auto imported = import_of(text, origin);
  EXPECT_TRUE(imported) << format(imported.error());
  if (!imported) return {};
  const auto scenario = parse_scenario(imported->text, "imported", {});
  EXPECT_TRUE(scenario) << format(scenario.error()) << imported->text;
  return scenario ? *scenario : Scenario{};
}

std::string error_of(const std::string& text, const std::string& origin = "command line",
                     ImportOptions options = {"h100_sxm"}) {
  const auto imported = import_of(text, origin, std::move(options));
  return imported ? "" : format(imported.error());
}

TEST(Import, ReadsAVllmLine) {
  const Scenario s = scenario_of(
      "vllm serve meta-llama/Llama-3.1-70B-Instruct -tp 4 --max-model-len 16k --max_num_seqs=128 "
      "--gpu-memory-utilization 0.85 "
      "--kv-cache-dtype fp8 --no-enable-prefix-caching --enforce-eager --port 8000");
  EXPECT_EQ(s.deployment.model.id, "Llama-3.1-70B");
  EXPECT_EQ(s.deployment.parallelism.tensor, 4);
  EXPECT_EQ(s.engine.max_model_len, 16000);
  EXPECT_EQ(s.engine.max_num_seqs, 128);
  EXPECT_DOUBLE_EQ(s.memory.gpu_memory_utilization, 0.85);
  EXPECT_EQ(s.deployment.kv_format, KvFormat::fp8);
  EXPECT_FALSE(s.engine.enable_prefix_caching);
  EXPECT_EQ(s.deployment.cuda_graph_max_rows, 0);
}

TEST(Import, ReadsTheDraftsOfEveryEngine) {
  const Scenario vllm = scenario_of(
      "vllm serve meta-llama/Llama-3.1-8B-Instruct --speculative-config '{\"method\": \"eagle3\", \"model\": "
      "\"yuhuili/EAGLE3-LLaMA3.1-Instruct-8B\", \"num_speculative_tokens\": 3, \"draft_tensor_parallel_size\": 1}'");
  EXPECT_EQ(vllm.deployment.draft.method, DraftMethod::eagle3);
  EXPECT_EQ(vllm.engine.speculation.tokens, 3);
  const Scenario parallel = scenario_of(
      "vllm serve meta-llama/Llama-3.1-8B-Instruct --speculative-config '{\"method\": \"eagle3\", "
      "\"num_speculative_tokens\": 7, \"parallel_drafting\": true}'");
  EXPECT_TRUE(parallel.deployment.draft.parallel);
  EXPECT_EQ(parallel.deployment.draft.passes, 1);
  const Scenario small = scenario_of(
      "vllm serve meta-llama/Llama-3.1-8B-Instruct --speculative_config='{\"model\": \"meta-llama/Llama-3.2-1B\", "
      "\"num_speculative_tokens\": 4}'");
  EXPECT_EQ(small.deployment.draft.method, DraftMethod::draft_model);
  EXPECT_EQ(small.deployment.draft.model.id, "Llama-3.2-1B");
  const Scenario sglang = scenario_of(
      "python -m sglang.launch_server --model-path meta-llama/Llama-3.1-8B-Instruct --speculative-algorithm EAGLE "
      "--speculative-draft-model-path jamesliu1/sglang-EAGLE-Llama-3.1-Instruct-8B --speculative-num-steps 3 "
      "--speculative-eagle-topk 4 --speculative-num-draft-tokens 16");
  EXPECT_EQ(sglang.deployment.draft.method, DraftMethod::eagle);
  EXPECT_EQ(sglang.deployment.draft.passes, 3);
  EXPECT_EQ(sglang.deployment.draft.branches, 4);
  EXPECT_EQ(sglang.engine.speculation.tokens, 15);
  const Scenario trt = scenario_of(
      "cat > o.yaml <<'EOF'\nspeculative_config:\n  decoding_type: MTP\n  num_nextn_predict_layers: 1\nEOF\n"
      "trtllm-serve deepseek-ai/DeepSeek-V3 --tp_size 8 --extra_llm_api_options o.yaml\n",
      "serve.sh");
  EXPECT_EQ(trt.deployment.draft.method, DraftMethod::mtp);
  EXPECT_EQ(trt.engine.speculation.tokens, 1);
}

TEST(Import, NamesDraftsThatItDoesNotKnowAndRefusesWhatIsNoMap) {
  const auto odd = import_of("vllm serve Qwen/Qwen3-8B --speculative-config '{\"method\": \"lookahead\"}'");
  ASSERT_TRUE(odd) << format(odd.error());
  EXPECT_THAT(odd->text, AllOf(HasSubstr("#   --speculative-config"), Not(HasSubstr("speculative_config:"))));
  EXPECT_THAT(error_of("vllm serve Qwen/Qwen3-8B --speculative-config eagle3"), HasSubstr("is no map"));
}

TEST(Import, ReadsTheImagesOfABenchmark) {
  const Scenario s = scenario_of(
      "vllm serve Qwen/Qwen2.5-VL-7B-Instruct --mm-encoder-tp-mode data -tp 2\nvllm bench serve --dataset-name "
      "random-mm "
      "--random-mm-base-items-per-request 2 --random-mm-bucket-config '{(256, 256, 1): 0.5, (720, 1280, 1): 0.5, (720, "
      "1280, 16): 0.0}'");
  ASSERT_EQ(s.workload.media.kinds.size(), 2U) << "what is never drawn is left out";
  EXPECT_EQ(s.workload.media.items, 2);
  EXPECT_EQ(s.workload.media.kinds[0].name, "256x256");
  EXPECT_EQ(s.workload.media.kinds[1].tokens, 46 * 26) << "1280 x 720 in squares of 28";
  EXPECT_TRUE(s.deployment.encoder_data_parallel);
}

TEST(Import, ReadsTheOlderEntryPointAndTheModelsOwnContext) {
  const auto imported = import_of("python3 -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B");
  ASSERT_TRUE(imported) << format(imported.error());
  EXPECT_THAT(imported->text, HasSubstr("max_model_len: 40960  # not given: the model's own context"));
}

TEST(Import, SaysEveryFlagThatItDoesNotSimulate) {
  const auto imported =
      import_of("vllm serve Qwen/Qwen3-8B --enable-sleep-mode --lora-modules a=b c=d --max-num-seqs 8 --host 0.0.0.0");
  ASSERT_TRUE(imported) << format(imported.error());
  EXPECT_THAT(imported->not_simulated, AllOf(Contains("--enable-sleep-mode"), Contains("--lora-modules a=b c=d")));
  EXPECT_THAT(imported->text, AllOf(HasSubstr("#   --enable-sleep-mode\n"), HasSubstr("#   --host 0.0.0.0\n"),
                                    HasSubstr("# --max-num-seqs 8")));
}

TEST(Import, ReadsSlotsOfAdapters) {
  const Scenario v = scenario_of(
      "vllm serve Qwen/Qwen3-8B --enable-lora --max-loras 8 --max-lora-rank 32 --max-cpu-loras 64 --max-model-len "
      "4096");
  EXPECT_EQ(v.engine.lora.max_loras, 8);
  EXPECT_EQ(v.engine.lora.max_cpu_loras, 64);
  EXPECT_EQ(v.deployment.lora.max_rank, 32);
  const Scenario s = scenario_of(
      "python -m sglang.launch_server --model-path Qwen/Qwen3-8B --enable-lora --max-loras-per-batch 4 "
      "--context-length "
      "4096");
  EXPECT_EQ(s.engine.lora.max_loras, 4);
  EXPECT_TRUE(s.engine.lora.base_takes_slot);
}

TEST(Import, ReadsSglangWithAttentionDataParallelism) {
  const Scenario s = scenario_of(
      "python -m sglang.launch_server --model-path deepseek-ai/DeepSeek-V3 --tp 8 --dp 4 --enable-dp-attention "
      "--context-length 4096 "
      "--mem-fraction-static 0.9 --disable-radix-cache --disable-overlap-schedule");
  EXPECT_EQ(s.engine.name, "sglang");
  EXPECT_EQ(s.deployment.parallelism.tensor, 2);
  EXPECT_EQ(s.deployment.parallelism.data, 4);
  EXPECT_FALSE(s.engine.async_scheduling);
  const Scenario apart =
      scenario_of("python -m sglang.launch_server --model-path Qwen/Qwen3-8B --dp-size 2 --context-length 4096");
  EXPECT_EQ(apart.cluster.replicas, 2);
  EXPECT_EQ(apart.deployment.parallelism.data, 1);
}

TEST(Import, ReadsTensorRtLlm) {
  const Scenario s = scenario_of(
      "trtllm-serve meta-llama/Llama-3.1-8B-Instruct --tp_size 2 --max_batch_size 64 --max_num_tokens 4096 "
      "--max_seq_len 4096 "
      "--kv_cache_free_gpu_memory_fraction 0.8");
  EXPECT_EQ(s.engine.name, "tensorrt-llm");
  EXPECT_EQ(s.engine.max_num_seqs, 64);
  EXPECT_EQ(s.engine.max_num_batched_tokens, 4096);
  EXPECT_DOUBLE_EQ(s.memory.gpu_memory_utilization, 0.8);
}

TEST(Import, TakesRanksOfADenseModelForReplicas) {
  EXPECT_EQ(scenario_of("vllm serve Qwen/Qwen3-8B --data-parallel-size 2 --max-model-len 4096").cluster.replicas, 2);
}

TEST(Import, FillsTheLoadFromABenchLine) {
  const Scenario s = scenario_of(
      "vllm serve Qwen/Qwen3-8B --max-model-len 4096 &\n"
      "vllm bench serve --model Qwen/Qwen3-8B --dataset-name random --random-input-len 512 --random-output-len 64 \\\n"
      "  --num-prompts 20 --request-rate 5 --ignore-eos --goodput ttft:500 tpot:40 --seed 7 > log 2>&1\n");
  EXPECT_EQ(std::get<FixedLength>(s.workload.lengths.input).tokens, 512);
  EXPECT_EQ(s.workload.num_prompts, 20);
  EXPECT_DOUBLE_EQ(std::get<RenewalArrivals>(s.workload.arrivals).rate, 5);
  EXPECT_DOUBLE_EQ(s.workload.goodput.tpot_ms.value_or(0), 40);
  EXPECT_EQ(s.seed, 7u);
}

const char* const kChart = R"(servingEngineSpec:
  modelSpec:
  - name: llama
    repository: vllm/vllm-openai
    tag: v0.19.1
    modelURL: meta-llama/Llama-3.1-8B-Instruct
    replicaCount: 3
    requestGPU: 1
    vllmConfig:
      enableChunkedPrefill: true
      maxModelLen: 4096
      extraArgs: ["--gpu-memory-utilization", "0.8", "--disable-log-requests"]
)";

TEST(Import, ReadsValuesOfTheProductionStack) {
  const Scenario s = scenario_of(kChart, "values.yaml");
  EXPECT_EQ(s.cluster.replicas, 3);
  EXPECT_EQ(s.engine.max_model_len, 4096);
  EXPECT_EQ(s.engine.version, "0.19");
  EXPECT_FALSE(s.engine.enable_prefix_caching) << "as the chart's template has it";
  const std::string two = std::string(kChart) + "  - {name: other, tag: x, modelURL: Qwen/Qwen3-8B, replicaCount: 1}\n";
  EXPECT_THAT(error_of(two, "values.yaml"),
              AllOf(HasSubstr("values.yaml:3"), HasSubstr("llama, other"), HasSubstr("--entry")));
  EXPECT_EQ(error_of(two, "values.yaml", {"h100_sxm", "", "other"}), "");
  EXPECT_THAT(error_of(two, "values.yaml", {"h100_sxm", "", "nobody"}),
              HasSubstr("none of the models is called 'nobody'"));
}

TEST(Import, ReadsAManifest) {
  const std::string manifest = R"(apiVersion: v1
kind: Service
---
kind: Deployment
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: engine
        image: vllm/vllm-openai:v0.20.0
        args: ["--model", "Qwen/Qwen3-8B", "--max-model-len=4096"]
)";
  const Scenario s = scenario_of(manifest, "deploy.yaml");
  EXPECT_EQ(s.cluster.replicas, 2);
  EXPECT_EQ(s.engine.version, "0.20");
  const std::string shell =
      "command: [\"/bin/sh\", \"-c\"]\nargs: [\"export A=1; vllm serve Qwen/Qwen3-8B --max-model-len 2048\"]\n";
  EXPECT_EQ(scenario_of(shell, "pod.yaml").engine.max_model_len, 2048);
  EXPECT_THAT(error_of("a: 1\n", "x.yaml"), HasSubstr("no start line"));
}

TEST(Import, AsksForAGpuThatNoLineNames) {
  const auto imported = import_of("vllm serve Qwen/Qwen3-8B --max-model-len 4096", "command line", {});
  ASSERT_TRUE(imported) << format(imported.error());
  EXPECT_TRUE(imported->needs_gpu);
  EXPECT_THAT(imported->text,
              AllOf(HasSubstr("# hardware: {gpu: NAME}  # required; NAME is one of"), HasSubstr("h100_sxm")));
  EXPECT_THAT(error_of("vllm serve Qwen/Qwen3-8B", "command line", {"h200x"}), HasSubstr("--gpu:1:1"));
}

TEST(Import, ReportsEveryProblemAtOnceWhereItStands) {
  const std::string text =
      error_of("vllm serve nobody/knows --max-num-seqs --tensor-parallel-size two stray", "run.sh");
  EXPECT_THAT(
      text,
      AllOf(HasSubstr("run.sh:1:25: error: '--max-num-seqs' needs a value"), HasSubstr("run.sh:1:67: error: 'stray'"),
            HasSubstr("run.sh:1:12: error: the catalog has no model 'nobody/knows'"), HasSubstr("config.json")));
  EXPECT_THAT(error_of("vllm serve 'Qwen/Qwen3-8B --max-num-seqs 8", "run.sh"),
              HasSubstr("run.sh:1:12: error: the quote ' does not close"));
  EXPECT_THAT(error_of("vllm serve Qwen/Qwen3-8B --tensor-parallel-size two", "run.sh"),
              AllOf(HasSubstr("run.sh:1:26: error"), HasSubstr("'engine.tensor_parallel_size'")));
  EXPECT_THAT(error_of("ls -l", "run.sh"), HasSubstr("no start line of an engine"));
  EXPECT_THAT(error_of("vllm serve --max-num-seqs 8", "run.sh"), HasSubstr("no model is named"));
}

TEST(Import, HoldsOutAgainstWordsThatAreNone) {
  EXPECT_THAT(error_of("vllm serve Qwen/Qwen3-8B -- - ---", "run.sh"),
              AllOf(HasSubstr("'--' belongs to no flag"), HasSubstr("'---'")));
  EXPECT_THAT(error_of("vllm serve Qwen/Qwen3-8B --max-num-seqs -1", "run.sh"), HasSubstr("from 1 to"));
  EXPECT_THAT(error_of("vllm serve Qwen/Qwen3-8B --max-model-len 99999999999999999k", "run.sh"),
              HasSubstr("run.sh:1:26"));
  EXPECT_THAT(error_of("", "run.sh"), HasSubstr("no start line"));
  EXPECT_THAT(error_of("\"", "run.sh"), HasSubstr("does not close"));
  EXPECT_THAT(error_of("[1, 2", "a.yaml"), HasSubstr("a.yaml:"));
  // A line break in a name stays out of the comments, which would end there.
  const Scenario s = scenario_of("vllm serve Qwen/Qwen3-8B --max-model-len 4096 --served-model-name 'a\nreplicas: 9'");
  EXPECT_EQ(s.cluster.replicas, 1);
}

TEST(Import, LetsTheLastOfTwoCountAndSaysSo) {
  Diagnostics warnings;
  const auto imported =
      import_of("vllm serve Qwen/Qwen3-8B --max-num-seqs 8 --max-model-len 4096 --max-num-seqs 16 --max-num-seqz 3",
                "command line", {"h100_sxm"}, &warnings);
  ASSERT_TRUE(imported) << format(imported.error());
  EXPECT_THAT(imported->text, AllOf(HasSubstr("max_num_seqs: 16"), Not(HasSubstr("max_num_seqs: 8"))));
  EXPECT_THAT(format(warnings), AllOf(HasSubstr("given twice"), HasSubstr("did you mean '--max-num-seqs'")));
}

TEST(Import, SaysThatARealDeploymentWouldNotFit) {
  const auto imported = import_of("vllm serve meta-llama/Llama-3.1-70B-Instruct --max-model-len 4096");
  ASSERT_TRUE(imported) << format(imported.error());
  EXPECT_THAT(imported->notes, Contains(HasSubstr("does not fit on this GPU")));
}

}  // namespace
}  // namespace foretoken
