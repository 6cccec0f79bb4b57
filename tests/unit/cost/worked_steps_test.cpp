// Whole steps of the worked examples (src/cost/README.md, "Worked examples"), from the architecture down, without
// engine overheads.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "foretoken/cost/cost_model.hpp"
#include "support/calibration.hpp"
#include "support/deployments.hpp"
#include "support/worked_examples.hpp"

namespace foretoken {
namespace {

// Microseconds by group of the example's table.
std::map<std::string, double> grouped(const StepBreakdown& breakdown) {
  const std::map<std::string, std::string> groups = {{"qkv", "gemm"},
                                                     {"o", "gemm"},
                                                     {"gate_up", "gemm"},
                                                     {"down", "gemm"},
                                                     {"router", "moe"},
                                                     {"routed_experts", "moe"},
                                                     {"attention_decode", "attn"},
                                                     {"attention_prefill", "attn"},
                                                     {"norm", "ew"},
                                                     {"rope", "ew"},
                                                     {"kv_write", "ew"},
                                                     {"activation", "ew"},
                                                     {"expert_permute", "ew"},
                                                     {"all_reduce", "comm"},
                                                     {"final_norm", "ends"},
                                                     {"lm_head", "lm"},
                                                     {"sampling", "lm"},
                                                     {"embedding", "ends"}};
  std::map<std::string, double> sums;
  for (const OperatorCost& op : breakdown.operators) {
    fmt::print("     {:20} x{:<4} {:10.1f} us  {:10.1f} us at least  {}\n", op.name, op.count, op.seconds * 1e6,
               op.datasheet_seconds * 1e6, op.served_by);
    const auto found = groups.find(op.name);
    sums[found == groups.end() ? "other" : found->second] += op.seconds * 1e6;
  }
  return sums;
}

// The row's cells: GEMM, attention, experts, elementwise, communication and LM head in microseconds, the step in
// milliseconds.
void check(const char* id, const Deployment& d, const StepShape& shape) {
  const std::vector<std::string> row = test::worked_example(id);
  ASSERT_EQ(row.size(), 9U) << id;
  const auto model = make_cost_model(d);
  const StepBreakdown breakdown = model->breakdown(shape);
  const double step = to_seconds(model->step(shape).total());
  const double total_ms = test::worked_result(id);
  fmt::print("{}: {:.4f} ms (expected {}), breakdown {:.4f} ms\n", id, step * 1e3, total_ms, breakdown.seconds * 1e3);
  auto sums = grouped(breakdown);
  std::size_t cell = 2;
  for (const char* group : {"gemm", "attn", "moe", "ew", "comm", "lm"}) {
    const double expected = test::number_in(row[cell++]);
    EXPECT_NEAR(sums[group], expected, expected * 1e-3 + 1e-9) << id << ": " << group;
  }
  EXPECT_EQ(sums.count("other"), 0U);
  // The examples leave the embedding gather and the final norm out (5 to 20 us).
  EXPECT_NEAR(step * 1e6 - sums["ends"], total_ms * 1e3, total_ms) << id;
  EXPECT_NEAR(step, breakdown.seconds, breakdown.seconds * 5e-4) << id;
}

Deployment calibrated(const GpuSpec& gpu, const ModelSpec& model, int tp) {
  Deployment d = test::deployment(gpu, model, tp);
  d.level = CostLevel::calibrated;
  d.engine_version = "0.24";
  d.calibration = test::example_calibration();
  return d;
}

TEST(WorkedSteps, Llama8BDecode) {
  check("E29", calibrated(test::h100(), test::llama_8b(), 1), {{}, {64, 64 * 1024, 0}});
}

TEST(WorkedSteps, Llama70BDecodeTensorParallelFp8) {
  Deployment d = calibrated(test::h100(), test::llama_70b(), 4);
  d.dense_format = WeightFormat::fp8;
  d.engine_name = "static";  // inputs are quantised in kernels of their own
  check("E30", d, {{}, {32, 32 * 2048, 0}});
}

TEST(WorkedSteps, CompiledLayersQuantiseInThePassBefore) {
  const auto seconds = [](const std::string& engine, WeightFormat format) {
    Deployment d = calibrated(test::h100(), test::llama_70b(), 4);
    d.dense_format = format;
    d.engine_name = engine;
    std::map<std::string, double> by;
    const DecodeShape decode{32, 32 * 2048, 0};
    for (const OperatorCost& op : make_cost_model(d)->breakdown({{}, decode}).operators) by[op.name] += op.seconds;
    return by;
  };
  const auto compiled = seconds("vllm-v1", WeightFormat::fp8), apart = seconds("static", WeightFormat::fp8);
  const auto none = seconds("static", WeightFormat::fp8_static);
  for (const char* name : {"qkv", "gate_up", "down"}) {
    EXPECT_LT(compiled.at(name), apart.at(name)) << name;
    EXPECT_DOUBLE_EQ(compiled.at(name), none.at(name)) << name;
  }
  EXPECT_DOUBLE_EQ(compiled.at("o"), apart.at("o")) << "attention does not";
}

TEST(WorkedSteps, Llama8BPrefill) {
  const std::vector<PrefillChunk> prompt{{2048, 0, true}};
  check("E31", calibrated(test::h100(), test::llama_8b(), 1), {prompt, {}});
}

TEST(WorkedSteps, ShapesOutsideTheFittedRangeAreSaid) {
  Deployment d = calibrated(test::h100(), test::llama_8b(), 1);
  d.calibration.change([](CalibrationTable& table) {
    for (CoefficientSet& set : table.sets) {
      if (set.operation == "attention_prefill") set.ranges = {{"new_tokens", 32, 16384}, {"history", 0, 0}};
      if (set.operation == "gemm") set.ranges = {{"m", 1, 4096}};
    }
  });
  const auto model = make_cost_model(d);
  const auto inside = [&](const PrefillChunk& chunk) {
    std::map<std::string, bool> by;
    const PrefillChunk chunks[] = {chunk};
    for (const OperatorCost& op : model->breakdown({chunks, {}}).operators) by[op.name] = op.inside_range;
    return by;
  };
  EXPECT_TRUE(inside({2048, 0, true})["attention_prefill"]);
  EXPECT_FALSE(inside({2048, 512, true})["attention_prefill"]) << "measured without history only";
  EXPECT_TRUE(inside({2048, 512, true})["qkv"]);
  EXPECT_FALSE(inside({8192, 0, true})["qkv"]);
  EXPECT_TRUE(inside({8192, 0, true})["lm_head"]);
}

TEST(WorkedSteps, Qwen3DecodeExpertParallel) {
  Deployment d = calibrated(test::h100(), test::qwen3_235b(), 8);
  d.parallelism.expert_parallel = true;
  d.dense_format = WeightFormat::fp8;
  d.engine_name = "static";  // as E30
  d.expert_format = WeightFormat::fp8_block;
  check("E32", d, {{}, {64, 64 * 1024, 0}});
}

// Every head of the absorbed projections has inputs and outputs of its own: many rows are bound by them, few by
// weights.
TEST(WorkedSteps, AbsorbedProjectionsMoveWhatTheirHeadsReadAndWrite) {
  const Deployment d = calibrated(test::h100(), test::deepseek_v3(), 1);
  const auto seconds = [&d](std::int64_t rows) {
    for (const OperatorCost& op : make_cost_model(d)->breakdown({{}, {rows, rows, 0}}).operators) {
      if (op.name == "absorb_k") return std::pair{op.seconds / op.count, op.datasheet_seconds / op.count};
    }
    return std::pair{0.0, 0.0};
  };
  const double of_a_row = 2 * 128 * (128.0 + 512), of_weights = 2 * 128 * 128.0 * 512;  // bytes
  const auto [many, least] = seconds(4096);
  EXPECT_NEAR(least, (4096 * of_a_row + of_weights) / 3.35e12, 1e-9);
  EXPECT_GT(many, least);
  EXPECT_NEAR(seconds(1).second, (of_a_row + of_weights) / 3.35e12, 1e-9);
}

// A router with a bias evens loads out, so more experts are touched; few experts are taken as even.
TEST(WorkedSteps, APopularExpertIsReadOnceForAllItsTokens) {
  Deployment d = calibrated(test::h100(), test::qwen3_235b(), 8);
  const auto experts = [&d](int count, bool bias) {
    d.model.moe.experts = count;
    d.model.moe.routing_bias = bias;
    for (const OperatorCost& op : make_cost_model(d)->breakdown({{}, {16, 16 * 1024, 0}}).operators) {
      if (op.name == "routed_experts") return op.bytes;
    }
    return 0.0;
  };
  const double even = 128 * (1 - std::pow(1 - 8.0 / 128, 16));
  EXPECT_NEAR(experts(128, false) / experts(128, true), 54.7815 / even, 1e-5);
  EXPECT_EQ(experts(32, false), experts(32, true));
}

}  // namespace
}  // namespace foretoken
