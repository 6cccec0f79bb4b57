// Distribution against the expanded, sorted values: percentiles and moments,
// both forms, and a state that no order and no grouping can change.
#include "foretoken/base/statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <vector>

#include "base/integer_sums.hpp"
#include "base/math.hpp"
#include "base/random.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kQuantiles[] = {0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1};

Distribution of(const std::vector<std::int64_t>& values) {
  Distribution d;
  for (const std::int64_t v : values) d.add(Duration{v});
  return d;
}

std::vector<double> sorted_doubles(const std::vector<std::int64_t>& values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// Pareto with infinite mean: 1 ms to days.
std::vector<std::int64_t> heavy_tail(std::size_t count, std::uint64_t seed) {
  RandomStream random(seed, "heavy tail");
  std::vector<std::int64_t> values(count);
  for (std::int64_t& v : values) v = static_cast<std::int64_t>(1e6 * exact_pow(random.uniform(), -1 / 0.8));
  return values;
}

// More values than the exact form keeps, spread over 2^40.
Distribution spilled() {
  Distribution d;
  for (std::int64_t i = 0; i <= Distribution::kExactLimit; ++i) d.add(Duration{i * 54'975'385});
  EXPECT_FALSE(d.exact());
  return d;
}

TEST(Percentile, FollowsNumpysLinearRule) {
  const std::vector<double> four = {1, 2, 3, 4};
  EXPECT_EQ(percentile_of_sorted(four, 0.5), 2.5);
  EXPECT_EQ(percentile_of_sorted(four, 0.99), 3.9699999999999998);  // numpy.percentile([1, 2, 3, 4], 99)
  EXPECT_EQ(percentile_of_sorted(four, 0), 1);
  EXPECT_EQ(percentile_of_sorted(four, 1), 4);
  EXPECT_EQ(percentile_of_sorted(four, -3), 1);
  EXPECT_EQ(percentile_of_sorted(four, std::nan("")), 1);
  EXPECT_EQ(percentile_of_sorted({}, 0.5), 0);
  const std::vector<double> infinite = {1, kInfinity, kInfinity};
  EXPECT_EQ(percentile_of_sorted(infinite, 0.5), kInfinity);
  EXPECT_EQ(percentile_of_sorted(infinite, 0.75), kInfinity) << "not infinity - infinity";
  const std::vector<double> last_infinite = {1, 2, kInfinity};
  EXPECT_EQ(percentile_of_sorted(last_infinite, 0.5), 2);
  EXPECT_EQ(percentile_of_sorted(last_infinite, 0.6), kInfinity);
  EXPECT_EQ(percentile_of_sorted(last_infinite, 0.9), kInfinity) << "numpy's rule would give NaN";
}

TEST(Distribution, AnEmptyOneAnswersZero) {
  const Distribution d;
  EXPECT_EQ(d.count(), 0);
  EXPECT_TRUE(d.exact());
  for (const double x : {d.mean(), d.standard_deviation(), d.min(), d.max(), d.percentile(0.5)}) EXPECT_EQ(x, 0);
  EXPECT_EQ(d.share_at_or_below(Duration{5}), 0);
  EXPECT_EQ(d.percentile(0.5, 3), kInfinity);
}

TEST(Distribution, WeightedPercentilesEqualThoseOfTheExpandedValues) {
  RandomStream random(7, "weights");
  for (int round = 0; round < 200; ++round) {
    Distribution d;
    std::vector<std::int64_t> expanded;
    const std::int64_t entries = random.uniform_int(1, 30);
    for (std::int64_t i = 0; i < entries; ++i) {
      const std::int64_t value = random.uniform_int(0, 40), weight = random.uniform_int(0, 5);
      d.add(Duration{value}, weight);
      expanded.insert(expanded.end(), static_cast<std::size_t>(weight), value);
    }
    const std::vector<double> sorted = sorted_doubles(expanded);
    ASSERT_EQ(d.count(), static_cast<std::int64_t>(sorted.size()));
    for (const double q : kQuantiles) ASSERT_EQ(d.percentile(q), percentile_of_sorted(sorted, q)) << q;
    for (std::int64_t limit = -1; limit <= 41; ++limit) {
      const auto below = std::upper_bound(sorted.begin(), sorted.end(), static_cast<double>(limit)) - sorted.begin();
      const double share = sorted.empty() ? 0 : static_cast<double>(below) / static_cast<double>(sorted.size());
      ASSERT_EQ(d.share_at_or_below(Duration{limit}), share) << limit;
    }
  }
}

TEST(Distribution, FailedRequestsStandAtTheTopAsInfinity) {
  const Distribution d = of({1, 2, 3, 4});
  std::vector<double> with_failed = {1, 2, 3, 4, kInfinity, kInfinity};
  for (const double q : {0.0, 0.2, 0.3, 0.5, 0.6, 0.61, 0.8, 1.0}) {
    EXPECT_EQ(d.percentile(q, 2), percentile_of_sorted(with_failed, q)) << q;
  }
  EXPECT_EQ(d.percentile(0.6, 2), 4) << "rank 3 exactly: infinity above it does not reach in";
  EXPECT_EQ(d.percentile(0.61, 2), kInfinity);
}

TEST(Distribution, MomentsAreExactWhereDoublesCancel) {
  // A mean of 2^50 ns (13 days) with a spread of 1 ns: a sum of squares in double loses it.
  Distribution d;
  const std::int64_t base = std::int64_t{1} << 50;
  d.add(Duration{base - 1}, 1'000'000'000);
  d.add(Duration{base + 1}, 1'000'000'000);
  EXPECT_EQ(d.mean(), static_cast<double>(base));
  EXPECT_EQ(d.standard_deviation(), 1.0);
  Distribution largest;
  largest.add(Duration::max(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(largest.mean(), static_cast<double>(Duration::max().count()));
  EXPECT_EQ(largest.standard_deviation(), 0.0);
  const Distribution few = of({3, 1, 4, 1, 5, 9, 2, 6});
  EXPECT_EQ(few.mean(), 3.875);
  EXPECT_DOUBLE_EQ(few.standard_deviation(), std::sqrt(173.0 / 8 - 3.875 * 3.875));
}

TEST(Distribution, SketchPercentilesOfAHeavyTailStayWithinAThousandth) {
  const std::vector<std::int64_t> values = heavy_tail(600'000, 11);
  const Distribution d = of(values);
  ASSERT_FALSE(d.exact());
  const std::vector<double> sorted = sorted_doubles(values);
  double worst = 0;
  for (int i = 0; i <= 10'000; ++i) {
    const double truth = percentile_of_sorted(sorted, i * 1e-4);
    worst = std::max(worst, std::abs(d.percentile(i * 1e-4) / truth - 1));
  }
  std::printf("largest relative error over 10,001 quantiles: %.3e, bound 1/1024 = %.3e\n", worst, 1.0 / 1024);
  EXPECT_LE(worst, Distribution::kRelativeError);
  EXPECT_EQ(d.min(), sorted.front());
  EXPECT_EQ(d.max(), sorted.back());
  EXPECT_EQ(d.percentile(0), sorted.front());
  EXPECT_EQ(d.percentile(1), sorted.back());

  __extension__ __int128 sum = 0;
  for (const std::int64_t v : values) sum += v;
  EXPECT_DOUBLE_EQ(d.mean(), static_cast<double>(sum) / 600'000.0) << "the mean keeps no bucket error";
  for (const std::int64_t limit : {1'200'000, 50'000'000, 2'000'000'000}) {
    const auto below = std::upper_bound(sorted.begin(), sorted.end(), static_cast<double>(limit)) - sorted.begin();
    EXPECT_NEAR(d.share_at_or_below(Duration{limit}), static_cast<double>(below) / 600'000.0, 1e-4) << limit;
  }
}

TEST(Distribution, SketchBucketsHoldOverTheWholeRangeOfDurations) {
  Distribution d = spilled();
  const Distribution base = d;
  std::int64_t previous = 0;
  for (int bit = 0; bit < 63; ++bit) {
    for (const std::int64_t offset : {-1, 0, 1}) {
      const std::int64_t value = std::max<std::int64_t>(((std::int64_t{1} << bit) + offset), 0);
      Distribution one = base;
      one.add(Duration{value}, 1'000'000'000'000);
      EXPECT_NEAR(one.percentile(0.5), static_cast<double>(value), static_cast<double>(value) / 1024) << value;
      if (value < 1024) {
        EXPECT_EQ(one.percentile(0.5), static_cast<double>(value)) << "one value per bucket";
      }
      previous = std::max(previous, value);
    }
  }
  d.add(Duration::max());
  EXPECT_EQ(d.max(), static_cast<double>(Duration::max().count()));
  EXPECT_GT(previous, std::int64_t{1} << 61);
}

TEST(Distribution, TheFormDependsOnTheCountOnly) {
  const std::int64_t limit = Distribution::kExactLimit;
  Distribution one_by_one, weighted, merged, half;
  for (std::int64_t v = 0; v < limit; ++v) one_by_one.add(Duration{v % 7});
  weighted.add(Duration{3}, limit);
  half.add_ramp({}, fine_from(Duration{5}), limit / 2, 1);
  merged.merge(half);
  merged.merge(half);
  for (Distribution* d : {&one_by_one, &weighted, &merged}) {
    EXPECT_EQ(d->count(), limit);
    EXPECT_TRUE(d->exact());
    d->add(Duration{1});
    EXPECT_FALSE(d->exact());
  }
}

TEST(Distribution, OrderAndReadingInBetweenDoNotChangeTheState) {
  std::vector<std::int64_t> values = heavy_tail(400'000, 3);
  const Distribution forward = of(values);
  ASSERT_FALSE(forward.exact());
  std::sort(values.begin(), values.end());
  EXPECT_EQ(of(values), forward);
  std::reverse(values.begin(), values.end());
  Distribution read_often;
  for (std::size_t i = 0; i < values.size(); ++i) {
    read_often.add(Duration{values[i]});
    if (i % 50'000 == 0) {
      EXPECT_GT(read_often.percentile(0.5), 0);
    }
  }
  EXPECT_EQ(read_often, forward);

  values.resize(1000);
  const Distribution small = of(values);
  std::sort(values.begin(), values.end());
  EXPECT_EQ(of(values), small);
  values.back() += 1;
  EXPECT_FALSE(of(values) == small);
}

TEST(Distribution, AnyGroupingIntoPartsMergesToTheSameState) {
  const std::vector<std::int64_t> values = heavy_tail(700'000, 5);
  const Distribution whole = of(values);
  ASSERT_FALSE(whole.exact());
  // Part sizes from one value to a spilled part: exact and sketch meet in every order.
  const std::vector<std::vector<std::size_t>> groupings = {{1, 699'999},
                                                           {699'999, 1},
                                                           {350'000, 350'000},
                                                           {100'000, 500'000, 100'000},
                                                           {150'000, 150'000, 200'000, 200'000}};
  for (const std::vector<std::size_t>& sizes : groupings) {
    Distribution forward, backward;
    std::vector<Distribution> parts;
    std::size_t at = 0;
    for (const std::size_t size : sizes) {
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(at);
      parts.push_back(of({begin, begin + static_cast<std::ptrdiff_t>(size)}));
      at += size;
    }
    for (const Distribution& part : parts) forward.merge(part);
    for (std::size_t i = parts.size(); i-- > 0;) backward.merge(parts[i]);
    EXPECT_EQ(forward, whole);
    EXPECT_EQ(backward, whole);
  }
  Distribution doubled = whole, twice = whole;
  doubled.merge(doubled);
  twice.merge(whole);
  EXPECT_EQ(doubled, twice);
  EXPECT_EQ(doubled.count(), 1'400'000);
  twice.merge(Distribution{});
  EXPECT_EQ(doubled, twice);
}

TEST(Distribution, MergingManyExactPartsEqualsTheWhole) {
  // 64 parts of 156 values with weights 1 to 3, 19,968 in all: just below the limit of the exact form.
  Distribution whole, merged;
  std::vector<Distribution> parts(64);
  for (std::int64_t i = 0; i < 64 * 156; ++i) {
    const Duration value{5'000'000 + i * 4'099};
    whole.add(value, 1 + i % 3);
    parts[static_cast<std::size_t>(i % 64)].add(value, 1 + i % 3);
  }
  for (const Distribution& part : parts) merged.merge(part);
  EXPECT_TRUE(merged.exact());
  EXPECT_EQ(merged, whole);
  for (std::size_t width = 1; width < parts.size(); width *= 2) {
    for (std::size_t i = 0; i < parts.size(); i += 2 * width) parts[i].merge(parts[i + width]);
  }
  EXPECT_EQ(parts[0], whole);
  parts[0].add(Duration{1});
  EXPECT_EQ(parts[0].percentile(0), 1) << "the order kept from reading is not used again after a change";
  EXPECT_FALSE(parts[0] == whole);
}

void add_one_by_one(Distribution& d, FineDuration first, FineDuration step, std::int64_t count, std::int64_t weight) {
  for (std::int64_t i = 0; i < count; ++i) d.add(ceil_to_nanoseconds(first + step * i), weight);
}

TEST(Distribution, ARampEqualsItsStepsOneByOneInBothForms) {
  RandomStream random(13, "ramps");
  Distribution sketch_ramps = spilled(), sketch_steps = spilled();
  for (int round = 0; round < 1500; ++round) {
    // From far below to far above one ns per step, and first values from 0 to a second.
    const FineDuration first{random.uniform_int(0, std::int64_t{1} << random.uniform_int(0, 50))};
    const FineDuration step{random.uniform_int(0, std::int64_t{1} << random.uniform_int(0, 35))};
    const std::int64_t count = random.uniform_int(0, std::int64_t{1} << random.uniform_int(0, 11));
    const std::int64_t weight = random.uniform_int(1, 256);
    sketch_ramps.add_ramp(first, step, count, weight);
    add_one_by_one(sketch_steps, first, step, count, weight);
    ASSERT_EQ(sketch_ramps, sketch_steps) << first.units << " + i * " << step.units << ", " << count << " steps";
    Distribution exact_ramp, exact_steps;
    for (const std::int64_t w : {1, 7}) {
      exact_ramp.add_ramp(first, step, count, w);
      add_one_by_one(exact_steps, first, step, count, w);
    }
    ASSERT_TRUE(exact_ramp.exact());
    ASSERT_EQ(exact_ramp, exact_steps) << first.units << " + i * " << step.units << ", " << count << " steps";
  }
}

TEST(Distribution, ARampThatSpillsHalfWayEqualsItsSteps) {
  for (const std::int64_t step : {std::int64_t{700'001}, 3 * FineDuration::kPerNanosecond + 5}) {
    Distribution ramp, steps;
    ramp.add_ramp({123}, {step}, 900'000, 3);
    add_one_by_one(steps, {123}, {step}, 900'000, 3);
    EXPECT_FALSE(ramp.exact());
    EXPECT_EQ(ramp, steps) << step;
  }
}

TEST(Distribution, EdgesOfARamp) {
  Distribution d, constant;
  d.add_ramp({5}, {7}, 0, 3);
  d.add_ramp({5}, {7}, 3, 0);
  EXPECT_EQ(d, Distribution{}) << "no steps, no weight";
  d.add_ramp({FineDuration::kPerNanosecond + 1}, {0}, 1'000'000'000'000, 8);
  constant.add(Duration{2}, 8'000'000'000'000);
  EXPECT_EQ(d, constant) << "a flat ramp is one entry";
  Distribution falling, rising;
  falling.add_ramp({90 << 20}, {-(3 << 20)}, 30, 2);
  rising.add_ramp({3 << 20}, {3 << 20}, 30, 2);
  EXPECT_EQ(falling, rising);
  Distribution longest = spilled(), steps = spilled();
  const std::int64_t top = std::numeric_limits<std::int64_t>::max();
  const std::int64_t step = 1'000'000'007;
  longest.add_ramp({top - 99 * step}, {step}, 100, 1);
  for (std::int64_t i = 0; i < 100; ++i) {
    const std::int64_t units = top - i * step;
    steps.add(Duration{units / FineDuration::kPerNanosecond + (units % FineDuration::kPerNanosecond != 0 ? 1 : 0)});
  }
  EXPECT_EQ(longest, steps) << "up to the longest fine duration";
  EXPECT_THROW(d.add_ramp({1}, {top / 2}, 4, 1), InternalError);
  EXPECT_THROW(d.add_ramp({5}, {-7}, 2, 1), InternalError);
  EXPECT_THROW(d.add_ramp({5}, {0}, top, 2), InternalError);
  EXPECT_THROW(d.add(Duration{-1}), InternalError);
  EXPECT_THROW(d.add(Duration{1}, -1), InternalError);
}

TEST(Distribution, ARampOfBillionsOfStepsIsCountedInClosedForm) {
  // Steps of 2^-20 ns from 0: ceil gives 0 once, each of 1..N-1 2^20 times, N for the rest.
  Distribution d = spilled();
  const std::int64_t before = d.count(), count = std::int64_t{1} << 37;
  const double sum_before = d.mean() * static_cast<double>(before);
  d.add_ramp({0}, {1}, count, 1);
  EXPECT_EQ(d.count(), before + count);
  // Values 1..2^17, each 2^20 times (the last one step short): 2^20 * 2^17 (2^17 + 1) / 2 - 2^17.
  const double expected = 1048576.0 * 131072.0 * 131073.0 / 2 - 131072.0;
  EXPECT_NEAR((d.mean() * static_cast<double>(d.count()) - sum_before) / expected, 1.0, 1e-12);
  EXPECT_NEAR(d.percentile(0.5), 65536.0, 65536.0 / 1024 * 1.01);
}

TEST(IntegerSums, ClosedSumsOfFloorsEqualTheLoop) {
  RandomStream random(17, "floors");
  for (int round = 0; round < 3000; ++round) {
    const std::int64_t a = random.uniform_int(0, std::int64_t{1} << random.uniform_int(0, 24));
    const std::int64_t b = random.uniform_int(0, std::int64_t{1} << random.uniform_int(0, 24));
    const std::int64_t c = random.uniform_int(1, std::int64_t{1} << random.uniform_int(0, 24));
    const std::int64_t n = random.uniform_int(-1, 200);
    FloorSums loop;
    for (std::int64_t i = 0; i <= n; ++i) {
      const std::int64_t v = (a * i + b) / c;
      loop.values += v;
      loop.indexed += Int128{i} * v;
      loop.squares += Int128{v} * v;
    }
    const FloorSums closed = floor_sums(a, b, c, n);
    ASSERT_TRUE(closed.values == loop.values && closed.indexed == loop.indexed && closed.squares == loop.squares)
        << "a=" << a << " b=" << b << " c=" << c << " n=" << n;
  }
}

TEST(IntegerSums, LimbsCarryAndBorrow) {
  const UInt128 ones = ~UInt128{0};
  // (2^128 - 1)^2 = 2^256 - 2^129 + 1
  const std::uint64_t full = ~std::uint64_t{0};
  EXPECT_EQ(square(ones), (UInt256{1, 0, full - 1, full}));
  UInt256 total{};
  add_product(total, ones, full);
  add_product(total, ones, 1);  // (2^128 - 1) * 2^64
  EXPECT_EQ(total, (UInt256{0, full, full, 0}));
  EXPECT_EQ(difference(total, UInt256{1, 0, 0, 0}), (UInt256{full, full - 1, full, 0}));
  EXPECT_EQ(product(UInt256{full, full, 0, 0}, 2), (UInt256{full - 1, full, 1, 0}));
  EXPECT_EQ(to_double(UInt256{0, 0, 1, 0}), std::ldexp(1.0, 128));
}

}  // namespace
}  // namespace foretoken
