// Parameter and KV counts against totals that the models' publishers state.
#include "model/counts.hpp"

#include <gtest/gtest.h>

namespace foretoken {
namespace {

ModelSpec llama_8b() {
  ModelSpec m;
  m.hidden_size = 4096;
  m.layers = m.full_attention_layers = 32;
  m.heads = 32;
  m.kv_heads = 8;
  m.head_dim = 128;
  m.intermediate_size = 14336;
  m.vocab_size = 128256;
  return m;
}

ModelSpec deepseek_v3() {
  ModelSpec m;
  m.hidden_size = 7168;
  m.layers = m.full_attention_layers = 61;
  m.heads = m.kv_heads = 128;
  m.intermediate_size = 18432;
  m.vocab_size = 129280;
  m.attention = AttentionKind::latent;
  m.latent = {.q_lora_rank = 1536, .kv_lora_rank = 512, .nope_head_dim = 128, .rope_head_dim = 64, .v_head_dim = 128};
  m.moe = {.experts = 256, .active_experts = 8, .expert_width = 2048, .shared_width = 2048, .first_dense_layers = 3};
  return m;
}

TEST(Counts, Llama31HasTheParameterCountOfItsCheckpoint) {
  // 2*128256*4096 + 32*(4096*48*128 + 4096*4096 + 3*4096*14336 + 2*4096) + 4096
  EXPECT_EQ(count_parameters(llama_8b()).total, 8030261248.0);
  EXPECT_EQ(count_parameters(llama_8b()).active, 8030261248.0);
}

TEST(Counts, TyingTheEmbeddingsSavesExactlyOneTable) {
  ModelSpec tied = llama_8b();
  tied.tie_word_embeddings = true;
  EXPECT_EQ(count_parameters(llama_8b()).total - count_parameters(tied).total, 128256.0 * 4096);
}

TEST(Counts, QkvBiasAddsOneNumberPerProjectedFeature) {
  ModelSpec biased = llama_8b();
  biased.qkv_bias = true;
  EXPECT_EQ(count_parameters(biased).total - count_parameters(llama_8b()).total, 32.0 * (32 + 2 * 8) * 128);
}

TEST(Counts, DeepSeekV3Has671BillionOfWhich37Point6AreActive) {
  const ParameterCounts c = count_parameters(deepseek_v3());
  EXPECT_EQ(c.moe_layers, 58);
  EXPECT_EQ(c.dense_layers, 3);
  EXPECT_NEAR(c.total / 1e9, 671.026, 0.001);
  EXPECT_NEAR(c.active / 1e9, 37.552, 0.001);
}

TEST(Counts, FullRankQueryProjectionIsCountedWhenThereIsNoQueryLora) {
  ModelSpec lite = deepseek_v3();
  lite.latent.q_lora_rank = 0;
  const double lora = 7168.0 * 1536 + 1536.0 * 128 * 192;
  EXPECT_EQ(count_parameters(lite).attention_per_layer - count_parameters(deepseek_v3()).attention_per_layer,
            7168.0 * 128 * 192 - lora);
}

TEST(Counts, EveryOtherLayerIsMoeWithAStepOfTwo) {
  ModelSpec maverick = llama_8b();
  maverick.layers = maverick.full_attention_layers = 48;
  maverick.moe = {.experts = 128, .active_experts = 1, .expert_width = 8192, .layer_step = 2};
  const ParameterCounts c = count_parameters(maverick);
  EXPECT_EQ(c.moe_layers, 24);
  EXPECT_EQ(c.dense_layers, 24);
}

TEST(Counts, HybridLayersHaveMlpsOnlyWhereTheModelSaysSo) {
  ModelSpec hybrid = llama_8b();
  hybrid.layers = 10;
  hybrid.full_attention_layers = 2;
  hybrid.mlp_layers = 4;
  hybrid.recurrent = {.layers = 4, .parameters = 1e6, .state_bytes = 0};
  const ParameterCounts c = count_parameters(hybrid);
  EXPECT_EQ(c.dense_layers, 4);
  EXPECT_EQ(c.norms, 4096.0 * (10 + 1));
  EXPECT_EQ(c.total, 2 * c.embedding + 2 * c.attention_per_layer + 4 * c.dense_mlp_per_layer + c.norms + 1e6);
  EXPECT_EQ(kv_elements_per_token(hybrid), 2.0 * 2 * 8 * 128);
}

TEST(Counts, KvHeadsAreDividedOverTensorParallelRanksAndReplicatedBeyond) {
  // 131072 bytes per token in bf16 on one device.
  EXPECT_EQ(kv_elements_per_token(llama_8b()), 65536.0);
  EXPECT_EQ(kv_elements_per_token(llama_8b(), 4), 65536.0 / 4);
  EXPECT_EQ(kv_elements_per_token(llama_8b(), 8), 65536.0 / 8);
  EXPECT_EQ(kv_elements_per_token(llama_8b(), 16), 65536.0 / 8);
}

TEST(Counts, LatentKvIsNotDividedByTensorParallelism) {
  // 61 layers * (512 + 64): 70272 bytes per token in bf16.
  EXPECT_EQ(kv_elements_per_token(deepseek_v3()) * 2, 70272.0);
  EXPECT_EQ(kv_elements_per_token(deepseek_v3(), 8) * 2, 70272.0);
}

}  // namespace
}  // namespace foretoken
