// Shares of replicas that were added, worked out by hand.
#include "serving/fleet/slow_start.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serving/fleet/takers.hpp"

namespace foretoken::slow_start_test {

using ::testing::ElementsAre;

TimePoint at(double seconds) {
  return TimePoint{duration_from_seconds(seconds)};
}

RoutingConfig within_ten_seconds(double aggression = 1, double least = 0.1) {
  RoutingConfig routing;
  routing.slow_start = std::chrono::seconds{10};
  routing.slow_start_min_weight = least;
  routing.slow_start_aggression = aggression;
  return routing;
}

// Of so many requests at one instant those that the new one may get, if it gets all that it may.
int for_the_new_one(SlowStart& slow, const std::vector<std::uint8_t>& takes, int candidate, double seconds,
                    int requests) {
  int sent = 0;
  for (int i = 0; i < requests; ++i) {
    if (slow.among(takes, at(seconds))[static_cast<std::size_t>(candidate)] == 0) continue;
    slow.sent(candidate);
    ++sent;
  }
  return sent;
}

// Weights 1 and 0.1, 0.5, 0.9 are shares of 1/11, 1/3, 9/19.
TEST(SlowStart, ItsShareGrowsWithItsAge) {
  for (const auto& [seconds, requests, sent] : {std::tuple{0.0, 22, 2}, {0.5, 22, 2}, {5.0, 12, 4}, {9.0, 38, 18}}) {
    SlowStart slow(within_ten_seconds(), {});
    slow.begins(1, at(0));
    ASSERT_TRUE(slow.is_on(at(seconds)));
    EXPECT_EQ(for_the_new_one(slow, {1, 1}, 1, seconds, requests), sent) << seconds;
  }
  SlowStart slow(within_ten_seconds(), {});
  slow.begins(1, at(0));
  EXPECT_FALSE(slow.is_on(at(10))) << "it is one of all";
}

// (2.5 / 10)^(1 / 2) = 0.5; nginx begins with nothing; weights of 3 and 1: 0.5 of the one is a share of 1/7.
TEST(SlowStart, HasAnAggressionALeastAndWeights) {
  SlowStart sooner(within_ten_seconds(2), {}), from_nothing(within_ten_seconds(1, 0), {}),
      weighted(within_ten_seconds(), {3, 1});
  for (SlowStart* slow : {&sooner, &from_nothing, &weighted}) slow->begins(1, at(0));
  EXPECT_EQ(for_the_new_one(sooner, {1, 1}, 1, 2.5, 12), 4);
  EXPECT_EQ(for_the_new_one(from_nothing, {1, 1}, 1, 0, 1000), 0);
  EXPECT_EQ(for_the_new_one(weighted, {1, 1}, 1, 5, 14), 2);
}

// What it did not take it may take later, and no more.
TEST(SlowStart, OwesWhatWasNotTaken) {
  SlowStart slow(within_ten_seconds(), {});
  slow.begins(0, at(0));
  for (int i = 0; i < 9; ++i) (void)slow.among({1, 1}, at(5));
  EXPECT_EQ(for_the_new_one(slow, {1, 1}, 0, 5, 3), 3);
  EXPECT_EQ(for_the_new_one(slow, {1, 1}, 0, 5, 3), 2) << "five of fifteen";
}

// Where all are new, they are in turn; who does not take requests has no share.
TEST(SlowStart, OfNewOnesThoseThatHadLeast) {
  SlowStart slow(within_ten_seconds(1, 0), {});
  for (int i = 0; i < 3; ++i) slow.begins(i, at(0));
  std::vector<int> sent(3, 0);
  for (int i = 0; i < 10; ++i) {
    const std::vector<std::uint8_t>& may = slow.among({1, 0, 1}, at(i < 5 ? 1 : 5));
    const int chosen = may[0] != 0 ? 0 : 2;
    ASSERT_NE(may[static_cast<std::size_t>(chosen)], 0);
    slow.sent(chosen);
    ++sent[static_cast<std::size_t>(chosen)];
  }
  EXPECT_THAT(sent, ElementsAre(5, 0, 5));
}

// nginx's begins with a weight of 0: where all are new at once each has the same.
TEST(SlowStart, WithoutAnyWeightAllAreEqual) {
  SlowStart slow(within_ten_seconds(1, 0), {});
  slow.begins(0, at(0));
  slow.begins(1, at(0));
  std::vector<int> sent(2, 0);
  for (int i = 0; i < 10; ++i) {
    const std::vector<std::uint8_t>& may = slow.among({1, 1}, at(0));
    const int chosen = may[0] != 0 ? 0 : 1;
    ASSERT_NE(may[static_cast<std::size_t>(chosen)], 0) << i;
    slow.sent(chosen);
    ++sent[static_cast<std::size_t>(chosen)];
  }
  EXPECT_THAT(sent, ElementsAre(5, 5));
}

TEST(SlowStart, IsOfThoseThatAreNew) {
  Takers takers;
  takers.add(3, false);
  takers.start_slowly(SlowStart(within_ten_seconds(), {}));
  for (int i = 0; i < 3; ++i) takers.set(i, true);
  EXPECT_EQ(takers.for_next(at(1)), nullptr) << "all were there";
  takers.set(2, false);
  EXPECT_THAT(*takers.for_next(at(2)), ElementsAre(1, 1, 0));
  takers.set(2, true);
  takers.begins(2, at(3));
  EXPECT_THAT(*takers.for_next(at(3)), ElementsAre(1, 1, 0)) << "its first request is one of the next";
  EXPECT_EQ(takers.for_next(at(13)), nullptr);
}

}  // namespace foretoken::slow_start_test
