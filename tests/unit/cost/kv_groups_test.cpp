// Groups of layers that share KV blocks: sizes, blocks per request, and what it gains over one block for all layers.
#include "cost/kv_groups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "foretoken/cost/memory_plan.hpp"
#include "support/deployments.hpp"

namespace foretoken::test {
namespace {

using ::testing::ElementsAre;

Deployment of_layers(int full, int windowed, std::int64_t window) {
  Deployment d = deployment(h100(), gpt_oss_120b());
  d.model.full_attention_layers = full;
  d.model.sliding_layers = windowed;
  d.model.layers = full + windowed;
  d.model.sliding_window = static_cast<int>(window);
  return d;
}

// Tokens that blocks of groups hold in the memory of blocks for all layers, at a context.
double gain(const Deployment& d, std::int64_t context) {
  const KvLayout layout = kv_layout_of(d, true);
  const double all = d.model.full_attention_layers + d.model.sliding_layers;
  const double flat = all * static_cast<double>(blocks_for(context, 16));
  return flat / (layout.layers * static_cast<double>(layout.blocks(context, context - 1, 16)));
}

struct Published {
  const char* model;
  int full, windowed;
  std::int64_t window;
  std::vector<std::pair<std::int64_t, double>> gains;
};

// vLLM main 017e9f4448 with blocks of 16; computed by others from the configurations.
TEST(KvGroups, GainWhatWasComputedForPublishedModels) {
  const Published table[] = {{"gpt-oss", 18, 18, 128, {{1024, 1.78}, {8192, 1.97}}},
                             {"Gemma-3-27b", 10, 52, 1024, {{1024, 0.89}, {4096, 2.48}, {8192, 3.54}, {32768, 5.22}}},
                             {"Gemma-3-12b", 8, 40, 1024, {{1024, 1.00}, {4096, 2.67}, {8192, 3.69}, {32768, 5.19}}},
                             {"Gemma-3-4b", 5, 29, 1024, {{1024, 0.97}, {4096, 2.72}, {8192, 3.89}, {32768, 5.73}}},
                             {"Gemma-3-1b", 4, 22, 512, {{1024, 1.62}, {4096, 3.71}, {8192, 4.73}, {32768, 5.94}}}};
  for (const Published& p : table) {
    const Deployment d = of_layers(p.full, p.windowed, p.window);
    for (const auto& [context, expected] : p.gains)
      EXPECT_NEAR(gain(d, context), expected, 0.0051) << p.model << " " << context;
  }
}

TEST(KvGroups, HaveTheSizeOfTheSmallestKindUnlessKindsAreAlike) {
  const KvLayout gemma = kv_layout_of(of_layers(10, 52, 1024), true);
  EXPECT_EQ(gemma.layers, 10);
  EXPECT_EQ(gemma.full, 1);
  EXPECT_EQ(gemma.windowed, 6);
  const KvLayout alike = kv_layout_of(of_layers(10, 14, 1024), true);
  EXPECT_EQ(alike.layers, 14);
  EXPECT_EQ(alike.groups(), 2);
  EXPECT_EQ(kv_layout_of(of_layers(10, 15, 1024), true).layers, 10);
  EXPECT_TRUE(kv_layout_of(of_layers(24, 0, 0), true).is_plain());
  const KvLayout windows = kv_layout_of(of_layers(0, 32, 4096), true);
  EXPECT_EQ(windows.full, 0);
  EXPECT_EQ(windows.blocks(100'000, 99'999, 16), 256);
}

// A drafter's layer keeps everything, and states are kept for each draft (vLLM main 017e9f4448,
// v1/core/kv_cache_utils.py).
TEST(KvGroups, HoldTheDrafterTooAndAStateForEachDraft) {
  Deployment eagle = of_layers(12, 12, 128);
  eagle.draft.passes = 3;
  eagle.draft.tokens = 3;
  eagle.draft.model = eagle.model;
  eagle.draft.model.layers = 1;
  const KvLayout layout = kv_layout_of(eagle, true);
  EXPECT_EQ(layout.layers, 13);
  EXPECT_EQ(layout.full, 1);
  EXPECT_EQ(layout.windowed, 1);
  EXPECT_EQ(layout.states, 0);
  // Qwen3-Next with two tokens of MTP: three groups of recurrent layers, a state and two more each.
  Deployment mtp = of_layers(12, 0, 0);
  mtp.model.recurrent.layers = 36;
  mtp.draft = eagle.draft;
  mtp.draft.tokens = 2;
  EXPECT_EQ(kv_layout_of(mtp, false).states, 9);
  EXPECT_EQ(kv_layout_of(mtp, true).states, 12);
}

// A window of 128 in blocks of 16: the token being computed, 127 before it, and the blocks' edges.
TEST(KvGroups, HoldTheBlocksOfTheWindow) {
  KvLayout layout;
  layout.full = 0;
  layout.windowed = 1;
  layout.window = 128;
  std::vector<std::int64_t> held;
  for (const std::int64_t tokens : {100, 128, 129, 200, 8192}) held.push_back(layout.blocks(tokens, tokens - 1, 16));
  EXPECT_THAT(held, ElementsAre(7, 8, 9, 9, 8));
  layout.full = 1;
  EXPECT_EQ(layout.blocks(8192, 8191, 16), 520) << "gpt-oss; 1024 if both kinds kept everything";
}

// A state of 1,097,728 bytes a layer, 2 KV heads of 256 in 16 bits.
TEST(KvGroups, HaveBlocksThatHoldAState) {
  Deployment d = of_layers(12, 0, 0);
  d.model.kv_heads = 2;
  d.model.head_dim = 256;
  d.kv_format = KvFormat::bf16;
  d.model.recurrent.layers = 36;
  std::vector<std::int64_t> bf16, fp32;
  for (const int tp : {1, 2, 4, 8}) {
    d.parallelism.tensor = tp;
    d.model.recurrent.state_bytes = 36 * 1'097'728.0;
    bf16.push_back(block_size_for_states(d, 16));
    d.model.recurrent.state_bytes = 36 * 2'146'304.0;  // states in 32 bits, their convolutions in 16
    fp32.push_back(block_size_for_states(d, 16));
  }
  EXPECT_THAT(bf16, ElementsAre(544, 544, 272, 144));
  EXPECT_THAT(fp32, ElementsAre(1056, 1056, 528, 272));
  const KvLayout layout = kv_layout_of(d, false);
  EXPECT_EQ(layout.layers, 12);
  EXPECT_EQ(layout.full, 1);
  EXPECT_EQ(layout.states, 3);
  EXPECT_EQ(kv_layout_of(d, true).states, 6) << "and one for what is found again";
}

TEST(KvGroups, AreWhatTheMemoryPlanCounts) {
  Deployment d = of_layers(18, 18, 128);
  MemorySettings s;
  s.max_model_len = 8192;
  const MemoryPlan flat = plan_memory(d, s);
  s.layout = kv_layout_of(d, true);
  const MemoryPlan groups = plan_memory(d, s);
  EXPECT_NEAR(static_cast<double>(groups.num_gpu_blocks), 2.0 * static_cast<double>(flat.num_gpu_blocks), 1);
  // Chunks of 8192 tokens fill the window's groups too until they are computed.
  EXPECT_EQ(s.layout.most_blocks(8192, 8192, 16), 1024);
  EXPECT_NEAR(groups.kv_cache_max_concurrency, flat.kv_cache_max_concurrency, 0.01);
  s.max_num_batched_tokens = 2048;
  EXPECT_EQ(s.layout.most_blocks(8192, 2048, 16), 512 + 137);
  const MemoryPlan chunked = plan_memory(d, s);
  EXPECT_NEAR(chunked.kv_cache_max_concurrency * 649, static_cast<double>(chunked.num_gpu_blocks), 1e-6);
  EXPECT_EQ(chunked.kv_cache_size_tokens, static_cast<std::int64_t>(chunked.kv_cache_max_concurrency * 8192));
}

}  // namespace
}  // namespace foretoken::test
