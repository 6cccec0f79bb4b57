// The contract of routing policies, kept by every row of the table.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.hpp"
#include "serving/policies.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken::test {
namespace {

std::vector<std::string> router_names() {
  std::vector<std::string> all;
  for (const PolicyInfo& info : routing_policies()) all.emplace_back(info.name);
  return all;
}

std::unique_ptr<RoutingPolicy> make(const std::string& name, int replicas) {
  return make_routing_policy({replicas, name});
}

// Replicas of which nothing is known but how many requests they have.
class Counted final : public ClusterView {
 public:
  explicit Counted(const std::vector<std::int64_t>& in_flight) : in_flight_(in_flight) {}
  int size() const override { return static_cast<int>(in_flight_.size()); }
  TimePoint now() const override { return {}; }
  ReplicaSignals signals(int replica) const override {
    ReplicaSignals signals;
    signals.waiting = signals.kv_blocks_used = signals.prefill_tokens = in_flight_[static_cast<std::size_t>(replica)];
    signals.kv_blocks = 1'000'000;
    return signals;
  }
  std::int64_t cached_tokens(int, const Request&) const override { return 0; }

 private:
  const std::vector<std::int64_t>& in_flight_;
};

struct Use {
  std::vector<int> choices;
  std::vector<std::int64_t> counts;
  std::string fault;
  bool always_a_minimum = true;  // of the requests in flight when it was chosen
};

// Requests come and go at random; never more than `most` in flight.
Use use(RoutingPolicy& router, int replicas, int requests, std::size_t most, std::uint64_t seed) {
  RandomStream random(seed, "routing_contract");
  Use u;
  u.counts.assign(static_cast<std::size_t>(replicas), 0);
  std::vector<std::int64_t> in_flight(static_cast<std::size_t>(replicas), 0);
  std::vector<std::pair<int, Request>> active;
  for (int i = 0; i < requests; ++i) {
    while (!active.empty() && (active.size() >= most || random.uniform() < 0.4)) {
      const auto place = static_cast<std::size_t>(random.uniform_int(0, static_cast<std::int64_t>(active.size()) - 1));
      const auto& [replica, request] = active[place];
      router.left(replica, request);
      --in_flight[static_cast<std::size_t>(replica)];
      active[place] = active.back();
      active.pop_back();
    }
    Request r;
    r.index = i;
    r.prompt_tokens = static_cast<std::int32_t>(random.uniform_int(1, 4000));
    const int chosen = router.choose(r, Counted(in_flight));
    if (chosen < 0 || chosen >= replicas) {
      u.fault = "chose replica " + std::to_string(chosen) + " of " + std::to_string(replicas);
      return u;
    }
    const auto c = static_cast<std::size_t>(chosen);
    u.always_a_minimum = u.always_a_minimum && in_flight[c] == *std::min_element(in_flight.begin(), in_flight.end());
    ++in_flight[c];
    ++u.counts[c];
    active.emplace_back(chosen, r);
    u.choices.push_back(chosen);
  }
  return u;
}

std::int64_t spread(const Use& u) {
  const auto [low, high] = std::minmax_element(u.counts.begin(), u.counts.end());
  return *high - *low;
}

class RoutingContract : public ::testing::TestWithParam<std::string> {};

TEST_P(RoutingContract, ChoosesAnExistingReplicaAndKeepsItsPromiseForAnyNumberOfThem) {
  for (const int replicas : {1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 1000}) {
    const Use u = use(*make(GetParam(), replicas), replicas, 5000, 300, 3);
    ASSERT_EQ(u.fault, "");
    EXPECT_TRUE(GetParam() != "round_robin" || spread(u) <= 1) << replicas << " replicas";
    EXPECT_TRUE(GetParam() != "least_outstanding" || u.always_a_minimum) << replicas << " replicas";
  }
}

TEST_P(RoutingContract, AnswersTheSameAgain) {
  for (const int replicas : {1, 6, 1000}) {
    const Use first = use(*make(GetParam(), replicas), replicas, 3000, 200, 5);
    EXPECT_EQ(first.choices, use(*make(GetParam(), replicas), replicas, 3000, 200, 5).choices);
  }
}

TEST_P(RoutingContract, LeavesNoReplicaOutWhenAllAreNeeded) {
  for (const int replicas : {2, 10, 1000}) {
    const Use u = use(*make(GetParam(), replicas), replicas, 20 * replicas, 100'000, 7);
    EXPECT_GT(*std::min_element(u.counts.begin(), u.counts.end()), 0) << replicas << " replicas";
  }
}

INSTANTIATE_TEST_SUITE_P(EveryRow, RoutingContract, ::testing::ValuesIn(router_names()));

class OneTooFar final : public RoutingPolicy {
 public:
  int choose(const Request& r, const ClusterView&) override { return static_cast<int>(r.index % 5); }
  void left(int, const Request&) override {}
};

TEST(RoutingContractChecker, ReportsAReplicaThatDoesNotExistAndPromisesNotKept) {
  OneTooFar router;
  EXPECT_EQ(use(router, 4, 100, 300, 1).fault, "chose replica 4 of 4");
  EXPECT_GT(spread(use(router, 6, 100, 300, 1)), 1) << "the sixth gets nothing";
  EXPECT_FALSE(use(*make("round_robin", 8), 8, 1000, 300, 1).always_a_minimum);
}

}  // namespace
}  // namespace foretoken::test
