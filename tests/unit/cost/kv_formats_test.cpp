// What a KV format does to bytes, to decode attention and to steps (src/cost/README.md, "KV formats").
#include <gtest/gtest.h>

#include "cost/levels/step_operators.hpp"
#include "cost/operators/kv_kernels.hpp"
#include "foretoken/cost/cost_model.hpp"
#include "support/calibration.hpp"
#include "support/deployments.hpp"

namespace foretoken {
namespace {

Deployment with_cache(Deployment d, KvFormat format, CostLevel level = CostLevel::roofline) {
  d.kv_format = format;
  d.level = level;
  return d;
}

// Seconds of a decode step for one token more of context, where attention is bound by memory.
double slope(const Deployment& d) {
  const auto cost = make_cost_model(d);
  constexpr std::int64_t kRows = 64, kNear = 64 * 20'000, kFar = 64 * 80'000;
  const auto at = [&](std::int64_t context) { return to_seconds(cost->step({{}, {kRows, context, 0}}).total()); };
  return (at(kFar) - at(kNear)) / static_cast<double>(kFar - kNear);
}
double against_16_bits(const Deployment& d, KvFormat format, CostLevel level = CostLevel::roofline) {
  return slope(with_cache(d, format, level)) / slope(with_cache(d, KvFormat::bf16, level));
}

TEST(KvFormats, HaveTheirScalesInTheirBytes) {
  Deployment llama = test::deployment(test::h100(), test::llama_8b());
  const auto bytes = [&](KvFormat format) { return kv_bytes_per_element(with_cache(llama, format)); };
  EXPECT_EQ(bytes(KvFormat::bf16), 2);
  EXPECT_EQ(bytes(KvFormat::fp8), 1);
  EXPECT_EQ(bytes(KvFormat::fp4), 0.5 + 1.0 / 16);
  // Heads of 128: a scale of 4 bytes for the keys of a head and one for its values, 2 x 8 x 4 bytes a token and layer.
  EXPECT_EQ(bytes(KvFormat::fp8_per_token_head) * 2 * 8 * 128, 2 * 8 * 128 + 2 * 8 * 4);
  EXPECT_EQ(bytes(KvFormat::int8_per_token_head), bytes(KvFormat::fp8_per_token_head));
}

TEST(KvFormats, OfSparseLatentAttentionArePacked) {
  Deployment d = test::deployment(test::b200(), test::deepseek_v3(), 8);
  d.kv_format = KvFormat::fp8;
  EXPECT_EQ(kv_bytes_per_element(d), 1);
  d.model.sparse.top_k = 2048;
  EXPECT_DOUBLE_EQ(kv_bytes_per_element(d) * (512 + 64), 656) << "vLLM's layout of DeepSeek-V3.2";
}

// Slopes as measured (vLLM's blog of 2026-04-22): .54 for heads of 128 on both, .80 and .58 for heads of 64.
TEST(KvFormats, DecodeByTheSlopesThatWereMeasured) {
  const Deployment h100 = test::deployment(test::h100(), test::llama_8b());
  const Deployment b200 = test::deployment(test::b200(), test::llama_8b());
  EXPECT_NEAR(against_16_bits(h100, KvFormat::fp8), .54, .005);
  EXPECT_NEAR(against_16_bits(b200, KvFormat::fp8), .54, .005);
  ModelSpec small = test::llama_8b();
  small.head_dim = 64;
  EXPECT_NEAR(against_16_bits(test::deployment(test::h100(), small), KvFormat::fp8), .80, .005);
  EXPECT_NEAR(against_16_bits(test::deployment(test::b200(), small), KvFormat::fp8), .58, .005);
  EXPECT_NEAR(against_16_bits(h100, KvFormat::int8), .54, .005);
  EXPECT_GT(against_16_bits(b200, KvFormat::fp4), .5625 / 2) << "unpacked";
  EXPECT_NEAR(against_16_bits(h100, KvFormat::fp8, CostLevel::datasheet), .5, 1e-6) << "the floor knows no kernels";
}

TEST(KvFormats, QuantiseQueriesWhereTheKernelMultipliesInTheirFormat) {
  const auto lines = [](const GpuSpec& gpu) {
    const auto cost = make_cost_model(with_cache(test::deployment(gpu, test::llama_8b()), KvFormat::fp8));
    double seconds = 0;
    for (const OperatorCost& op : cost->breakdown({{}, {8, 8000, 0}}).operators)
      if (op.name == "kv_quantise") seconds = op.seconds;
    return seconds;
  };
  EXPECT_GT(lines(test::h100()), 0.05e-3) << "a kernel in each of 32 layers";
  EXPECT_GT(lines(test::b200()), 0);
  EXPECT_LT(lines(test::b200()), 0.02e-3) << "in the kernel before";
  EXPECT_EQ(lines(test::rtx_pro_6000()), 0) << "stored so alone";
}

TEST(KvFormats, OfLargeHeadsOnHopperSlowPrefillDown) {
  EXPECT_EQ(kv_kernels(KvFormat::fp8, "sm90", 256).prefill, 1.6);
  EXPECT_EQ(kv_kernels(KvFormat::fp8, "sm90", 128).prefill, 1);
  EXPECT_EQ(kv_kernels(KvFormat::bf16, "sm90", 256).prefill, 1);
}

// One kernel for chunks and decodes reads the cache in its format too.
TEST(KvFormats, ShrinkTheMixedKernelsTraffic) {
  MixedAttention a;
  a.decodes = 16;
  a.decode_context = 16 * 4000;
  a.heads = {32, 8, 128};
  const double wide = mixed_attention_work(a).bytes;
  a.kv_bytes = 1;
  EXPECT_DOUBLE_EQ(wide - mixed_attention_work(a).bytes, 2 * 128 * 8 * (16.0 * 4000 + 2 * 16));
}

// Marlin: weights of 4 bits stream as those of 16 do, the tensor units reach 0.9 of the rate.
TEST(WeightOnlyFormats, ArePricedByTheKernelThatUnpacksThem) {
  Deployment d = test::deployment(test::h100(), test::llama_8b());
  d.level = CostLevel::calibrated;
  d.calibration = SharedCalibration(test::example_calibration());
  const auto gemm = [&](WeightFormat format, const char* engine, double m) {
    d.dense_format = format;
    d.engine_name = engine;
    const StepOperators operators(d);
    return operators.matrix("down", 1, m, 4096, 14336, format).estimate.seconds();
  };
  const Pricing pricing = [&] {
    d.dense_format = WeightFormat::int4_weight_only;
    return make_pricing(d);
  }();
  ASSERT_NE(pricing.dense.name.find("Marlin"), std::string::npos) << pricing.dense.name;
  const double wide = gemm(WeightFormat::bf16, "vllm-v1", 1),
               narrow = gemm(WeightFormat::int4_weight_only, "vllm-v1", 1);
  EXPECT_GT(wide / narrow, 2.5) << "at one row bound by the weights' bytes";
  EXPECT_LT(wide / narrow, 3.9);
  const double many = gemm(WeightFormat::bf16, "vllm-v1", 8192);
  EXPECT_NEAR(gemm(WeightFormat::int4_weight_only, "vllm-v1", 8192) / many, 1 / 0.9, 0.03) << "bound by compute";
  EXPECT_EQ(gemm(WeightFormat::int4_weight_only, "sglang", 64), gemm(WeightFormat::int4_weight_only, "vllm-v1", 64));
  // A GPU that cannot multiply FP8: the same kernel, of weights of 8 bits.
  Deployment ampere = test::deployment(test::a100(), test::llama_8b());
  ampere.level = CostLevel::calibrated;
  ampere.calibration = d.calibration;
  ampere.dense_format = WeightFormat::fp8;
  EXPECT_NE(make_pricing(ampere).dense.name.find("Marlin"), std::string::npos);
  ampere.engine_name = "tensorrt-llm";
  EXPECT_EQ(make_pricing(ampere).dense.name.find("Marlin"), std::string::npos) << "it has kernels of its own";
}

}  // namespace
}  // namespace foretoken
