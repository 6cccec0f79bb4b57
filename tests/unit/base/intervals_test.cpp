// Intervals that must cover what they promise, and the warm-up cut, on queues with known answers.
#include "foretoken/base/intervals.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <vector>

#include "base/math.hpp"
#include "base/random.hpp"
#include "base/stationarity.hpp"

namespace foretoken {
namespace {

double exponential(RandomStream& random, double mean) {
  return -mean * exact_log(random.uniform());
}

// Waits of an M/M/1 queue by Lindley's recursion, mean service 1. Starting in steady state, the first wait is 0
// with probability 1 - rho and else exponential with rate 1 - rho.
class Mm1 {
 public:
  Mm1(std::uint64_t seed, double rho, double first_wait) : random_(seed, "mm1"), rho_(rho), wait_(first_wait) {}
  static Mm1 in_steady_state(std::uint64_t seed, double rho) {
    RandomStream start(seed, "start");
    const double wait = start.uniform() < rho ? exponential(start, 1 / (1 - rho)) : 0;
    return Mm1(seed, rho, wait);
  }
  double next() {
    const double now = wait_;
    wait_ = std::max(0.0, wait_ + exponential(random_, 1) - exponential(random_, 1 / rho_));
    return now;
  }
  std::vector<double> take(std::size_t count) {
    std::vector<double> waits(count);
    for (double& w : waits) w = next();
    return waits;
  }
  static double mean(double rho) { return rho / (1 - rho); }

 private:
  RandomStream random_;
  double rho_;
  double wait_;
};

// The share of 95 % intervals that cover is binomial: within 3.3 standard errors (1 in 1,000) of 95 %.
void expect_nominal(int covered, int intervals, const char* what) {
  const double share = static_cast<double>(covered) / intervals;
  const double error = 3.3 * std::sqrt(0.95 * 0.05 / intervals);
  std::cout << what << ": " << covered << " of " << intervals << " intervals cover (" << share << "; nominal 0.95 +- "
            << error << ")\n";
  EXPECT_NEAR(share, 0.95, error) << what;
}

bool covers(const Interval& i, double truth) {
  return i.low <= truth && truth <= i.high;
}

TEST(MeanInterval, OfReplicationsCoversTheMeanWaitOfMM1NinetyFiveTimesInAHundred) {
  constexpr int kIntervals = 400;
  int covered = 0;
  for (int e = 0; e < kIntervals; ++e) {
    std::vector<double> means;
    for (int r = 0; r < 10; ++r) {
      const auto waits = Mm1::in_steady_state(static_cast<std::uint64_t>(e * 100 + r), 0.5).take(2000);
      double sum = 0;
      for (const double w : waits) sum += w;
      means.push_back(sum / 2000);
    }
    covered += covers(mean_interval(means, 0.95), Mm1::mean(0.5)) ? 1 : 0;
  }
  expect_nominal(covered, kIntervals, "replications, M/M/1 at 0.5");
}

TEST(BatchMeansInterval, OfOneRunCoversTheMeanWaitOfMM1NinetyFiveTimesInAHundred) {
  constexpr int kIntervals = 400;
  int covered = 0;
  for (int e = 0; e < kIntervals; ++e) {
    const auto waits = Mm1::in_steady_state(static_cast<std::uint64_t>(e), 0.5).take(40'007);
    covered += covers(batch_means_interval(waits, 20, 0.95), Mm1::mean(0.5)) ? 1 : 0;
  }
  expect_nominal(covered, kIntervals, "batch means, M/M/1 at 0.5");
}

// The same run taken value by value pretends that waits are independent: the test above can fail.
TEST(MeanInterval, OfCorrelatedValuesCoversFarTooSeldom) {
  int covered = 0;
  for (int e = 0; e < 200; ++e) {
    const auto waits = Mm1::in_steady_state(static_cast<std::uint64_t>(e), 0.5).take(2000);
    covered += covers(mean_interval(waits, 0.95), Mm1::mean(0.5)) ? 1 : 0;
  }
  EXPECT_LT(covered, 140) << "of 200";
}

TEST(QuantileInterval, CoversThePercentileOfIndependentValuesAtLeastNinetyFiveTimesInAHundred) {
  constexpr int kIntervals = 1000;
  for (const double q : {0.5, 0.9, 0.99}) {
    int covered = 0;
    for (int e = 0; e < kIntervals; ++e) {
      RandomStream random(static_cast<std::uint64_t>(e), "values");
      std::vector<double> values(600);
      for (double& v : values) v = exponential(random, 1);
      std::sort(values.begin(), values.end());
      covered += covers(quantile_interval(values, q, 0.95), -std::log(1 - q)) ? 1 : 0;
    }
    const double share = static_cast<double>(covered) / kIntervals;
    std::cout << "order statistics, q " << q << ": " << share << " of the intervals cover\n";
    // Whole ranks only: never less than nominal, and not much more.
    EXPECT_GE(share, 0.95 - 3.3 * std::sqrt(0.95 * 0.05 / kIntervals)) << q;
    EXPECT_LE(share, 0.99) << q;
  }
}

TEST(QuantileInterval, IsUnboundedWhereTheSampleIsTooSmall) {
  std::vector<double> values(300);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  // 0.99^300 = 4.9 % of samples of 300 have no value above the p99: above 2.5 %, so no rank is safe.
  const Interval p99 = quantile_interval(values, 0.99, 0.95);
  EXPECT_TRUE(std::isinf(p99.high));
  EXPECT_EQ(p99.value, 296);
  EXPECT_EQ(p99.low, 292);  // rank 293 of binomial(300, 0.99)
  const Interval none = quantile_interval({}, 0.5, 0.95);
  EXPECT_TRUE(std::isnan(none.value) && std::isinf(none.low) && std::isinf(none.high));
}

TEST(MeanInterval, HandlesOneValueEqualValuesAndInfinity) {
  const Interval one = mean_interval(std::vector<double>{3}, 0.95);
  EXPECT_EQ(one.value, 3);
  EXPECT_TRUE(std::isinf(one.high) && std::isinf(one.low));
  const Interval equal = mean_interval(std::vector<double>{0.1, 0.1, 0.1}, 0.95);
  EXPECT_EQ(equal.low, 0.1);
  EXPECT_EQ(equal.high, 0.1);
  EXPECT_EQ(equal.half_width(), 0);
  const double inf = std::numeric_limits<double>::infinity();
  const Interval some = mean_interval(std::vector<double>{5, inf, 7}, 0.95);
  EXPECT_TRUE(std::isinf(some.value) && std::isinf(some.high));
  EXPECT_EQ(some.low, 5);
  const Interval all = mean_interval(std::vector<double>{inf, inf}, 0.95);
  EXPECT_EQ(all.low, inf);
  EXPECT_TRUE(std::isnan(mean_interval({}, 0.95).value));
  // t(0.975, 2) = 4.303; s = 1; 4.303 / sqrt(3) = 2.484.
  EXPECT_NEAR(mean_interval(std::vector<double>{1, 2, 3}, 0.95).half_width(), 2.484, 0.001);
}

TEST(PairedDifference, OfCommonRandomNumbersIsFarNarrowerThanOfIndependentRuns) {
  std::vector<double> before, after, alone;
  for (std::uint64_t r = 0; r < 20; ++r) {
    const auto mean = [](Mm1 queue) {
      double sum = 0;
      for (int i = 0; i < 5000; ++i) sum += queue.next();
      return sum / 5000;
    };
    before.push_back(mean(Mm1(r, 0.70, 0)));
    after.push_back(mean(Mm1(r, 0.72, 0)));
    alone.push_back(mean(Mm1(r + 1000, 0.72, 0)));
  }
  const PairedDifference paired = paired_difference(before, after, 0.95);
  const PairedDifference independent = paired_difference(before, alone, 0.95);
  const double truth = Mm1::mean(0.72) - Mm1::mean(0.70);
  std::cout << "difference " << paired.difference.value << " +- " << paired.difference.half_width() << ", theory "
            << truth << ", variance reduction " << paired.variance_reduction << "; independent +- "
            << independent.difference.half_width() << "\n";
  EXPECT_TRUE(covers(paired.difference, truth));
  EXPECT_GT(paired.variance_reduction, 20);
  EXPECT_LT(independent.variance_reduction, 3);
  EXPECT_LT(3 * paired.difference.half_width(), independent.difference.half_width());
}

TEST(PairedDifference, LeavesOutPairsWithoutAFiniteValueAndKnowsWhenNothingVaries) {
  const double inf = std::numeric_limits<double>::infinity();
  const PairedDifference some = paired_difference(std::vector<double>{1, inf, 3}, std::vector<double>{2, 5, 4}, 0.95);
  EXPECT_EQ(some.difference.value, 1);
  EXPECT_EQ(some.difference.half_width(), 0);
  EXPECT_TRUE(std::isinf(some.variance_reduction));
  const std::vector<double> constant{2, 2};
  EXPECT_TRUE(std::isnan(paired_difference(constant, constant, 0.95).variance_reduction));
}

// Means over 40 replications of the i-th wait, in fives: MSER-5 on Welch's average.
std::vector<double> average_of_fives(double rho, double first_wait, std::size_t count) {
  std::vector<double> fives(count / 5);
  for (std::uint64_t r = 0; r < 40; ++r) {
    Mm1 queue(r, rho, first_wait);
    for (double& five : fives) {
      for (int i = 0; i < 5; ++i) five += queue.next() / 200;
    }
  }
  return fives;
}

TEST(MserCut, LeavesOutTheBacklogAQueueStartedWith) {
  // From a wait of 200 it falls by 1/rho - 1 = 1 an arrival: 200 arrivals, 40 fives.
  const std::vector<double> from_full = average_of_fives(0.5, 200, 10'000);
  const WarmupCut cut = mser_cut(from_full);
  std::cout << "cut " << cut.cut * 5 << " waits; the backlog is gone after about 200\n";
  EXPECT_TRUE(cut.settled);
  EXPECT_GE(cut.cut, 36u);
  EXPECT_LE(cut.cut, 120u);
  double all = 0, kept = 0;
  for (std::size_t i = 0; i < from_full.size(); ++i) {
    all += from_full[i] / static_cast<double>(from_full.size());
    if (i >= cut.cut) kept += from_full[i] / static_cast<double>(from_full.size() - cut.cut);
  }
  EXPECT_NEAR(kept, Mm1::mean(0.5), 0.05);
  EXPECT_GT(all, Mm1::mean(0.5) + 1) << "without the cut the mean is wrong";
}

TEST(MserCut, LeavesASteadySeriesAloneAndSaysWhenASeriesNeverSettles) {
  EXPECT_LT(mser_cut(average_of_fives(0.5, Mm1::mean(0.5), 10'000)).cut, 200u);
  const WarmupCut constant = mser_cut(std::vector<double>(100, 3.0));
  EXPECT_EQ(constant.cut, 0u);
  EXPECT_TRUE(constant.settled);
  std::vector<double> rising(100);
  for (std::size_t i = 0; i < rising.size(); ++i) rising[i] = static_cast<double>(i);
  EXPECT_FALSE(mser_cut(rising).settled);
  EXPECT_FALSE(mser_cut(std::vector<double>{1, 2}).settled);
}

TEST(SlopeOf, IsThatOfALine) {
  EXPECT_DOUBLE_EQ(slope_of(std::vector<double>{0, 1, 2}, std::vector<double>{1, 4, 7}), 3);
  EXPECT_EQ(slope_of(std::vector<double>{1}, std::vector<double>{2}), 0);
  EXPECT_EQ(slope_of({}, {}), 0);
}

}  // namespace
}  // namespace foretoken
