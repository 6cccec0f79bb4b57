// LoRA adapters against what was measured (src/cost/README.md, "Adapters").
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cost/levels/levels.hpp"
#include "foretoken/cost/memory_plan.hpp"
#include "support/deployments.hpp"

namespace foretoken {
namespace {

constexpr double kMB = 1e6;

void expect_within(double value, double measured, double share, const char* what) {
  fmt::print("{}: {:.4g}, measured {:.4g} ({:+.1f} %)\n", what, value, measured, 100 * (value / measured - 1));
  EXPECT_LE(std::abs(value / measured - 1), share) << what;
}

Deployment with_slots(int max_loras, int max_rank) {
  Deployment d = test::deployment(test::h100(), test::llama_8b());
  d.lora.max_loras = max_loras;
  d.lora.max_rank = max_rank;
  return d;
}

TEST(Adapters, SlotsAreAsLargeAsMeasured) {
  const auto slot = [](int rank) { return adapter_slot_bytes(test::llama_8b(), {}, rank) / kMB; };
  expect_within(slot(8), 52.5, 0.01, "slot of rank 8, MB");
  expect_within(slot(16), 98.5, 0.01, "slot of rank 16, MB");
  expect_within(slot(32), 191.0, 0.01, "slot of rank 32, MB");
  EXPECT_NEAR(slot(16), 98.4, 0.05);
  EXPECT_NEAR(64 * slot(16), 6300, 10);
}

// What the measured engine had beside slots is fitted to the first row; the others follow.
TEST(Adapters, SlotsTakeAsMuchOfTheKvCacheAsMeasured) {
  struct Row {
    int max_loras, rank;
    double tokens;
  };
  constexpr Row kFitted{8, 8, 305'104};
  constexpr Row kRows[] = {{16, 16, 296'000},  {64, 16, 256'640}, {128, 16, 212'032},
                           {192, 16, 163'456}, {32, 32, 258'176}, {96, 32, 168'064}};
  const auto tokens = [](const Row& row, double other) {
    MemorySettings settings;
    settings.activation_bytes = ByteCount{other};
    return static_cast<double>(plan_memory(with_slots(row.max_loras, row.rank), settings).kv_cache_size_tokens);
  };
  double other = 0;
  const double without = tokens(kFitted, 0);
  other = (without - kFitted.tokens) * plan_memory(with_slots(8, 8), {}).kv_bytes_per_token;
  expect_within(tokens(kFitted, other), kFitted.tokens, 0.001, "KV tokens (8, 8), fitted");
  for (const Row& row : kRows)
    expect_within(tokens(row, other), row.tokens, 0.1,
                  fmt::format("KV tokens ({}, {})", row.max_loras, row.rank).c_str());
}

TEST(Adapters, StepsAreAsMuchLongerAsMeasured) {
  const double model = 1 + 8 * kStepPerAdapter;
  expect_within(model, 1 + 8 * 0.00965, 0.1, "step of 8 adapters, Llama-3.1-8B");
  expect_within(model, 1 + 8 * 0.00939, 0.1, "step of 8 adapters, Qwen2.5-7B");
  expect_within(kStepPerAdapter, 0.00965, 0.1, "slope, Llama-3.1-8B");
  expect_within(kStepPerAdapter, 0.00939, 0.1, "slope, Qwen2.5-7B");
}

// Llama-3.1-8B, by rank of the adapter and of the slots: the same whatever the rank, and longer where it is padded.
TEST(Adapters, LoadsTakeAsLongAsMeasured) {
  const struct {
    int rank, slots;
    double ms;
  } kMeasured[] = {{8, 8, 6.612}, {16, 16, 6.384}, {32, 32, 6.367}, {8, 16, 7.772}, {8, 32, 8.076}, {16, 32, 7.869}};
  for (const auto& m : kMeasured)
    expect_within(adapter_load_seconds(test::llama_8b(), {}, m.rank, m.slots) * 1e3, m.ms, 0.1,
                  fmt::format("load of rank {} into a slot of {}, ms", m.rank, m.slots).c_str());
  // Of larger ranks the bytes decide.
  EXPECT_GT(adapter_load_seconds(test::llama_8b(), {}, 128, 128),
            4 * adapter_load_seconds(test::llama_8b(), {}, 8, 8) / 1.1);
  EXPECT_GT(adapter_read_seconds(test::llama_8b(), 16), 0.02);
}

// TensorRT-LLM's pages of Llama-3.1-8B: rows as wide as a key projection's 5120, 18 for each of rank 8 and layer, so
// that a page has 4608 and an adapter of rank 8 fits. Four of rank 16 by the largest projection are 57,344 rows: 13
// pages.
TEST(Adapters, PagesAreThoseOfTensorRtLlm) {
  const AdapterPages pool = adapter_pages(test::llama_8b(), {}, 16, 4);
  EXPECT_EQ(pool.slots, 4608);
  EXPECT_EQ(pool.pages, 13);
  EXPECT_DOUBLE_EQ(pool.bytes(), 13.0 * 4608 * 5120 * 2);
  EXPECT_EQ(pages_of_adapter(test::llama_8b(), {}, 8, 16), 1);
  EXPECT_EQ(pages_of_adapter(test::llama_8b(), {}, 16, 16), 2);
}

// Of two GPUs each has all of the inputs' matrices and half of the outputs': more than half of a slot.
TEST(Adapters, TensorParallelismSharesSlotsInPart) {
  Parallelism two;
  two.tensor = 2;
  const double one = adapter_bytes(test::llama_8b(), {}, 16), half = adapter_bytes(test::llama_8b(), two, 16);
  EXPECT_GT(half, one / 2);
  EXPECT_LT(half, one);
  Parallelism stages;
  stages.pipeline = 2;
  EXPECT_DOUBLE_EQ(adapter_bytes(test::llama_8b(), stages, 16), one / 2);
  // Of experts every one has matrices of its own; a latent attention has two of queries.
  EXPECT_GT(adapter_bytes(test::qwen3_235b(), {}, 16), 20 * one);
  EXPECT_GT(adapter_bytes(test::deepseek_v3(), {}, 16), 20 * one);
}

TEST(Adapters, ThePlanSaysWhatSlotsTake) {
  const MemoryPlan without = plan_memory(test::deployment(test::h100(), test::llama_8b()), {});
  const MemoryPlan with = plan_memory(with_slots(64, 16), {});
  EXPECT_DOUBLE_EQ(without.adapters.value, 0);
  EXPECT_NEAR(without.kv_cache.value - with.kv_cache.value, with.adapters.value, 1);
  EXPECT_NEAR(with.adapters.value, 6.3e9, 0.02e9);
  const MemoryPlan full = plan_memory(with_slots(600, 16), {});
  EXPECT_FALSE(full.fits);
  EXPECT_NE(full.verdict.find("600 slots of LoRA adapters"), std::string::npos) << full.verdict;
}

// A step of prompts and rows, and one of rows alone, are longer by the same factor; never shorter with more adapters.
TEST(Adapters, EveryStepIsLongerByTheSameFactor) {
  Deployment d = with_slots(8, 16);
  d.lora.per_adapter = 0.01;
  d.lora.with_adapters = 0.3;
  const auto cost = make_cost_model(d);
  const PrefillChunk chunk{500, 100, true};
  const DecodeShape rows{16, 8000, 0};
  const auto seconds = [&](const StepShape& shape) { return to_seconds(cost->step(shape).total()); };
  for (const StepShape& shape : {StepShape{{}, rows}, StepShape{std::span(&chunk, 1), rows}}) {
    StepShape with = shape;
    double before = seconds(shape);
    for (const std::int64_t adapters : {1, 4, 8}) {
      with.adapters = adapters;
      EXPECT_NEAR(seconds(with) / seconds(shape), 1.3 + 0.01 * static_cast<double>(adapters), 1e-3);
      EXPECT_GE(seconds(with), before);
      before = seconds(with);
    }
  }
  double operators = 0;
  const StepBreakdown breakdown = cost->breakdown({{}, rows, {}, 4});
  for (const OperatorCost& op : breakdown.operators) operators += op.seconds;
  EXPECT_NEAR(breakdown.seconds / seconds({{}, rows, {}, 4}), 1, 0.01);
  EXPECT_EQ(breakdown.operators.back().name, "lora_adapters");
}

}  // namespace
}  // namespace foretoken
