// Prefixes on several replicas without eviction: of k prompts that begin alike each replica computes the start once.
// Where replicas are drawn at random n (1 - (1 - 1/n)^k) of n have met it; behind a router that sends them where it is
// cached, one has.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>

#include "base/random.hpp"
#include "foretoken/serving/simulation.hpp"
#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

// The share of the common tokens that is found, of so many prefixes with k prompts each, in random order.
double share_found(const std::string& router, int replicas, int k) {
  constexpr int kPrefixes = 200;
  constexpr std::int32_t kCommon = 1600, kOwn = 160;
  PrefixTable prefixes;
  std::vector<Request> requests;
  for (std::int64_t row = 0; row < kPrefixes; ++row) {
    const std::int64_t id = 1000 + row;
    prefixes.add_row(std::span(&id, 1), kCommon);
    for (int i = 0; i < k; ++i) {
      Request r;
      r.prefix_row = static_cast<std::int32_t>(row);
      r.prompt_tokens = kCommon + kOwn;
      r.output_tokens = r.max_tokens = 1;
      requests.push_back(r);
    }
  }
  RandomStream random(7, "prefix_order");
  for (std::size_t i = requests.size(); i > 1; --i)
    std::swap(requests[i - 1],
              requests[static_cast<std::size_t>(random.uniform_int(0, static_cast<std::int64_t>(i) - 1))]);
  // One after the other: no two compute the same start at once.
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].index = static_cast<std::int64_t>(i);
    requests[i].arrival = TimePoint{std::chrono::seconds{static_cast<std::int64_t>(i)}};
  }
  SimulationConfig config;
  config.engine.enable_prefix_caching = true;
  config.engine.max_model_len = 4000;
  config.engine.num_gpu_blocks = 200'000;
  config.cluster = {replicas, router};
  config.cluster.routing.seed = 3;
  const StubCost cost(StubTerms{0.01});
  const auto source = make_fixed_source(requests, std::move(prefixes));
  Recorder seen;
  const SimulationOutcome outcome = simulate(config, *source, cost, seen);
  std::int64_t hits = 0;
  for (const ReplicaTotals& r : outcome.replicas) hits += r.prefix_cache_hits;
  return static_cast<double>(hits) / (static_cast<double>(requests.size()) * kCommon);
}

// 62.3, 22.1 and 62.8 % behind a random router. SGLang 0.4 published 75 against 20 % on eight replicas, cache-aware
// against round robin: that is five prompts to a prefix, of which here 80 and 22 % are found.
TEST(PrefixHits, AreThoseOfTheReplicasThatHaveMetThePrefix) {
  struct Case {
    int replicas, k;
    double random;
  };
  for (const Case& c : {Case{4, 10, 0.623}, Case{8, 5, 0.221}, Case{8, 20, 0.628}}) {
    const double n = c.replicas, met = n * (1 - std::pow(1 - 1 / n, c.k));
    ASSERT_NEAR(1 - met / c.k, c.random, 1e-3);
    const double drawn = share_found("random", c.replicas, c.k);
    std::cout << c.replicas << " replicas, " << c.k << " prompts each: " << drawn << " found\n";
    EXPECT_NEAR(drawn, c.random, 0.02);
    for (const char* router : {"sglang", "llm_d", "dynamo"})
      EXPECT_NEAR(share_found(router, c.replicas, c.k), 1 - 1.0 / c.k, 1e-9) << router;
  }
  EXPECT_NEAR(share_found("round_robin", 8, 5), 0.221, 0.02) << "random order: as good as drawn";
}

}  // namespace
}  // namespace foretoken::test
