// Attention data parallelism worked out by hand (src/serving/README.md, "Golden schedules", by number): who gets
// a request, how long a step of a group takes, when a wave of dummy steps ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "serving/engines/engine_profile.hpp"
#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kMillisecond = 1'000'000;

std::vector<Request> prompts(std::initializer_list<Request> list) {
  std::vector<Request> requests(list);
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i].index = static_cast<std::int64_t>(i);
  return requests;
}

Request prompt(std::int32_t tokens, std::int32_t output, std::int64_t arrival_ns = 0) {
  Request r;
  r.arrival = TimePoint{Duration{arrival_ns}};
  r.prompt_tokens = tokens;
  r.output_tokens = r.max_tokens = output;
  return r;
}

struct GroupRun {
  Recorder seen;
  SimulationOutcome outcome;
  GroupRun(const std::string& engine, int ranks, const std::vector<Request>& requests, const StubTerms& terms,
           EngineConfig engine_config = {}) {
    SimulationConfig config;
    config.engine = std::move(engine_config);
    config.engine.name = engine;
    config.engine.data_parallel_size = ranks;
    config.engine.num_gpu_blocks = 10'000;
    const auto source = make_fixed_source(requests);
    outcome = simulate(config, *source, StubCost(terms), seen);
  }
  // When a request's prefill began, in steps of 1 ms since the first.
  [[nodiscard]] std::int64_t scheduled(std::size_t request) const { return ms(seen.by_index()[request].scheduled); }
  [[nodiscard]] std::vector<std::string> steps() const {
    std::vector<std::string> lines;
    for (const Recorder::Step& s : seen.steps) {
      std::int64_t prefill = 0;
      for (const PrefillChunk& c : s.prefill) prefill += c.new_tokens;
      lines.push_back(
          fmt::format("rank {}: {} to {} ms, {} + {}", s.replica, ms(s.begin), ms(s.end), prefill, s.decode_rows));
    }
    return lines;
  }
  static std::int64_t ms(TimePoint t) { return t.time_since_epoch().count() / kMillisecond; }
};

TEST(GoldenGroups, G17VllmSendsARequestWhereFourTimesWaitingPlusRunningIsLeast) {
  const auto balance = find_engine("vllm-v1").make_balance({});
  const std::vector<RankLoad> loads{{0, 5}, {1, 0}, {0, 4}};
  // Scores 5, 4, 4: the first of the smallest. Then rank 1 counts as (2, 0) = 8, and rank 2 has 4.
  EXPECT_EQ(balance->choose(loads, 0, TimePoint{}), 1);
  EXPECT_EQ(balance->choose(loads, 0, TimePoint{}), 2);
  // Rank 2 is (1, 4) = 8 by the front end's own count; what the ranks report meanwhile is not heard for 100 ms.
  const std::vector<RankLoad> later{{9, 5}, {0, 0}, {0, 0}};
  EXPECT_EQ(balance->choose(later, 0, TimePoint{Duration{99 * kMillisecond}}), 0);
  EXPECT_EQ(balance->choose(later, 0, TimePoint{Duration{100 * kMillisecond}}), 1);
}

// 10, 9 and 9, and what is sent counts four more each.
TEST(GoldenGroups, G17SixRequestsBeforeTheNextReport) {
  const auto balance = find_engine("vllm-v1").make_balance({});
  const std::vector<RankLoad> reported{{0, 10}, {2, 1}, {1, 5}};
  std::vector<int> chosen;
  for (int i = 0; i < 6; ++i) chosen.push_back(balance->choose(reported, 0, TimePoint{}));
  EXPECT_EQ(chosen, (std::vector{1, 2, 0, 1, 2, 0}));
}

EngineConfig vllm_with_groups(std::string version, int servers) {
  EngineConfig engine;
  engine.version = std::move(version);
  engine.api_server_count = servers;
  return engine;
}

// R10: each front end begins at its share of the ranks, and counts what it sends for all of them.
TEST(GoldenGroups, R10FrontEndsBeginApart) {
  const auto balance = find_engine("vllm-v1").make_balance(vllm_with_groups("0.19", 2));
  const std::vector<RankLoad> idle(4);
  // Which front end a connection gets is chance: the first choices of both are told apart by where they begin.
  std::map<int, std::vector<int>> chosen_from;
  std::map<std::int64_t, int> begins;
  for (std::int64_t i = 0; i < 200; ++i) {
    const int first = find_engine("vllm-v1").make_balance(vllm_with_groups("0.19", 2))->choose(idle, i, TimePoint{});
    begins[i] = first;
  }
  for (std::int64_t i = 0; i < 200; ++i) {
    std::vector<int>& chosen = chosen_from[begins[i]];
    if (chosen.size() < 6) chosen.push_back(balance->choose(idle, i, TimePoint{}));
  }
  EXPECT_EQ(chosen_from.size(), 2u);
  EXPECT_EQ(chosen_from[0], (std::vector{0, 1, 2, 3, 0, 1}));
  EXPECT_EQ(chosen_from[2], (std::vector{2, 3, 0, 1, 2, 3}));
}

// Brings the front end's own count to these, all idle and known anew later.
std::unique_ptr<RankBalance> with_in_flight(const std::vector<std::int64_t>& counts) {
  auto balance = find_engine("vllm-v1").make_balance(vllm_with_groups("0.24", 1));
  const std::vector<RankLoad> idle(counts.size());
  const std::int64_t most = *std::max_element(counts.begin(), counts.end());
  std::vector<std::vector<std::int64_t>> sent(counts.size());
  const std::int64_t all = most * static_cast<std::int64_t>(counts.size());
  for (std::int64_t i = 0; i < all; ++i)
    sent[static_cast<std::size_t>(balance->choose(idle, 1000 + i, TimePoint{}))].push_back(1000 + i);
  for (std::size_t rank = 0; rank < counts.size(); ++rank) {
    for (std::int64_t i = counts[rank]; i < most; ++i) balance->left(sent[rank][static_cast<std::size_t>(i)]);
  }
  return balance;
}

std::vector<int> next_choices(RankBalance& balance, const std::vector<RankLoad>& loads, int requests) {
  std::vector<int> chosen;
  for (int i = 0; i < requests; ++i)
    chosen.push_back(balance.choose(loads, i, TimePoint{Duration{kMillisecond * 500}}));
  return chosen;
}

// R11: 10, 3 and 6 + 2.4 for the one that waits where nine tenths of the KV cache are in use.
TEST(GoldenGroups, R11FromRelease24ItsOwnRequestsCountAndAFullKvCache) {
  const auto balance = with_in_flight({10, 3, 6});
  EXPECT_EQ(next_choices(*balance, {{0, 10, .5}, {2, 1, .5}, {1, 5, .9}}, 8), (std::vector{1, 1, 1, 1, 1, 1, 2, 1}));
}

// R12: what ranks report is too old to show its own five, and ties go round.
TEST(GoldenGroups, R12FromRelease24ItsOwnRequestsSurviveOldReports) {
  const auto balance = with_in_flight({5, 0, 0});
  EXPECT_EQ(next_choices(*balance, std::vector<RankLoad>(3), 6), (std::vector{1, 2, 2, 1, 1, 2}));
}

TEST(GoldenGroups, OtherEnginesBalanceByRankInTurnOrByTheFewestRequests) {
  const auto in_turn = find_engine("sglang").make_balance({});
  const auto fewest = find_engine("tensorrt-llm").make_balance({});
  const std::vector<RankLoad> loads{{3, 1}, {0, 3}, {2, 1}};
  EXPECT_EQ(in_turn->choose(loads, 0, TimePoint{}), 0);
  EXPECT_EQ(in_turn->choose(loads, 0, TimePoint{}), 1);
  EXPECT_EQ(in_turn->choose(loads, 0, TimePoint{}), 2);
  EXPECT_EQ(in_turn->choose(loads, 0, TimePoint{}), 0);
  EXPECT_EQ(fewest->choose(loads, 0, TimePoint{}), 1) << "3 requests there and on rank 2: the first";
}

// 0.1 ms per prefill token: 100 tokens take 10 ms, 400 take 40 ms.
TEST(GoldenGroups, G18EveryRankTakesAsLongAsTheSlowestAndTheIdleOneTakesPart) {
  StubTerms terms;
  terms.base = 0;
  terms.per_prefill_token = 1e-4;
  terms.per_row = 1e-3;
  const GroupRun run("vllm-v1", 3, prompts({prompt(100, 2), prompt(400, 2)}), terms);
  EXPECT_THAT(run.steps(), ElementsAre("rank 0: 0 to 40 ms, 100 + 0", "rank 1: 0 to 40 ms, 400 + 0",
                                       "rank 0: 40 to 41 ms, 0 + 1", "rank 1: 40 to 41 ms, 0 + 1"));
  const auto records = run.seen.by_index();
  const auto part = [&](AttributionPart p) {
    return records[0].ttft_parts[static_cast<std::size_t>(p)].count() / kMillisecond;
  };
  EXPECT_EQ(part(AttributionPart::prefill_compute), 10);
  EXPECT_EQ(part(AttributionPart::communication), 30) << "the wait for rank 1";
  ASSERT_EQ(run.outcome.replicas.size(), 3u);
  EXPECT_EQ(run.outcome.replicas[2].steps, 0);
}

TEST(GoldenGroups, ARequestThatFindsItsRankIdleWaitsForTheGroupsStep) {
  StubTerms terms;
  terms.base = 10e-3;
  const GroupRun run("sglang", 2, prompts({prompt(10, 3), prompt(10, 1, 5 * kMillisecond)}), terms);
  EXPECT_THAT(run.steps(), ElementsAre("rank 0: 0 to 10 ms, 10 + 0", "rank 0: 10 to 20 ms, 0 + 1",
                                       "rank 1: 10 to 20 ms, 10 + 0", "rank 0: 20 to 30 ms, 0 + 1"));
}

// Every step takes 1 ms. A request of 70 tokens ends the group's work at counter 70: dummy steps
// follow until counter 96, at 96 ms.
TimePoint first_scheduled_after_wave(std::int64_t arrival_ns) {
  const GroupRun run("vllm-v1", 2, prompts({prompt(10, 70), prompt(10, 1, arrival_ns)}), StubTerms{});
  return run.seen.by_index()[1].scheduled;
}

TEST(GoldenGroups, G51DummyStepsRunUntilTheNextCheckOfTheWave) {
  EXPECT_EQ(first_scheduled_after_wave(75'500'000), TimePoint{Duration{76'000'000}});
  EXPECT_EQ(first_scheduled_after_wave(95'000'001), TimePoint{Duration{96'000'000}}) << "the last dummy step";
  EXPECT_EQ(first_scheduled_after_wave(96'000'000), TimePoint{Duration{96'000'000}});
  EXPECT_EQ(first_scheduled_after_wave(96'200'000), TimePoint{Duration{96'200'000}}) << "the group is idle";
  // The other engines do not idle in waves.
  const GroupRun sglang("sglang", 2, prompts({prompt(10, 70), prompt(10, 1, 75'500'000)}), StubTerms{});
  EXPECT_EQ(sglang.seen.by_index()[1].scheduled, TimePoint{Duration{75'500'000}});
}

TEST(GoldenGroups, AWaveGoesOnWhenARequestComesDuringIt) {
  // The second request runs at 76 to 77 ms (counter 77); dummies go on until 96, also for a third one.
  const GroupRun run(
      "vllm-v1", 2,
      prompts({prompt(10, 70), prompt(10, 1, 75'500'000), prompt(10, 1, 90'300'000), prompt(10, 1, 97'300'000)}),
      StubTerms{});
  const auto records = run.seen.by_index();
  EXPECT_EQ(records[2].scheduled, TimePoint{Duration{91'000'000}});
  EXPECT_EQ(records[3].scheduled, TimePoint{Duration{97'300'000}});
}

TEST(GoldenGroups, AnEndOfTheRunIsTheLastFinishNotTheLastDummyStep) {
  const GroupRun run("vllm-v1", 2, prompts({prompt(10, 70)}), StubTerms{});
  EXPECT_EQ(run.outcome.end, TimePoint{Duration{70 * kMillisecond}});
}

// Requests go to ranks 0, 1, 0, 1 (the fewest there). Both ranks generate from step 0 on; steps take 1 ms.
EngineConfig balanced(std::int64_t timeout, std::int64_t batching_wait) {
  EngineConfig engine;
  engine.attention_dp_enable_balance = true;
  engine.attention_dp_timeout_iters = timeout;
  engine.attention_dp_batching_wait_iters = batching_wait;
  return engine;
}

TEST(GoldenGroups, TensorrtLlmHoldsContextsUntilEveryRankHasOne) {
  // The third comes in step 2 and could start at 3; the fourth, on the other rank, comes in step 5: both start at 6.
  const auto requests = prompts({prompt(10, 40), prompt(10, 40), prompt(10, 4, 2'500'000), prompt(10, 4, 5'500'000)});
  const GroupRun balance("tensorrt-llm", 2, requests, StubTerms{}, balanced(50, 0));
  EXPECT_EQ(balance.scheduled(2), 6);
  EXPECT_EQ(balance.scheduled(3), 6);
  const GroupRun at_once("tensorrt-llm", 2, requests, StubTerms{});
  EXPECT_EQ(at_once.scheduled(2), 3);
  const GroupRun more("tensorrt-llm", 2, requests, StubTerms{}, balanced(50, 4));
  EXPECT_EQ(more.scheduled(2), 10) << "4 steps more for company";
}

TEST(GoldenGroups, TensorrtLlmHoldsContextsNoLongerThanTheTimeoutOrBesideAnIdleRank) {
  // Steps without contexts on all ranks are 1, 2, 3 ...: the eighth of them, at 8 ms, lets contexts go.
  const auto requests = prompts({prompt(10, 40), prompt(10, 40), prompt(10, 4, 2'500'000)});
  EXPECT_EQ(GroupRun("tensorrt-llm", 2, requests, StubTerms{}, balanced(8, 0)).scheduled(2), 8);
  // Rank 1 has ended at 5 ms: contexts need not wait for it.
  const auto ends = prompts({prompt(10, 40), prompt(10, 5), prompt(10, 4, 2'500'000)});
  EXPECT_EQ(GroupRun("tensorrt-llm", 2, ends, StubTerms{}, balanced(50, 0)).scheduled(2), 5);
}

}  // namespace
}  // namespace foretoken::test
