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

constexpr Duration kOneSecond = std::chrono::seconds{1};

Request at(std::int64_t seconds, int tokens = 1, std::int32_t prefix_row = -1) {
  Request r;
  r.arrival = TimePoint{seconds * kOneSecond};
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
    fleet.cold_start = {2 * kOneSecond, 3 * kOneSecond, 4 * kOneSecond, kOneSecond, 0};
    fleet.schedule = std::move(schedule);
    fleet.held_requests = 100;
    fleet.held_for = 60 * kOneSecond;
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
      all.push_back({c.at.time_since_epoch() / kOneSecond, c.paid, c.ready});
    return all;
  }
};

// All publish every 10 s, and a third replica is ready at 15 s: at 20 s it is seen idle, so that all 20 requests that
// come before the next publication go there. With a slow start its weight is a tenth of the others', its share 0.1
// / 2.1, and of 20 requests none is its.
TEST(Fleet, AReplicaThatWasAddedGetsItsShareAlone) {
  for (const bool slowly : {false, true}) {
    Fleet fleet(3, 2, {{5 * kOneSecond, 3}});
    fleet.config.engine.max_num_seqs = 64;
    ClusterConfig& cluster = fleet.config.cluster;
    cluster.router = "least_kv";
    cluster.routing.signal_period = 10 * kOneSecond;
    cluster.routing.signals_together = true;
    if (slowly) cluster.routing.slow_start = 100 * kOneSecond;
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
  Fleet fleet(2, 1, {{5 * kOneSecond, 2}});
  const auto records = fleet.run({at(0), at(6), at(14), at(15), at(16), at(30)});
  std::vector<int> replicas;
  for (const RequestRecord& r : records) replicas.push_back(r.replica);
  EXPECT_THAT(replicas, ElementsAre(0, 0, 0, 1, 0, 1));
  EXPECT_EQ(fleet.outcome.end, TimePoint{31 * kOneSecond});
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
  Fleet fleet(2, 2, {{3 * kOneSecond, 1}});
  const auto records = fleet.run({at(0, 8), at(0, 8), at(4), at(5), at(20)});
  EXPECT_EQ(records[1].replica, 1);
  EXPECT_EQ(records[1].finish, TimePoint{8 * kOneSecond});
  for (const std::size_t i : {2, 3, 4}) EXPECT_EQ(records[i].replica, 0) << i;
  EXPECT_DOUBLE_EQ(fleet.in(ReplicaState::draining), 5);
  EXPECT_DOUBLE_EQ(fleet.in(ReplicaState::ready), 21 + 3);
  EXPECT_EQ(fleet.outcome.fleet.stops, 1);
}

// Who is not ready yet goes before who is, and costs nothing from then on.
TEST(Fleet, AStartThatIsNotWantedAnyMoreIsBrokenOff) {
  Fleet fleet(2, 1, {{5 * kOneSecond, 2}, {9 * kOneSecond, 1}});
  const auto records = fleet.run({at(0), at(40)});
  EXPECT_DOUBLE_EQ(hours_to_seconds(fleet.outcome.fleet.starting()), 4);
  EXPECT_DOUBLE_EQ(fleet.in(ReplicaState::ready), 41);
  EXPECT_EQ(records[1].replica, 0);
}

// There are GPUs for two: the third order waits until who drains is gone.
TEST(Fleet, WhoDrainsHoldsItsPlace) {
  Fleet fleet(2, 2, {{kOneSecond, 1}, {2 * kOneSecond, 2}});
  (void)fleet.run({at(0, 8), at(0, 8), at(30)});
  using Count = std::array<std::int64_t, 3>;
  EXPECT_THAT(fleet.counts(), ElementsAre(Count{0, 2, 2}, Count{1, 2, 1}, Count{8, 2, 1}, Count{18, 2, 2}));
}

// The order at 30 s, and 120 s until it is ready: turned away after 60 s, or served from 150 s on.
TEST(Fleet, RequestsWaitWhileNobodyIsThere) {
  for (const bool patient : {false, true}) {
    Fleet fleet(1, 0, {{30 * kOneSecond, 1}});
    fleet.config.cluster.fleet.cold_start = {120 * kOneSecond, {}, {}, {}, 0};
    if (patient) fleet.config.cluster.fleet.held_for = 300 * kOneSecond;
    const auto records = fleet.run({at(1), at(400)});
    EXPECT_EQ(records[0].outcome, patient ? Outcome::finished : Outcome::rejected);
    EXPECT_EQ(records[0].finish, TimePoint{(patient ? 151 : 61) * kOneSecond});
    EXPECT_EQ(records[0].scheduled, TimePoint{(patient ? 150 : 0) * kOneSecond});
    EXPECT_EQ(records[1].finish, TimePoint{401 * kOneSecond});
    EXPECT_EQ(fleet.outcome.fleet.held, 1);
    EXPECT_EQ(fleet.outcome.fleet.turned_away, patient ? 0 : 1);
  }
}

TEST(Fleet, WithoutALobbyTheyAreRejectedAtOnce) {
  Fleet fleet(1, 0, {{30 * kOneSecond, 1}});
  fleet.config.cluster.fleet.held_requests = 0;
  const auto records = fleet.run({at(1), at(45)});
  EXPECT_EQ(records[0].outcome, Outcome::rejected);
  EXPECT_EQ(records[0].finish, TimePoint{kOneSecond});
  EXPECT_EQ(records[1].outcome, Outcome::finished);
}

// What a replica had cached is gone with it.
TEST(Fleet, AReplicaThatComesBackHasAnEmptyCache) {
  for (const bool goes : {false, true}) {
    Fleet fleet(1, 1, {{10 * kOneSecond, goes ? 0 : 1}, {11 * kOneSecond, 1}});
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

// ---- failures ----

// Steps that have ended count: two of three tokens are out. Who waits fails too, and the next go elsewhere at once.
TEST(Failures, WhatAReplicaHasIsLost) {
  Fleet fleet(2, 2, {});
  fleet.config.engine.max_num_seqs = 1;
  fleet.config.cluster.fleet.failures.planned = {{2 * kOneSecond + kOneSecond / 2, 0}};
  fleet.config.cluster.fleet.failures.repair = 5 * kOneSecond;
  const auto records = fleet.run({at(0, 3), at(0, 3), at(0, 3), at(3), at(30), at(30)});
  EXPECT_EQ(records[0].outcome, Outcome::failed);
  EXPECT_EQ(records[0].emitted, 2);
  EXPECT_EQ(records[0].finish, TimePoint{2 * kOneSecond + kOneSecond / 2});
  EXPECT_EQ(records[2].outcome, Outcome::failed);
  EXPECT_EQ(records[2].emitted, 0);
  EXPECT_EQ(records[1].outcome, Outcome::finished);
  EXPECT_EQ(records[3].replica, 1);
  EXPECT_EQ(fleet.outcome.fleet.failures, 1);
  EXPECT_EQ(fleet.outcome.fleet.lost, 2);
  EXPECT_EQ(fleet.outcome.replicas[0].steps, 2 + 1);
  // Repaired at 7.5 s, ready again at 17.5 s.
  EXPECT_DOUBLE_EQ(fleet.in(ReplicaState::failed), 5);
  EXPECT_DOUBLE_EQ(hours_to_seconds(fleet.outcome.fleet.starting()), 10);
  EXPECT_EQ(records[4].replica, 0);
}

// A finish at the instant of the failure comes first.
TEST(Failures, WhoFinishesThenHasFinished) {
  Fleet fleet(2, 2, {});
  fleet.config.cluster.fleet.failures.planned = {{3 * kOneSecond, 0}};
  const auto records = fleet.run({at(0, 3), at(20)});
  EXPECT_EQ(records[0].outcome, Outcome::finished);
  EXPECT_EQ(fleet.outcome.fleet.lost, 0);
}

// H: deaths while a replica loads, drains, or is dead already. Cold starts take 2 + 3 + 4 + 1 s.
TEST(Failures, MayHitWhoLoadsDrainsOrIsDead) {
  // Wanted from 1 s on and dead at 5 s, it starts again when it is repaired at 8 s, and is there at 18.
  Fleet loads(2, 1, {{kOneSecond, 2}});
  loads.config.cluster.fleet.failures.planned = {{5 * kOneSecond, 1}};
  loads.config.cluster.fleet.failures.repair = 3 * kOneSecond;
  (void)loads.run({at(0), at(30)});
  EXPECT_EQ(loads.outcome.fleet.failures, 1);
  EXPECT_EQ(loads.outcome.fleet.lost, 0);
  EXPECT_EQ(loads.counts().back(), (std::array<std::int64_t, 3>{18, 2, 2}));
  // One that drains takes what it has along, and nobody takes its place.
  Fleet drains(2, 2, {{kOneSecond, 1}});
  drains.config.cluster.router = "round_robin";
  drains.config.cluster.fleet.failures.planned = {{3 * kOneSecond + kOneSecond / 2, 1}};
  drains.config.cluster.fleet.failures.repair = 3 * kOneSecond;
  const auto records = drains.run({at(0, 9), at(0, 9), at(30)});
  EXPECT_EQ(records[0].outcome, Outcome::finished);
  EXPECT_EQ(records[1].outcome, Outcome::failed);
  EXPECT_EQ(records[1].emitted, 3);
  EXPECT_EQ(drains.outcome.fleet.starts, 0);
  EXPECT_EQ(drains.counts().back()[1], 1);
  // The dead do not die again: the repair is that of the first time.
  Fleet twice(2, 2, {});
  twice.config.cluster.fleet.failures.planned = {{2 * kOneSecond, 1}, {3 * kOneSecond, 1}};
  twice.config.cluster.fleet.failures.repair = 5 * kOneSecond;
  (void)twice.run({at(0), at(30)});
  EXPECT_EQ(twice.outcome.fleet.failures, 1);
  EXPECT_DOUBLE_EQ(twice.in(ReplicaState::failed), 5);
  // All at once: requests wait until one is there again, at 2 + 5 + 10 s.
  Fleet all(2, 2, {});
  all.config.cluster.fleet.failures.planned = {{2 * kOneSecond, 0, 2}};
  all.config.cluster.fleet.failures.repair = 5 * kOneSecond;
  const auto held = all.run({at(4), at(30)});
  EXPECT_EQ(held[0].outcome, Outcome::finished);
  EXPECT_EQ(held[0].scheduled, TimePoint{17 * kOneSecond});
  EXPECT_EQ(all.outcome.fleet.failures, 2);
}

// Replica 0 is dead and refuses at once, replica 1 takes 10 s for each: by requests in flight the dead one is the
// emptiest.
TEST(Failures, ADeadReplicaDrawsRequestsUntilItIsKnown) {
  for (const std::int64_t detection : {5, 1000}) {
    Fleet fleet(2, 2, {});
    fleet.config.cluster.router = "least_outstanding";
    fleet.config.cluster.fleet.failures.planned = {{Duration{1}, 0}};
    fleet.config.cluster.fleet.failures.repair = 1000 * kOneSecond;
    fleet.config.cluster.fleet.failures.detection = detection * kOneSecond;
    std::vector<Request> requests;
    for (int second = 1; second <= 30; ++second) requests.push_back(at(second, 10));
    const auto records = fleet.run(requests);
    for (std::size_t i = 0; i < records.size(); ++i)
      EXPECT_EQ(records[i].outcome == Outcome::failed, static_cast<std::int64_t>(i) < detection) << i;
    EXPECT_EQ(fleet.outcome.fleet.refused, std::min<std::int64_t>(detection, 30));
  }
}

// F27: the same with Envoy's outlier ejection. The first five fail, then replica 1 has all for 30 s; five more fail,
// and now it is left out for 60 s.
TEST(Failures, ADeadReplicaIsEjectedAfterFiveFailures) {
  Fleet fleet(2, 2, {});
  FailureConfig& failures = fleet.config.cluster.fleet.failures;
  failures.planned = {{Duration{1}, 0}};
  failures.repair = failures.detection = 1000 * kOneSecond;
  failures.ejection_failures = 5;
  failures.ejection = 30 * kOneSecond;
  std::vector<Request> requests;
  for (int second = 1; second <= 100; ++second) requests.push_back(at(second, 10));
  fleet.config.cluster.router = "least_outstanding";
  fleet.config.engine.max_num_seqs = 64;
  const auto records = fleet.run(requests);
  // The fifth fails at 5 s, it is back at 35 s: requests 34 to 38 (from 0) come at 35 to 39 s.
  for (std::size_t i = 0; i < records.size(); ++i)
    EXPECT_EQ(records[i].outcome == Outcome::failed, i < 5 || (i >= 34 && i < 39) || i >= 98) << i;
  EXPECT_EQ(fleet.outcome.fleet.refused, 5 + 5 + 2);
}

// A step takes 10 ms and 0.1 ms for each prompt token; the replica dies at 55 ms with four tokens out. Gone on with
// elsewhere 104 tokens are computed again, which takes 20.4 ms; from scratch the request takes 110 ms once more.
TEST(Failures, AMigratedRequestGoesOnWhereItWas) {
  constexpr Duration kMs = std::chrono::milliseconds{1};
  for (const bool migrates : {true, false}) {
    const StubCost cost{StubTerms{10e-3, 0.1e-3}};
    SimulationConfig config;
    config.engine.num_gpu_blocks = 1000;
    config.cluster.replicas = 2;
    config.cluster.fleet.on = true;
    config.cluster.fleet.at_start = 2;
    config.cluster.fleet.failures.planned = {{55 * kMs, 0}};
    config.cluster.fleet.failures.repair = 3600 * kOneSecond;
    config.clients.on = true;
    config.clients.migrations = migrates ? 1 : 0;
    config.clients.retries = 1;
    Request request;
    request.prompt_tokens = 100;
    request.output_tokens = request.max_tokens = 10;
    const auto source = make_fixed_source({request});
    Recorder seen;
    const SimulationOutcome outcome = simulate(config, *source, cost, seen);
    const RequestRecord& r = seen.records.at(0);
    ASSERT_EQ(r.outcome, Outcome::finished);
    EXPECT_EQ(r.attempts, 2);
    EXPECT_EQ(r.request.output_tokens, 10);
    EXPECT_EQ(r.request.prompt_tokens, 100);
    EXPECT_EQ(r.first_token, TimePoint{migrates ? 20 * kMs : 75 * kMs});
    EXPECT_EQ(r.finish, TimePoint{migrates ? Duration{125'400'000} : 165 * kMs});
    EXPECT_EQ(outcome.replicas[0].decode_tokens + outcome.replicas[1].decode_tokens, migrates ? 3 + 5 : 3 + 9);
    Duration ttft{}, e2e{};
    for (const Duration d : r.ttft_parts) ttft += d;
    for (const Duration d : r.e2e_parts) e2e += d;
    EXPECT_EQ(ttft, r.first_token - r.request.arrival);
    EXPECT_EQ(e2e, r.finish - r.request.arrival);
  }
}

// W = 10 s in a replica that dies every 1000 s: 1 - exp(-0.01) = 0.00995 of the requests are hit. And it is there for
// 1000 of every 1000 + 50 (repair) + 10 (start) seconds.
TEST(Failures, ByChanceHitAsManyRequestsAsTheirTimeInTheReplicaSays) {
  Fleet fleet(1, 1, {});
  fleet.config.cluster.fleet.failures.mtbf = 1000 * kOneSecond;
  fleet.config.cluster.fleet.failures.repair = 50 * kOneSecond;
  fleet.config.cluster.fleet.held_for = 10'000 * kOneSecond;
  std::vector<Request> requests;
  constexpr int kRequests = 60'000;
  for (int i = 0; i < kRequests; ++i) requests.push_back(at(40 * i, 10));
  double hit = 0;
  for (const RequestRecord& r : fleet.run(std::move(requests))) hit += r.outcome == Outcome::failed ? 1 : 0;
  constexpr double kShare = 0.00995;
  EXPECT_NEAR(hit / kRequests, kShare, 4 * std::sqrt(kShare / kRequests));
  const double all = to_seconds(fleet.outcome.end), failures = static_cast<double>(fleet.outcome.fleet.failures);
  // The cold start counts as time in which it may die.
  EXPECT_NEAR(fleet.in(ReplicaState::failed) / failures, 50, 4 * 50 / std::sqrt(failures));
  EXPECT_NEAR(fleet.in(ReplicaState::ready) / all, (1000.0 - 10) / (1000 + 50), 0.006);
}

}  // namespace
}  // namespace foretoken::test
