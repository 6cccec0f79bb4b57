// Start lines of engines, Helm values and manifests, damaged: refused in words, or a scenario that can be read.
#include <gtest/gtest.h>

#include "foretoken/scenario/scenario.hpp"
#include "fuzz/case.hpp"
#include "study/import/import_scenario.hpp"

namespace foretoken {
namespace {

using namespace foretoken::fuzz;

const std::vector<std::string>& start_lines() {
  static const std::vector<std::string> all{
      "vllm serve meta-llama/Llama-3.1-8B-Instruct --tensor-parallel-size 2 --max-num-seqs 256 --max-model-len=8192 "
      "--gpu-memory-utilization 0.9 --quantization fp8 --kv-cache-dtype fp8 --enable-prefix-caching\n"
      "vllm bench serve --model x --dataset-name random --random-input-len 512 --random-output-len 128 --request-rate "
      "5\n",
      "docker run --gpus all -p 8000:8000 vllm/vllm-openai:v0.10.0 --model Qwen/Qwen3-32B -tp 4 \\\n  "
      "--enforce-eager\n",
      "python -m sglang.launch_server --model-path Qwen/Qwen3-32B --tp-size 2 --chunked-prefill-size 4096 "
      "--mem-fraction-static 0.85 --max-running-requests 128\n",
      "trtllm-serve meta-llama/Llama-3.1-70B --tp_size 4 --max_batch_size 64 --max_num_tokens 8192\n"};
  return all;
}

const std::vector<std::string>& manifests() {
  static const std::vector<std::string> all{
      "servingEngineSpec:\n  modelSpec:\n  - name: a\n    modelURL: meta-llama/Llama-3.1-8B\n    replicaCount: 2\n"
      "    requestGPU: 1\n    vllmConfig: {maxModelLen: 4096, tensorParallelSize: 2, extraArgs: ['--max-num-seqs', "
      "'64']}\n",
      "kind: Deployment\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n      - image: "
      "vllm/vllm-openai:v0.9.0\n        args: [--model, Qwen/Qwen3-32B, --tensor-parallel-size, '2']\n"};
  return all;
}

TEST(Fuzz, DamagedStartLinesAndManifestsBecomeScenariosOrAreRefused) {
  run_cases("import", 120, [](RandomStream& random) {
    const bool yaml = below(random, 2) == 0;
    const std::string text = damaged(one_of(random, yaml ? manifests() : start_lines()), random);
    ImportOptions options;
    options.gpu = one_of(random, {"h100_sxm", "h100_sxm", "l40s", "no_such"});
    Diagnostics warnings;
    const Result<ImportedScenario> imported =
        import_scenario({{text, yaml ? "values.yaml" : "start.sh"}}, options, &warnings);
    if (!imported) return expect_well_said(imported.error());
    const Result<Scenario> scenario = parse_scenario(imported->text, "imported.yaml", {});
    EXPECT_TRUE(scenario.has_value()) << text << "\nbecame\n"
                                      << imported->text << (scenario ? std::string() : format(scenario.error()));
  });
}

}  // namespace
}  // namespace foretoken
