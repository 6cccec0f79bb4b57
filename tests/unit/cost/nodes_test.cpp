// Collectives over nodes, against published measurements.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cost/levels/pricing.hpp"
#include "cost/operators/all_to_all.hpp"
#include "foretoken/cost/cost_model.hpp"
#include "support/deployments.hpp"

namespace foretoken::test {
namespace {

using Kernels = ExpertExchange;

LinkGroup h100_nodes(int nodes) {
  LinkGroup group;
  group.kind = nodes > 1 ? LinkKind::scale_out : LinkKind::scale_up;
  group.ranks = 8.0 * nodes;
  group.ranks_per_node = 8;
  group.bandwidth = 450e9;
  group.node_bandwidth = 50e9;
  return group;
}
ExpertExchangeShape deepseek(double tokens) {
  return {tokens, 7168, 8};
}

// Dispatch and combine in microseconds on 1, 2, 4 and 8 nodes of 8 H100 (aiconfigurator 095f58a, 256 experts).
struct Measured {
  double tokens;
  double dispatch[4], combine[4];
};
constexpr Measured kLowLatency[] = {{8, {16.1, 23.6, 32.0, 35.2}, {14.4, 36.2, 41.8, 42.8}},
                                    {32, {20.5, 40.1, 55.2, 62.8}, {24.6, 60.9, 85.6, 95.6}},
                                    {128, {39.8, 102, 143, 167}, {72.4, 186, 263, 305}},
                                    {256, {67, 183, 265, 301}, {136, 338, 500, 580}}};

TEST(ExpertExchange, OfFewTokensTakesAsLongAsMeasured) {
  double worst = 0;
  for (const Measured& m : kLowLatency) {
    for (int i = 0; i < 4; ++i) {
      const LinkGroup group = h100_nodes(1 << i);
      for (const bool combine : {false, true}) {
        const double seconds = combine ? combine_seconds(deepseek(m.tokens), group, Kernels::deepep_low_latency)
                                       : dispatch_seconds(deepseek(m.tokens), group, Kernels::deepep_low_latency);
        const double error = seconds * 1e6 / (combine ? m.combine[i] : m.dispatch[i]) - 1;
        worst = std::max(worst, std::abs(error));
        EXPECT_NEAR(error, 0, m.tokens < 100 ? 0.17 : 0.07)
            << m.tokens << " tokens, nodes " << (1 << i) << " " << combine;
      }
    }
  }
  fmt::print("worst {:.0f} %\n", worst * 100);
}

TEST(ExpertExchange, ByHand) {
  // 128 x 8 x 7392 B x 1/2 over 47 GB/s = 80.5 us, and 20.5; 128 x 8 x 14336 B x 7/8 = 273 us, and 26.
  EXPECT_NEAR(dispatch_seconds(deepseek(128), h100_nodes(2), Kernels::deepep_low_latency) * 1e6, 101, 0.5);
  EXPECT_NEAR(combine_seconds(deepseek(128), h100_nodes(8), Kernels::deepep_low_latency) * 1e6, 299, 0.7);
  // 1.0 copies of a token on 2 nodes, 2.7 on 4: 4096 x 0.996 x 7392 B over 44 GB/s = 685 us, and 57.
  EXPECT_NEAR(dispatch_seconds(deepseek(4096), h100_nodes(2), Kernels::deepep_high_throughput) * 1e6, 742, 2);
  EXPECT_NEAR(dispatch_seconds(deepseek(4096), h100_nodes(4), Kernels::deepep_high_throughput) * 1e6, 88 + 1739, 2);
}

TEST(ExpertExchange, IsNeverFasterThanTheLinks) {
  for (const int nodes : {1, 2, 4, 8}) {
    for (const double tokens : {1.0, 64.0, 4096.0}) {
      for (const Kernels kernels : {Kernels::deepep_low_latency, Kernels::deepep_high_throughput})
        EXPECT_GE(expert_exchange_estimate(deepseek(tokens), h100_nodes(nodes), kernels).seconds(),
                  expert_exchange_datasheet(deepseek(tokens), h100_nodes(nodes)));
    }
  }
}

Deployment over_nodes(int tensor, int per_node) {
  Deployment d = deployment(h100(), llama_8b(), tensor);
  d.node.gpus_per_node = per_node;
  d.node.scale_out_link.per_direction = Bandwidth{50e9};
  return d;
}

double all_reduce_us(const Deployment& d, double bytes) {
  const LinkGroup group = link_group(d, d.parallelism.tensor);
  ServedSet nccl;
  nccl.roofline = {10e-6, 0.8};
  return all_reduce_estimate(bytes, group, {nullptr, &nccl}).seconds() * 1e6;
}

// 46 us for a few bytes between 2 x 8; 192 GB/s of 200 of bus bandwidth between 2 DGX A100, that is 24 of 25 a GPU.
TEST(AllReduceOverNodes, UsesAnAdapterOfEveryDevice) {
  const Deployment two = over_nodes(16, 8);
  EXPECT_NEAR(all_reduce_us(two, 512), 46, 1);
  EXPECT_NEAR(all_reduce_us(over_nodes(32, 8), 512), 56, 1);
  const double bytes = 64 * 1024 * 1024.0;
  const double rails = bytes / 8 / (0.92 * 50e9) * 1e6;
  const double in_node = 1.75 * bytes / (0.8 * 450e9) * 1e6;
  EXPECT_NEAR(all_reduce_us(two, bytes), 46 + rails + in_node, 1);
}

TEST(AllReduceOverNodes, SharesFewerAdaptersAndAThinNetwork) {
  Deployment d = over_nodes(16, 8);
  const double whole = all_reduce_us(d, 64e6);
  d.node.adapters = 4;
  const double shared = all_reduce_us(d, 64e6);
  EXPECT_GT(shared, 1.3 * whole);
  d.node.adapters = 8;
  d.node.oversubscription = 2;
  EXPECT_DOUBLE_EQ(all_reduce_us(d, 64e6), shared);
}

TEST(AllReduceOverNodes, NeverGetsShorterWithMoreBytes) {
  const Deployment d = over_nodes(32, 8);
  double last = 0;
  for (double bytes = 64; bytes < 4e9; bytes *= 1.1) {
    const double now = all_reduce_us(d, bytes);
    EXPECT_GE(now, last) << bytes;
    last = now;
  }
}

}  // namespace
}  // namespace foretoken::test
