// The worked examples of the cost model (src/cost/README.md, "Worked examples"), kernel by kernel: each prints its
// derivation beside the expected value (tolerance 0.1 %).
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "cost/levels/coefficients.hpp"
#include "cost/levels/pricing.hpp"
#include "cost/operators/attention_decode.hpp"
#include "cost/operators/attention_mixed.hpp"
#include "cost/operators/communication.hpp"
#include "cost/operators/elementwise.hpp"
#include "cost/operators/expert_loads.hpp"
#include "cost/operators/gemm.hpp"
#include "cost/operators/latent_attention.hpp"
#include "cost/operators/linear_attention.hpp"
#include "cost/operators/routed_experts.hpp"
#include "support/calibration.hpp"
#include "support/deployments.hpp"
#include "support/worked_examples.hpp"

namespace foretoken {
namespace {

const CalibrationTable& table() {
  static const CalibrationTable sets = test::example_calibration();
  return sets;
}

ServedSet fitted(const GpuSpec& gpu, std::string_view operation, std::string_view format) {
  const auto set =
      find_calibrated(table(), gpu, {operation, {std::string(format)}, {"vllm", "nccl", "vidur", "trtllm"}, "", 0});
  if (!set) throw std::runtime_error(fmt::format("no set for {} {}", operation, format));
  return *set;
}

void expect_microseconds(const char* id, const std::string& derivation, double seconds, double expected) {
  fmt::print("{:4} {} -> {:.3f} us (expected {})\n", id, derivation, seconds * 1e6, expected);
  EXPECT_NEAR(seconds * 1e6, expected, expected * 1e-3) << id << ": " << derivation;
}
void expect_microseconds(const char* id, const std::string& derivation, double seconds) {
  expect_microseconds(id, derivation, seconds, test::worked_result(id));
}

struct GemmExample {
  const char* id;
  GpuSpec gpu;
  const char* set_format;
  Gemm gemm;
};

TEST(WorkedKernels, GemmsOfEveryFormat) {
  const GemmExample examples[] = {
      {"E1", test::h100(), "bf16", {1, 4096, 4096}},
      {"E2", test::h100(), "bf16", {64, 28672, 4096}},
      {"E3", test::h100(), "bf16", {4096, 8192, 8192}},
      {"E4", test::a100(), "bf16", {8, 4096, 4096, WeightFormat::bf16, true}},
      {"E5", test::h100(), "fp8", {256, 8192, 8192, WeightFormat::fp8}},
      {"E6", test::h100(), "fp8", {256, 8192, 8192, WeightFormat::fp8_static}},
      {"E7", test::b200(), "nvfp4", {32, 14336, 4096, WeightFormat::nvfp4}},
  };
  for (const GemmExample& e : examples) {
    const ServedSet set = fitted(e.gpu, "gemm", e.set_format);
    const Estimate t = gemm_estimate(e.gemm, set);
    const Work work = gemm_work(e.gemm, set.device);
    expect_microseconds(
        e.id,
        fmt::format("GEMM {}x{}x{} {}: {:.4g} FLOP, {:.4g} B, constants {:.3f} us + tiles {:.3f} us", e.gemm.m,
                    e.gemm.n, e.gemm.k, set.name, work.flops, work.bytes, t.fixed * 1e6, t.variable * 1e6),
        t.seconds());
  }
}

TEST(WorkedKernels, GemmOnTheMeasuredRoofline) {
  const auto set = find_roofline(table(), test::h100(), {"gemm", {"bf16"}, {"vllm"}, "", 0});
  ASSERT_TRUE(set);
  const Estimate t = gemm_estimate({64, 28672, 4096}, *set);
  EXPECT_EQ(t.bound, TimePart::memory);
  expect_microseconds(
      "E8", fmt::format("GEMM {}: t0 {:.3f} us + memory {:.3f} us", set->name, t.fixed * 1e6, t.variable * 1e6),
      t.seconds());
}

TEST(WorkedKernels, PrefillAttentionWithHistoryAndWindow) {
  struct Example {
    const char* id;
    PrefillAttention a;
  };
  const Example examples[] = {
      {"E9", {1, 2048, 0, {32, 8, 128}}},
      {"E10", {4, 48, 0, {32, 8, 128}}},
      {"E11", {1, 1024, 4096, {32, 8, 128}}},
      {"E12", {1, 8192, 0, {64, 8, 64}, 128}},
  };
  const ServedSet set = fitted(test::h100(), "attention_prefill", "bf16");
  for (const Example& e : examples) {
    const PrefillTerms terms = prefill_terms(e.a, set);
    const Estimate t = prefill_estimate(terms, set);
    expect_microseconds(
        e.id,
        fmt::format("prefill b={} s={} h={} window={}: compute {:.3f}, critical {:.3f}, memory {:.3f} us",
                    e.a.sequences, e.a.new_tokens, e.a.history, e.a.window, terms.compute * 1e6, terms.critical * 1e6,
                    terms.memory * 1e6),
        t.seconds());
  }
}

TEST(WorkedKernels, DecodeAttentionByKvFormatAndWindow) {
  struct Example {
    const char* id;
    DecodeAttention a;
    double bytes;
  };
  const Example examples[] = {
      {"E13", {64, 64 * 2048, 2048, {32, 8, 128}, 2}, 538443776},
      {"E14", {1, 100, 100, {32, 8, 128}, 2}, 434176},
      {"E15", {64, 64 * 2048, 2048, {32, 8, 128}, 1}, 269877248},
      {"E16", {64, 64 * 128, 128, {64, 8, 64}, 2}, 18087936},  // window 128 of 8192
  };
  const ServedSet set = fitted(test::h100(), "attention_decode", "bf16");
  for (const Example& e : examples) {
    EXPECT_EQ(decode_attention_work(e.a).bytes, e.bytes) << e.id;
    const Estimate t = decode_attention_estimate(e.a, set);
    expect_microseconds(e.id, fmt::format("decode b={} sum L={}: {:.0f} B", e.a.sequences, e.a.context, e.bytes),
                        t.seconds());
  }
}

TEST(WorkedKernels, MixedAttentionInOneKernel) {
  const ServedSet set = fitted(test::rtx_pro_6000(), "attention_mixed", "bf16");
  const MixedAttention::Chunk chunk[] = {{512, 1024}};
  MixedAttention a;
  a.chunks = chunk;
  a.decodes = 32;
  a.decode_context = 32 * 2048;
  a.decode_key_blocks = 32 * 17;  // ceil(2049 / 128)
  a.longest_key_blocks = 17;
  a.heads = {32, 8, 128};
  expect_microseconds("E17", "chunk 512 after 1024, 32 decodes at 2048", mixed_attention_estimate(a, set).seconds());
  const MixedAttention::Chunk alone[] = {{512, 0}};
  MixedAttention prefill;
  prefill.chunks = alone;
  prefill.heads = a.heads;
  expect_microseconds("E18", "chunk 512 alone", mixed_attention_estimate(prefill, set).seconds());
}

TEST(WorkedKernels, RoutedExperts) {
  const std::vector<double> four_each(128, 4.0);
  RoutedExperts balanced{64, 128, 8, 1, 2048, 768, 3, WeightFormat::bf16, four_each};
  EXPECT_EQ(expert_load(balanced).active, 128);
  expect_microseconds("E19", "128 experts with 4 tokens each",
                      routed_experts_estimate(balanced, fitted(test::h100(), "moe", "bf16")).seconds());
  const ServedSet set = fitted(test::h100(), "moe", "fp8_block");
  RoutedExperts uniform{4, 128, 8, 1, 4096, 1536, 3, WeightFormat::fp8_block};
  const ExpertLoad few = expert_load(uniform);
  EXPECT_NEAR(few.active, 29.1230, 1e-4);
  EXPECT_EQ(few.pairs, 32);
  expect_microseconds("E20", fmt::format("4 tokens touch {:.4f} experts", few.active),
                      routed_experts_estimate(uniform, set).seconds());
  uniform.tokens = 64;
  EXPECT_NEAR(expert_load(uniform).active, 125.9423, 1e-4);
  expect_microseconds("E21", fmt::format("64 tokens touch {:.4f} experts", expert_load(uniform).active),
                      routed_experts_estimate(uniform, set).seconds());
}

TEST(WorkedKernels, ExpertLoadsByPowerLaw) {
  const std::vector<double> one_rank = power_law_loads({16, 8, 2, 1}, 1.2);
  fmt::print("E22  16 tokens, top 2 of 8: {}\n", fmt::join(one_rank, " "));
  EXPECT_EQ(fmt::format("{}", fmt::join(one_rank, " ")), test::worked_example("E22").back());
  const std::vector<double> hottest = power_law_loads({256, 64, 8, 4}, 1.2);
  fmt::print("E23  256 tokens, top 8 of 64, 4 ranks: {}\n", fmt::join(hottest, " "));
  ASSERT_EQ(hottest.size(), 16U);
  EXPECT_EQ(fmt::format("{}", fmt::join(hottest.begin(), hottest.begin() + 5, " ")),
            test::worked_example("E23").back());
  double sum = 0;
  for (const double load : hottest) sum += load;
  EXPECT_EQ(sum, 668);
  // 64 pairs of 256 experts: rounding leaves them to experts that have none, as the times of such launches say (57.5).
  EXPECT_EQ(power_law_loads({8, 256, 8, 1}, 1.2).size(), 57U);
  EXPECT_EQ(balanced_loads({4, 128, 8, 1}).size(), 32U);
  EXPECT_THAT(balanced_loads({1, 64, 2, 8}), ::testing::ElementsAre(1)) << "a rank is never idle in the tables";
  for (const double alpha : {0.5, 1.0, 1.01, 2.0}) {
    double total = 0;
    for (const double load : power_law_loads({100, 32, 4, 1}, alpha)) total += load;
    EXPECT_EQ(total, 400) << alpha;
  }
}

// Figures of an independent script that follows the page's text.
TEST(WorkedKernels, ExpertsOfUnequalPopularity) {
  const std::vector<double> all = expert_popularity({0, 128, 8, 1}, 1.2, 100);
  ASSERT_EQ(all.size(), 128U);
  double sum = 0;
  for (const double share : all) sum += share;
  EXPECT_NEAR(sum, 8, 1e-12) << "every token visits eight";
  EXPECT_TRUE(std::is_sorted(all.rbegin(), all.rend()));
  RoutedExperts moe{0, 128, 8, 1, 4096, 1536, 3, WeightFormat::fp8_block};
  moe.popularity = all;
  for (const auto& [tokens, touched] : {std::pair{4.0, 24.8283}, std::pair{16.0, 54.7815}, std::pair{64.0, 90.4190}}) {
    moe.tokens = tokens;
    EXPECT_NEAR(expert_load(moe).active, touched, 1e-4) << tokens;
    EXPECT_NEAR(expert_load(moe).pairs, 8 * tokens, 1e-9) << tokens;
  }
  const std::vector<double> busiest = expert_popularity({0, 128, 8, 8}, 1.2, 100);
  ASSERT_EQ(busiest.size(), 16U);
  moe.expert_parallel = 8;
  moe.popularity = busiest;
  EXPECT_NEAR(expert_load(moe).pairs, 75.3538, 1e-4);
  EXPECT_NEAR(expert_load(moe).active, 11.6416, 1e-4);
}

TEST(WorkedKernels, EqualPopularityIsEvenRouting) {
  const ServedSet set = fitted(test::h100(), "moe", "fp8_block");
  const std::vector<double> equal(32, 8.0 / 128);
  for (const double tokens : {1.0, 7.0, 64.0, 3000.0}) {
    RoutedExperts moe{tokens, 128, 8, 4, 4096, 1536, 3, WeightFormat::fp8_block};
    const double even = routed_experts_estimate(moe, set).seconds();
    moe.popularity = equal;
    EXPECT_NEAR(routed_experts_estimate(moe, set).seconds() / even, 1, 1e-9) << tokens;
  }
  for (const double share : expert_popularity({0, 64, 4, 1}, 1.2, 1)) EXPECT_NEAR(share, 4.0 / 64, 1e-15);
  for (const double share : expert_popularity({0, 4, 4, 1}, 1.2, 100)) EXPECT_LE(share, 1) << "no token visits twice";
}

TEST(WorkedKernels, AllReduceTakesTheFasterOfTwoImplementations) {
  const ServedSet custom = fitted(test::h100(), "allreduce_custom", "any");
  const ServedSet nccl = fitted(test::h100(), "allreduce_nccl", "any");
  const LinkGroup group = link_group(test::deployment(test::h100(), test::llama_8b(), 8), 8);
  EXPECT_EQ(group.kind, LinkKind::scale_up);
  for (const auto& [id, z, other] : {std::tuple{"E24", 65536.0, 16.240}, std::tuple{"E25", 16777216.0, 117.060}}) {
    expect_microseconds(id, "custom", custom_all_reduce(z, 8, 450e9, custom));
    expect_microseconds(id, "NCCL", nccl_collective(z, 8, 2 * 7.0 / 8, 450e9, nccl), other);
    expect_microseconds(id, "engine", all_reduce_estimate(z, group, {&custom, &nccl}).seconds());
  }
}

TEST(WorkedKernels, ElementwiseAndLatentAttention) {
  const ServedSet norm = fitted(test::h100(), "elementwise_rmsnorm", "fp16");
  expect_microseconds("E26", "64 tokens x 4096 x 8 B", elementwise_estimate(64.0 * 4096 * 8, norm).seconds());
  const LatentShape shape{16, 512, 64, 128, 128};
  const LatentDecode decode{32, 32 * 4096, shape, 1};
  EXPECT_EQ(latent_decode_work(decode).bytes, 76630016);
  EXPECT_EQ(latent_decode_work(decode).flops, 4564516864);
  expect_microseconds("E27", "MLA decode, fp8 KV",
                      latent_decode_estimate(decode, fitted(test::b200(), "mla_decode", "kv_fp8")).seconds());
  // Two blocks of 16 heads: (512 x 2 - 148) / 148 waves beyond the first. 64 heads: one block, 1.8 times as long.
  expect_microseconds(
      "E39", "MLA decode, 32 heads, 512 sequences of 7 tokens",
      latent_decode_estimate({512, 512 * 7, {32, 512, 64, 128, 128}, 1}, fitted(test::b200(), "mla_decode", "kv_fp8"))
          .seconds());
  expect_microseconds(
      "E40", "the same, 64 heads",
      latent_decode_estimate({512, 512 * 7, {64, 512, 64, 128, 128}, 1}, fitted(test::b200(), "mla_decode", "kv_fp8"))
          .seconds());
  ServedSet again = fitted(test::b200(), "mla_decode", "kv_fp8");
  const LatentDecode two_blocks{32, 32 * 32768, {32, 512, 64, 128, 128}, 1};
  expect_microseconds("E41", "MLA decode, 32 heads", latent_decode_estimate(two_blocks, again).seconds());
  again.c[5] = 0.44;
  expect_microseconds("E42", "its second block reads again", latent_decode_estimate(two_blocks, again).seconds());
  again.c[6] = 9;
  expect_microseconds("E43", "and queries pass nine times", latent_decode_estimate(two_blocks, again).seconds());
  const ServedSet set = fitted(test::b200(), "mla_prefill", "kv_bf16");
  const PrefillTerms terms = latent_prefill_terms({1, 4096, 0, shape}, set);
  EXPECT_EQ(terms.work.flops, 85920317440);
  expect_microseconds("E28", "MLA prefill", latent_prefill_estimate(terms, set).seconds());
}

// A scan over 8,192 tokens: 8192 x 32 x (6 x 128^2 + 128 x 256) = 34.36e9 FLOPs, 386.6 us at 0.0395 of 2250e12 a
// second. In one sequence 128 chunks of 64 follow each other, 499.2 us; in four they are 32, and the units are the
// bound.
TEST(WorkedKernels, ChunksOfAScanFollowEachOther) {
  ServedSet set;
  set.level = CostLevel::calibrated;
  set.device.flops_bf16 = 2250e12;
  set.c[0] = 17e-6;
  set.c[1] = 0.0395;
  set.c[2] = 3.9e-6;
  const LinearShape shape{16, 32, 128, 128};
  EXPECT_NEAR(linear_scan_estimate(shape, 8192, 8192, set).seconds(), 516.2e-6, 0.1e-6);
  EXPECT_NEAR(linear_scan_estimate(shape, 8192, 2048, set).seconds(), 403.6e-6, 0.1e-6);
  EXPECT_EQ(linear_scan_estimate(shape, 64, 1, set).seconds(), linear_scan_estimate(shape, 64, 64, set).seconds())
      << "a chunk is scanned whole";
}

}  // namespace
}  // namespace foretoken
