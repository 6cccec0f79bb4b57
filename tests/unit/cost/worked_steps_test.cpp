// Whole steps of the worked examples (src/cost/README.md, "Worked examples"), from the architecture down, without
// engine overheads.
#include <fmt/format.h>
#include <gmock/gmock.h>

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
  check("E30", d, {{}, {32, 32 * 2048, 0}});
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
  d.expert_format = WeightFormat::fp8_block;
  check("E32", d, {{}, {64, 64 * 1024, 0}});
}

}  // namespace
}  // namespace foretoken
