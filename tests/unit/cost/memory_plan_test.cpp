// Memory plans: the worked examples (src/cost/README.md, "Worked examples") and the edges of what fits.
#include "foretoken/cost/memory_plan.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/deployments.hpp"
#include "support/worked_examples.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

TEST(MemoryPlan, KvBytesPerTokenOfGroupedQueryAndLatentAttention) {
  const MemoryPlan llama = plan_memory(test::deployment(test::h100(), test::llama_8b()), {});
  fmt::print("E33  2 * 32 layers * 8 heads * 128 * 2 B = {} B\n", llama.kv_bytes_per_token);
  EXPECT_EQ(llama.kv_bytes_per_token, test::worked_result("E33"));
  Deployment deepseek = test::deployment(test::b200(), test::deepseek_v3(), 8);
  deepseek.kv_format = KvFormat::fp8;
  EXPECT_EQ(plan_memory(deepseek, {}).kv_bytes_per_token, test::worked_result("E34"))
      << "61 * (512 + 64) * 1 B on every rank";
}

TEST(MemoryPlan, BlocksOfAnH100WithLlama8B) {
  MemorySettings s;
  s.max_num_seqs = 0;  // the example leaves the logits out
  s.cuda_graph_bytes = ByteCount{kGiB};
  s.non_torch_bytes = ByteCount{0.5 * kGiB};
  const MemoryPlan p = plan_memory(test::deployment(test::h100(), test::llama_8b()), s);
  fmt::print("E35  0.9 * 80 GiB - weights {:.0f} - activations {:.0f} - 1 GiB - 0.5 GiB = {:.0f} B, {} blocks\n",
             p.weights.value, p.activations.value, p.kv_cache.value, p.num_gpu_blocks);
  EXPECT_EQ(p.weights.value, 16060522496);
  EXPECT_EQ(p.activations.value, 738197504);
  EXPECT_EQ(static_cast<double>(p.num_gpu_blocks), test::worked_result("E35"));
  EXPECT_EQ(p.usable_blocks, 28084);
  EXPECT_EQ(p.kv_cache_size_tokens, 449360);
  EXPECT_NEAR(p.kv_cache_max_concurrency, 449360.0 / 8192, 1e-9);
  EXPECT_TRUE(p.fits);
  EXPECT_EQ(p.verdict, "");
}

TEST(MemoryPlan, EachTermTakesBlocksAway) {
  const Deployment d = test::deployment(test::h100(), test::llama_8b());
  MemorySettings s;
  const MemoryPlan base = plan_memory(d, s);
  MemorySettings larger = s;
  larger.max_num_batched_tokens = 16384;
  EXPECT_LT(plan_memory(d, larger).num_gpu_blocks, base.num_gpu_blocks);
  MemorySettings sampled = s;
  sampled.max_num_seqs = 1024;  // 768 more rows of logits: 768 * 128256 * 6 B / 2 MiB = 281.8 blocks
  EXPECT_NEAR(static_cast<double>(base.num_gpu_blocks - plan_memory(d, sampled).num_gpu_blocks), 281.8, 1.0);
  Deployment newer = d;
  newer.engine_version = "0.21.0";  // graphs come out of the budget: 1 GiB / 2 MiB = 512 blocks
  EXPECT_EQ(base.num_gpu_blocks - plan_memory(newer, s).num_gpu_blocks, 512);
  MemorySettings fixed = s;
  fixed.num_gpu_blocks_override = 1000;
  EXPECT_EQ(plan_memory(d, fixed).num_gpu_blocks, 1000);
}

TEST(MemoryPlan, WeightsSplitOverRanksAndFormats) {
  const double whole = plan_memory(test::deployment(test::h100(), test::llama_70b()), {}).weights.value;
  EXPECT_NEAR(whole, 70.55e9 * 2, 0.01e9 * 2);
  const double quarter = plan_memory(test::deployment(test::h100(), test::llama_70b(), 4), {}).weights.value;
  EXPECT_NEAR(quarter, whole / 4, whole * 1e-4) << "only norms are replicated";
  Deployment fp8 = test::deployment(test::h100(), test::llama_70b(), 4);
  fp8.dense_format = WeightFormat::fp8;
  const double tables = 2.0 * 128256 * 8192 * 2 / 4;  // embedding and LM head stay in bf16
  EXPECT_NEAR(plan_memory(fp8, {}).weights.value, (quarter - tables) / 2 + tables, 1e7);
  Deployment stages = test::deployment(test::h100(), test::llama_70b());
  stages.parallelism.pipeline = 3;  // 27, 27, 26 layers; the first also holds the embedding
  const double layer = (whole - 2.0 * 128256 * 8192 * 2) / 80;
  EXPECT_NEAR(plan_memory(stages, {}).weights.value, 27 * layer + 128256.0 * 8192 * 2, 1e8);
}

TEST(MemoryPlan, ExpertsSpreadOverAllRanksWhileAttentionIsReplicatedOverData) {
  Deployment tensor = test::deployment(test::b200(), test::deepseek_v3(), 8);
  tensor.dense_format = tensor.expert_format = WeightFormat::fp8;
  Deployment data = tensor;
  data.parallelism.tensor = 1;
  data.parallelism.data = 8;
  data.parallelism.expert_parallel = true;
  const double sliced = plan_memory(tensor, {}).weights.value;
  const double replicated = plan_memory(data, {}).weights.value;
  EXPECT_NEAR(sliced, 671e9 / 8, 3e9);
  EXPECT_GT(replicated, sliced + 10e9) << "attention, dense layers and tables on every rank";
}

TEST(MemoryPlan, SaysWithNumbersWhyAModelDoesNotFit) {
  const MemoryPlan p = plan_memory(test::deployment(test::h100(), test::llama_70b()), {});
  EXPECT_FALSE(p.fits);
  EXPECT_LT(p.kv_cache.value, 0);
  EXPECT_EQ(p.num_gpu_blocks, 0);
  EXPECT_THAT(p.verdict, HasSubstr("does not fit"));
  EXPECT_THAT(p.verdict, HasSubstr("80.00 GiB"));
  EXPECT_THAT(p.verdict, HasSubstr("131.4"));
}

TEST(MemoryPlan, OneRequestOfTheFullLengthMustFit) {
  MemorySettings s;
  s.max_model_len = 131072;
  s.num_gpu_blocks_override = 8000;
  const MemoryPlan p = plan_memory(test::deployment(test::h100(), test::llama_8b()), s);
  EXPECT_FALSE(p.fits);
  EXPECT_THAT(p.verdict, HasSubstr("needs 8192 blocks"));
  EXPECT_THAT(p.verdict, HasSubstr("7999 are usable"));
}

TEST(MemoryPlan, TensorRtHasNoMoreThanTheDeviceWhereNothingIsFree) {
  Deployment d = test::deployment(test::h100(), test::llama_8b());
  d.engine_name = "tensorrt-llm";
  MemorySettings s;
  s.max_num_seqs = 1'000'000;
  const MemoryPlan p = plan_memory(d, s);
  EXPECT_FALSE(p.fits);
  EXPECT_EQ(p.budget.value, p.capacity.value);
  EXPECT_LT(p.kv_cache.value, 0);
}

TEST(MemoryPlan, TensorRtTakesAShareOfWhatIsFree) {
  Deployment d = test::deployment(test::h100(), test::llama_8b());
  d.engine_name = "tensorrt-llm";
  const MemoryPlan p = plan_memory(d, {});
  const double fixed = p.weights.value + p.activations.value + p.cuda_graphs.value + p.non_torch.value;
  EXPECT_NEAR(p.kv_cache.value, 0.9 * (80 * kGiB - fixed), 1);
}

}  // namespace
}  // namespace foretoken
