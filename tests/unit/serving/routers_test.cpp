// Routing rules on states made by hand: the cases of src/serving/README.md, "Queues and routers", by their numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include "serving/kv_cache/key_chain.hpp"
#include "serving/routing/best_of.hpp"
#include "serving/routing/hash_ring.hpp"
#include "serving/routing/load_interpretation.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken::routers_test {

using ::testing::ElementsAre;

// What each replica is like, and the share of any prompt that it has cached.
struct State {
  ReplicaSignals signals;
  double cached = 0;
};

class Made final : public ClusterView {
 public:
  explicit Made(std::vector<State> states, const std::vector<std::uint8_t>* takes = nullptr)
      : ClusterView(takes), states_(std::move(states)) {}
  int size() const override { return static_cast<int>(states_.size()); }
  TimePoint now() const override { return now_; }
  ReplicaSignals signals(int replica) const override { return states_[static_cast<std::size_t>(replica)].signals; }
  std::int64_t cached_tokens(int replica, const Request& r) const override {
    return static_cast<std::int64_t>(states_[static_cast<std::size_t>(replica)].cached * r.prompt_tokens);
  }
  void turn_to(TimePoint now) { now_ = now; }
  State& operator[](std::size_t replica) { return states_[replica]; }

 private:
  std::vector<State> states_;
  TimePoint now_{};
};

State engine(std::int64_t waiting, double kv, double cached = 0) {
  State s;
  s.signals.waiting = waiting;
  s.signals.kv_blocks = 1000;
  s.signals.kv_blocks_used = static_cast<std::int64_t>(kv * 1000);
  s.cached = cached;
  return s;
}

Request prompt(std::int32_t tokens = 1000, std::int32_t conversation = -1) {
  Request r;
  r.prompt_tokens = tokens;
  r.max_tokens = 100;
  r.conversation = conversation;
  return r;
}

struct Router {
  ClusterConfig config;
  std::unique_ptr<RoutingPolicy> policy;

  Router(const std::string& name, int replicas, RoutingConfig routing = {})
      : config{replicas, name, std::move(routing)}, policy(make_routing_policy(config)) {}
  int operator()(const ClusterView& view, const Request& r = prompt()) { return policy->choose(r, view); }
};

// Brings the router's own counts to these: where nothing is cached all get equally many, and then some leave.
void load(Router& router, const std::vector<int>& counts) {
  const int most = *std::max_element(counts.begin(), counts.end());
  const Made idle(std::vector<State>(counts.size()));
  for (std::size_t i = 0; i < counts.size() * static_cast<std::size_t>(most); ++i) (void)router(idle);
  for (std::size_t replica = 0; replica < counts.size(); ++replica) {
    for (int i = most; i > counts[replica]; --i) router.policy->left(static_cast<int>(replica), prompt());
  }
}

TEST(LlmD, AddsUpWeightedScores) {
  // 1: scores 5.4, 2.6, 0.2.
  EXPECT_EQ(Router("llm_d", 3)(Made({engine(0, .5, .8), engine(2, .2), engine(4, .9)})), 0);
  // 2: 3.2 against 3.6; with a prefix weight of 4, 4.2 against 3.6.
  const Made two({engine(4, .9, 1), engine(0, .2)});
  EXPECT_EQ(Router("llm_d", 2)(two), 1);
  RoutingConfig heavy;
  heavy.prefix_weight = 4;
  EXPECT_EQ(Router("llm_d", 2, heavy)(two), 0);
  // 3: alone.
  EXPECT_EQ(Router("llm_d", 1)(Made({engine(3, .5)})), 0);
}

TEST(LlmD, ChoosesByChanceAmongEquals) {
  Router router("llm_d", 3);
  std::map<int, int> counts;
  for (int i = 0; i < 3000; ++i) ++counts[router(Made({engine(0, 0), engine(0, 0), engine(0, 0)}))];
  for (const auto& [replica, count] : counts) EXPECT_NEAR(count, 1000, 120) << replica;
}

// 31: shares of 4 and 1; of those that take requests; of any where none of these has a weight.
TEST(RandomRouter, SharesByWeights) {
  RoutingConfig routing;
  routing.weights = {4, 0, 1};
  Router router("random", 3, routing);
  const Made view({engine(0, 0), engine(0, 0), engine(0, 0)});
  std::array<int, 3> counts{};
  for (int i = 0; i < 10'000; ++i) ++counts[static_cast<std::size_t>(router(view))];
  EXPECT_NEAR(counts[0], 8000, 160) << "four standard deviations";
  EXPECT_EQ(counts[1], 0);
  const std::vector<std::uint8_t> last{0, 1, 1}, middle{0, 1, 0};
  EXPECT_EQ(router(Made({engine(0, 0), engine(0, 0), engine(0, 0)}, &last)), 2);
  EXPECT_EQ(router(Made({engine(0, 0), engine(0, 0), engine(0, 0)}, &middle)), 1);
}

TEST(Dynamo, CountsBlocksToPrefillAndInUse) {
  // 4: a prompt of 64 blocks; 48 of them cached at A, 100 in use: 116 against 84; with 60 in use 76 against 84.
  Made view({engine(0, .1, .75), engine(0, .02)});
  EXPECT_EQ(Router("dynamo", 2)(view, prompt(1024)), 1);
  view[0].signals.kv_blocks_used = 60;
  EXPECT_EQ(Router("dynamo", 2)(view, prompt(1024)), 0);
  RoutingConfig blind;
  blind.overlap_credit = 0;
  EXPECT_EQ(Router("dynamo", 2, blind)(view, prompt(1024)), 1);
  // Prompts that are not done yet are to be prefilled too.
  view[0].signals.prefill_tokens = 160;
  EXPECT_EQ(Router("dynamo", 2)(view, prompt(1024)), 1);
}

TEST(Dynamo, DrawsFromASoftmaxWithATemperature) {
  // 5: costs 10, 20, 30 at 0.5.
  RoutingConfig warm;
  warm.temperature = 0.5;
  warm.prefill_load_scale = 0;
  Router router("dynamo", 3, warm);
  std::vector<int> counts(3, 0);
  for (int i = 0; i < 20'000; ++i)
    ++counts[static_cast<std::size_t>(router(Made({engine(0, .01), engine(0, .02), engine(0, .03)})))];
  EXPECT_NEAR(counts[0] / 20'000.0, 0.6652, 0.012);
  EXPECT_NEAR(counts[1] / 20'000.0, 0.2447, 0.012);
  EXPECT_NEAR(counts[2] / 20'000.0, 0.0900, 0.008);
}

TEST(Sglang, LeavesTheCacheWhenLoadsAreOutOfBalance) {
  // 6: (0, 65) is imbalanced, (0, 64) is not, (200, 290) is not by its factor, (100, 170) is.
  const std::map<std::vector<int>, int> cases{{{0, 65}, 0}, {{0, 64}, 1}, {{200, 290}, 1}, {{100, 170}, 0}};
  for (const auto& [counts, expected] : cases) {
    Router router("sglang", 2);
    load(router, counts);
    EXPECT_EQ(router(Made({engine(0, 0), engine(0, 0, 1)})), expected) << counts[0] << ' ' << counts[1];
  }
}

TEST(Sglang, FollowsPrefixesAboveItsThresholdOnly) {
  // 7: balanced (3, 5): 0.31 on worker 1 decides, 0.30 does not.
  for (const auto& [share, expected] : std::map<double, int>{{0.31, 1}, {0.30, 0}}) {
    Router router("sglang", 2);
    load(router, {3, 5});
    EXPECT_EQ(router(Made({engine(0, 0), engine(0, 0, share)})), expected) << share;
  }
}

// 7: worker 1 is gone, whatever it has cached.
TEST(Sglang, GoesToAHealthyWorkerWhenTheOneWithThePrefixIsGone) {
  Router router("sglang", 2);
  load(router, {3, 5});
  const std::vector<std::uint8_t> takes{1, 0};
  EXPECT_EQ(router(Made({engine(0, 0), engine(0, 0, 0.31)}, &takes)), 0);
}

TEST(Aibrix, TakesTheLongestPrefixOfReplicasOfUsualLoad) {
  // 13: counts 10 4 4 2 differ by 8: mean 5 + 3.46, so the first is too busy; 11 4 4 2 differ by 9.
  const std::vector<State> matches{engine(0, 0, 1), engine(0, 0, .5), engine(0, 0), engine(0, 0)};
  for (const auto& [first, expected] : std::map<int, int>{{10, 1}, {11, 3}}) {
    Router router("aibrix", 4);
    load(router, {first, 4, 4, 2});
    EXPECT_EQ(router(Made(matches)), expected) << first;
  }
}

TEST(ShortestQueue, HerdsOnOldSignalsUnlessItCountsItsOwn) {
  // 14: four idle replicas, signals of t = 0, arrivals at .1 to 1.0 s.
  const auto sent = [](bool counts_own) {
    RoutingConfig routing;
    routing.count_own_dispatches = counts_own;
    Router router("shortest_queue", 4, routing);
    Made view(std::vector<State>(4, engine(0, 0)));
    std::vector<int> counts(4, 0);
    for (int i = 1; i <= 10; ++i) {
      view.turn_to(TimePoint{std::chrono::milliseconds{100 * i}});
      ++counts[static_cast<std::size_t>(router(view))];
    }
    return counts;
  };
  EXPECT_THAT(sent(false), ElementsAre(10, 0, 0, 0));
  EXPECT_THAT(sent(true), ElementsAre(3, 3, 2, 2));
}

TEST(LeastKv, TakesTheLastAmongEquals) {
  EXPECT_EQ(Router("least_kv", 3)(Made({engine(0, .2), engine(0, .1), engine(0, .1)})), 2);
}

TEST(LeastTokens, CountsPromptsAndWhatTheyMayBecome) {
  Router router("least_tokens", 2);
  const Made idle(std::vector<State>(2));
  EXPECT_EQ(router(idle, prompt(5000)), 0);
  EXPECT_EQ(router(idle, prompt(1000)), 1);
  EXPECT_EQ(router(idle, prompt(1000)), 1) << "1,100 tokens there, 5,100 here";
  EXPECT_EQ(router(Made({engine(0, 0, 1), engine(0, 0)}), prompt(4000)), 0) << "5,100 - 4,000 cached";
  router.policy->left(0, prompt(5000));
  router.policy->left(0, prompt(4000));
  EXPECT_EQ(router(idle, prompt(10)), 0);
}

TEST(SessionSticky, KeepsAConversationWhereItBegan) {
  Router router("session_sticky", 3);
  const Made view(std::vector<State>(3));
  EXPECT_EQ(router(view, prompt(10, 7)), 0);
  EXPECT_EQ(router(view, prompt(10, 8)), 1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(router(view, prompt(10, 7)), 0);
  EXPECT_EQ(router(view, prompt(10)), 2) << "of no conversation: the emptiest";
}

// H: who was bound to a replica that is gone is bound anew, once.
TEST(SessionSticky, BindsAnewWhereItsReplicaIsGone) {
  Router router("session_sticky", 3);
  const Made all(std::vector<State>(3));
  EXPECT_EQ(router(all, prompt(10, 7)), 0);
  const std::vector<std::uint8_t> takes{0, 1, 1};
  const Made without(std::vector<State>(3), &takes);
  EXPECT_EQ(router(without, prompt(10, 7)), 1);
  EXPECT_EQ(router(without, prompt(10, 8)), 2);
  EXPECT_EQ(router(all, prompt(10, 7)), 1) << "it stays, though the first one is back";
  EXPECT_EQ(router.policy->rebinds(), 1) << "the other conversation was never bound before";
  EXPECT_EQ(Router("prefix_hash", 2).policy->rebinds(), std::nullopt) << "it binds nothing";
}

TEST(LengthPools, KeepShortAndLongPromptsApart) {
  RoutingConfig routing;
  routing.short_prompt_tokens = 100;
  routing.short_replicas = 2;
  Router router("length_pools", 4, routing);
  const Made view(std::vector<State>(4));
  std::vector<int> chosen;
  for (const std::int32_t tokens : {100, 101, 5, 900, 7, 5000}) chosen.push_back(router(view, prompt(tokens)));
  EXPECT_THAT(chosen, ElementsAre(0, 2, 1, 3, 0, 2));
}

TEST(PrefixAffinity, SticksUntilTheCandidatesWaitTooLong) {
  Made view({engine(0, 0, .8), engine(0, 0, .79)});
  EXPECT_EQ(Router("prefix_affinity", 2)(view), 0);
  view[0].signals.prefill_tokens = 18 * 15928;
  EXPECT_EQ(Router("prefix_affinity", 2)(view), 0) << "18 s later is still worth it";
  view[0].signals.prefill_tokens += 100;
  view[0].cached = .8, view[1].cached = .7;
  Router loaded("prefix_affinity", 2);
  EXPECT_EQ(loaded(view), 0) << "all are candidates, and this one has fewer tokens to compute";
  EXPECT_EQ(loaded(view), 1) << "now it has more in flight";
}

// 8: loads 2, 1, 1, 0 may not pass 1.25 x 5 / 4 = 1.5625, and an idle fleet has no limit.
TEST(PrefixHash, WalksOnFromReplicasAboveTheBound) {
  const HashRing ring(4);
  const Made view(std::vector<State>(4));
  bool as_in_the_case = false;
  for (std::int64_t i = 0; i < 300; ++i) {
    Request r = prompt();
    r.index = i;
    const std::uint64_t key = KeyChain(r, nullptr, 16).key(0);
    std::vector<int> order;
    (void)ring.first(key, [&](int replica) {
      if (std::find(order.begin(), order.end(), replica) == order.end()) order.push_back(replica);
      return order.size() == 4;
    });
    EXPECT_EQ(Router("prefix_hash", 4)(view, r), order.front()) << "all loads 0";
    Router loaded("prefix_hash", 4);
    // The same request again and again overflows from one to the next; what is too much leaves again.
    std::vector<int> counts(4, 0);
    const std::vector<int> wanted{2, 1, 1, 0};
    for (int k = 0; k < 60; ++k) ++counts[static_cast<std::size_t>(loaded(view, r))];
    for (std::size_t replica = 0; replica < 4; ++replica) {
      ASSERT_GE(counts[replica], wanted[replica]);
      for (; counts[replica] > wanted[replica]; --counts[replica]) loaded.policy->left(static_cast<int>(replica), r);
    }
    const int expected = order[0] == 0 ? order[1] : order[0];
    EXPECT_EQ(loaded(view, r), expected);
    as_in_the_case = as_in_the_case || (order == std::vector{0, 1, 2, 3} && expected == 1);
  }
  EXPECT_TRUE(as_in_the_case) << "a key whose ring order is 0 1 2 3";
}

TEST(PrefixHash, SendsEqualStartsToOneReplicaAndSpreadsOthers) {
  Router router("prefix_hash", 4);
  const Made view(std::vector<State>(4));
  std::map<int, int> counts;
  for (int conversation = 0; conversation < 400; ++conversation) {
    const int first = router(view, prompt(100, conversation));
    router.policy->left(first, prompt());
    const int again = router(view, prompt(2000, conversation));
    router.policy->left(again, prompt());
    EXPECT_EQ(first, again) << conversation;
    ++counts[first];
  }
  for (const auto& [replica, count] : counts) EXPECT_NEAR(count, 100, 40) << replica;
}

// 15: loads 0 2 4 10 are filled up to 4 by six requests, up to 8.667 by twenty.
TEST(LoadInterpretation, FillsUpTheEmptiest) {
  using ::testing::DoubleNear;
  const std::vector<double> loads{0, 2, 4, 10};
  EXPECT_THAT(interpreted_shares(loads, 6),
              ElementsAre(DoubleNear(2.0 / 3, 1e-12), DoubleNear(1.0 / 3, 1e-12), 0.0, 0.0));
  EXPECT_THAT(interpreted_shares(loads, 20),
              ElementsAre(DoubleNear(.43333, 1e-5), DoubleNear(.33333, 1e-5), DoubleNear(.23333, 1e-5), 0.0));
  EXPECT_THAT(interpreted_shares({3, 1, 1}, 0), ElementsAre(0.0, 0.5, 0.5));
  const std::vector<double> many = interpreted_shares(loads, 1e9);
  for (const double share : many) EXPECT_NEAR(share, 0.25, 1e-8);
}

TEST(LoadInterpretation, DrawsByTheRateThatItSees) {
  RoutingConfig routing;
  routing.signal_period = std::chrono::seconds{6};
  Router router("load_interpretation", 4, routing);
  Made view({engine(0, 0), engine(2, 0), engine(4, 0), engine(10, 0)});
  std::vector<int> counts(4, 0);
  for (int i = 0; i < 12'000; ++i) {
    view.turn_to(TimePoint{std::chrono::seconds{i}});  // one a second: six in a period
    ++counts[static_cast<std::size_t>(router(view))];
  }
  EXPECT_NEAR(counts[0], 8000, 200);
  EXPECT_NEAR(counts[1], 4000, 200);
  EXPECT_EQ(counts[3], 0);
}

// 16: a prompt of 1,000 tokens at 1,000 a second, prefixes at 10,000; queues of 1.0, 0.2 and 0.3 s.
TEST(Mooncake, FetchesAPrefixWhereThatIsSooner) {
  const auto state = [](std::int64_t queued, double cached) {
    State s = engine(0, 0, cached);
    s.signals.prefill_tokens = queued;
    return s;
  };
  const Made view({state(1000, .9), state(200, 0), state(300, .5)});
  RoutingConfig routing;
  routing.prefill_throughput = 1000;
  routing.fetch_throughput = 10'000;
  Router fetching("mooncake", 3, routing);
  EXPECT_EQ(fetching(view), 1) << "1.10, 0.39 and 0.80 s: 900 / 500 is below 2, so the third computes the rest";
  EXPECT_EQ(fetching.policy->fetch().tokens, 900);
  EXPECT_EQ(fetching.policy->fetch().takes, std::chrono::milliseconds{90});
  routing.max_ttft = std::chrono::milliseconds{300};
  EXPECT_EQ(Router("mooncake", 3, routing)(view), RoutingPolicy::kRefused);
  routing.max_ttft = std::chrono::milliseconds{390};
  EXPECT_EQ(Router("mooncake", 3, routing)(view), 1);
  routing.balancing_threshold = 1.5;
  Router eager("mooncake", 3, routing);
  EXPECT_EQ(eager(view), 1);
  routing.fetch_throughput = 0;
  routing.max_ttft = {};
  Router local("mooncake", 3, routing);
  EXPECT_EQ(local(view), 2) << "1.10, 1.20 and 0.80 s";
  EXPECT_EQ(local.policy->fetch().tokens, 0);
}

// The router's own record is of what it has sent, block by block, and forgets the least recently used.
TEST(PrefixIndex, OfTheRouterIsWhatItHasSent) {
  RoutingConfig routing;
  routing.prefix_index = "router";
  routing.prefix_index_blocks = 100;
  Router router("sglang", 2, routing);
  const Made view(std::vector<State>(2));  // the engines say that nothing is cached
  EXPECT_EQ(router(view, prompt(800, 1)), 0);
  EXPECT_EQ(router(view, prompt(800, 2)), 1);
  EXPECT_EQ(router(view, prompt(1600, 1)), 0) << "half of it was sent there";
  EXPECT_EQ(router(view, prompt(1600, 2)), 1);
  EXPECT_EQ(router(view, prompt(1600, 3)), 0) << "new: the emptiest, which forgets conversation 1";
  EXPECT_EQ(router(view, prompt(1600, 4)), 1);
  EXPECT_EQ(router(view, prompt(160, 5)), 0);
  EXPECT_EQ(router(view, prompt(1600, 1)), 1) << "forgotten: the emptiest";
}

}  // namespace foretoken::routers_test
