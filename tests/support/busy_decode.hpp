// A pool that computes prompts and a busy one that decodes, in round figures.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "serving/clients/clients.hpp"
#include "support/pooled_run.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test::hand_overs {

inline constexpr Duration kMillisecond{1'000'000};

inline std::int64_t ms(TimePoint t) {
  return t.time_since_epoch() / kMillisecond;
}
inline std::int64_t part_ms(const Attribution& parts, AttributionPart part) {
  return parts[static_cast<std::size_t>(part)] / kMillisecond;
}

inline Request request(std::int64_t index, std::int64_t arrival_ms, std::int32_t prompt, std::int32_t output) {
  Request r;
  r.index = index;
  r.arrival = TimePoint{arrival_ms * kMillisecond};
  r.prompt_tokens = prompt;
  r.output_tokens = r.max_tokens = output;
  return r;
}

// A transfer takes what the request's number says, whatever it carries.
class ByNumber final : public Transport {
 public:
  explicit ByNumber(std::map<std::int64_t, std::int64_t> takes) : takes_(std::move(takes)) {}
  Duration to_replica(const Request&, int) override { return {}; }
  Duration of_kv(const HandOver& what, int) override { return takes_[what.request.index] * kMillisecond; }

 private:
  std::map<std::int64_t, std::int64_t> takes_;
};

// Prompts take 100 ms on one of two replicas, steps of the decode pool 20 ms. Request 0 keeps that busy, with
// boundaries at multiples of 20 ms from 100 ms on.
struct BusyDecode {
  StubCost slow{StubTerms{0.1}};
  StubCost fast{StubTerms{0.02}};
  PoolsConfig config;

  explicit BusyDecode(FirstToken first_token, const char* engine_name = "vllm-v1", bool async = false) {
    EngineConfig engine;
    engine.name = engine_name;
    engine.max_model_len = 1000;
    engine.num_gpu_blocks = 1000;
    engine.async_scheduling = async;
    config.pools.push_back({PoolRole::prefill, first_token, engine, {2, "round_robin"}, &slow});
    config.pools.push_back({PoolRole::decode, FirstToken::where_prefilled, engine, {}, &fast});
  }
  PooledRun run(std::vector<Request> requests, std::map<std::int64_t, std::int64_t> takes, bool step_by_step = false) {
    ClusterSeams seams;
    seams.transport = std::make_unique<ByNumber>(std::move(takes));
    return run_pools(config, *make_fixed_source(std::move(requests)), step_by_step, std::move(seams));
  }
  // All clients leave so long after they came.
  PooledRun run_with_patience(std::int64_t patience_ms, const std::vector<Request>& requests,
                              const std::map<std::int64_t, std::int64_t>& takes, bool step_by_step) {
    ClientConfig leaving;
    leaving.on = true;
    leaving.abort_share = 1;
    leaving.patience = patience_ms * kMillisecond;
    leaving.patience_is_exponential = false;
    const auto source = make_fixed_source(requests);
    PooledRun one;
    Clients clients(leaving, *source, one.seen);
    ClusterSeams seams;
    seams.transport = std::make_unique<ByNumber>(takes);
    seams.clients = &clients;
    config.step_by_step = step_by_step;
    one.outcome = run_cluster(config, clients, clients, nullptr, std::move(seams));
    clients.end(one.outcome);
    for (const ReplicaTotals& rank : one.outcome.replicas) EXPECT_EQ(rank.kv_blocks_at_end, 0);
    return one;
  }
  // First and last token of request 1, which reaches the decode pool at 110 ms.
  std::vector<std::int64_t> tokens_of_second(std::int64_t takes) {
    std::vector<std::int64_t> tokens;
    for (const bool step_by_step : {false, true}) {
      const PooledRun seen = run({request(0, 0, 64, 50), request(1, 10, 64, 2)}, {{0, 0}, {1, takes}}, step_by_step);
      const RequestRecord& r = seen.seen.by_index().at(1);
      if (tokens.empty()) tokens = {ms(r.first_token), ms(r.finish)};
      EXPECT_EQ(tokens, (std::vector{ms(r.first_token), ms(r.finish)})) << "step by step";
    }
    return tokens;
  }
};

}  // namespace foretoken::test::hand_overs
