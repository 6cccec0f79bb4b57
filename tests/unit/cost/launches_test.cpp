// Launches that other work hides or that nothing does: norms inside all-reduces, decode layers without graphs.
#include <gmock/gmock.h>

#include "cost/levels/engine_costs.hpp"
#include "cost/levels/step_operators.hpp"
#include "foretoken/cost/cost_model.hpp"
#include "support/calibration.hpp"
#include "support/deployments.hpp"

namespace foretoken {
namespace {

Deployment llama_on(const GpuSpec& gpu, const std::string& engine, const std::string& version, int tensor) {
  Deployment d = test::deployment(gpu, test::llama_70b(), tensor);
  d.level = CostLevel::calibrated;
  d.calibration = test::example_calibration();
  d.engine_name = engine;
  d.engine_version = version;
  d.overhead = default_overhead(engine, version, gpu);
  return d;
}

// Norms of a step that run in all-reduces, and their launches.
double fused_norms(const Deployment& d, std::int64_t tokens) {
  double count = 0;
  for (const Operator& op : StepOperators(d).dense(tokens)) {
    if (std::string_view(op.name) != "fused_norm") continue;
    EXPECT_EQ(op.estimate.fixed, 0);
    count += op.count;
  }
  return count;
}

TEST(FusedNorms, StandBehindEveryAllReduceUpToItsLimit) {
  const Deployment four = llama_on(test::b200(), "vllm-v1", "0.19", 4);
  EXPECT_EQ(fused_norms(four, 64), 160);    // 80 layers of two
  EXPECT_EQ(fused_norms(four, 1953), 160);  // x 8192 x 2 bytes: just under 32 MB
  EXPECT_EQ(fused_norms(four, 1954), 0);
  EXPECT_EQ(fused_norms(llama_on(test::b200(), "vllm-v1", "0.19", 8), 512), 0);  // 8.4 MB
}

TEST(FusedNorms, NeedAnAllReduceABlackwellAndAnEngineThatHasThem) {
  EXPECT_EQ(fused_norms(llama_on(test::b200(), "vllm-v1", "0.19", 1), 64), 0);
  EXPECT_EQ(fused_norms(llama_on(test::h100(), "vllm-v1", "0.19", 4), 64), 0);
  EXPECT_EQ(fused_norms(llama_on(test::b200(), "tensorrt-llm", "0.17", 4), 64), 0);
  EXPECT_EQ(fused_norms(llama_on(test::b200(), "tensorrt-llm", "1.2", 4), 64), 160);
  Deployment roofline = llama_on(test::b200(), "vllm-v1", "0.19", 4);
  roofline.level = CostLevel::roofline;
  EXPECT_EQ(fused_norms(roofline, 64), 0);
}

TEST(FrontEnds, OfTensorRtLlmHoldTheFirstTokensOfExpertsBack) {
  EXPECT_NEAR(default_front_end("tensorrt-llm", "1.1", true).per_request, 0.102, 1e-12);
  EXPECT_NEAR(default_front_end("tensorrt-llm", "1.1", false).per_request, 0.002, 1e-12);
  EXPECT_EQ(default_front_end("tensorrt-llm", "0.17", true).per_request, 0) << "nothing is known of it";
  for (const char* engine : {"vllm-v1", "sglang", "vllm-v0", "static"})
    EXPECT_EQ(default_front_end(engine, "1", true).per_request, default_front_end(engine, "1", false).per_request);
}

TEST(CapturedSizes, AreTheEnginesOwn) {
  struct Case {
    const char* engine;
    const char* release;
    std::vector<std::int64_t> of_9_130_257_600;
  };
  const Case cases[] = {{"vllm-v1", "0.19", {16, 136, 272, 608}},
                        {"sglang", "0.5.9", {12, 136, 272, 608}},
                        {"tensorrt-llm", "1.1", {16, 256, 512, 1024}},
                        {"tensorrt-llm", "0.17", {16, 136, 272, 608}}};
  for (const Case& c : cases) {
    std::vector<std::int64_t> sizes;
    for (const std::int64_t rows : {9, 130, 257, 600}) sizes.push_back(captured_sizes(c.engine, c.release)(rows));
    EXPECT_EQ(sizes, c.of_9_130_257_600) << c.engine << " " << c.release;
  }
}

TEST(CapturedSizes, ThatAreGivenPadABatchToTheNextOne) {
  Deployment d = llama_on(test::h100(), "vllm-v1", "0.19", 8);
  d.cuda_graph_max_rows = 384;
  d.captured_sizes = {1, 64, 384};
  const std::unique_ptr<CostModel> given = make_cost_model(d);
  d.captured_sizes = {};
  const std::unique_ptr<CostModel> own = make_cost_model(d);
  const auto fixed = [](const CostModel& model, std::int64_t rows) {
    const DecodeCurve& curve = model.decode(rows);
    return curve.fixed.total().units;
  };
  EXPECT_EQ(fixed(*given, 64), fixed(*own, 64));
  EXPECT_GT(fixed(*given, 65), fixed(*own, 65)) << "384 rows, not 72";
  EXPECT_EQ(fixed(*given, 500), fixed(*own, 500)) << "no graph";
}

TEST(Pipelines, OfTensorRtLlmDoNotHideTheHost) {
  EXPECT_EQ(default_overhead("tensorrt-llm", "1.1", test::h100(), 1).per_sequence, 5e-6);
  EXPECT_EQ(default_overhead("tensorrt-llm", "1.1", test::h100(), 2).per_sequence, 24e-6);
  EXPECT_EQ(default_overhead("tensorrt-llm", "1.1", test::h100(), 2).per_step, 650e-6);
  EXPECT_EQ(default_overhead("vllm-v1", "0.19", test::h100(), 2), default_overhead("vllm-v1", "0.19", test::h100()));
}

// Ranks of attention gather 9 bits of 16 for experts in nvfp4; what comes back is in 16.
TEST(Exchange, OfTensorRtLlmSendsWhatTheExpertsRead) {
  const auto bytes = [](const char* engine, WeightFormat format) {
    Deployment d = test::deployment(test::b200(), test::qwen3_235b(), 1);
    d.parallelism.data = 8;
    d.parallelism.expert_parallel = true;
    d.level = CostLevel::calibrated;
    d.calibration = test::example_calibration();
    d.engine_name = engine;
    d.expert_format = format;
    d.engine_version = "";
    double floor = 0;
    for (const Operator& op : StepOperators(d).group(4096)) {
      if (std::string_view(op.name) == "expert_exchange") floor += op.datasheet;
    }
    return floor;
  };
  EXPECT_NEAR(bytes("tensorrt-llm", WeightFormat::nvfp4) / bytes("vllm-v1", WeightFormat::nvfp4), (0.5625 + 2) / 4,
              1e-9);
  EXPECT_EQ(bytes("tensorrt-llm", WeightFormat::bf16), bytes("vllm-v1", WeightFormat::bf16));
  EXPECT_EQ(bytes("tensorrt-llm", WeightFormat::fp8_block), bytes("vllm-v1", WeightFormat::fp8_block));
}

TEST(StepsWithoutGraphs, WaitForTheLaunchesOfTheirLayers) {
  StepShape decode;
  decode.decode = {1, 100, 0};
  const auto seconds = [&decode](const Deployment& d) { return to_seconds(make_cost_model(d)->step(decode).total()); };
  Deployment d = llama_on(test::b200(), "tensorrt-llm", "1.2", 8);
  const double with_graphs = seconds(d);
  d.cuda_graph_max_rows = 0;
  const double launches = 80 * d.overhead.per_prefill_layer;
  EXPECT_GT(launches, with_graphs);
  EXPECT_GT(seconds(d), launches);
  EXPECT_LT(seconds(d), launches + with_graphs);
  d.overhead.per_layer = 2 * d.overhead.per_prefill_layer;  // what is said of all steps counts
  EXPECT_GT(seconds(d), 2 * launches);
  d.overhead.per_layer = d.overhead.per_prefill_layer = 0;  // nothing is known
  EXPECT_LT(seconds(d), launches);
}

}  // namespace
}  // namespace foretoken
