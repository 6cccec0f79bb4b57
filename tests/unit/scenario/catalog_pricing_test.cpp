// Every accelerator and every model of the catalog can be priced at every level, and no
// price beats the data sheet.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/scenario/catalog.hpp"

namespace foretoken {
namespace {

struct Price {
  double decode = 0;
  double mixed = 0;
};

Price price(const Deployment& d) {
  const auto model = make_cost_model(d);
  const std::int64_t window = model->sliding_window();
  const DecodeShape shape{32, 32 * 1000, window > 0 ? 32 * std::min<std::int64_t>(1000, window) : 0};
  const PrefillChunk chunk[] = {{700, 100, true}};
  return {to_seconds(model->step({{}, shape}).total()), to_seconds(model->step({chunk, shape}).total())};
}

void check(Deployment d) {
  const std::string name = fmt::format("{} on {}", d.model.id, d.gpu.id);
  ASSERT_TRUE(deployment_problems(d).empty()) << name << ": " << deployment_problems(d).front();
  d.level = CostLevel::datasheet;
  const Price least = price(d);
  ASSERT_GT(least.decode, 0) << name;
  for (const CostLevel level : {CostLevel::roofline, CostLevel::calibrated}) {
    d.level = level;
    const Price p = price(d);
    ASSERT_TRUE(std::isfinite(p.decode) && std::isfinite(p.mixed)) << name;
    EXPECT_GE(p.decode, least.decode * (1 - 1e-6)) << name;
    EXPECT_GE(p.mixed, least.mixed * (1 - 1e-6)) << name;
    EXPECT_LT(p.decode, least.decode * 20 + 0.05) << name << ": a price far above the data sheet";
    EXPECT_GE(p.mixed, p.decode) << name;
  }
}

TEST(CatalogPricing, EveryModelOnOneAcceleratorAndEveryAcceleratorWithOneModel) {
  const Catalog catalog;
  Deployment d;
  d.calibration = catalog.calibration().value();
  d.gpu = catalog.gpu("H100-SXM-80GB").value();
  int models = 0;
  for (const ModelSpec& model : catalog.models().value()) {
    d.model = model;
    check(d);
    ++models;
  }
  int accelerators = 0;
  for (const GpuSpec& gpu : catalog.gpus().value()) {
    if (!gpu.memory_bandwidth) continue;
    d.gpu = gpu;
    for (const char* model : {"Llama-3.1-8B", "gpt-oss-120b", "DeepSeek-V3"}) {
      d.model = catalog.model(model).value();
      for (const WeightFormat format : {WeightFormat::bf16, WeightFormat::fp8, WeightFormat::nvfp4, WeightFormat::mxfp4,
                                        WeightFormat::int4_weight_only, WeightFormat::int8}) {
        d.dense_format = d.expert_format = format;
        check(d);
      }
    }
    d.dense_format = d.expert_format = WeightFormat::bf16;
    ++accelerators;
  }
  fmt::print("{} models, {} accelerators\n", models, accelerators);
  EXPECT_GE(models, 80);
  EXPECT_GE(accelerators, 35);
}

TEST(CatalogPricing, MeasuredSetsServeTheirOwnAcceleratorAndDefaultsTheOthersVendors) {
  const Catalog catalog;
  Deployment d;
  d.calibration = catalog.calibration().value();
  d.level = CostLevel::calibrated;
  d.model = catalog.model("Llama-3.1-70B").value();
  d.parallelism.tensor = 8;
  const auto served = [&](const char* gpu, const char* engine, const char* version) {
    d.gpu = catalog.gpu(gpu).value();
    d.engine_name = engine;
    d.engine_version = version;
    d.node.scale_out_link.per_direction = {50e9};
    std::map<std::string, std::string> by;
    for (const OperatorCost& op : make_cost_model(d)->breakdown({{}, {8, 8000, 0}}).operators)
      by[op.name] = op.served_by;
    return by;
  };
  auto h100 = served("H100-SXM-80GB", "vllm-v1", "0.24");
  EXPECT_THAT(h100["qkv"], ::testing::HasSubstr("h100_sxm vllm 0.24.0 bf16 calibrated"));
  EXPECT_THAT(h100["all_reduce"], ::testing::HasSubstr("h100_sxm vllm 0.24.0"));
  EXPECT_THAT(h100["norm"], ::testing::HasSubstr("vidur"));
  auto trt = served("H100-SXM-80GB", "tensorrt-llm", "1.3");
  EXPECT_THAT(trt["qkv"], ::testing::HasSubstr("h100_sxm vllm 0.24.0"))
      << "vLLM's kernel sets describe every engine's steps";
  EXPECT_THAT(trt["all_reduce"], ::testing::HasSubstr("h100_sxm trtllm"));
  auto h200 = served("H200-SXM-141GB", "vllm-v1", "0.24");
  EXPECT_THAT(h200["qkv"], ::testing::HasSubstr("h200_sxm vllm 0.24.0 bf16 calibrated"));
  auto gh200 = served("GH200-96GB", "vllm-v1", "0.24");
  EXPECT_THAT(gh200["qkv"], ::testing::HasSubstr("neighbouring GPU")) << gh200["qkv"];
  EXPECT_THAT(gh200["qkv"], ::testing::AnyOf(::testing::HasSubstr("h100_sxm"), ::testing::HasSubstr("h200_sxm")));
  auto amd = served("MI300X", "vllm-v1", "0.24");
  EXPECT_THAT(amd["qkv"], ::testing::HasSubstr("roofline default"));
  EXPECT_THAT(amd["all_reduce"], ::testing::HasSubstr("roofline default"));
  d.model = catalog.model("DeepSeek-V3").value();
  EXPECT_THAT(served("H100-SXM-80GB", "tensorrt-llm", "1.2")["attention_decode"],
              ::testing::HasSubstr("h100_sxm trtllm"))
      << "latent attention is the engine's own kernel";
  EXPECT_THAT(served("H100-SXM-80GB", "sglang", "0.5.9")["attention_decode"], ::testing::HasSubstr("h100_sxm sglang"));
  EXPECT_THAT(served("H100-SXM-80GB", "vllm-v1", "0.24")["attention_decode"], ::testing::HasSubstr("h100_sxm vllm"));
  EXPECT_THAT(served("B200-SXM-180GB", "vllm-v1", "0.24")["attention_decode"], ::testing::HasSubstr("b200_sxm vllm"))
      << "of whole layers";
}

}  // namespace
}  // namespace foretoken
