// Replicas that come and go, worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "foretoken/serving/simulation.hpp"
#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

using ::testing::ElementsAre;

constexpr Duration kSecond = std::chrono::seconds{1};

Request at(std::int64_t seconds, int tokens = 1, std::int32_t prefix_row = -1) {
  Request r;
  r.arrival = TimePoint{seconds * kSecond};
  r.prompt_tokens = 64;
  r.output_tokens = r.max_tokens = tokens;
  r.prefix_row = prefix_row;
  return r;
}

double hours_to_seconds(std::int64_t ns) {
  return static_cast<double>(ns) * 1e-9;
}

// Steps of one second; cold starts of 2 + 3 + 4 + 1 s.
struct Fleet {
  StubCost cost{StubTerms{1.0}};
  SimulationConfig config;
  Recorder seen;
  SimulationOutcome outcome;

  explicit Fleet(int places, int at_start, std::vector<WantedReplicas> schedule) {
    config.engine.num_gpu_blocks = 1000;
    config.cluster.replicas = places;
    FleetConfig& fleet = config.cluster.fleet;
    fleet.on = true;
    fleet.at_start = at_start;
    fleet.cold_start = {2 * kSecond, 3 * kSecond, 4 * kSecond, kSecond, 0};
    fleet.schedule = std::move(schedule);
    fleet.held_requests = 100;
    fleet.held_for = 60 * kSecond;
  }
  std::vector<RequestRecord> run(std::vector<Request> requests, PrefixTable prefixes = {}) {
    const auto source = make_fixed_source(std::move(requests), std::move(prefixes));
    outcome = simulate(config, *source, cost, seen);
    return seen.by_index();
  }
  [[nodiscard]] double in(ReplicaState state) const {
    return hours_to_seconds(outcome.fleet.in_state[static_cast<std::size_t>(state)]);
  }
  [[nodiscard]] std::vector<std::array<std::int64_t, 3>> counts() const {
    std::vector<std::array<std::int64_t, 3>> all;
    for (const FleetTotals::Count& c : outcome.fleet.counts)
      all.push_back({c.at.time_since_epoch() / kSecond, c.paid, c.ready});
    return all;
  }
};

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
  }
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

}  // namespace
}  // namespace foretoken::test
