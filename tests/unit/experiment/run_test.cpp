// One scenario, once and several times, on an engine whose step times are known.
#include "foretoken/experiment/run.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "support/temporary_file.hpp"

namespace foretoken {
namespace {

// Steps of 10 ms plus 0.1 ms per prompt token; no hardware, room for everything.
Scenario affine_scenario() {
  Scenario s;
  s.name = "affine";
  s.deployment.level = CostLevel::affine;
  s.deployment.affine.per_step = 0.010;
  s.deployment.affine.per_prefill_token = 0.0001;
  s.engine.num_gpu_blocks = 100'000;
  s.workload.arrivals = RenewalArrivals{5, 1, false};
  s.workload.lengths.input = FixedLength{100};
  s.workload.lengths.output = FixedLength{50};
  s.workload.num_prompts = 200;
  s.workload.goodput.ttft_ms = 1000;
  s.slo = {*parse_slo_line("p99_ttft <= 1 s", {}), *parse_slo_line("output_throughput >= 1e9", {})};
  return s;
}

TEST(RunScenario, ALoneRequestTakesItsPrefillAndItsDecodeSteps) {
  Scenario s = affine_scenario();
  s.workload.num_prompts = 1;
  const Result<RunResult> result = run_scenario(s);
  ASSERT_TRUE(result);
  // TTFT = 10 ms + 100 x 0.1 ms; 49 decode steps of 10 ms over 50 tokens.
  EXPECT_NEAR(result->summary["mean_ttft_ms"], 20.0, 1e-5);
  EXPECT_NEAR(result->summary["mean_tpot_ms"], 9.8, 1e-5);
  EXPECT_NEAR(result->summary["mean_itl_ms"], 10.0, 1e-5);
  EXPECT_NEAR(result->summary["mean_e2el_ms"], 20.0 + 9.8 * 50, 1e-4);
  EXPECT_EQ(result->summary["completed"], 1);
}

TEST(RunScenario, GivesTheSameFiguresOnAnyNumberOfThreads) {
  Scenario s = affine_scenario();
  s.replications = 6;
  RunOptions one, four;
  one.threads = 1;
  four.threads = 4;
  const Result<RunResult> a = run_scenario(s, one), b = run_scenario(s, four);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->summary.entries.size(), b->summary.entries.size());
  for (const SummaryEntry& e : a->summary.entries) EXPECT_EQ(b->summary[e.key], e.value) << e.key;
  for (const SummaryEntry& e : a->half_widths.entries) EXPECT_EQ(b->half_widths[e.key], e.value) << e.key;
}

TEST(RunScenario, ReplicationsDifferAndGiveAnInterval) {
  Scenario s = affine_scenario();
  s.replications = 4;
  const Result<RunResult> result = run_scenario(s);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->replications.size(), 4u);
  std::set<std::uint64_t> seeds;
  double sum = 0;
  for (const ReplicationResult& r : result->replications) {
    seeds.insert(r.seed);
    sum += r.measures.all.latency.ttft.mean() * 1e-6;
  }
  EXPECT_EQ(seeds.size(), 4u);
  EXPECT_NEAR(result->summary["mean_ttft_ms"], sum / 4, 1e-9);
  EXPECT_GT(result->half_widths["mean_ttft_ms"], 0);
  EXPECT_DOUBLE_EQ(result->half_widths["completed"], 0);
}

TEST(RunScenario, JudgesObjectives) {
  const Result<RunResult> result = run_scenario(affine_scenario());
  ASSERT_TRUE(result);
  ASSERT_EQ(result->slo.size(), 2u);
  EXPECT_TRUE(result->slo[0].ok);
  EXPECT_FALSE(result->slo[1].ok);
  EXPECT_LT(result->slo[1].margin, 0);
  EXPECT_DOUBLE_EQ(result->summary["slo_attainment"], 1.0);
}

TEST(RunScenario, AttributionMeansSumToTheMeanLatencies) {
  const Result<RunResult> result = run_scenario(affine_scenario());
  ASSERT_TRUE(result);
  double ttft = 0, e2e = 0;
  for (int i = 0; i < kAttributionParts; ++i) {
    ttft += result->attribution.ttft_ms[i];
    e2e += result->attribution.e2e_ms[i];
  }
  EXPECT_NEAR(ttft, result->summary["mean_ttft_ms"], 1e-6);
  EXPECT_NEAR(e2e, result->summary["mean_e2el_ms"], 1e-6);
}

TEST(RunScenario, HandsOutEveryRequestOfEveryReplicationInOrder) {
  Scenario s = affine_scenario();
  s.replications = 2;
  std::vector<int> replications;
  RunOptions options;
  options.threads = 4;
  options.on_request = [&](int replication, const RequestRecord&) { replications.push_back(replication); };
  ASSERT_TRUE(run_scenario(s, options));
  EXPECT_EQ(replications.size(), 400u);
  EXPECT_TRUE(std::is_sorted(replications.begin(), replications.end()));
}

TEST(RunScenario, AStopKeepsWhatIsFinishedAndSaysSo) {
  Scenario s = affine_scenario();
  s.workload.num_prompts = 100'000;
  std::atomic<bool> stop{false};
  std::int64_t seen = 0;
  RunOptions options;
  options.stop = &stop;
  options.on_request = [&](int, const RequestRecord& r) {
    if (r.outcome == Outcome::finished && ++seen == 50) stop = true;
  };
  const Result<RunResult> result = run_scenario(s, options);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->interrupted);
  EXPECT_GE(result->summary["completed"], 50);
  EXPECT_LT(result->summary["completed"], 100'000);
}

TEST(RunScenario, AModelThatDoesNotFitIsAnAnswerNotAnError) {
  Scenario s = affine_scenario();
  s.deployment.level = CostLevel::roofline;
  s.deployment.gpu.peak_bf16 = {1e15};
  s.deployment.gpu.memory_bandwidth = Bandwidth{3e12};
  s.deployment.gpu.memory_capacity = {1e9};
  ModelSpec& m = s.deployment.model;
  m.hidden_size = 8192;
  m.layers = m.full_attention_layers = 80;
  m.heads = 64;
  m.kv_heads = 8;
  m.head_dim = 128;
  m.intermediate_size = 28672;
  m.vocab_size = 128256;
  const Result<RunResult> result = run_scenario(s);
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->feasible);
  EXPECT_FALSE(result->memory.verdict.empty());
  EXPECT_TRUE(result->summary.entries.empty());
}

TEST(RunScenario, AnUnreadableTraceIsADiagnosis) {
  Scenario s = affine_scenario();
  TraceConfig trace;
  trace.path = "/no/such/trace.csv";
  s.workload.arrivals = trace;
  const Result<RunResult> result = run_scenario(s);
  ASSERT_FALSE(result);
  EXPECT_NE(format(result.error()).find("/no/such/trace.csv"), std::string::npos);
}

TEST(RunScenario, ATraceThatBreaksAfterItWasReadIsADiagnosis) {
  const test::TemporaryFile file("arrival_s,input_tokens,output_tokens\n1,10,1\n2,x,3\n");
  Scenario s = affine_scenario();
  TraceConfig trace;
  trace.path = file.path();
  s.workload.arrivals = trace;
  s.workload.num_prompts.reset();
  s.known_workload = KnownWorkload{s.workload, {}};  // as if both rows had been good then
  const Result<RunResult> result = run_scenario(s);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().items()[0].where.line, 3) << format(result.error());
}

TEST(DeviceFigures, TakeThePeakOfTheFormatAndNoneWithoutHardware) {
  Scenario s = affine_scenario();
  EXPECT_EQ(device_figures(s).peak_flops, 0);
  s.deployment.level = CostLevel::roofline;
  s.deployment.gpu.peak_bf16 = {1e15};
  s.deployment.gpu.peak_fp8 = ComputeRate{2e15};
  EXPECT_EQ(device_figures(s).peak_flops, 1e15);
  s.deployment.dense_format = WeightFormat::fp8_block;
  EXPECT_EQ(device_figures(s).peak_flops, 2e15);
  s.deployment.dense_format = WeightFormat::int4_weight_only;
  EXPECT_EQ(device_figures(s).peak_flops, 1e15);
}

// Two GPUs at $1 serve two classes, one at $3 a third: each model is paid by those who ask for it, and all of it is.
TEST(ClassBills, AreOfTheReplicasOfTheirModel) {
  const Result<Scenario> s = parse_scenario(
      "cost: {level: affine}\n"
      "prices: {gpu_hour: {l4: 1, h100_sxm: 3}}\n"
      "engine: {num_gpu_blocks_override: 10000, max_model_len: 4096}\n"
      "pools:\n"
      "  - {name: a, served_model_name: small, replicas: 2, hardware: {gpu: l4}, cost: {affine: {per_step: 5 ms}}}\n"
      "  - {name: b, served_model_name: large, hardware: {gpu: h100_sxm}, cost: {affine: {per_step: 9 ms}}}\n"
      "workload:\n"
      "  num_prompts: 400\n"
      "  request_rate: 20\n"
      "  random_output_len: 20\n"
      "  classes:\n"
      "    - {name: x, weight: 3, model: small, random_input_len: 100}\n"
      "    - {name: y, weight: 1, model: small, random_input_len: 300}\n"
      "    - {name: z, weight: 1, model: large, random_input_len: 100}\n",
      "bills.yaml", {});
  ASSERT_TRUE(s) << format(s.error());
  const Result<RunResult> r = run_scenario(*s);
  ASSERT_TRUE(r) << format(r.error());
  const double hours = r->replications.front().measures.engine_duration() / 3600;
  const auto bill = [&](std::size_t of) { return r->classes[of].summary["class_bill"]; };
  EXPECT_NEAR(bill(0) + bill(1), 2 * 1 * hours, 1e-9);
  EXPECT_NEAR(bill(2), 3 * hours, 1e-9);
  EXPECT_GT(bill(0), bill(1)) << "three times as many, and as many output tokens each";
  EXPECT_NEAR(bill(0) + bill(1) + bill(2), r->summary["cost_per_hour"] * hours, 1e-9);
  EXPECT_NEAR(r->classes[0].summary["request_throughput"], r->classes[0].summary["completed"] / r->summary["duration"],
              1e-9);
}

}  // namespace
}  // namespace foretoken
