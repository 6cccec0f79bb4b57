// What `emit` writes, read back by `import`.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "foretoken/scenario/catalog.hpp"
#include "foretoken/scenario/question.hpp"
#include "report/emit/engine_files.hpp"
#include "scenario/yaml_tree.hpp"
#include "serving/engines/engine_profile.hpp"
#include "study/import/import_scenario.hpp"
#include "support/scenario_files.hpp"

namespace foretoken {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr Program kPrograms[] = {Program::vllm, Program::sglang, Program::tensorrt_llm};

Result<TargetDeployment> target_of(const Question& question, Program program) {
  const Result<Scenario> scenario = question.scenario();
  if (!scenario) return scenario.error();
  return target_deployment(question, *scenario, program);
}

Scenario imported(const std::string& text, const std::string& origin, const Scenario& from) {
  ImportOptions options;
  options.gpu = from.deployment.gpu.id;
  const Result<ImportedScenario> read = import_scenario({{text, origin, false}}, options);
  EXPECT_TRUE(read) << format(read.error()) << text;
  if (!read) return {};
  Result<Scenario> scenario = parse_scenario(read->text, "imported", {});
  EXPECT_TRUE(scenario) << format(scenario.error());
  return scenario ? *scenario : Scenario{};
}

// Of what an engine is told: memory is a share in few digits, so that blocks may differ a little.
void expect_same_engine(const Scenario& a, const Scenario& b) {
  EXPECT_NEAR(static_cast<double>(a.engine.num_gpu_blocks), static_cast<double>(b.engine.num_gpu_blocks),
              2 + 0.005 * static_cast<double>(a.engine.num_gpu_blocks));
  EngineConfig ea = a.engine, eb = b.engine;
  ea.num_gpu_blocks = eb.num_gpu_blocks = 0;
  // Of the machine and of the client, not of the start line.
  eb.per_request = ea.per_request;
  eb.max_waiting_requests = ea.max_waiting_requests;
  eb.queue_timeout = ea.queue_timeout;
  // What is accepted is the workload's, not the engine's.
  eb.speculation.acceptance = ea.speculation.acceptance;
  eb.speculation.match_rate = ea.speculation.match_rate;
  EXPECT_EQ(a.deployment.draft.method, b.deployment.draft.method);
  EXPECT_EQ(a.deployment.draft.passes, b.deployment.draft.passes);
  EXPECT_EQ(a.deployment.draft.branches, b.deployment.draft.branches);
  EXPECT_EQ(a.deployment.draft.model.id, b.deployment.draft.model.id);
  // SGLang's admission asks whether clients ignore the end of their answers.
  eb.ignore_eos_admission = ea.ignore_eos_admission;
  // So is how many adapters there are, and how large.
  eb.lora.loads = ea.lora.loads;
  eb.lora.places = ea.lora.places;
  eb.lora.max_cpu_loras = ea.lora.max_cpu_loras;
  EXPECT_EQ(ea, eb) << "seats " << ea.max_num_seqs << " " << eb.max_num_seqs << ", budget " << ea.max_num_batched_tokens
                    << " " << eb.max_num_batched_tokens << ", chunk " << ea.chunked_prefill_size << " "
                    << eb.chunked_prefill_size << ", context " << ea.max_model_len << " " << eb.max_model_len
                    << ", version " << ea.version << " " << eb.version;
  EXPECT_EQ(a.deployment.parallelism, b.deployment.parallelism);
  EXPECT_EQ(a.deployment.kv_format, b.deployment.kv_format);
  EXPECT_EQ(a.deployment.model.id, b.deployment.model.id);
  EXPECT_EQ(a.deployment.cuda_graph_max_rows, b.deployment.cuda_graph_max_rows);
}

class StartFiles : public ::testing::TestWithParam<std::string> {};

TEST_P(StartFiles, ComeBackAsTheSameDeployment) {
  std::ifstream stream(GetParam());
  std::stringstream text;
  text << stream.rdbuf();
  const Question question{text.str(), GetParam()};
  for (const Program program : kPrograms) {
    SCOPED_TRACE(engine_name_of(program));
    const Result<TargetDeployment> target = target_of(question.without_sweep(), program);
    if (!target) {  // what an engine does not have is refused by name
      EXPECT_THAT(format(target.error()), AnyOf(HasSubstr("are not modelled"), HasSubstr("are simulated for")));
      continue;
    }
    // Without images in the workload the encoder is not loaded, and leaves its memory to the KV cache.
    if (target->scenario.engine.encoder.on()) continue;
    const EngineFiles files = engine_files(*target);
    EXPECT_THAT(files.missing, Not(Contains(HasSubstr("has no flag")))) << to_script(*target);
    // A checkpoint that has to be made first is not the one that the line names.
    if (std::any_of(files.missing.begin(), files.missing.end(),
                    [](const std::string& missing) { return missing.find("serve a checkpoint") != std::string::npos; }))
      continue;
    const Result<std::string> manifest = to_manifest(*target);
    ASSERT_TRUE(manifest) << format(manifest.error());
    // A model or GPU of the scenario's own is in no catalog that would know it again.
    const Catalog catalog{std::string()};
    if (!catalog.model(target->scenario.deployment.model.id) || !catalog.gpu(target->scenario.deployment.gpu.id))
      continue;
    // The release is the image's tag; a script leaves it to what is installed.
    if (target->scenario.engine.version == find_engine(engine_name_of(program)).default_release)
      expect_same_engine(target->scenario, imported(to_script(*target), "serve.sh", target->scenario));
    const Scenario from_manifest = imported(*manifest, "manifest.yaml", target->scenario);
    expect_same_engine(target->scenario, from_manifest);
    EXPECT_EQ(from_manifest.cluster.replicas, replicas_in_all(target->scenario));
  }
}

std::string name_of_file(const ::testing::TestParamInfo<std::string>& file) {
  std::string name = file.param.substr(file.param.rfind('/') + 1);
  name = name.substr(0, name.find('.'));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(OfTheRepository, StartFiles, ::testing::ValuesIn(test::scenario_files()), name_of_file);

constexpr const char* kEverything = R"(model: Llama-3.1-70B
hardware: {gpu: h100_sxm}
replicas: 3
engine:
  tensor_parallel_size: 4
  max_num_seqs: 96
  max_num_batched_tokens: 4096
  max_model_len: 16384
  long_prefill_token_threshold: 1024
  enable_prefix_caching: false
  block_size: 32
  gpu_memory_utilization: 0.87
  kv_cache_dtype: fp8
  quantization: fp8
  scheduling_policy: priority
  async_scheduling: false
  enforce_eager: true
workload: {random_input_len: 1000, random_output_len: 200, num_prompts: 100, request_rate: 5}
)";

TEST(StartFile, HasEveryGivenKnob) {
  const Result<TargetDeployment> target = target_of({kEverything, "all.yaml"}, Program::vllm);
  ASSERT_TRUE(target) << format(target.error());
  EXPECT_THAT(target->converted, IsEmpty());
  const std::string script = to_script(*target);
  for (const char* flag : {"--tensor-parallel-size 4", "--max-num-seqs 96", "--long-prefill-token-threshold 1024",
                           "--no-enable-prefix-caching", "--block-size 32", "--gpu-memory-utilization 0.87",
                           "--kv-cache-dtype fp8", "--quantization fp8", "--scheduling-policy priority",
                           "--no-async-scheduling", "--enforce-eager", "# One of 3 replicas", "vllm bench serve"})
    EXPECT_THAT(script, HasSubstr(flag));
  expect_same_engine(target->scenario, imported(script, "serve.sh", target->scenario));
}

TEST(StartFile, NamesWhatItCannotSay) {
  const Result<TargetDeployment> target = target_of(
      {"model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: {max_waiting_requests: 50, watermark: 0.02, version: "
       "'0.24'}\ncost: {per_step: 1 ms}\n",
       "odd.yaml"},
      Program::vllm);
  ASSERT_TRUE(target) << format(target.error());
  const std::string script = to_script(*target);
  EXPECT_THAT(script, HasSubstr("#   engine.max_waiting_requests: 50 (the engine has no flag for it)"));
  EXPECT_THAT(script, HasSubstr("#   engine.watermark: 0.02 (the engine has no flag for it)"));
  EXPECT_THAT(script, HasSubstr("Of the simulation alone, nothing that an engine is told:\n#   cost.per_step"));
}

TEST(StartFile, ConvertsToAnotherEngineAndSaysHow) {
  const Result<TargetDeployment> sglang =
      target_of({"model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: {max_num_batched_tokens: 4096, "
                 "long_prefill_token_threshold: 512}\n",
                 "v.yaml"},
                Program::sglang);
  ASSERT_TRUE(sglang) << format(sglang.error());
  EXPECT_THAT(sglang->converted, Contains(HasSubstr("engine.max_num_batched_tokens 4096 of vllm-v1 is "
                                                    "engine.chunked_prefill_size 4096 of sglang")));
  const Result<Scenario> vllm = parse_scenario(
      "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: {max_num_batched_tokens: 4096}\n", "v.yaml", {});
  const auto tokens = [](const Scenario& s) {
    return static_cast<double>(s.engine.num_gpu_blocks * s.engine.block_size);
  };
  EXPECT_NEAR(tokens(sglang->scenario) / tokens(*vllm), 1, 0.01) << "the cache is as large";
  EXPECT_THAT(to_script(*sglang), HasSubstr("python -m sglang.launch_server --model-path"));
  const Result<TargetDeployment> trt = target_of(
      {"model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: {name: sglang, schedule_conservativeness: 0.5}\n",
       "s.yaml"},
      Program::tensorrt_llm);
  ASSERT_TRUE(trt) << format(trt.error());
  EXPECT_THAT(trt->dropped, Contains("engine.schedule_conservativeness: 0.5"));
  const std::string script = to_script(*trt);
  EXPECT_THAT(script, HasSubstr("cat > llm_options.yaml <<'EOF'\nenable_chunked_prefill: true\n"));
  EXPECT_THAT(script, HasSubstr("kv_cache_config:\n  enable_block_reuse: true\n  tokens_per_block: 32\n"));
  EXPECT_THAT(script, HasSubstr("--extra_llm_api_options llm_options.yaml"));
}

TEST(StartFile, DropsParallelDraftingWhereAnEngineHasNone) {
  const Question question{
      "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nengine: {speculative_config: {method: eagle3, "
      "num_speculative_tokens: 5, acceptance_rate: 0.7, parallel_drafting: true}}\n",
      "p.yaml"};
  const Result<TargetDeployment> vllm = target_of(question, Program::vllm),
                                 trt = target_of(question, Program::tensorrt_llm);
  ASSERT_TRUE(vllm && trt);
  EXPECT_THAT(vllm->dropped, IsEmpty());
  expect_same_engine(vllm->scenario, imported(to_script(*vllm), "serve.sh", vllm->scenario));
  EXPECT_THAT(trt->dropped, Contains("engine.speculative_config.parallel_drafting: true"));
  EXPECT_EQ(trt->scenario.deployment.draft.passes, 5);
}

TEST(Manifest, TakesAGroupOfPodsWhereAReplicaNeedsSeveralNodes) {
  const std::string text =
      "model: Llama-3.1-405B\nhardware: {gpu: h100_sxm}\nreplicas: 2\nengine: {NAME, tensor_parallel_size: 8, "
      "pipeline_parallel_size: 2}\n";
  const auto with = [&](const std::string& name) {
    std::string named = text;
    return named.replace(named.find("NAME"), 4, "name: " + name);
  };
  for (const char* name : {"vllm-v1", "sglang"}) {
    const Result<TargetDeployment> target =
        target_of({with(name), "big.yaml"}, std::string(name) == "sglang" ? Program::sglang : Program::vllm);
    ASSERT_TRUE(target) << format(target.error());
    const Result<std::string> manifest = to_manifest(*target);
    ASSERT_TRUE(manifest) << format(manifest.error());
    EXPECT_THAT(*manifest, HasSubstr("kind: LeaderWorkerSet"));
    EXPECT_THAT(*manifest, HasSubstr("    size: 2\n"));
    EXPECT_THAT(*manifest, HasSubstr("limits: {nvidia.com/gpu: 8}"));
    EXPECT_THAT(*manifest, HasSubstr("selector: {app: big, role: leader}"));
  }
  const Result<TargetDeployment> trt = target_of({with("tensorrt-llm"), "big.yaml"}, Program::tensorrt_llm);
  ASSERT_TRUE(trt) << format(trt.error());
  EXPECT_THAT(format(to_manifest(*trt).error()), HasSubstr("starts its ranks with MPI"));
}

TEST(Manifest, IsYamlOfKindsThatBelongTogether) {
  const Result<TargetDeployment> target = target_of({kEverything, "my chat_service.yaml"}, Program::vllm);
  ASSERT_TRUE(target) << format(target.error());
  std::string manifest = to_manifest(*target).value();
  std::vector<std::string> kinds;
  for (std::size_t at = 0; at != std::string::npos;) {
    const std::size_t end = manifest.find("\n---\n", at);
    const Result<YamlNode> document = parse_yaml(manifest.substr(at, end - at), "manifest");
    ASSERT_TRUE(document) << format(document.error());
    if (document->kind == YamlNode::Kind::map) {
      kinds.push_back(document->find("kind")->text);
      EXPECT_EQ(document->find("metadata")->find("name")->text, "my-chat-service");
    }
    at = end == std::string::npos ? end : end + 5;
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"Deployment", "Service"}));
}

}  // namespace
}  // namespace foretoken
