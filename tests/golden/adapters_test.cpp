// LoRA adapters worked out by hand (src/serving/README.md, "Golden schedules", L1 to L6): who is passed over, what is
// loaded when, what a step takes longer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cost/levels/levels.hpp"
#include "foretoken/serving/simulation.hpp"
#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

using ::testing::ElementsAre;

constexpr Duration kMillisecond = std::chrono::milliseconds{1};

struct Asked {
  std::int16_t adapter;  // -1 = the base model
  std::int32_t prompt;
  std::int32_t output;
  double arrival_ms = 0;
  std::int32_t prefix_row = -1;
};

EngineConfig with_slots(std::int64_t max_loras, std::int64_t max_cpu_loras, std::size_t adapters,
                        LoraConfig::Load load = {}) {
  EngineConfig engine;
  engine.max_num_batched_tokens = 2048;
  engine.num_gpu_blocks = 10'000;
  engine.lora.max_loras = max_loras;
  engine.lora.max_cpu_loras = max_cpu_loras;
  engine.lora.loads.assign(adapters, load);
  return engine;
}

struct ServedAdapters {
  Recorder seen;
  AdapterTotals adapters;
  std::int64_t prefix_hits = 0;

  ServedAdapters(const EngineConfig& engine, const std::vector<Asked>& all, double per_adapter = 0) {
    std::vector<Request> requests;
    for (const Asked& a : all) {
      Request r;
      r.arrival = TimePoint{duration_from_seconds(a.arrival_ms * 1e-3)};
      r.adapter = a.adapter;
      r.prompt_tokens = a.prompt;
      r.output_tokens = r.max_tokens = a.output;
      r.prefix_row = a.prefix_row;
      requests.push_back(r);
    }
    PrefixTable prefixes;
    const std::int64_t id = 7;
    prefixes.add_row(std::span(&id, 1), 64);
    LoraSpec lora;
    lora.max_loras = 1;
    lora.per_adapter = per_adapter;
    const auto cost = make_model_with_adapters(std::make_unique<StubCost>(), lora);
    SimulationConfig config;
    config.engine = engine;
    config.step_by_step = true;
    const auto source = make_fixed_source(requests, prefixes);
    const SimulationOutcome outcome = simulate(config, *source, *cost, seen);
    adapters = outcome.replicas[0].adapters;
    prefix_hits = outcome.replicas[0].prefix_cache_hits;
  }
  [[nodiscard]] std::vector<std::string> schedule(std::size_t steps) const {
    auto lines = seen.schedule();
    lines.resize(std::min(lines.size(), steps));
    return lines;
  }
  [[nodiscard]] Duration step(std::size_t number) const {
    return seen.steps[number - 1].end - seen.steps[number - 1].begin;
  }
};

// A(a) and B(b) run with two slots. Of C(c), D(a), E(base) and F(c), each with a prompt of its own length, D and E
// enter; C and F do when B has left, in their order.
TEST(GoldenAdapters, L1WhoseAdapterHasNoSlotIsPassedOver) {
  const ServedAdapters run(with_slots(2, 2, 3),
                           {{0, 11, 4}, {1, 12, 2}, {2, 13, 2, .5}, {0, 14, 4, .5}, {-1, 15, 4, .5}, {2, 16, 2, .5}});
  EXPECT_THAT(run.schedule(4), ElementsAre("11 12 | 0", "14 15 | 2", "13 16 | 3", "| 5"));
}

// vLLM V0 and SGLang pass over in the same way; in SGLang the base model has a slot too, so that E waits for B.
TEST(GoldenAdapters, L1OtherEnginesPassOverToo) {
  const std::vector<Asked> asked = {{0, 11, 4}, {1, 12, 2}, {2, 13, 2, .5}, {0, 14, 4, .5}, {-1, 15, 4, .5}};
  EngineConfig v0 = with_slots(2, 2, 3);
  v0.name = "vllm-v0";
  v0.version = "0.6";
  v0.enable_chunked_prefill = false;
  v0.reserve_null_block = false;
  EXPECT_THAT(ServedAdapters(v0, asked).schedule(3), ElementsAre("11 12 | 0", "14 15 | 0", "| 4"));
  EngineConfig sglang = with_slots(2, 3, 3);
  sglang.name = "sglang";
  sglang.version = "0.5.9";
  sglang.block_size = 1;
  sglang.reserve_null_block = false;
  sglang.num_gpu_blocks = 100'000;
  sglang.lora.base_takes_slot = true;
  sglang.lora.loaded_at_start = true;
  EXPECT_THAT(ServedAdapters(sglang, asked).schedule(4), ElementsAre("11 12 | 0", "14 | 0", "| 3", "13 | 0"));
}

EngineConfig with_pages(std::int64_t pages, std::vector<std::int64_t> of_adapters) {
  EngineConfig engine = with_slots(pages, 100, of_adapters.size());
  engine.name = "tensorrt-llm";
  engine.version = "1.0";
  engine.reserve_null_block = false;
  engine.lora.loaded_at_start = true;
  engine.lora.places = std::move(of_adapters);
  return engine;
}

// TensorRT-LLM's pages: with A(a) of two running, one of three is left. C(c) needs two and is passed over, B(b) takes
// the last one; C follows when A has left. With MAX_UTILIZATION who does not fit stops those behind it.
TEST(GoldenAdapters, L7WhoseAdapterHasNoPagesIsPassedOver) {
  const std::vector<Asked> asked = {{0, 11, 3}, {2, 13, 2, .5}, {1, 12, 2, .5}};
  EngineConfig engine = with_pages(3, {2, 1, 2});
  EXPECT_THAT(ServedAdapters(engine, asked).schedule(4), ElementsAre("11 | 0", "12 | 1", "| 2", "13 | 0"));
  engine.capacity_scheduler_policy = "MAX_UTILIZATION";
  EXPECT_THAT(ServedAdapters(engine, asked).schedule(4), ElementsAre("11 | 0", "| 1", "| 1", "13 12 | 0"));
}

// Where blocks are what the head lacks, nobody passes it, whatever its adapter: eight of ten are promised to A.
TEST(GoldenAdapters, L7BlocksComeBeforePages) {
  const std::vector<Asked> asked = {{0, 100, 28}, {2, 64, 2, .5}, {1, 12, 2, .5}};
  EngineConfig engine = with_pages(3, {2, 1, 2});
  engine.block_size = 16;
  engine.num_gpu_blocks = 10;
  EXPECT_THAT(ServedAdapters(engine, asked).schedule(3), ElementsAre("100 | 0", "| 1", "| 1"));
}

// Two of one page come, then one of two: both go, the one that was out of use the longest first.
TEST(GoldenAdapters, L7PagesAreTakenFromWhoWasUsedLeastRecently) {
  EngineConfig engine = with_pages(2, {1, 1, 2});
  engine.lora.loads.assign(3, {2 * kMillisecond, 5 * kMillisecond});
  const ServedAdapters run(engine, {{0, 4, 1, 0}, {1, 4, 1, 20}, {2, 4, 1, 40}, {0, 4, 1, 60}, {1, 4, 1, 80}});
  EXPECT_EQ(run.adapters.loads, 5);
  EXPECT_EQ(run.adapters.disk_loads, 0);
  EXPECT_EQ(run.adapters.load_time, 10 * kMillisecond);
}

// One slot, room for two in host memory: a and b come from disk, a again from host memory; c takes the place of b,
// which was out of use the longest, so that b comes from disk again. The whole batch waits.
TEST(GoldenAdapters, L2SlotsAndHostMemoryKeepWhatWasUsedLast) {
  const ServedAdapters run(with_slots(1, 2, 3, {2 * kMillisecond, 5 * kMillisecond}),
                           {{0, 4, 1, 0}, {1, 4, 1, 20}, {0, 4, 1, 40}, {2, 4, 1, 60}, {1, 4, 1, 80}});
  std::vector<std::int64_t> steps;
  for (std::size_t i = 1; i <= 5; ++i) steps.push_back(run.step(i) / kMillisecond);
  EXPECT_THAT(steps, ElementsAre(6, 6, 3, 6, 6));
  EXPECT_EQ(run.adapters.loads, 5);
  EXPECT_EQ(run.adapters.disk_loads, 4);
  EXPECT_EQ(run.adapters.load_time, 22 * kMillisecond);
  EXPECT_THAT(run.adapters.loads_of, ElementsAre(2, 2, 1));
}

TEST(GoldenAdapters, L2WhoDecodesWaitsForALoad) {
  const ServedAdapters run(with_slots(1, 1, 1, {2 * kMillisecond, 5 * kMillisecond}), {{-1, 4, 3}, {0, 4, 1, .5}});
  EXPECT_EQ(run.step(1), kMillisecond);
  EXPECT_EQ(run.step(2), 6 * kMillisecond);
  EXPECT_EQ(run.seen.gaps.at(6'000'000), 0 + 1);
}

// 20 ms and eight distinct adapters of 0.00965 each: 21.544 ms. The base model alone takes what it took.
TEST(GoldenAdapters, L3EachDistinctAdapterMakesAStepLonger) {
  AffineTerms terms;
  terms.per_step = 20e-3;
  LoraSpec lora;
  lora.max_loras = 8;
  lora.per_adapter = .00965;
  const auto cost = make_model_with_adapters(make_affine_model(terms), lora);
  const DecodeShape shape{16, 1000, 0};
  EXPECT_NEAR(to_seconds(cost->step({{}, shape, {}, 8}).total()), 21.544e-3, 1e-9);
  EXPECT_NEAR(to_seconds(cost->decode_with(16, 8).at(shape).total()), 21.544e-3, 1e-9);
  EXPECT_EQ(cost->step({{}, shape, {}, 0}).total(), cost->decode(16).at(shape).total());
  EXPECT_NEAR(to_seconds(cost->step({{}, shape}).total()), 20e-3, 1e-12);
}

// Two rows of one adapter count once; the step in which the other's request is gone counts it no more.
TEST(GoldenAdapters, L3RowsOfOneAdapterCountOnce) {
  const ServedAdapters run(with_slots(2, 2, 2), {{0, 4, 4}, {0, 4, 4}, {1, 4, 2}}, 0.1);
  EXPECT_EQ(run.step(1), Duration{1'200'000});
  EXPECT_EQ(run.step(2), Duration{1'200'000});
  EXPECT_EQ(run.step(3), Duration{1'100'000});
}

// The same 64 tokens for two adapters are two contents; for the same adapter one.
TEST(GoldenAdapters, L4AdaptersShareNoPrefixes) {
  EngineConfig engine = with_slots(2, 2, 2);
  engine.enable_prefix_caching = true;
  EXPECT_EQ(ServedAdapters(engine, {{0, 65, 1, 0, 0}, {1, 65, 1, 5, 0}, {-1, 65, 1, 10, 0}}).prefix_hits, 0);
  EXPECT_EQ(ServedAdapters(engine, {{0, 65, 1, 0, 0}, {0, 65, 1, 5, 0}}).prefix_hits, 64);
}

// Preempted, a request keeps its adapter only while others of it run: a comes back into a slot when it is admitted
// again.
TEST(GoldenAdapters, L5APreemptedRequestWaitsForASlotAgain) {
  EngineConfig engine = with_slots(1, 1, 2, {2 * kMillisecond, 2 * kMillisecond});
  engine.num_gpu_blocks = 1 + 3;
  engine.max_model_len = 48;
  engine.scheduler_reserve_full_isl = true;
  // Both need a third block when 32 tokens are cached; the younger goes and is admitted again when the elder has ended.
  const ServedAdapters run(engine, {{0, 16, 20}, {0, 8, 20, .5}});
  ASSERT_EQ(run.seen.records.size(), 2u);
  EXPECT_EQ(run.seen.by_index()[1].preemptions, 1);
  EXPECT_EQ(run.adapters.loads, 1);  // it stayed in its slot: nobody else wanted one
}

// Two replicas: a and b find theirs again; c goes where the fewest are; six requests of a wait for each other on one
// replica until it has more than the threshold's two requests more than the other.
TEST(GoldenAdapters, L6ARouterSendsRequestsWhereTheirAdapterIs) {
  const auto loads = [](const char* router, double threshold, const std::vector<Asked>& all) {
    EngineConfig engine = with_slots(2, 2, 3);
    std::vector<Request> requests;
    for (const Asked& a : all) {
      Request r;
      r.arrival = TimePoint{duration_from_seconds(a.arrival_ms * 1e-3)};
      r.adapter = a.adapter;
      r.prompt_tokens = a.prompt;
      r.output_tokens = r.max_tokens = a.output;
      requests.push_back(r);
    }
    SimulationConfig config;
    config.engine = engine;
    config.cluster.replicas = 2;
    config.cluster.router = router;
    config.cluster.routing.balance_abs_threshold = threshold;
    const StubCost cost;
    const auto source = make_fixed_source(requests);
    Recorder seen;
    std::vector<std::int64_t> both;
    for (const ReplicaTotals& r : simulate(config, *source, cost, seen).replicas) both.push_back(r.adapters.loads);
    return both;
  };
  const std::vector<Asked> turns = {{0, 4, 2, 0},  {1, 4, 2, .1}, {0, 4, 2, 10}, {0, 4, 2, 20},
                                    {1, 4, 2, 30}, {1, 4, 2, 40}, {2, 4, 2, 50}};
  EXPECT_THAT(loads("lora_affinity", 64, turns), ElementsAre(2, 1));
  EXPECT_THAT(loads("round_robin", 64, turns), ElementsAre(3, 2));
  const std::vector<Asked> crowd(6, {0, 4, 20, 0});
  EXPECT_THAT(loads("lora_affinity", 64, crowd), ElementsAre(1, 1));  // all at once: nobody has it yet
  std::vector<Asked> later = {{0, 4, 20, 0}};
  for (int i = 1; i < 6; ++i) later.push_back({0, 4, 20, 2.0 + .1 * i});
  EXPECT_THAT(loads("lora_affinity", 64, later), ElementsAre(1, 0));
  EXPECT_THAT(loads("lora_affinity", 2, later), ElementsAre(1, 1));
}

}  // namespace
}  // namespace foretoken::test
