// Decisions of autoscalers, worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "serving/fleet/autoscaler.hpp"
#include "support/autoscaling.hpp"

namespace foretoken::test {
namespace autoscalers_test {

using autoscaling::at;
using autoscaling::Changes;
using autoscaling::hpa;
using autoscaling::knative;
using autoscaling::s;
using autoscaling::seconds_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using P = AutoscalerPolicy;

struct Sight final : FleetSight {
  std::int64_t in = 0, waits = 0, came = 0;
  std::vector<ReplicaLoad> loads;
  std::int64_t in_system() const override { return in; }
  std::int64_t held() const override { return waits; }
  std::int64_t arrived() const override { return came; }
  std::vector<ReplicaLoad> ready() const override { return loads; }
};

// What it wants when, of a fleet that looks like see(t): so many in flight. all_ready: who is wanted is there.
struct Drive {
  AutoscalerConfig config;
  int at_start = 1;
  std::function<std::int64_t(double)> in_flight = [](double) { return 0; };
  std::function<std::vector<ReplicaLoad>(double, int)> loads = [](double, int) { return std::vector<ReplicaLoad>{}; };
  std::function<ReplicaNumbers(int)> numbers = [](int wanted) {
    ReplicaNumbers n;
    n.wanted = n.ready = wanted;
    return n;
  };

  Changes until(double end) {
    const auto scaler = make_autoscaler(config);
    Changes changes;
    int wanted = at_start;
    for (TimePoint now = scaler->next(); now <= at(end); now = scaler->next()) {
      Sight sight;
      sight.in = in_flight(seconds_of(now));
      sight.loads = loads(seconds_of(now), wanted);
      ReplicaNumbers n = numbers(wanted);
      n.wanted = wanted;
      const int next = scaler->look(now, sight, n);
      if (next != wanted) changes.emplace_back(seconds_of(now), next);
      wanted = next;
    }
    return changes;
  }
};

AutoscalerConfig with_behavior(AutoscalerConfig config) {
  config.behaves = true;
  config.up = {s(0), {{false, 4, s(15)}, {true, 100, s(15)}}, false, false};
  config.down = {s(300), {{true, 100, s(15)}}, false, false};
  return config;
}
std::int64_t step_response(double t) {
  return t > 0 && t < 1000 ? 60 : 4;
}

// ---- HPA ----

// Up by at most twice or four; 60 over 8 x 8 is within a tenth; down when the last recommendation of eight is older
// than five minutes. A recommendation as old as the window counts without `behavior`, and not with it.
TEST(Hpa, FollowsAStep) {
  Drive drive{hpa(8), 1, step_response};
  EXPECT_THAT(drive.until(1400), ElementsAre(Pair(15, 4), Pair(30, 8), Pair(1305, 1)));
  drive.config = with_behavior(hpa(8));
  EXPECT_THAT(drive.until(1400), ElementsAre(Pair(15, 5), Pair(30, 8), Pair(1290, 1)));
}

TEST(Hpa, RisesAsFastAsItsLimits) {
  Drive drive{hpa(8), 1, [](double t) { return t >= 1 ? 600 : 4; }};
  EXPECT_THAT(drive.until(200),
              ElementsAre(Pair(15, 4), Pair(30, 8), Pair(45, 16), Pair(60, 32), Pair(75, 64), Pair(90, 75)));
  drive.config = with_behavior(hpa(8));
  EXPECT_THAT(drive.until(200), ElementsAre(Pair(15, 5), Pair(30, 10), Pair(45, 20), Pair(60, 40), Pair(75, 75)));
}

// What is 40 s old at the sync of 45 s is of 5 s: the step at 0 is seen at 45, not at 15.
TEST(Hpa, SeesItsMetricAsOldAsItIs) {
  Drive drive{hpa(8), 1, step_response};
  drive.config.age = s(40);
  EXPECT_THAT(drive.until(100), ElementsAre(Pair(45, 4), Pair(60, 8)));
}

// H: 19 and 21 in turn at a target of 10 are two replicas' worth within a tenth; without a tolerance three, which the
// window keeps; without both the number changes at every sync.
TEST(Hpa, HidesALoadBetweenTwoNumbers) {
  Drive drive{hpa(10), 2, [](double t) { return std::llround(t / 15) % 2 == 0 ? 19 : 21; }};
  EXPECT_THAT(drive.until(600), IsEmpty());
  drive.config.tolerance = 0;
  EXPECT_THAT(drive.until(600), ElementsAre(Pair(15, 3)));
  drive.config.stabilization = s(0);
  EXPECT_EQ(drive.until(600).size(), 40u);
}

// Two more in a minute, whatever is wanted; of the policies the one that allows least.
TEST(Hpa, KeepsToThePolicyThatIsSelected) {
  Drive drive{with_behavior(hpa(8)), 1, [](double t) { return t > 0 ? 80 : 4; }};
  drive.config.up.limits = {{false, 2, s(60)}, {true, 100, s(15)}};
  drive.config.up.least = true;
  EXPECT_THAT(drive.until(200), ElementsAre(Pair(15, 2), Pair(30, 3), Pair(75, 4), Pair(90, 5), Pair(135, 6),
                                            Pair(150, 7), Pair(195, 8)));
  drive.config.up.disabled = true;
  EXPECT_THAT(drive.until(200), IsEmpty());
}

// A Pods metric: two report 20 of a target of 10, two load. Counted as zero they halve the ratio to 1: it stays. With
// one of them the ratio is 4/3 over three, so four are wanted. Where ratios are below 1 who is missing counts as a
// target.
TEST(Hpa, CountsMissingPodsAgainstAChange) {
  const auto drive = [](double value, int loading, int pending) {
    Drive d{hpa(10), 2 + loading + pending};
    d.config.per_replica = true;
    d.config.stabilization = {};
    d.loads = [=](double, int) {
      ReplicaLoad load;
      load.in_flight = static_cast<std::int64_t>(value);
      return std::vector<ReplicaLoad>(2, load);
    };
    d.numbers = [=](int wanted) { return ReplicaNumbers{wanted, 2, pending, loading, 0}; };
    const Changes changes = d.until(15);
    return changes.empty() ? d.at_start : changes.front().second;
  };
  EXPECT_EQ(drive(20, 0, 0), 4);
  EXPECT_EQ(drive(20, 2, 0), 4) << "as it is: four";
  EXPECT_EQ(drive(20, 1, 0), 4);
  EXPECT_EQ(drive(20, 0, 2), 4) << "pods of which nothing runs yet count as zero as well";
  EXPECT_EQ(drive(30, 1, 0), 6);
  EXPECT_EQ(drive(4, 0, 0), 1);
  EXPECT_EQ(drive(4, 1, 0), 2) << "(0.4 x 2 + 1) / 3 = 0.6 of three";
  EXPECT_EQ(drive(4, 0, 1), 1) << "unready ones are left out below 1";
}

// ---- KEDA ----

// It looks at 0, 30 s, ...: what comes at 1 s is seen at 30. What ends at 100 s is seen at 90 for the last time, and
// more than 300 s later, at 420, the last replica goes.
TEST(Keda, GoesFromZeroAndBack) {
  AutoscalerConfig config = hpa(8);
  config.policy = P::keda;
  config.least = 0;
  config.polling = s(30);
  config.cooldown = s(300);
  config.activation = 0;
  Drive drive{config, 0, [](double t) { return t > 1 && t < 100 ? 20 : 0; }};
  // At 30 s both look: to one, and by the HPA behind it from one to three.
  // The recommendation of 90 s holds until 390.
  EXPECT_THAT(drive.until(600), ElementsAre(Pair(30, 3), Pair(405, 1), Pair(420, 0)));
}

// ---- Ray Serve ----

TEST(Ray, WantsItThreeHundredLoopsInARow) {
  AutoscalerConfig config;
  config.policy = P::ray;
  config.target = 2;
  config.most = 100;
  config.interval = s(0.1);
  config.window = s(30);
  config.up_delay = s(30);
  config.down_delay = s(600);
  Drive drive{config, 1, [](double t) { return t < 100 ? 12 : 2; }};
  // From 100 s on the mean of 30 s falls: 5 are wanted when it is at 10, six seconds later. After 600 s in a row it is
  // at 2: one.
  const Changes changes = drive.until(800);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_THAT(changes[0], Pair(::testing::DoubleNear(30.1, 1e-9), 6));
  EXPECT_THAT(changes[1], Pair(::testing::DoubleNear(706, 0.5), 1));
}

TEST(Ray, TakesHalfOfADistanceByItsFactor) {
  AutoscalerConfig config;
  config.policy = P::ray;
  config.target = 2;
  config.most = 100;
  config.interval = s(0.1);
  config.up_factor = 0.5;
  Drive drive{config, 2, [](double) { return 20; }};
  const Changes changes = drive.until(0.25);
  ASSERT_FALSE(changes.empty());
  EXPECT_EQ(changes.front().second, 6) << "2 + (10 - 2) / 2";
}

// ---- Knative ----

// A minute of nothing, then 600: the short window has 200, 400 and 600 of it after 2, 4 and 6 s.
TEST(Knative, Panics) {
  Drive drive{knative(), 1, [](double t) { return t > 100 ? 600 : 0; }};
  drive.config.least = 1;
  drive.numbers = [](int wanted) { return ReplicaNumbers{wanted, 1, 0, std::max(0, wanted - 1), 0}; };
  EXPECT_THAT(drive.until(120), ElementsAre(Pair(102, 3), Pair(104, 6), Pair(106, 9)));
  drive.config.panic_threshold = 1000;
  // By the long window alone: 20, 40, 60 and 80 over 70.
  const Changes calm = drive.until(109);
  EXPECT_THAT(calm, ElementsAre(Pair(108, 2)));
}

// Nothing for a minute, then half a minute of grace.
TEST(Knative, GoesToZeroAfterTheWindowAndTheGrace) {
  Drive drive{knative(), 1, [](double t) { return t <= 10 ? 5 : 0; }};
  EXPECT_THAT(drive.until(200), ElementsAre(Pair(100, 0)));
  EXPECT_EQ(make_autoscaler(drive.config)->called(at(1)), 1) << "the activator calls at once";
}

// ---- others ----

TEST(KubeAi, LooksAtAMeanThatBeganAsZeros) {
  AutoscalerConfig config;
  config.policy = P::kubeai;
  config.target = 10;
  config.least = 1;
  config.most = 100;
  config.interval = s(10);
  config.window = s(600);
  config.down_delay = s(30);
  Drive drive{config, 1, [](double t) { return t > 0 ? 100 : 0; }};
  const Changes changes = drive.until(600);
  ASSERT_EQ(changes.size(), 9u);
  for (int i = 0; i < 9; ++i) EXPECT_THAT(changes[static_cast<std::size_t>(i)], Pair(70 + 60 * i, i + 2));
}

TEST(Aibrix, AtMostDoublesAndAtMostHalves) {
  AutoscalerConfig config;
  config.policy = P::aibrix_apa;
  config.target = 10;
  config.most = 100;
  config.interval = s(10);
  config.window = s(10);
  config.down_delay = s(300);
  config.up_rate = config.down_rate = 2;
  Drive drive{config, 2, [](double t) { return t < 50 ? 80 : 10; }};
  // The eight of 40 s is the most of the last 300 s until 340.
  const Changes changes = drive.until(345);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_THAT(changes[0], Pair(10, 4));
  EXPECT_THAT(changes[1], Pair(20, 8));
  EXPECT_THAT(changes[2], Pair(340, 4));
}

TEST(Dynamo, TakesOneMoreWhereAnybodyIsShortAndOneLessWhereAllHaveRoom) {
  AutoscalerConfig config;
  config.policy = P::dynamo;
  config.metric = ScaleMetric::request_rate;
  config.most = 100;
  config.interval = s(5);
  Drive drive{config, 2};
  drive.loads = [](double t, int wanted) {
    std::vector<ReplicaLoad> loads(static_cast<std::size_t>(wanted));
    for (ReplicaLoad& load : loads) load.kv_demand = t < 12 ? 0.7 : 0.5;
    if (t < 7) loads.back().kv_demand = 1.2;
    return loads;
  };
  EXPECT_THAT(drive.until(23), ElementsAre(Pair(5, 3), Pair(15, 2), Pair(20, 1)));
  drive.numbers = [](int wanted) { return ReplicaNumbers{wanted, wanted - 1, 1, 0, 0}; };
  EXPECT_THAT(drive.until(23), IsEmpty()) << "while one starts nothing else is changed";
}

TEST(Wva, KeepsSpareCacheAndQueue) {
  AutoscalerConfig config;
  config.policy = P::wva;
  config.most = 100;
  config.interval = s(60);
  double kv = 0.75;
  std::int64_t waiting = 0;
  Drive drive{config, 4};
  drive.loads = [&](double, int wanted) {
    ReplicaLoad load;
    load.kv_usage = kv;
    load.waiting = waiting;
    return std::vector<ReplicaLoad>(static_cast<std::size_t>(wanted), load);
  };
  EXPECT_THAT(drive.until(60), ElementsAre(Pair(60, 5))) << "0.05 of the cache is spare";
  kv = 0.5, waiting = 3;
  EXPECT_THAT(drive.until(60), ElementsAre(Pair(60, 5))) << "two of the queue are spare";
  waiting = 1;
  EXPECT_THAT(drive.until(60), ElementsAre(Pair(60, 3))) << "four on three: 0.67 and 1.33";
  kv = 0.6;
  EXPECT_THAT(drive.until(60), IsEmpty()) << "on three 0.8 would be in use";
}

}  // namespace autoscalers_test
}  // namespace foretoken::test
