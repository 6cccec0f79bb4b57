// From text to a complete scenario: defaults and where they come from, overrides, inline
// entries, and the way back to text.
#include "foretoken/scenario/scenario.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "scenario/field_table.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace scenario_test {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kBase = "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\n";

Scenario load(const std::string& text, std::vector<std::string> overrides = {}) {
  Diagnostics warnings;
  auto scenario = parse_scenario(text, "test.yaml", {std::move(overrides), {}}, &warnings);
  if (!scenario) throw std::runtime_error(format(scenario.error()));
  return std::move(*scenario);
}

std::string problems(const std::string& text, std::vector<std::string> overrides = {}) {
  const auto scenario = parse_scenario(text, "test.yaml", {std::move(overrides), {}});
  return scenario ? "none" : format(scenario.error());
}

const ResolvedField& field(const Scenario& s, const std::string& path) {
  for (const ResolvedField& f : s.fields) {
    if (f.path == path) return f;
  }
  throw std::runtime_error("no field " + path);
}

std::string gpu_and(const std::string& gpu, const std::string& rest) {
  return "model: Llama-3.1-8B\nhardware: {gpu: " + gpu + "}\n" + rest;
}

TEST(ScenarioDefaults, FollowVllmByGpuSize) {
  struct Row {
    const char* gpu;
    std::int64_t seqs, budget;
    const char* why;
  };
  // src/serving/README.md, "Defaults": 70 GiB and more, A100 excepted.
  for (const Row& row : {Row{"h100_sxm", 1024, 8192, "80 GiB"}, Row{"b200_sxm", 1024, 8192, "180 GiB"},
                         Row{"a100_sxm", 256, 2048, "A100 of 80 GiB"}, Row{"l40s", 256, 2048, "48 GiB"}}) {
    const Scenario s = load(gpu_and(row.gpu, ""));
    EXPECT_EQ(s.engine.max_num_seqs, row.seqs) << row.gpu << ": " << row.why;
    EXPECT_EQ(s.engine.max_num_batched_tokens, row.budget) << row.gpu << ": " << row.why;
    EXPECT_EQ(field(s, "engine.max_num_seqs").origin, Origin::engine_default);
  }
}

TEST(ScenarioDefaults, TheBudgetIsClampedByTheBatchAndRaisedWithoutChunking) {
  EXPECT_EQ(load(kBase + "engine: {max_num_seqs: 2, max_model_len: 2048}").engine.max_num_batched_tokens, 2 * 2048);
  EXPECT_EQ(load(gpu_and("l40s", "engine: {enable_chunked_prefill: false, max_model_len: 4096}"))
                .engine.max_num_batched_tokens,
            4096);
  EXPECT_EQ(load(kBase + "engine: {max_num_batched_tokens: 512}").engine.max_num_seqs, 512)
      << "default seqs = min(1024, given budget)";
}

TEST(ScenarioDefaults, FollowTheEngineVersion) {
  EXPECT_FALSE(load(kBase + "engine: {version: 0.15}").engine.scheduler_reserve_full_isl);
  EXPECT_TRUE(load(kBase).engine.scheduler_reserve_full_isl);
  EXPECT_DOUBLE_EQ(load(kBase).memory.gpu_memory_utilization, 0.9);
  EXPECT_DOUBLE_EQ(load(kBase + "engine: {version: 0.21}").memory.gpu_memory_utilization, 0.92);
  EXPECT_EQ(load(kBase + "engine: {version: 0.20}").engine.version, "0.20") << "a name, not the number 0.2";
}

TEST(ScenarioDefaults, ThoseOfTheTableAreTheOnesInForce) {
  const Scenario s = load(kBase);
  int checked = 0;
  for (const ResolvedField& f : s.fields) {
    if (f.origin != Origin::default_value) continue;
    const Field* row = find_field(f.path);
    ASSERT_NE(row, nullptr) << f.path;
    if (!row->has_plain_default()) continue;
    const std::string* text = f.value.if_string();
    EXPECT_EQ(text != nullptr ? *text : to_text(f.value, 0), row->default_text) << f.path;
    ++checked;
  }
  EXPECT_GT(checked, 25);
}

TEST(ScenarioDefaults, ReplicasFollowFromTheGpus) {
  const Scenario s = load("model: Llama-3.1-8B\nhardware: {gpu: h100_sxm, num_gpus: 8}\nengine: {tp: 2}\n");
  EXPECT_EQ(s.cluster.replicas, 4) << "8 / (TP 2 x PP 1 x DP 1)";
  EXPECT_EQ(s.num_gpus, 8);
  const Scenario nodes =
      load("model: Llama-3.1-8B\nhardware: {gpu: h100_sxm, num_gpus: 8, nodes: 2}\nengine: {tp: 8}\n");
  EXPECT_EQ(nodes.deployment.node.gpus_per_node, 4);
}

TEST(ScenarioDefaults, QuantisationFollowsTheRelease) {
  EXPECT_EQ(load("model: DeepSeek-V3\nhardware: {gpu: h200_sxm}\nengine: {tp: 8}\n").deployment.dense_format,
            WeightFormat::fp8_block);
  const Scenario oss = load("model: gpt-oss-120b\nhardware: {gpu: h100_sxm}\n");
  EXPECT_EQ(oss.deployment.expert_format, WeightFormat::mxfp4);
  EXPECT_EQ(oss.deployment.dense_format, WeightFormat::bf16);
}

TEST(ScenarioOrigin, IsKeptForEveryValue) {
  const Scenario s = load(kBase + "engine:\n  max_num_seqs: 64\n", {"engine.block_size=32"});
  EXPECT_EQ(field(s, "engine.max_num_seqs").origin, Origin::file);
  EXPECT_EQ(field(s, "engine.max_num_seqs").where, (SourceLocation{"test.yaml", 4, 17}));
  EXPECT_EQ(field(s, "engine.block_size").origin, Origin::command_line);
  EXPECT_EQ(field(s, "engine.max_model_len").origin, Origin::model);
  EXPECT_EQ(field(s, "replicas").origin, Origin::derived);
  EXPECT_EQ(field(s, "seed").origin, Origin::default_value);
}

TEST(ScenarioOverride, TakesAnyYamlAndLaterOnesWin) {
  const Scenario s = load(
      kBase + "slo: [\"p99_tpot <= 50 ms\"]\n",
      {"engine.max_num_seqs=8", "engine.max_num_seqs=16", "slo=[\"p99_ttft <= 300 ms\", 'output_throughput >= 2000']"});
  EXPECT_EQ(s.engine.max_num_seqs, 16);
  ASSERT_EQ(s.slo.size(), 2U);
  EXPECT_EQ(s.slo[0].metric, "p99_ttft_ms");
  EXPECT_DOUBLE_EQ(s.slo[0].limit, 300);
}

TEST(ScenarioOverride, ReplacesAnAliasAndReachesIntoLists) {
  const std::string text =
      kBase + "engine: {tp: 2}\nworkload:\n  request_rate: 1\n  classes: [{name: a}, {name: b, weight: 2}]\n";
  const Scenario s = load(text, {"engine.tensor_parallel_size=4", "workload.classes[1].weight=5"});
  EXPECT_EQ(s.deployment.parallelism.tensor, 4);
  EXPECT_DOUBLE_EQ(s.workload.classes[1].weight, 5);
}

TEST(ScenarioOverride, NullTakesAKeyAway) {
  const Scenario s = load(kBase + "workload: {request_rate: 5, burstiness: 2}\n",
                          {"workload.request_rate=null", "workload.burstiness=null"});
  EXPECT_TRUE(std::holds_alternative<AllAtOnceArrivals>(s.workload.arrivals));
}

TEST(ScenarioWorkload, ClassesInheritWhatTheyDoNotSay) {
  const Scenario s = load(
      kBase +
      "workload:\n  request_rate: 1\n  isl: 500\n  osl: 50\n  classes:\n"
      "    - {name: chat, osl: 100, goodput: {ttft: 300}}\n    - {name: batch, isl: 4000, random_range_ratio: 0.5}\n");
  ASSERT_EQ(s.workload.classes.size(), 2U);
  EXPECT_EQ(s.workload.classes[0].lengths.input, LengthConfig(FixedLength{500}));
  EXPECT_EQ(s.workload.classes[0].lengths.output, LengthConfig(FixedLength{100}));
  EXPECT_EQ(s.workload.classes[1].lengths.input, LengthConfig(UniformLength{2000, 6000}))
      << "4000 x [1 - 0.5, 1 + 0.5]";
  EXPECT_EQ(s.workload.classes[0].goodput.ttft_ms, 300.0);
}

TEST(ScenarioWorkload, EveryArrivalKindAndLengthKindIsReadable) {
  const auto arrivals = [](const std::string& keys) {
    return load(kBase + "workload: {" + keys + "}\n").workload.arrivals;
  };
  EXPECT_EQ(arrivals("request_rate: 3, burstiness: 0.5"), ArrivalConfig(RenewalArrivals{3, 0.5, false}));
  EXPECT_EQ(arrivals("request_rate: inf"), ArrivalConfig(AllAtOnceArrivals{}));
  EXPECT_EQ(arrivals("ramp_up_strategy: exponential, ramp_up_start_rps: 1, ramp_up_end_rps: 9"),
            ArrivalConfig(RampArrivals{true, 1, 9, 1}));
  EXPECT_EQ(arrivals("bursts: {low_rate: 1, high_rate: 9, mean_low: 1 min, mean_high: 10 s}"),
            ArrivalConfig(TwoStateArrivals{1, 9, std::chrono::seconds(60), std::chrono::seconds(10)}));
  EXPECT_EQ(arrivals("rate_profile: {period: 24 h, rates: [1, 2]}"),
            ArrivalConfig(ProfileArrivals{std::chrono::hours(24), {1, 2}}));
  const auto lengths = [](const std::string& map) {
    return load(kBase + "workload: {request_rate: 1, input_lengths: " + map + "}\n").workload.lengths.input;
  };
  EXPECT_EQ(lengths("77"), LengthConfig(FixedLength{77}));
  EXPECT_EQ(lengths("{distribution: uniform, min: 5, max: 9}"), LengthConfig(UniformLength{5, 9}));
  EXPECT_EQ(lengths("{distribution: lognormal, mu: 5, sigma: 0.5, max: 4000}"),
            LengthConfig(LognormalLength{5, 0.5, 1, 4000}));
  EXPECT_EQ(lengths("{distribution: zipf, alpha: 1.1, max: 100}"), LengthConfig(ZipfLength{1.1, 1, 100}));
  EXPECT_EQ(lengths("{distribution: exponential, mean: 100, max: 4000}"), LengthConfig(ExponentialLength{100, 4000}));
  EXPECT_EQ(lengths("{distribution: empirical, tokens: [1, 2], weights: [3, 1]}"),
            LengthConfig(EmpiricalLength{{1, 2}, {3, 1}}));
}

TEST(ScenarioModel, MayBeAnInlineShapeAndTheGpuInlineFigures) {
  const Scenario s = load(R"(model:
  name: mine
  architecture: LlamaForCausalLM
  hidden_size: 1024
  num_hidden_layers: 4
  vocab_size: 1000
  attention: {num_attention_heads: 8, num_key_value_heads: 8, head_dim: 128}
  mlp: {intermediate_size: 4096}
hardware:
  gpu:
    name: box
    vendor: Me
    peak_dense: {bf16: 100 TFLOP/s}
    memory: {capacity: 24 GiB, bandwidth: 1 TB/s}
    links: {host: pcie4}
)");
  EXPECT_EQ(s.deployment.model.id, "mine");
  EXPECT_EQ(s.deployment.model.layers, 4);
  EXPECT_DOUBLE_EQ(s.deployment.gpu.memory_bandwidth->value, 1e12);
}

TEST(ScenarioModel, MayBeAHuggingFaceConfigBesideTheScenario) {
  const auto folder = std::filesystem::path(FORETOKEN_BINARY_DIR) / "scenario_test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "config.json")
      << R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 1024,
    "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2, "intermediate_size": 4096, "vocab_size": 1000,
    "max_position_embeddings": 2048, "torch_dtype": "bfloat16", "hidden_act": "silu"})";
  std::ofstream(folder / "s.yaml") << "model: config.json\nhardware: {gpu: l40s}\n";
  const auto s = load_scenario((folder / "s.yaml").string(), {});
  ASSERT_TRUE(s) << format(s.error());
  EXPECT_EQ(s->deployment.model.kv_heads, 2);
  EXPECT_EQ(s->engine.max_model_len, 2048) << "the model's context, below 8192";
}

TEST(ScenarioAffine, NeedsNeitherModelNorHardware) {
  const Scenario s = load("cost: {level: affine, affine: {per_step: 10 ms}}\nworkload: {request_rate: 1}\n");
  EXPECT_DOUBLE_EQ(s.deployment.affine.per_step, 0.01);
  EXPECT_GT(s.engine.num_gpu_blocks, 1'000'000'000) << "KV never binds";
  EXPECT_EQ(load("cost: {level: affine}\nengine: {num_gpu_blocks_override: 1000}\n").engine.num_gpu_blocks, 1000);
}

TEST(ScenarioSweep, KeepsTheAxesInOrder) {
  const Scenario s = load(kBase + "sweep:\n  engine.max_num_seqs: [1, 2, 4]\n  engine.name: [static, vllm-v1]\n");
  EXPECT_THAT(s.sweep, ElementsAre(SweepAxis{"engine.max_num_seqs", {"1", "2", "4"}},
                                   SweepAxis{"engine.name", {"static", "vllm-v1"}}));
  for (const SweepAxis& axis : s.sweep) {
    for (const std::string& value : axis.values)
      EXPECT_EQ(problems(kBase, {axis.path + "=" + value}), "none") << axis.path << "=" << value;
  }
}

TEST(ScenarioText, TheResolvedScenarioReadsBackAsItself) {
  const std::vector<std::string> texts{
      kBase,
      kBase + "workload: {request_rate: inf, max_concurrency: 8, think_time: 1500 ms}\n",
      kBase + "engine: {name: static, max_wait: 250 ms, version: 0.20}\nworkload: {request_rate: 2.5}\n",
      kBase + "slo: [\"p99_ttft <= 500 ms\"]\ngoodput: {ttft: 300.5}\nsweep: {engine.max_num_seqs: [1, 2]}\n",
      kBase +
          "workload:\n  bursts: {low_rate: 1, high_rate: 9, mean_low: 1 min, mean_high: 10 s}\n  classes: [{name: a, "
          "isl: 7}, {name: b}]\n",
      kBase +
          "workload:\n  request_rate: 0.1\n  burstiness: inf\n  input_lengths: {distribution: empirical, tokens: [1, "
          "2], weights: [0.25, 1]}\n",
      "cost: {level: affine, affine: {per_step: 10 ms, per_context_token: 3 ns}}\nseed: 9007199254740993\n"};
  for (const std::string& text : texts) {
    const Scenario once = load(text);
    const std::string written = to_text(to_json(once));
    const Scenario again = load(written);
    EXPECT_EQ(to_text(to_json(again)), written) << text;
    EXPECT_EQ(scenario_sha256(again), scenario_sha256(once));
    EXPECT_EQ(again.deployment, once.deployment);
    EXPECT_EQ(again.engine, once.engine);
    EXPECT_EQ(again.workload, once.workload);
    EXPECT_EQ(again.seed, once.seed);
  }
}

TEST(ScenarioText, TheHashFollowsTheMeaningAndNotTheSpelling) {
  const std::string hash = scenario_sha256(load(kBase + "engine: {tp: 2}\n"));
  EXPECT_EQ(hash.size(), 64U);
  EXPECT_EQ(scenario_sha256(load("# a comment\n" + kBase + "engine:\n  tensor_parallel_size: 2\n")), hash);
  EXPECT_NE(scenario_sha256(load(kBase + "engine: {tp: 4}\n")), hash);
}

TEST(ScenarioProblems, ComeWithTheSourceLineAndACaret) {
  EXPECT_THAT(problems(kBase + "engine: {max_num_seq: 4}\n"),
              HasSubstr("test.yaml:3:10: error: unknown key 'max_num_seq' in 'engine'\n"
                        "  engine: {max_num_seq: 4}\n"
                        "           ^\n"
                        "  hint: did you mean 'max_num_seqs'?\n"));
}

TEST(WorkloadSummary, OfALoadedScenarioIsKeptUntilItsWorkloadChanges) {
  const std::string path = (std::filesystem::path(::testing::TempDir()) / "foretoken_kept_summary.csv").string();
  std::ofstream(path) << "arrival_s,input_tokens,output_tokens\n1,10,1\n2,20,3\n";
  Scenario s = load(kBase + "workload: {trace: {path: " + path + "}}\n");
  std::filesystem::remove(path);
  const auto kept = workload_summary(s);
  ASSERT_TRUE(kept) << "the file is not read again: " << format(kept.error());
  EXPECT_EQ(kept->requests, 2);
  EXPECT_EQ(kept->max_prompt_tokens, 20);

  s.workload.num_prompts = 1;
  EXPECT_FALSE(workload_summary(s)) << "another workload is looked at anew, and its file is gone";
  s.workload.arrivals = AllAtOnceArrivals{};
  s.workload.num_prompts = 7;
  EXPECT_EQ(workload_summary(s).value().requests, 7);
}

}  // namespace scenario_test
}  // namespace foretoken
