// Replicas that come and go, worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "foretoken/serving/simulation.hpp"
#include "support/fleet_run.hpp"

namespace foretoken::test {
namespace fleet_test {

using fleets::at;
using fleets::Fleet;
using fleets::hours_to_seconds;
using fleets::kSecond;
using ::testing::ElementsAre;

// All publish every 10 s, and a third replica is ready at 15 s: at 20 s it is seen idle, so that all 20 requests that
// come before the next publication go there. With a slow start its weight is a tenth of the others', its share 0.1
// / 2.1, and of 20 requests none is its.
TEST(Fleet, AReplicaThatWasAddedGetsItsShareAlone) {
  for (const bool slowly : {false, true}) {
    Fleet fleet(3, 2, {{5 * kSecond, 3}});
    fleet.config.engine.max_num_seqs = 64;
    ClusterConfig& cluster = fleet.config.cluster;
    cluster.router = "least_kv";
    cluster.routing.signal_period = 10 * kSecond;
    cluster.routing.signals_together = true;
    if (slowly) cluster.routing.slow_start = 100 * kSecond;
    std::vector<Request> requests;
    for (int second = 0; second < 10; ++second) requests.push_back(at(second, 100));
    for (int i = 0; i < 20; ++i) {
      requests.push_back(at(21, 100));
      requests.back().arrival += Duration{i};
    }
    const auto records = fleet.run(requests);
    int new_ones = 0;
    for (std::size_t i = 10; i < records.size(); ++i) new_ones += records[i].replica == 2 ? 1 : 0;
    EXPECT_EQ(new_ones, slowly ? 0 : 20);
  }
}

// Ordered at 5 s, ready at 15 s: who comes at 15 s may go there, who comes before may not.
TEST(Fleet, AReplicaTakesRequestsFromTheInstantItIsReady) {
  Fleet fleet(2, 1, {{5 * kSecond, 2}});
  const auto records = fleet.run({at(0), at(6), at(14), at(15), at(16), at(30)});
  std::vector<int> replicas;
  for (const RequestRecord& r : records) replicas.push_back(r.replica);
  EXPECT_THAT(replicas, ElementsAre(0, 0, 0, 1, 0, 1));
  EXPECT_EQ(fleet.outcome.end, TimePoint{31 * kSecond});
  EXPECT_DOUBLE_EQ(fleet.in(ReplicaState::provisioning), 2);
  EXPECT_DOUBLE_EQ(fleet.in(ReplicaState::pulling), 3);
  EXPECT_DOUBLE_EQ(fleet.in(ReplicaState::loading), 4);
  EXPECT_DOUBLE_EQ(fleet.in(ReplicaState::warming), 1);
  EXPECT_DOUBLE_EQ(fleet.in(ReplicaState::ready), 31 + 16);
  EXPECT_DOUBLE_EQ(fleet.in(ReplicaState::gone), 5);
  EXPECT_DOUBLE_EQ(hours_to_seconds(fleet.outcome.fleet.paid()), 31 + 26);
  using Count = std::array<std::int64_t, 3>;
  EXPECT_THAT(fleet.counts(), ElementsAre(Count{0, 1, 1}, Count{5, 2, 1}, Count{15, 2, 2}));
}

// The last started goes first; it finishes what it has, and is paid until then.
TEST(Fleet, AReplicaThatDrainsFinishesWhatItHas) {
  Fleet fleet(2, 2, {{3 * kSecond, 1}});
  const auto records = fleet.run({at(0, 8), at(0, 8), at(4), at(5), at(20)});
  EXPECT_EQ(records[1].replica, 1);
  EXPECT_EQ(records[1].finish, TimePoint{8 * kSecond});
  for (const std::size_t i : {2, 3, 4}) EXPECT_EQ(records[i].replica, 0) << i;
  EXPECT_DOUBLE_EQ(fleet.in(ReplicaState::draining), 5);
  EXPECT_DOUBLE_EQ(fleet.in(ReplicaState::ready), 21 + 3);
  EXPECT_EQ(fleet.outcome.fleet.stops, 1);
}

// Who is not ready yet goes before who is, and costs nothing from then on.
TEST(Fleet, AStartThatIsNotWantedAnyMoreIsBrokenOff) {
  Fleet fleet(2, 1, {{5 * kSecond, 2}, {9 * kSecond, 1}});
  const auto records = fleet.run({at(0), at(40)});
  EXPECT_DOUBLE_EQ(hours_to_seconds(fleet.outcome.fleet.starting()), 4);
  EXPECT_DOUBLE_EQ(fleet.in(ReplicaState::ready), 41);
  EXPECT_EQ(records[1].replica, 0);
}

// There are GPUs for two: the third order waits until who drains is gone.
TEST(Fleet, WhoDrainsHoldsItsPlace) {
  Fleet fleet(2, 2, {{kSecond, 1}, {2 * kSecond, 2}});
  (void)fleet.run({at(0, 8), at(0, 8), at(30)});
  using Count = std::array<std::int64_t, 3>;
  EXPECT_THAT(fleet.counts(), ElementsAre(Count{0, 2, 2}, Count{1, 2, 1}, Count{8, 2, 1}, Count{18, 2, 2}));
}

// The order at 30 s, and 120 s until it is ready: turned away after 60 s, or served from 150 s on.
TEST(Fleet, RequestsWaitWhileNobodyIsThere) {
  for (const bool patient : {false, true}) {
    Fleet fleet(1, 0, {{30 * kSecond, 1}});
    fleet.config.cluster.fleet.cold_start = {120 * kSecond, {}, {}, {}, 0};
    if (patient) fleet.config.cluster.fleet.held_for = 300 * kSecond;
    const auto records = fleet.run({at(1), at(400)});
    EXPECT_EQ(records[0].outcome, patient ? Outcome::finished : Outcome::rejected);
    EXPECT_EQ(records[0].finish, TimePoint{(patient ? 151 : 61) * kSecond});
    EXPECT_EQ(records[0].scheduled, TimePoint{(patient ? 150 : 0) * kSecond});
    EXPECT_EQ(records[1].finish, TimePoint{401 * kSecond});
    EXPECT_EQ(fleet.outcome.fleet.held, 1);
    EXPECT_EQ(fleet.outcome.fleet.turned_away, patient ? 0 : 1);
    EXPECT_EQ(records[0].e2e_parts[static_cast<std::size_t>(AttributionPart::fleet_wait)],
              (patient ? 149 : 60) * kSecond);
  }
}

// That wait is a part of its own: not the queue of an engine, which has never seen the request, nor the two seconds of
// its front end, which it passes when somebody is ready.
TEST(Fleet, TheWaitForAReplicaIsAPartOfItsOwn) {
  const auto part = [](const Attribution& parts, AttributionPart p) { return parts[static_cast<std::size_t>(p)]; };
  for (const bool front_end : {false, true}) {
    Fleet fleet(1, 0, {{30 * kSecond, 1}});
    if (front_end) fleet.config.engine.per_request = 2 * kSecond;
    // Ready at 40 s; of the two that wait for it the second has a seat when the first is done.
    fleet.config.engine.max_num_seqs = 1;
    fleet.config.cluster.fleet.held_requests = 2;
    const auto records = fleet.run({at(1, 3), at(15, 3), at(16, 3), at(60, 3)});
    const Duration host = front_end ? 2 * kSecond : Duration{};
    for (const int i : {0, 1}) {
      const RequestRecord& r = records[static_cast<std::size_t>(i)];
      const Duration waited = (i == 0 ? 39 : 25) * kSecond;
      EXPECT_EQ(part(r.ttft_parts, AttributionPart::fleet_wait), waited);
      EXPECT_EQ(part(r.e2e_parts, AttributionPart::fleet_wait), waited);
      EXPECT_EQ(part(r.ttft_parts, AttributionPart::queue), i * 3 * kSecond);
      EXPECT_EQ(part(r.ttft_parts, AttributionPart::engine_overhead), host + kSecond) << "a step of stubs is overhead";
      EXPECT_EQ(r.first_token, TimePoint{(41 + 3 * i) * kSecond + host});
    }
    // Turned away: there was room for two.
    EXPECT_EQ(records[2].outcome, Outcome::rejected);
    EXPECT_EQ(part(records[2].e2e_parts, AttributionPart::fleet_wait), Duration{});
    EXPECT_EQ(part(records[3].e2e_parts, AttributionPart::fleet_wait), Duration{});
  }
}

// Both publish every second, and what is published at an instant is seen from the next one on: of the request at 0 s
// nothing is known; at 0.3 s signals are 0.3 s old, at 0.7 s too old, and at 2.2 s they are 0.2 s old.
TEST(Fleet, RoutersCountWhatTheySendByOldSignals) {
  for (const bool reads : {true, false}) {
    Fleet fleet(2, 2, {});
    ClusterConfig& cluster = fleet.config.cluster;
    cluster.fleet = {};
    cluster.router = reads ? "shortest_queue" : "least_outstanding";
    cluster.routing.signal_period = kSecond;
    cluster.routing.signals_together = true;
    cluster.admission.stale_after = kSecond / 2;
    std::vector<Request> requests;
    for (const int tenths : {0, 3, 7, 22}) {
      requests.push_back(at(0));
      requests.back().arrival += tenths * kSecond / 10;
    }
    (void)fleet.run(requests);
    ASSERT_EQ(fleet.outcome.routers.size(), reads ? 1u : 0u) << "by its own count it needs no signals";
    if (!reads) continue;
    EXPECT_EQ(fleet.outcome.routers[0].stale_choices, 2);
    EXPECT_EQ(fleet.outcome.routers[0].rebinds, std::nullopt);
    EXPECT_THAT(fleet.outcome.routers[0].pools, ElementsAre(0));
  }
}

// A conversation stays with the replica of its first turn; that one dies at 5 s, is ready again at 16 s, and gets
// none of it back. The other conversation loses nothing.
TEST(Fleet, RoutersCountConversationsThatTheyBindAnew) {
  Fleet fleet(2, 2, {});
  fleet.config.cluster.router = "session_sticky";
  fleet.config.cluster.fleet.failures.planned = {{5 * kSecond, 0}};
  fleet.config.cluster.fleet.failures.repair = kSecond;
  std::vector<Request> requests{at(0), at(0), at(6), at(7), at(30), at(31)};
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i].conversation = static_cast<std::int32_t>(i % 2);
  const auto records = fleet.run(requests);
  std::vector<int> replicas;
  for (const RequestRecord& r : records) replicas.push_back(r.replica);
  EXPECT_THAT(replicas, ElementsAre(0, 1, 1, 1, 1, 1));
  ASSERT_EQ(fleet.outcome.routers.size(), 1u);
  EXPECT_EQ(fleet.outcome.routers[0].rebinds, 1);
  EXPECT_EQ(fleet.outcome.routers[0].stale_choices, std::nullopt);
}

TEST(Fleet, WithoutALobbyTheyAreRejectedAtOnce) {
  Fleet fleet(1, 0, {{30 * kSecond, 1}});
  fleet.config.cluster.fleet.held_requests = 0;
  const auto records = fleet.run({at(1), at(45)});
  EXPECT_EQ(records[0].outcome, Outcome::rejected);
  EXPECT_EQ(records[0].finish, TimePoint{kSecond});
  EXPECT_EQ(records[1].outcome, Outcome::finished);
}

// What a replica had cached is gone with it.
TEST(Fleet, AReplicaThatComesBackHasAnEmptyCache) {
  for (const bool goes : {false, true}) {
    Fleet fleet(1, 1, {{10 * kSecond, goes ? 0 : 1}, {11 * kSecond, 1}});
    fleet.config.engine.enable_prefix_caching = true;
    PrefixTable prefixes;
    prefixes.add_row(std::vector<std::int64_t>{1, 2, 3, 4}, 16);
    const auto records = fleet.run({at(0, 1, 0), at(5, 1, 0), at(30, 1, 0)}, prefixes);
    EXPECT_EQ(records[1].cached_tokens, 48);
    EXPECT_EQ(records[2].cached_tokens, goes ? 0 : 48);
    EXPECT_EQ(fleet.outcome.replicas[0].prefill_tokens, goes ? 64 + 16 + 64 : 64 + 16 + 16);
  }
}

// A lognormal factor of mean 1 on the whole start, drawn for each start by itself.
TEST(Fleet, ColdStartsDifferByTheirJitterAlone) {
  double sum = 0;
  constexpr int kStarts = 400;
  for (int seed = 0; seed < kStarts; ++seed) {
    Fleet fleet(1, 0, {{Duration{}, 1}});
    fleet.config.cluster.fleet.cold_start.sigma = 0.2;
    fleet.config.cluster.routing.seed = static_cast<std::uint64_t>(seed);
    (void)fleet.run({at(100)});
    const double start = hours_to_seconds(fleet.outcome.fleet.starting());
    EXPECT_NEAR(fleet.in(ReplicaState::loading) / start, 0.4, 1e-6);
    sum += start;
  }
  EXPECT_NEAR(sum / kStarts, 10, 4 * 10 * 0.2 / std::sqrt(kStarts));
}

}  // namespace fleet_test
}  // namespace foretoken::test
