// Seams between pools: a request is prefilled in one, handed over, and decoded in another; nothing is lost on the way.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <numeric>

#include "serving/clients/clients.hpp"
#include "support/how_many.hpp"
#include "support/invariants.hpp"
#include "support/pooled_run.hpp"
#include "support/random_pools.hpp"

namespace foretoken::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Duration kMillisecond{1'000'000};

TimePoint at_ms(std::int64_t ms) {
  return TimePoint{ms * kMillisecond};
}
std::int64_t ms(TimePoint t) {
  return t.time_since_epoch() / kMillisecond;
}
std::int64_t part_ms(const Attribution& parts, AttributionPart part) {
  return parts[static_cast<std::size_t>(part)] / kMillisecond;
}

Request request(std::int64_t index, std::int32_t prompt, std::int32_t output) {
  Request r;
  r.index = index;
  r.prompt_tokens = prompt;
  r.output_tokens = r.max_tokens = output;
  return r;
}

// Steps of 100 ms where requests are prefilled, of 20 ms where they go on.
struct TwoPools {
  StubCost slow{StubTerms{0.1}};
  StubCost fast{StubTerms{0.02}};
  PoolsConfig config;

  explicit TwoPools(FirstToken first_token) {
    EngineConfig engine;
    engine.max_model_len = 1000;
    engine.num_gpu_blocks = 1000;
    config.pools.push_back({PoolRole::prefill, first_token, engine, {}, &slow});
    config.pools.push_back({PoolRole::decode, FirstToken::where_prefilled, engine, {}, &fast});
  }
};

// A prompt of 100 ms, a transfer of 30 ms, steps of 20 ms: tokens at 100, 150, 170 and 190 ms.
TEST(Pools, HandOverAfterTheFirstTokenShowsTheTransferInTheFirstGap) {
  TwoPools pools(FirstToken::where_prefilled);
  const auto source = make_fixed_source({request(0, 64, 4)});
  const PooledRun run = run_pools(pools.config, *source, false, with_transport({}, 30 * kMillisecond));
  ASSERT_EQ(run.seen.records.size(), 1u);
  const RequestRecord& r = run.seen.records.front();
  EXPECT_EQ(ms(r.scheduled), 0);
  EXPECT_EQ(ms(r.first_token), 100);
  EXPECT_EQ(ms(r.finish), 190);
  EXPECT_EQ(r.replica, 1);
  EXPECT_EQ(run.seen.gaps, (std::map<std::int64_t, std::int64_t>{{20'000'000, 2}, {50'000'000, 1}}));
  EXPECT_EQ(part_ms(r.ttft_parts, AttributionPart::kv_transfer), 0);
  EXPECT_EQ(part_ms(r.e2e_parts, AttributionPart::kv_transfer), 30);
}

// F.2, 2: tokens at 150, 170, 190 and 210 ms; the decode pool begins with one row over all but the last token.
TEST(Pools, HandOverBeforeTheFirstTokenComputesTheLastPromptTokenAgain) {
  TwoPools pools(FirstToken::where_decoded);
  const auto source = make_fixed_source({request(0, 64, 4)});
  const PooledRun run = run_pools(pools.config, *source, false, with_transport({}, 30 * kMillisecond));
  ASSERT_EQ(run.seen.records.size(), 1u);
  const RequestRecord& r = run.seen.records.front();
  EXPECT_EQ(ms(r.first_token), 150);
  EXPECT_EQ(ms(r.finish), 210);
  EXPECT_EQ(part_ms(r.ttft_parts, AttributionPart::kv_transfer), 30);
  EXPECT_THAT(run.seen.schedule(), ElementsAre("64 | 0", "1+63 | 0", "| 1"));
  EXPECT_EQ(run.outcome.replicas[1].prefill_tokens, 1);
}

// F.2, 25.
TEST(Pools, ARequestOfOneTokenEndsWhereItsTokenComesOut) {
  for (const FirstToken first_token : {FirstToken::where_prefilled, FirstToken::where_decoded}) {
    TwoPools pools(first_token);
    const auto source = make_fixed_source({request(0, 64, 1)});
    const PooledRun run = run_pools(pools.config, *source, false, with_transport({}, 30 * kMillisecond));
    const bool stays = first_token == FirstToken::where_prefilled;
    EXPECT_EQ(run.outcome.replicas[1].steps, stays ? 0 : 1);
    EXPECT_EQ(ms(run.seen.records.at(0).finish), stays ? 100 : 150);
  }
}

// F.2, 13: 10 blocks, prompts of 4 blocks, one at a time; how long each is pinned is the transport's.
TEST(Pools, APrefillReplicaWaitsWhileItsBlocksAreHeldForThoseWhoWentOn) {
  class Slow final : public Transport {
   public:
    Duration to_replica(const Request&, int) override { return {}; }
    Duration of_kv(const HandOver& what, int) override {
      constexpr std::int64_t kThere[] = {150, 550, 600, 900};
      return at_ms(kThere[what.request.index]) - what.since;
    }
  };
  TwoPools pools(FirstToken::where_prefilled);
  EngineConfig& engine = pools.config.pools.front().engine;
  engine.num_gpu_blocks = 11;
  engine.max_model_len = 70;
  engine.max_num_seqs = 1;
  const auto source = make_fixed_source({request(0, 64, 3), request(1, 64, 3), request(2, 64, 3), request(3, 64, 3)});
  ClusterSeams seams;
  seams.transport = std::make_unique<Slow>();
  const PooledRun run = run_pools(pools.config, *source, false, std::move(seams));
  std::vector<std::int64_t> scheduled;
  for (const RequestRecord& r : run.seen.by_index()) scheduled.push_back(ms(r.scheduled));
  EXPECT_THAT(scheduled, ElementsAre(0, 100, 200, 550));
  EXPECT_EQ(run.outcome.replicas[0].peak_kv_blocks, 8);
  for (const ReplicaTotals& rank : run.outcome.replicas) EXPECT_EQ(rank.kv_blocks_at_end, 0);
}

TEST(Pools, ARequestReachesItsReplicaLaterThanItWasRouted) {
  StubCost cost(StubTerms{0.02});
  PoolsConfig config;
  EngineConfig engine;
  engine.num_gpu_blocks = 1000;
  config.pools.push_back({PoolRole::both, FirstToken::where_prefilled, engine, {3, "round_robin"}, &cost});
  const auto source = make_fixed_source({request(0, 64, 2), request(1, 64, 2), request(2, 64, 2)});
  const PooledRun run = run_pools(config, *source, false, with_transport(7 * kMillisecond, {}));
  std::vector<std::int64_t> scheduled;
  for (const RequestRecord& r : run.seen.by_index()) scheduled.push_back(ms(r.scheduled));
  EXPECT_THAT(scheduled, ElementsAre(7, 14, 21));
}

TEST(Pools, ThatARequestCouldNotGoThroughAreRefused) {
  const auto source = make_fixed_source({request(0, 64, 2)});
  Recorder seen;
  EXPECT_THROW((void)simulate(PoolsConfig{}, *source, seen), InternalError);
  for (const std::size_t missing : {0u, 1u}) {
    TwoPools pools(FirstToken::where_prefilled);
    pools.config.pools.erase(pools.config.pools.begin() + static_cast<std::ptrdiff_t>(missing));
    EXPECT_THROW((void)simulate(pools.config, *source, seen), InternalError);
  }
}

// A policy from outside the table: one request at a time, and it writes down what came along with it.
class OneAtATime final : public BatchingPolicy {
 public:
  explicit OneAtATime(std::vector<std::int64_t>& carried) : carried_(carried) {}
  void schedule(const ScheduleCall& call, StepPlan& plan) override {
    SchedulerState& s = call.state;
    while (s.decode_blocks_needed() > s.free_blocks()) call.preempt(s.last_running());
    if (s.running() > 0) {
      plan.blocked = s.waiting().head() == nullptr ? Blocked::nothing : Blocked::seats;
      return;
    }
    const Waiting* head = s.waiting().head();
    if (head == nullptr) return;
    const PrefixMatch match = s.match_head();
    const std::int64_t known =
        head->resumed == kNoRequest ? head->request.prompt_tokens : s[head->resumed].known_tokens();
    const RequestId id = call.admit(match);
    s.take_blocks(id, known);
    plan.chunks.push_back({id, known - match.tokens});
    carried_.push_back(match.tokens);
  }
  bool may_change_plan(const SchedulerState&) const override { return false; }
  bool can_serve(const SchedulerState&, const Request&) const override { return true; }

 private:
  std::vector<std::int64_t>& carried_;
};

TEST(Pools, APolicyFromOutsideSeesWhatCameAlong) {
  TwoPools pools(FirstToken::where_decoded);
  std::vector<std::int64_t> carried;
  ClusterSeams seams = with_transport({}, 30 * kMillisecond);
  int made = 0;
  seams.make_policy = [&](const EngineConfig& engine) {
    return made++ == 0 ? make_engine_policy(engine) : EnginePolicy{std::make_unique<OneAtATime>(carried)};
  };
  const auto source = make_fixed_source({request(0, 64, 5), request(1, 40, 5), request(2, 1, 5)});
  const PooledRun run = run_pools(pools.config, *source, false, std::move(seams));
  EXPECT_THAT(carried, ElementsAre(63, 39, 0));
  // Prefilled together at 100 ms, they are there at 130 and take five steps of 20 ms each in turn.
  std::vector<std::int64_t> finish;
  for (const RequestRecord& r : run.seen.by_index()) finish.push_back(ms(r.finish));
  EXPECT_THAT(finish, ElementsAre(230, 330, 430));
  EXPECT_EQ(part_ms(run.seen.by_index()[2].e2e_parts, AttributionPart::queue), 200);
}

TEST(Pools, DecodeWhatTheyHaveLostByThemselves) {
  TwoPools pools(FirstToken::where_prefilled);
  EngineConfig& engine = pools.config.pools.back().engine;
  engine.num_gpu_blocks = 13;  // two prompts of 4 blocks, and not their outputs
  engine.max_model_len = 160;
  const auto source = make_fixed_source({request(0, 64, 80), request(1, 64, 80)});
  const PooledRun run = run_pools(pools.config, *source, false, with_transport({}, 30 * kMillisecond));
  EXPECT_EQ(run.outcome.finished, 2);
  EXPECT_GT(run.outcome.replicas[1].preemptions, 0);
  EXPECT_EQ(run.outcome.replicas[0].prefill_tokens, 128) << "a preempted request went back";
  EXPECT_GT(run.outcome.replicas[1].prefill_tokens, 64);
}

// ---- random pools ----

std::string first_difference(const std::string& a, const std::string& b) {
  const auto at = static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const auto begin = a.rfind('\n', at) + 1;
  return "\n" + a.substr(begin, a.find('\n', at) - begin) + "\n" + b.substr(begin, b.find('\n', at) - begin);
}

TEST(Pools, OfAnyKindGiveTheSameBytesInStretchesAndStepByStep) {
  std::size_t spans = 0, steps = 0;
  for (int seed = 0; seed < how_many_scenarios(2000); ++seed) {
    const RandomPools pools(static_cast<std::uint64_t>(seed));
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const auto run = [&](bool step_by_step) {
      const auto source = pools.run.source();
      return run_pools(pools.config, *source, step_by_step, pools.seams());
    };
    const PooledRun stretches = run(false);
    const PooledRun oracle = run(true);
    if (stretches.text() != oracle.text())
      FAIL() << "seed " << seed << ": " << first_difference(stretches.text(), oracle.text());
    if (pools.has_tiers()) continue;  // while somebody waits for them steps go one by one
    spans += stretches.seen.steps.size();
    steps += oracle.seen.steps.size();
  }
  EXPECT_LT(2 * spans, steps) << "stretches did not happen";
}

// Clients leave wherever their requests are: in a queue, in a step, between two pools, while a KV cache is on its way.
TEST(Pools, WithClientsThatLeaveAreTheSameInStretchesAndLoseNothing) {
  std::int64_t left = 0, had_tokens = 0, stranded = 0, finished = 0;
  for (int seed = first_scenario(); seed < how_many_scenarios(1000); ++seed) {
    RandomPools pools(static_cast<std::uint64_t>(seed));
    ClientConfig& clients = pools.config.clients;
    clients.on = true;
    clients.seed = pools.run.seed;
    clients.abort_share = 0.4;
    clients.patience = Duration{1 + seed % 11 * 15'000'000};
    clients.patience_is_exponential = seed % 3 > 0;
    const auto run = [&](bool step_by_step) {
      const auto source = pools.run.source();
      PoolsConfig config = pools.config;
      config.step_by_step = step_by_step;
      PooledRun one;
      Clients between(clients, *source, one.seen);
      ClusterSeams seams = pools.seams();
      seams.clients = &between;
      one.outcome = run_cluster(config, between, between, nullptr, std::move(seams));
      between.end(one.outcome);
      return one;
    };
    const PooledRun stretches = run(false), oracle = run(true);
    if (stretches.text() != oracle.text())
      FAIL() << "seed " << seed << ": " << first_difference(stretches.text(), oracle.text());
    ASSERT_EQ(stretches.outcome.transfers, oracle.outcome.transfers) << "seed " << seed;
    ASSERT_EQ(static_cast<std::int64_t>(oracle.seen.records.size()), oracle.outcome.arrived) << "seed " << seed;
    for (const RequestRecord& r : oracle.seen.records) {
      Duration sum{};
      for (const Duration part : r.e2e_parts) sum += part;
      ASSERT_EQ(sum, r.finish - r.request.arrival) << "seed " << seed << ", request " << r.request.index;
    }
    for (const ReplicaTotals& rank : oracle.outcome.replicas) ASSERT_EQ(rank.kv_blocks_at_end, 0) << "seed " << seed;
    left += oracle.outcome.aborted;
    finished += oracle.outcome.finished;
    had_tokens += oracle.outcome.clients.aborted_output_tokens > 0 ? 1 : 0;
    stranded += pools.config.hand_over.failure_probability == 0 ? oracle.outcome.transfers.expired : 0;
  }
  std::cout << left << " of " << left + finished << " requests left, in " << had_tokens
            << " runs after tokens, of whom " << stranded << " had blocks that nobody asked for\n";
  EXPECT_GT(left, 1000);
  EXPECT_GT(had_tokens, 50);
}

// ... while their images are encoded too.
TEST(Pools, WithEncodersAndClientsThatLeaveAreTheSameInStretchesAndLoseNothing) {
  std::int64_t left = 0;
  for (int seed = 0; seed < how_many_scenarios(300); ++seed) {
    RandomPools pools(static_cast<std::uint64_t>(seed));
    if (pools.run.media.empty() || pools.run.loop) continue;
    std::erase_if(pools.config.pools, [](const PoolConfig& pool) { return pool.role == PoolRole::decode; });
    for (PoolConfig& pool : pools.config.pools)
      if (pool.role == PoolRole::prefill) pool.role = PoolRole::both, pool.first_token = FirstToken::where_prefilled;
    ClientConfig& clients = pools.config.clients;
    clients.on = true;
    clients.seed = pools.run.seed;
    clients.abort_share = 0.5;
    clients.patience = Duration{1 + seed % 7 * 5'000'000};
    const auto run = [&](bool step_by_step) {
      const auto source = pools.run.source();
      pools.config.step_by_step = step_by_step;
      PooledRun one;
      one.outcome = simulate(pools.config, *source, one.seen);
      return one;
    };
    const PooledRun stretches = run(false), oracle = run(true);
    if (stretches.text() != oracle.text())
      FAIL() << "seed " << seed << ": " << first_difference(stretches.text(), oracle.text());
    ASSERT_EQ(oracle.seen.records.size(), pools.run.requests.size()) << "seed " << seed;
    for (const ReplicaTotals& rank : oracle.outcome.replicas) ASSERT_EQ(rank.kv_blocks_at_end, 0) << "seed " << seed;
    left += oracle.outcome.aborted;
  }
  EXPECT_GT(left, 100);
}

TEST(Pools, OfAnyKindLoseNoRequestNoTokenAndNoBlock) {
  std::int64_t moved = 0, preempted_after = 0, took_time = 0, loads = 0;
  for (int seed = 0; seed < how_many_scenarios(2000); ++seed) {
    const RandomPools pools(static_cast<std::uint64_t>(seed));
    const auto source = pools.run.source();
    RunLog log = log_pools(pools.config, *source, pools.seams());
    log.finds_prompts = pools.waits_in_steps();
    log.on_arrival = pools.config.pools.front().first_token == FirstToken::on_arrival;
    log.ways_take_time = pools.to_replica > Duration{} || !pools.run.media.empty() ||
                         pools.config.hand_over.reserve == HandOverRules::Reserve::before_prefill;
    const auto holds = [&](Violations violations) { ASSERT_THAT(violations, IsEmpty()) << "seed " << seed; };
    holds(inv_1_requests_are_conserved(log));
    holds(inv_2_only_allowed_lifecycle_edges(log));
    holds(inv_3_clock_is_monotone(log));
    holds(inv_5_times_of_a_request_are_ordered(log));
    holds(inv_8_tokens_are_conserved(log));
    holds(inv_12_parts_sum_to_the_total(log));
    holds(inv_13_littles_law(log));
    if (HasFailure()) return;
    for (const ReplicaTotals& rank : log.outcome.replicas) ASSERT_EQ(rank.kv_blocks_at_end, 0) << "seed " << seed;
    for (std::size_t i = 0; i < log.outcome.replicas.size(); ++i) {
      if (pools.role_of(i) == PoolRole::decode) loads += log.outcome.replicas[i].kv_tiers.loads;
    }
    for (const LogEvent& event : log.events) {
      const auto* edge = std::get_if<LifecycleEvent>(&event);
      if (edge != nullptr && edge->edge == LifecycleEdge::reached) ++moved;
    }
    for (const RequestRecord& r : finished(log)) {
      const auto transfer = r.e2e_parts[static_cast<std::size_t>(AttributionPart::kv_transfer)];
      took_time += transfer > Duration{} ? 1 : 0;
      // Of chunks a part is hidden, or they queue for each other; what comes from KV tiers takes its own time.
      if (!pools.config.hand_over.in_chunks && !pools.over_links && !pools.waits_in_steps() && !pools.has_tiers()) {
        ASSERT_TRUE(transfer == Duration{} || transfer == pools.of_kv) << "seed " << seed;
      }
      preempted_after += r.preemptions > 0 && transfer > Duration{} ? 1 : 0;
    }
  }
  std::cout << moved << " hand-overs, " << took_time << " of them took time, " << preempted_after
            << " of those were preempted; where requests decode tiers brought " << loads << '\n';
  EXPECT_GT(moved, 2500);
  EXPECT_GT(took_time, 1000);
  EXPECT_GT(preempted_after, 50);
  EXPECT_GT(loads, 100);
}

// Blocks between pools of one size; invariant 4 bounds them from the tokens that lie there.
TEST(Pools, HoldTheBlocksOfTheTokensThatLieInThem) {
  for (int seed = 0; seed < how_many_scenarios(2000); ++seed) {
    RandomPools pools(static_cast<std::uint64_t>(seed));
    for (PoolConfig& pool : pools.config.pools) pool.engine = pools.run.config.engine;
    const auto source = pools.run.source();
    RunLog log = log_pools(pools.config, *source, pools.seams());
    log.finds_prompts = pools.waits_in_steps();
    ASSERT_THAT(inv_4_kv_blocks_are_conserved(log), IsEmpty()) << "seed " << seed;
  }
}

// With no way to go and one engine idle, every token that a prefill pool puts out first comes when one pool would
// have put it out.
TEST(Pools, WithoutAWayToGoAreAsFastAsOne) {
  const StubCost cost(StubTerms{0.02});
  EngineConfig engine;
  engine.num_gpu_blocks = 1000;
  PoolsConfig two;
  two.pools.push_back({PoolRole::prefill, FirstToken::where_prefilled, engine, {}, &cost});
  two.pools.push_back({PoolRole::decode, FirstToken::where_prefilled, engine, {}, &cost});
  PoolsConfig one;
  one.pools.push_back({PoolRole::both, FirstToken::where_prefilled, engine, {}, &cost});
  const std::vector<Request> requests{request(0, 300, 20)};
  const PooledRun in_two = run_pools(two, *make_fixed_source(requests), false);
  const PooledRun in_one = run_pools(one, *make_fixed_source(requests), false);
  EXPECT_EQ(in_two.seen.records.at(0).first_token, in_one.seen.records.at(0).first_token);
  EXPECT_EQ(in_two.seen.records.at(0).finish, in_one.seen.records.at(0).finish);
  EXPECT_EQ(in_two.seen.gaps, in_one.seen.gaps);
  two.pools.front().first_token = FirstToken::where_decoded;
  const PooledRun again = run_pools(two, *make_fixed_source(requests), false);
  EXPECT_EQ(again.seen.records.at(0).finish, in_one.seen.records.at(0).finish + 20 * kMillisecond);
}

}  // namespace
}  // namespace foretoken::test
