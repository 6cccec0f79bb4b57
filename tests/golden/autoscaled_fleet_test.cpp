// What follows from the decisions of autoscalers in a fleet, worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "foretoken/serving/simulation.hpp"
#include "support/autoscaling.hpp"
#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace autoscaled_fleet_test {

using autoscaling::at;
using autoscaling::Changes;
using autoscaling::hpa;
using autoscaling::knative;
using autoscaling::s;
using autoscaling::seconds_of;
using ::testing::ElementsAre;
using ::testing::Pair;
using P = AutoscalerPolicy;

struct Scaled {
  StubCost cost{StubTerms{0.1}};  // of a step: one request takes 0.1 s, ten a second on a replica
  SimulationConfig config;
  Recorder seen;
  SimulationOutcome outcome;

  explicit Scaled(int places, AutoscalerConfig autoscaler) {
    config.engine.num_gpu_blocks = 100'000;
    config.engine.max_num_seqs = 1;
    config.cluster.replicas = places;
    config.cluster.router = "least_outstanding";
    FleetConfig& fleet = config.cluster.fleet;
    fleet.on = true;
    fleet.cold_start = {s(120), {}, {}, {}, 0};
    fleet.held_requests = 10'000;
    fleet.held_for = s(60);
    autoscaler.most = places;
    fleet.autoscaler = std::move(autoscaler);
  }
  std::vector<RequestRecord> run(const std::vector<double>& arrivals, int tokens = 1) {
    std::vector<Request> requests;
    for (const double t : arrivals) {
      Request r;
      r.arrival = at(t);
      r.prompt_tokens = 16;
      r.output_tokens = r.max_tokens = tokens;
      requests.push_back(r);
    }
    const auto source = make_fixed_source(std::move(requests));
    outcome = simulate(config, *source, cost, seen);
    return seen.by_index();
  }
  [[nodiscard]] Changes ready() const {
    Changes changes;
    for (const FleetTotals::Count& c : outcome.fleet.counts) {
      if (changes.empty() || changes.back().second != c.ready) changes.emplace_back(seconds_of(c.at), c.ready);
    }
    return changes;
  }
  [[nodiscard]] Changes decisions() const {
    Changes changes;
    for (const FleetTotals::Decision& d : outcome.fleet.decisions) changes.emplace_back(seconds_of(d.at), d.wanted);
    return changes;
  }
};

// 60 requests per second on one replica that serves ten. By their rate four are ordered at 15 s and eight at 30 s; with
// 120 s of cold start 6,750 wait at 135 s, when three come, and 7,050 at 150 s, when all are there.
TEST(AutoscaledFleet, WaitsForItsColdStarts) {
  AutoscalerConfig config = hpa(8);
  config.metric = ScaleMetric::request_rate;
  config.window = s(15);
  Scaled fleet(100, config);
  std::vector<double> arrivals;
  for (int i = 0; i < 60 * 160; ++i) arrivals.push_back((i + 0.5) / 60);
  const auto records = fleet.run(arrivals);
  const auto waiting_at = [&](double t) {
    std::int64_t in = 0;
    for (const RequestRecord& r : records) in += r.request.arrival <= at(t) && r.finish > at(t) ? 1 : 0;
    return in;
  };
  EXPECT_NEAR(static_cast<double>(waiting_at(134.99)), 6750, 5);
  EXPECT_NEAR(static_cast<double>(waiting_at(149.99)), 7050, 10);
  const Changes ready = fleet.ready();
  ASSERT_GE(ready.size(), 3u);
  EXPECT_THAT(ready[0], Pair(0, 1));
  EXPECT_THAT(ready[1], Pair(135, 4));
  EXPECT_THAT(ready[2], Pair(150, 8));
}

// A request comes at 1 s to nobody. KEDA sees it at 30 s; 120 s later somebody is there. The holder gives it up after
// 60 s, or is patient.
TEST(AutoscaledFleet, ScalesFromZeroForWhoWaits) {
  AutoscalerConfig config = hpa(8);
  config.policy = P::keda;
  config.least = 0;
  config.polling = s(30);
  config.cooldown = s(300);
  for (const bool patient : {false, true}) {
    Scaled fleet(4, config);
    fleet.config.cluster.fleet.at_start = 0;
    if (patient) fleet.config.cluster.fleet.held_for = s(300);
    const auto records = fleet.run({1, 900});
    EXPECT_EQ(records[0].outcome, patient ? Outcome::finished : Outcome::rejected);
    EXPECT_EQ(records[0].finish, at(patient ? 150.1 : 61));
    // It goes again: at 120 s KEDA saw nothing of the impatient one, at 150 s the patient one for the last time.
    EXPECT_THAT(fleet.decisions(), patient ? ElementsAre(Pair(30, 1), Pair(480, 0), Pair(930, 1))
                                           : ElementsAre(Pair(30, 1), Pair(390, 0), Pair(930, 1)));
  }
}

// F20: twelve in the system of one replica are six replicas' worth at a target of two, and 301 loops of 0.1 s in a row
// must say so: ordered at 30.1 s, they are there after a cold start of 60 s.
TEST(AutoscaledFleet, ComesAfterRaysDelayAndItsColdStart) {
  AutoscalerConfig config;
  config.policy = P::ray;
  config.target = 2;
  config.interval = s(0.1);
  config.window = s(30);
  config.up_delay = s(30);
  config.down_delay = s(600);
  Scaled fleet(10, config);
  fleet.config.cluster.fleet.cold_start = {s(60), {}, {}, {}, 0};
  (void)fleet.run(std::vector<double>(12, 0), 1000);
  ASSERT_FALSE(fleet.decisions().empty());
  EXPECT_THAT(fleet.decisions().front(), Pair(30.1, 6));
  const Changes ready = fleet.ready();
  ASSERT_GE(ready.size(), 2u);
  EXPECT_THAT(ready[1], Pair(90.1, 6));
}

// Knative's activator does not wait for the next decision.
TEST(AutoscaledFleet, IsCalledByTheFirstWhoWaits) {
  Scaled fleet(4, knative());
  fleet.config.cluster.fleet.at_start = 0;
  fleet.config.cluster.fleet.held_for = s(300);
  const auto records = fleet.run({1});
  EXPECT_EQ(records[0].finish, at(121.1));
}

// Between min and max after every decision, and paid only what there was.
TEST(AutoscaledFleet, StaysWithinItsBounds) {
  AutoscalerConfig config = hpa(2);
  config.least = 2;
  Scaled fleet(3, config);
  fleet.config.cluster.fleet.at_start = 1;
  std::vector<double> arrivals;
  for (int i = 0; i < 4000; ++i) arrivals.push_back(i / 40.0);
  arrivals.push_back(2000);
  (void)fleet.run(arrivals);
  EXPECT_THAT(fleet.decisions(), ElementsAre(Pair(0, 2), Pair(15, 3), Pair(::testing::Gt(300), 2)));
}

}  // namespace autoscaled_fleet_test
}  // namespace foretoken::test
