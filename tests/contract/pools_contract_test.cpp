// Seams between pools: a request is prefilled in one, handed over, and decoded in another; nothing is lost on the way.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "support/how_many.hpp"
#include "support/invariants.hpp"
#include "support/pooled_run.hpp"
#include "support/random_run.hpp"

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

struct RandomPools {
  RandomRun run;
  PoolsConfig config;
  StubCost prefill_cost;
  StubCost decode_cost;
  Duration to_replica{};
  Duration of_kv{};
  bool over_links = false;  // of the pools, in place of a way that takes the same time always

  [[nodiscard]] ClusterSeams seams() const { return over_links ? ClusterSeams{} : with_transport(to_replica, of_kv); }

  explicit RandomPools(std::uint64_t seed)
      : run(random_run(seed)), prefill_cost(run.cost), decode_cost(random_run(seed + 100'000).cost) {
    RandomStream random(seed, "random_pools");
    const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
    EngineConfig& engine = run.config.engine;
    // Engines that hand over.
    if (engine.name != "sglang" && engine.name != "tensorrt-llm") engine.name = "vllm-v1";
    constexpr FirstToken kTokens[] = {FirstToken::where_prefilled, FirstToken::on_arrival, FirstToken::where_decoded};
    const auto first_token = kTokens[pick(0, engine.name == "vllm-v1" ? 2 : 1)];
    HandOverRules& rules = config.hand_over;
    rules.commits_outputs = engine.name == "tensorrt-llm";
    rules.keeps_retracted = engine.name == "sglang";
    if (pick(0, 2) == 0 && engine.name == "sglang") rules.reserved_tokens = pick(0, 64);
    if (pick(0, 2) == 0 && first_token == FirstToken::on_arrival) {
      rules.reserve = HandOverRules::Reserve::before_prefill;
      rules.in_chunks = pick(0, 1) == 0;
    }
    if (first_token == FirstToken::where_decoded) {
      rules.needs_seat = pick(0, 1) == 0;
      if (pick(0, 1) == 0) rules.pick_up = HandOverRules::PickUp::after_step;
      if (pick(0, 1) == 0) rules.on_failure = HandOverRules::OnFailure::recompute;
    }
    if (pick(0, 3) == 0) rules.failure_probability = 0.2;
    if (pick(0, 3) == 0) rules.hop = Duration{pick(1, 5'000'000)};
    if (pick(0, 7) == 0) rules.pin_timeout = Duration{pick(1'000'000, 60'000'000)};
    const bool may_stay = engine.name == "vllm-v1" && rules.reserve == HandOverRules::Reserve::on_arrival;
    if (pick(0, 3) == 0 && may_stay) rules.local_below = pick(1, 100);
    if (pick(0, 5) == 0 && first_token == FirstToken::where_prefilled) rules.most_unstarted = 0.3;
    const auto replicas = [&] { return ClusterConfig{static_cast<int>(pick(1, 3)), "least_outstanding"}; };
    config.pools.push_back({PoolRole::prefill, first_token, engine, replicas(), &prefill_cost});
    // The same engine, so that the invariants know its rules, with a pool and seats of its own.
    EngineConfig other = engine;
    const std::int64_t longest = blocks_for(engine.max_model_len, engine.block_size);
    other.num_gpu_blocks = 1 + longest + pick(0, 4 * longest);
    other.max_num_seqs = pick(1, 20);
    config.pools.push_back({PoolRole::decode, FirstToken::where_prefilled, other, replicas(), &decode_cost});
    if (pick(0, 2) == 0) config.pools.push_back({PoolRole::both, first_token, other, replicas(), &decode_cost});
    if (engine.name == "vllm-v1" && pick(0, 2) == 0)
      bring_encoders();
    else if (first_token == FirstToken::where_decoded && pick(0, 1) == 0)
      bring_adapters(seed);
    if (pick(0, 1) == 0) to_replica = Duration{pick(0, 3'000'000)};
    if (pick(0, 3) > 0) of_kv = Duration{pick(0, 40'000'000)};
    over_links = pick(0, 2) == 0;
    if (!over_links) return;
    to_replica = {};
    if (pick(0, 1) == 0) rules.setup = Duration{pick(0, 5'000'000)};
    if (pick(0, 2) == 0) rules.core_bandwidth = pick(1'000, 100'000'000);
    for (PoolConfig& pool : config.pools) {
      if (pick(0, 4) > 0) pool.link_bandwidth = pick(1'000, 100'000'000);
      if (pick(0, 1) == 0) pool.flow_bandwidth = pick(1'000, 100'000'000);
      pool.kv_block_bytes = pick(0, 100'000);
    }
  }

  // LoRA adapters in both pools; the last seat of a request is taken through the queue.
  void bring_adapters(std::uint64_t seed) {
    RandomStream random(seed, "random_pools_adapters");
    const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
    if (run.loop) return;
    const std::int64_t adapters = pick(1, 6);
    for (PoolConfig& pool : config.pools) {
      LoraConfig& lora = pool.engine.lora;
      lora.max_loras = pick(1, 3);
      lora.max_cpu_loras = lora.max_loras + pick(0, 3);
      for (std::int64_t i = 0; i < adapters; ++i) {
        const Duration load{pick(0, 3'000'000)};
        lora.loads.push_back({load, load + Duration{pick(0, 5'000'000)}});
      }
    }
    for (Request& r : run.requests) r.adapter = static_cast<std::int16_t>(pick(-1, adapters - 1));
  }

  // Images, and replicas that compute nothing else.
  void bring_encoders() {
    RandomStream random(run.seed, "random_pools_encoders");
    const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
    if (!bring_images(run)) return;
    const EncoderConfig& encoder = run.config.engine.encoder;
    PoolConfig encodes{PoolRole::encoder,
                       FirstToken::where_prefilled,
                       run.config.engine,
                       {static_cast<int>(pick(1, 3)), pick(0, 1) == 0 ? "round_robin" : "least_outstanding"},
                       &prefill_cost};
    encodes.link_bandwidth = pick(0, 1) * 1'000'000'000;
    encodes.embedding_bytes = 1000;
    encodes.embedding_setup = Duration{pick(0, 2) * 300'000};
    for (PoolConfig& pool : config.pools) {
      pool.engine.encoder = encoder;
      pool.engine.encoder.elsewhere = true;
    }
    config.pools.insert(config.pools.begin() + pick(1, 2), encodes);  // the first is the one that logs know
  }
};

TEST(Pools, OfAnyKindGiveTheSameBytesInStretchesAndStepByStep) {
  std::size_t spans = 0, steps = 0;
  for (int seed = 0; seed < how_many_scenarios(2000); ++seed) {
    const RandomPools pools(static_cast<std::uint64_t>(seed));
    const auto run = [&](bool step_by_step) {
      const auto source = pools.run.source();
      return run_pools(pools.config, *source, step_by_step, pools.seams());
    };
    const PooledRun stretches = run(false);
    const PooledRun oracle = run(true);
    if (stretches.text() != oracle.text())
      FAIL() << "seed " << seed << ": " << first_difference(stretches.text(), oracle.text());
    spans += stretches.seen.steps.size();
    steps += oracle.seen.steps.size();
  }
  EXPECT_LT(2 * spans, steps) << "stretches did not happen";
}

TEST(Pools, OfAnyKindLoseNoRequestNoTokenAndNoBlock) {
  std::int64_t moved = 0, preempted_after = 0, took_time = 0;
  for (int seed = 0; seed < how_many_scenarios(2000); ++seed) {
    const RandomPools pools(static_cast<std::uint64_t>(seed));
    const auto source = pools.run.source();
    RunLog log = log_pools(pools.config, *source, pools.seams());
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
    for (const LogEvent& event : log.events) {
      const auto* edge = std::get_if<LifecycleEvent>(&event);
      if (edge != nullptr && edge->edge == LifecycleEdge::reached) ++moved;
    }
    for (const RequestRecord& r : finished(log)) {
      const auto transfer = r.e2e_parts[static_cast<std::size_t>(AttributionPart::kv_transfer)];
      took_time += transfer > Duration{} ? 1 : 0;
      // Of chunks a part is hidden, or they queue for each other.
      if (!pools.config.hand_over.in_chunks && !pools.over_links) {
        ASSERT_TRUE(transfer == Duration{} || transfer == pools.of_kv) << "seed " << seed;
      }
      preempted_after += r.preemptions > 0 && transfer > Duration{} ? 1 : 0;
    }
  }
  std::cout << moved << " hand-overs, " << took_time << " of them took time, " << preempted_after
            << " of those were preempted\n";
  EXPECT_GT(moved, 2500);
  EXPECT_GT(took_time, 1000);
  EXPECT_GT(preempted_after, 50);
}

// Blocks between pools of one size; invariant 4 bounds them from the tokens that lie there.
TEST(Pools, HoldTheBlocksOfTheTokensThatLieInThem) {
  for (int seed = 0; seed < how_many_scenarios(2000); ++seed) {
    RandomPools pools(static_cast<std::uint64_t>(seed));
    for (PoolConfig& pool : pools.config.pools) pool.engine = pools.run.config.engine;
    const auto source = pools.run.source();
    const RunLog log = log_pools(pools.config, *source, pools.seams());
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
