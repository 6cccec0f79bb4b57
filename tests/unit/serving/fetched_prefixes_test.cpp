// Prefixes that come from another replica before the request does.
#include <gtest/gtest.h>

#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

Request prompt_of(std::int64_t index, double seconds, std::int32_t tokens, std::int32_t row = -1) {
  Request r;
  r.index = index;
  r.arrival = TimePoint{duration_from_seconds(seconds)};
  r.prompt_tokens = tokens;
  r.output_tokens = r.max_tokens = 5;
  r.prefix_row = row;
  return r;
}

// Two replicas that compute 1,000 prompt tokens a second. The first has computed the shared prompt, and is busy with
// another of 3,000 tokens when the shared one is asked for again.
std::vector<RequestRecord> records_with(double fetch_throughput, std::int64_t blocks = 10'000) {
  SimulationConfig config;
  config.engine.max_model_len = 20'000;
  config.engine.max_num_batched_tokens = 20'000;
  config.engine.num_gpu_blocks = blocks;
  config.engine.enable_prefix_caching = true;
  config.cluster.replicas = 2;
  config.cluster.router = "mooncake";
  config.cluster.routing.prefill_throughput = 1000;
  config.cluster.routing.fetch_throughput = fetch_throughput;
  PrefixTable prefixes;
  std::vector<std::int64_t> ids(63);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i);
  prefixes.add_row(ids, 16);
  const StubCost cost({.base = 1e-3, .per_prefill_token = 1e-3});
  Recorder seen;
  const auto source =
      make_fixed_source({prompt_of(0, 0, 1008, 0), prompt_of(1, 2, 3000), prompt_of(2, 2.5, 1008, 0)}, prefixes);
  EXPECT_EQ(simulate(config, *source, cost, seen).finished, 3);
  return seen.by_index();
}

// 62 whole blocks of the prompt are found at 10,000 tokens a second: 99.2 ms on the way, 16 tokens to compute.
TEST(FetchedPrefixes, AreFoundWhereTheRequestGoes) {
  const auto records = records_with(10'000);
  EXPECT_EQ(records[2].replica, 1);
  EXPECT_EQ(records[2].cached_tokens, 992);
  EXPECT_EQ(records[2].scheduled, TimePoint{std::chrono::microseconds{2'599'200}});
  EXPECT_EQ(records[2].first_token, TimePoint{std::chrono::microseconds{2'616'200}});
}

TEST(FetchedPrefixes, StayWhereTheyAreUnlessARateIsGiven) {
  const auto records = records_with(0);
  EXPECT_EQ(records[2].replica, 1) << "3,016 tokens before it on the other one";
  EXPECT_EQ(records[2].cached_tokens, 0);
  EXPECT_EQ(records[2].scheduled, TimePoint{std::chrono::microseconds{2'500'000}});
}

}  // namespace
}  // namespace foretoken::test
