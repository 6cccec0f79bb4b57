// Replicas that die, worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "foretoken/serving/simulation.hpp"
#include "support/fleet_run.hpp"
#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace failures_test {

using fleets::at;
using fleets::Fleet;
using fleets::hours_to_seconds;
using fleets::kSecond;

// Steps that have ended count: two of three tokens are out. Who waits fails too, and the next go elsewhere at once.
TEST(Failures, WhatAReplicaHasIsLost) {
  Fleet fleet(2, 2, {});
  fleet.config.engine.max_num_seqs = 1;
  fleet.config.cluster.fleet.failures.planned = {{2 * kSecond + kSecond / 2, 0}};
  fleet.config.cluster.fleet.failures.repair = 5 * kSecond;
  const auto records = fleet.run({at(0, 3), at(0, 3), at(0, 3), at(3), at(30), at(30)});
  EXPECT_EQ(records[0].outcome, Outcome::failed);
  EXPECT_EQ(records[0].emitted, 2);
  EXPECT_EQ(records[0].finish, TimePoint{2 * kSecond + kSecond / 2});
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
  fleet.config.cluster.fleet.failures.planned = {{3 * kSecond, 0}};
  const auto records = fleet.run({at(0, 3), at(20)});
  EXPECT_EQ(records[0].outcome, Outcome::finished);
  EXPECT_EQ(fleet.outcome.fleet.lost, 0);
}

// H: deaths while a replica loads, drains, or is dead already. Cold starts take 2 + 3 + 4 + 1 s.
TEST(Failures, MayHitWhoLoadsDrainsOrIsDead) {
  // Wanted from 1 s on and dead at 5 s, it starts again when it is repaired at 8 s, and is there at 18.
  Fleet loads(2, 1, {{kSecond, 2}});
  loads.config.cluster.fleet.failures.planned = {{5 * kSecond, 1}};
  loads.config.cluster.fleet.failures.repair = 3 * kSecond;
  (void)loads.run({at(0), at(30)});
  EXPECT_EQ(loads.outcome.fleet.failures, 1);
  EXPECT_EQ(loads.outcome.fleet.lost, 0);
  EXPECT_EQ(loads.counts().back(), (std::array<std::int64_t, 3>{18, 2, 2}));
  // One that drains takes what it has along, and nobody takes its place.
  Fleet drains(2, 2, {{kSecond, 1}});
  drains.config.cluster.router = "round_robin";
  drains.config.cluster.fleet.failures.planned = {{3 * kSecond + kSecond / 2, 1}};
  drains.config.cluster.fleet.failures.repair = 3 * kSecond;
  const auto records = drains.run({at(0, 9), at(0, 9), at(30)});
  EXPECT_EQ(records[0].outcome, Outcome::finished);
  EXPECT_EQ(records[1].outcome, Outcome::failed);
  EXPECT_EQ(records[1].emitted, 3);
  EXPECT_EQ(drains.outcome.fleet.starts, 0);
  EXPECT_EQ(drains.counts().back()[1], 1);
  // The dead do not die again: the repair is that of the first time.
  Fleet twice(2, 2, {});
  twice.config.cluster.fleet.failures.planned = {{2 * kSecond, 1}, {3 * kSecond, 1}};
  twice.config.cluster.fleet.failures.repair = 5 * kSecond;
  (void)twice.run({at(0), at(30)});
  EXPECT_EQ(twice.outcome.fleet.failures, 1);
  EXPECT_DOUBLE_EQ(twice.in(ReplicaState::failed), 5);
  // All at once: requests wait until one is there again, at 2 + 5 + 10 s.
  Fleet all(2, 2, {});
  all.config.cluster.fleet.failures.planned = {{2 * kSecond, 0, 2}};
  all.config.cluster.fleet.failures.repair = 5 * kSecond;
  const auto held = all.run({at(4), at(30)});
  EXPECT_EQ(held[0].outcome, Outcome::finished);
  EXPECT_EQ(held[0].scheduled, TimePoint{17 * kSecond});
  EXPECT_EQ(all.outcome.fleet.failures, 2);
}

// Replica 0 is dead and refuses at once, replica 1 takes 10 s for each: by requests in flight the dead one is the
// emptiest.
TEST(Failures, ADeadReplicaDrawsRequestsUntilItIsKnown) {
  for (const std::int64_t detection : {5, 1000}) {
    Fleet fleet(2, 2, {});
    fleet.config.cluster.router = "least_outstanding";
    fleet.config.cluster.fleet.failures.planned = {{Duration{1}, 0}};
    fleet.config.cluster.fleet.failures.repair = 1000 * kSecond;
    fleet.config.cluster.fleet.failures.detection = detection * kSecond;
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
  failures.repair = failures.detection = 1000 * kSecond;
  failures.ejection_failures = 5;
  failures.ejection = 30 * kSecond;
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
    config.cluster.fleet.failures.repair = 3600 * kSecond;
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
  fleet.config.cluster.fleet.failures.mtbf = 1000 * kSecond;
  fleet.config.cluster.fleet.failures.repair = 50 * kSecond;
  fleet.config.cluster.fleet.held_for = 10'000 * kSecond;
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

}  // namespace failures_test
}  // namespace foretoken::test
