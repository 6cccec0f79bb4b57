// KV tiers, worked out by hand (src/serving/README.md, "KV tiers": H10 and H20 to H23, K1 to K11).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "serving/kv_cache/copy_link.hpp"
#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

using ::testing::ElementsAre;

constexpr Duration kOneMillisecond{1'000'000};

std::int64_t ms(TimePoint t) {
  return t.time_since_epoch() / kOneMillisecond;
}
double part_ms(const Attribution& parts, AttributionPart part) {
  return static_cast<double>(parts[static_cast<std::size_t>(part)].count()) * 1e-6;
}

Request request(std::int64_t index, std::int64_t arrival_ms, std::int32_t prompt, std::int32_t output,
                std::int32_t prefix_row = -1) {
  Request r;
  r.index = index;
  r.arrival = TimePoint{arrival_ms * kOneMillisecond};
  r.prompt_tokens = prompt;
  r.output_tokens = r.max_tokens = output;
  r.prefix_row = prefix_row;
  return r;
}

// Units of so many tokens take `unit_us` each over the link to host memory, in either direction.
KvOffloadConfig tiers(KvOffload backend, std::int64_t unit_tokens, std::int64_t unit_us) {
  KvOffloadConfig kv;
  kv.backend = backend;
  kv.unit_tokens = unit_tokens;
  kv.unit_bytes = unit_us * 1000;
  kv.tiers.push_back({KvTier::cpu, 1000, 1'000'000'000, 1'000'000'000});
  return kv;
}

// Tables of prefixes: row i is content of its own, of so many tokens.
PrefixTable rows(const std::vector<std::int64_t>& tokens) {
  PrefixTable table;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::int64_t id = 100 + static_cast<std::int64_t>(i);
    table.add_row(std::span(&id, 1), tokens[i]);
  }
  return table;
}

// An engine that finds nothing on the GPU, so that all it finds lies in tiers.
struct Tiered {
  SimulationConfig config;
  StubTerms terms{0.02};
  PrefixTable prefixes = rows({800});

  explicit Tiered(const KvOffloadConfig& kv) {
    EngineConfig& engine = config.engine;
    engine.max_model_len = 8000;
    engine.num_gpu_blocks = 10'000;
    engine.kv_offload = kv;
    if (kv.backend != KvOffload::hicache) return;
    engine.name = "sglang";
    engine.version = "0.5.9";
    engine.reserve_null_block = false;
  }
  struct Run {
    Recorder seen;
    SimulationOutcome outcome;
    [[nodiscard]] const KvTierTotals& totals() const { return outcome.replicas.front().kv_tiers; }
    [[nodiscard]] RequestRecord of(std::size_t index) const { return seen.by_index().at(index); }
    [[nodiscard]] std::int64_t first(std::size_t index) const { return ms(of(index).first_token); }
  };
  // The same in stretches and step by step.
  [[nodiscard]] Run run(const std::vector<Request>& requests) const {
    std::string before;
    Run run;
    for (const bool step_by_step : {false, true}) {
      SimulationConfig c = config;
      c.step_by_step = step_by_step;
      const StubCost cost(terms);
      const auto source = make_fixed_source(requests, prefixes);
      run = {};
      run.outcome = simulate(c, *source, cost, run.seen);
      if (step_by_step) {
        EXPECT_EQ(run.seen.text(run.outcome), before) << "step by step";
      }
      before = run.seen.text(run.outcome);
    }
    return run;
  }
};

// 800 tokens are on the CPU, 200 are to be computed in 30 ms; the load takes 15 ms.
TEST(KvTiersGolden, H20AnIdleEngineLoadsThenComputes) {
  struct Case {
    KvOffload backend;
    std::int64_t unit_tokens, unit_us;
    double ttft;
  };
  // HiCache with ten layers: the first one's load and the prefill, 1.5 + 30.
  for (const Case& c : {Case{KvOffload::native, 16, 300, 45}, Case{KvOffload::lmcache, 400, 7500, 45},
                        Case{KvOffload::hicache, 16, 300, 31.5}}) {
    KvOffloadConfig kv = tiers(c.backend, c.unit_tokens, c.unit_us);
    kv.layers = c.backend == KvOffload::hicache ? 10 : 1;
    Tiered engine(kv);
    engine.terms.per_prefill_token = 0.01 / 200;
    const Tiered::Run run = engine.run({request(0, 0, 800, 1, 0), request(1, 1000, 1000, 2, 0)});
    const RequestRecord r = run.of(1);
    EXPECT_DOUBLE_EQ(1e3 * to_seconds(r.first_token - r.request.arrival), c.ttft) << to_string(c.backend);
    EXPECT_EQ(r.cached_tokens, 800);
    EXPECT_NEAR(part_ms(r.ttft_parts, AttributionPart::kv_transfer), c.ttft - 30, 1e-5);
    EXPECT_THAT(run.totals().hits, ElementsAre(800, 0, 0));
    EXPECT_EQ(run.totals().loaded_bytes, 15'000'000);
  }
}

// Fair queueing counts a prompt whose start comes from a tier as any other (cached tokens are service, too), and once:
// two classes take turns, although one has four fifths of its prompts in host memory. In turn, too, begin native loads,
// and while one is under way (H21: two steps) the other class is served: it is ahead by two.
TEST(KvTiersGolden, FairQueueingCountsWhatComesFromATier) {
  for (const KvOffload backend : {KvOffload::native, KvOffload::lmcache, KvOffload::hicache}) {
    Tiered engine(tiers(backend, backend == KvOffload::lmcache ? 400 : 16, 300));
    engine.config.engine.scheduling_policy = "vtc";
    engine.config.engine.max_num_seqs = 1;
    std::vector<Request> requests{request(0, 0, 800, 1, 0)};
    requests.back().class_index = 2;
    for (int i = 0; i < 8; ++i) {
      requests.push_back(request(1 + i, 1000, 1000, 1, i % 2 == 0 ? 0 : -1));
      requests.back().class_index = static_cast<std::int16_t>(i % 2);
    }
    // All of the first class came before the others.
    std::stable_sort(requests.begin() + 1, requests.end(),
                     [](const Request& a, const Request& b) { return a.class_index < b.class_index; });
    for (std::size_t i = 0; i < requests.size(); ++i) requests[i].index = static_cast<std::int64_t>(i);
    const Tiered::Run run = engine.run(requests);
    std::vector<RequestRecord> served = run.seen.by_index();
    std::sort(served.begin(), served.end(), [](const auto& a, const auto& b) { return a.finish < b.finish; });
    std::string order;
    for (const RequestRecord& r : served) order += "ABC"[r.request.class_index];
    EXPECT_EQ(order, backend == KvOffload::native ? "CBBABABAA" : "CABABABAB") << to_string(backend);
    EXPECT_EQ(run.totals().hits[0], 4 * 800) << to_string(backend);
  }
}

// Boundaries at multiples of 20 ms, arrival at 1010: blocks at 1020, data at 1035, polled at 1040, reported at 1060,
// in the step from there. Planned a step ahead it is reported two calls later.
TEST(KvTiersGolden, H21ABusyEngineSeesALoadWithTheOutputOfALaterStep) {
  for (const bool async : {false, true}) {
    Tiered engine(tiers(KvOffload::native, 16, 300));
    engine.config.engine.async_scheduling = async;
    const Tiered::Run run =
        engine.run({request(0, 0, 800, 1, 0), request(1, 100, 16, 100), request(2, 1010, 1000, 2, 0)});
    EXPECT_EQ(run.first(2), async ? 1120 : 1080);
    const Attribution& parts = run.of(2).ttft_parts;
    EXPECT_EQ(part_ms(parts, AttributionPart::queue) + part_ms(parts, AttributionPart::hand_over_wait),
              async ? 75 : 35);
    EXPECT_EQ(part_ms(parts, AttributionPart::kv_transfer), 15);
    EXPECT_EQ(run.seen.gaps.rbegin()->first, 20 * 1'000'000) << "nobody else waits";
  }
}

// The step due at 1020 has the request: it takes 15 ms more, for all its rows.
TEST(KvTiersGolden, H22LmcacheHoldsUpTheWholeStep) {
  Tiered engine(tiers(KvOffload::lmcache, 400, 7500));
  const Tiered::Run run =
      engine.run({request(0, 0, 800, 1, 0), request(1, 100, 16, 100), request(2, 1010, 1000, 2, 0)});
  EXPECT_EQ(run.first(2), 1055);
  EXPECT_EQ(run.seen.gaps.rbegin()->first, 35 * 1'000'000);
  EXPECT_EQ(run.totals().step_time, (15 + 15) * 1'000'000) << "and the step that stored it before";
}

// A step due at 120, whose data is there at 130, runs from 130 to 150: the rule of every connector that blocks. The
// data comes from disk, 6 ms, and then over the link, 4 ms.
TEST(KvTiersGolden, H10ABlockingLoadGivesEveryOtherRequestALongGap) {
  KvOffloadConfig kv = tiers(KvOffload::lmcache, 400, 2000);
  kv.tiers.front().units = 2;
  kv.tiers.push_back({KvTier::disk, 1000, 4'000'000 / 6 * 1000, 1'000'000'000});
  Tiered engine(kv);
  engine.prefixes = rows({800, 800});
  // The second prefix drives the first one out of host memory.
  const Tiered::Run run = engine.run(
      {request(0, 0, 800, 1, 0), request(1, 500, 800, 1, 1), request(2, 1000, 16, 100), request(3, 1110, 1000, 2, 0)});
  EXPECT_EQ(run.first(3), 1150);
  EXPECT_EQ(run.seen.gaps.rbegin()->first / 1'000'000, 30);
  EXPECT_THAT(run.totals().hits, ElementsAre(0, 800, 0));
}

// A prompt's store takes 40 ms from 20 on, when its request has left. At 40 somebody takes its blocks again, or others.
TEST(KvTiersGolden, H23WhoTakesBlocksThatAreStillStoredWaits) {
  for (const bool again : {false, true}) {
    Tiered engine(tiers(KvOffload::native, 16, 10'000));
    engine.config.engine.num_gpu_blocks = 1 + (again ? 13 : 40);
    engine.config.engine.max_model_len = 150;
    engine.config.engine.kv_offload.prompt_only = true;
    engine.config.engine.kv_offload.tiers.front().units = 4;
    const Tiered::Run run = engine.run({request(0, 0, 64, 1), request(1, 0, 90, 10), request(2, 35, 64, 1)});
    EXPECT_EQ(run.first(0), 20);
    EXPECT_EQ(run.first(2), again ? 80 : 60);
    EXPECT_EQ(run.seen.gaps.rbegin()->first / 1'000'000, again ? 40 : 20);
  }
}

// ---- what lies where ----

// Four blocks in host memory: the second prompt drives out the first one's, whole or its end, the last one first.
TEST(KvTiersGolden, K1HostMemoryForgetsTheLeastRecentlyUsedTheEndOfAPrefixFirst) {
  for (const std::int64_t units : {4, 6}) {
    Tiered engine(tiers(KvOffload::native, 16, 100));
    engine.prefixes = rows({64, 64});
    engine.config.engine.kv_offload.tiers.front().units = units;
    const Tiered::Run run =
        engine.run({request(0, 0, 64, 1, 0), request(1, 500, 64, 1, 1), request(2, 1000, 65, 1, 0)});
    EXPECT_EQ(run.of(2).cached_tokens, units == 4 ? 0 : 32);
  }
}

// A prompt of four whole blocks, all of which are there: its last token is computed again.
TEST(KvTiersGolden, K2AWholePromptFromHostMemoryComputesItsLastToken) {
  for (const bool lmcache : {false, true}) {
    Tiered engine(tiers(lmcache ? KvOffload::lmcache : KvOffload::native, 16, 100));
    engine.prefixes = rows({64});
    const Tiered::Run run = engine.run({request(0, 0, 64, 1, 0), request(1, 500, 64, 1, 0)});
    EXPECT_EQ(run.of(1).cached_tokens, 63);
    EXPECT_EQ(run.outcome.replicas.front().prefill_tokens, 64 + 1);
  }
}

// Content that is still on its way to host memory is waited for: until 20 + 40 it is stored, and loaded until 100.
TEST(KvTiersGolden, K3WhatIsStillBeingStoredIsWaitedFor) {
  Tiered engine(tiers(KvOffload::native, 16, 10'000));
  engine.prefixes = rows({64});
  const Tiered::Run run = engine.run({request(0, 0, 64, 1, 0), request(1, 30, 65, 1, 0), request(2, 32, 16, 1)});
  EXPECT_EQ(run.first(1), 20 + 40 + 40 + 20);
  EXPECT_EQ(run.first(2), 30 + 20 + 2) << "others pass it by";
  EXPECT_EQ(part_ms(run.of(1).ttft_parts, AttributionPart::kv_transfer), 30 + 40) << "from 30 to 60, and its load";
}

// From disk into host memory, 4 x 16 ms, and on from there, 4 x 4 ms, without holding anybody up.
TEST(KvTiersGolden, K4WhatLiesOnDiskComesThroughHostMemory) {
  KvOffloadConfig kv = tiers(KvOffload::native, 16, 4'000);
  kv.tiers.front().units = 4;
  kv.tiers.push_back({KvTier::disk, 1000, 250'000'000, 1'000'000'000});
  Tiered engine(kv);
  engine.prefixes = rows({64, 64});
  const Tiered::Run run = engine.run({request(0, 0, 64, 1, 0), request(1, 500, 64, 1, 1), request(2, 1000, 65, 1, 0)});
  EXPECT_EQ(run.first(2), 1000 + 64 + 16 + 20);
  EXPECT_EQ(run.totals().fetched_bytes, 4 * 4'000'000);
  EXPECT_EQ(part_ms(run.of(2).ttft_parts, AttributionPart::kv_transfer), 64 + 16);
  EXPECT_EQ(part_ms(run.of(2).ttft_parts, AttributionPart::queue), 0);

  // Beside the step of another, from 1055 to 1075, it is looked at again when that ends.
  const Tiered::Run beside = engine.run(
      {request(0, 0, 64, 1, 0), request(1, 500, 64, 1, 1), request(2, 1000, 65, 1, 0), request(3, 1055, 8, 1)});
  EXPECT_EQ(beside.first(2), 1075 + 16 + 20);
  EXPECT_EQ(part_ms(beside.of(2).ttft_parts, AttributionPart::kv_transfer), 64 + 16);
  EXPECT_EQ(part_ms(beside.of(2).ttft_parts, AttributionPart::queue), 11);
}

// What one replica has stored another finds: its fetch of 64 ms and its load of 16 ms as in K4. A store as fast as one
// replica's link serves two of them one after the other.
TEST(KvTiersGolden, K10ReplicasFindInASharedStoreWhatOthersStored) {
  struct Case {
    bool shared;
    std::int64_t store_bandwidth, second, third;
  };
  for (const Case& c : {Case{false, 0, 1020, 1020}, Case{true, 0, 1100, 1100}, Case{true, 250'000'000, 1100, 1164}}) {
    KvOffloadConfig kv = tiers(KvOffload::native, 16, 4'000);
    kv.tiers.push_back({KvTier::remote, 1000, 250'000'000, 1'000'000'000});
    kv.tiers.back().shared = c.shared;
    kv.tiers.back().store_bandwidth = c.store_bandwidth;
    Tiered engine(kv);
    engine.prefixes = rows({64});
    engine.config.cluster.replicas = 3;
    const Tiered::Run run =
        engine.run({request(0, 0, 64, 1, 0), request(1, 1000, 65, 1, 0), request(2, 1000, 65, 1, 0)});
    EXPECT_EQ(run.first(1), c.second) << c.shared << c.store_bandwidth;
    EXPECT_EQ(run.first(2), c.third) << c.shared << c.store_bandwidth;
    for (const std::size_t replica : {1u, 2u})
      EXPECT_THAT(run.outcome.replicas[replica].kv_tiers.hits, ElementsAre(0, 0, c.shared ? 64 : 0));
  }
}

// A place in it is everybody's: what a second replica stores drives out what the first did.
TEST(KvTiersGolden, K11ASharedStoreForgetsWhatAllHaveUsedLeastRecently) {
  KvOffloadConfig kv = tiers(KvOffload::native, 16, 1'000);
  kv.tiers.push_back({KvTier::remote, 4, 1'000'000'000, 1'000'000'000});
  kv.tiers.back().shared = true;
  Tiered engine(kv);
  engine.prefixes = rows({64, 64});
  engine.config.cluster.replicas = 2;
  const Tiered::Run run = engine.run(
      {request(0, 0, 64, 1, 0), request(1, 500, 64, 1, 1), request(2, 1000, 65, 1, 1), request(3, 1500, 65, 1, 0)});
  EXPECT_THAT(run.outcome.replicas[0].kv_tiers.hits, ElementsAre(0, 0, 64));
  EXPECT_THAT(run.outcome.replicas[1].kv_tiers.hits, ElementsAre(0, 0, 0));
}

// 2048 tokens lie on disk, 128 blocks of 1 ms. Waited for whole; or taken as far as they came when the request is
// looked at, after the 20 ms of a step.
TEST(KvTiersGolden, K5HicacheFetchesWhileTheRequestIsQueued) {
  for (const KvPrefetch policy : {KvPrefetch::wait_complete, KvPrefetch::best_effort, KvPrefetch::timeout}) {
    KvOffloadConfig kv = tiers(KvOffload::hicache, 16, 0);
    kv.unit_bytes = 1'000'000;
    kv.tiers.front() = {KvTier::cpu, 256, 1'000'000'000'000, 1'000'000'000'000};
    kv.tiers.push_back({KvTier::disk, 1000, 1'000'000'000, 1'000'000'000'000});
    kv.prefetch = policy;
    Tiered engine(kv);
    engine.prefixes = rows({2048, 4096});
    const Tiered::Run run = engine.run({request(0, 0, 2048, 1, 0), request(1, 500, 4096, 1, 1), request(2, 1000, 16, 1),
                                        request(3, 1000, 2049, 1, 0)});
    EXPECT_EQ(run.of(3).cached_tokens, policy == KvPrefetch::best_effort ? 0 : 2048);
    EXPECT_EQ(run.first(3), policy == KvPrefetch::best_effort ? 1020 : 1148);
    const double copied = policy == KvPrefetch::best_effort ? 0 : 128 + 0.128;  // to host memory, and within its step
    EXPECT_NEAR(part_ms(run.of(3).ttft_parts, AttributionPart::kv_transfer), copied, 1e-5);
    EXPECT_EQ(part_ms(run.of(3).ttft_parts, AttributionPart::queue), 0);
  }
}

// Stored when a second request has it.
TEST(KvTiersGolden, K6SelectiveWritesStoreTheSecondTime) {
  KvOffloadConfig kv = tiers(KvOffload::hicache, 16, 100);
  kv.write = KvWrite::through_selective;
  Tiered engine(kv);
  engine.prefixes = rows({64});
  const Tiered::Run run = engine.run({request(0, 0, 65, 1, 0), request(1, 500, 65, 1, 0), request(2, 1000, 65, 1, 0)});
  EXPECT_EQ(run.of(1).cached_tokens, 0);
  EXPECT_EQ(run.of(2).cached_tokens, 64);
  EXPECT_EQ(run.totals().stored_bytes, 4 * 100'000);
}

// Four pages are driven from the GPU by the second prompt, and copied before its step: 4 x 10 ms.
TEST(KvTiersGolden, K7WriteBackStoresWhatTheGpuDrivesOutAndTheStepWaits) {
  KvOffloadConfig kv = tiers(KvOffload::hicache, 16, 10'000);
  kv.write = KvWrite::back;
  Tiered engine(kv);
  engine.prefixes = rows({64});
  engine.config.engine.enable_prefix_caching = true;
  engine.config.engine.num_gpu_blocks = 10;
  engine.config.engine.max_model_len = 150;
  const Tiered::Run run = engine.run({request(0, 0, 64, 1, 0), request(1, 500, 144, 1)});
  EXPECT_EQ(run.first(0), 20);
  EXPECT_EQ(run.totals().stored_bytes, 3 * 10'000'000) << "the free page goes first";
  EXPECT_EQ(run.first(1), 500 + 30 + 20);
}

// ---- swapping ----

// Ten blocks, two requests of four that grow: the second is swapped out when a fifth and a sixth are not to be had, 5
// blocks of 2 ms, and comes back when the first has ended.
TEST(KvTiersGolden, K8VllmV0SwapsTheLastOneOutAndInAgain) {
  for (const std::int64_t space : {100, 3}) {
    KvOffloadConfig kv;
    kv.unit_bytes = 2'000'000;
    kv.swap_blocks = space;
    kv.tiers.push_back({KvTier::cpu, space, 1'000'000'000, 1'000'000'000});
    Tiered engine(kv);
    EngineConfig& e = engine.config.engine;
    e.name = "vllm-v0";
    e.version = "0.6";
    e.reserve_null_block = false;
    e.num_gpu_blocks = 10;
    e.max_model_len = 160;
    e.max_num_batched_tokens = 160;
    const Tiered::Run run = engine.run({request(0, 0, 64, 40), request(1, 0, 64, 40)});
    EXPECT_EQ(run.of(1).preemptions, 1);
    EXPECT_EQ(run.totals().swapped_out, space == 100 ? 5 : 0) << "what does not fit there is computed again";
    EXPECT_EQ(run.totals().swapped_in, run.totals().swapped_out);
    EXPECT_EQ(run.outcome.replicas.front().prefill_tokens, space == 100 ? 128 : 128 + 64 + 17);
    EXPECT_EQ(run.totals().step_time, space == 100 ? 2 * 5 * 2'000'000 : 0);
  }
}

// ---- the link ----

// Two loads go one after the other; what is stored meanwhile shares what both directions have together.
TEST(KvTiersGolden, K9CopiesGoOneAfterTheOtherInEachDirection) {
  CopyLink link(10, 10, 16, {});
  const auto at = [](std::int64_t s) { return TimePoint{std::chrono::seconds{s}}; };
  EXPECT_EQ(link.copy(CopyLink::kRead, 100, {}, at(0)).end, at(10));
  EXPECT_EQ(link.copy(CopyLink::kRead, 50, {}, at(2)).end, at(15));
  // 6 a second until 15, then 10.
  EXPECT_EQ(link.copy(CopyLink::kWrite, 100, {}, at(5)).end, at(19));
  EXPECT_EQ(link.copy(CopyLink::kRead, 10, std::chrono::seconds{7}, at(30)).end, at(37)) << "calls to copy";
}

}  // namespace
}  // namespace foretoken::test
