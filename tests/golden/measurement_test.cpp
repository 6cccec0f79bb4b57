// The benchmark client's send times and percentiles, worked out by hand (src/serving/README.md, "Golden schedules", by
// number).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "foretoken/metrics/summary.hpp"
#include "unit/metrics/records.hpp"
#include "workload/arrivals.hpp"

namespace foretoken::test {
namespace {

using ::testing::DoubleNear;
using ::testing::Pointwise;

constexpr double kSecond = 1e9;  // gaps are in nanoseconds

std::vector<double> sends(const std::vector<double>& gaps, double factor) {
  std::vector<double> at;
  double sum = 0;
  for (const double gap : gaps) at.push_back(sum += gap * factor);
  return at;
}

double sum_of(const std::vector<double>& gaps) {
  double sum = 0;
  for (const double gap : gaps) sum += gap;
  return sum;
}

std::vector<double> times(const ArrivalConfig& config, std::int64_t requests, std::uint64_t seed) {
  ArrivalProcess process(config, requests, seed);
  std::vector<double> at;
  for (std::int64_t i = 0; i < requests; ++i) at.push_back(to_seconds(process.next()));
  return at;
}

// 4 requests at 2/s: the gaps .2 .6 .4 .8 sum to 4/2 s and stay; halved they sum to 1 s and are doubled.
TEST(GoldenMeasurement, G39TheLastSendIsAtNumPromptsOverRateWhateverTheGapsDrawn) {
  const std::vector<double> by_hand{0.2, 0.8, 1.2, 2.0};
  const std::vector<double> gaps{.2 * kSecond, .6 * kSecond, .4 * kSecond, .8 * kSecond};
  const std::vector<double> halved{.1 * kSecond, .3 * kSecond, .2 * kSecond, .4 * kSecond};
  EXPECT_DOUBLE_EQ(rescale_factor(sum_of(gaps), 4, 2), 1);
  EXPECT_DOUBLE_EQ(rescale_factor(sum_of(halved), 4, 2), 2);
  const auto in_seconds = [](std::vector<double> at) {
    for (double& t : at) t /= kSecond;
    return at;
  };
  EXPECT_THAT(in_seconds(sends(gaps, rescale_factor(sum_of(gaps), 4, 2))), Pointwise(DoubleNear(1e-12), by_hand));
  EXPECT_THAT(in_seconds(sends(halved, rescale_factor(sum_of(halved), 4, 2))), Pointwise(DoubleNear(1e-12), by_hand));
}

// The same rule on drawn gaps: what the process sends is the plain process, stretched to end at 2 s.
TEST(GoldenMeasurement, G39TheArrivalProcessSendsByThatRule) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    for (const double burstiness : {0.5, 1.0, 4.0}) {
      const auto plain = times(RenewalArrivals{2, burstiness, false}, 4, seed);
      const auto rescaled = times(RenewalArrivals{2, burstiness, true}, 4, seed);
      std::vector<double> expected;
      for (const double t : plain) expected.push_back(t * 2.0 / plain.back());
      // Both are rounded to whole nanoseconds; the plain one's rounding grows with the stretch.
      const double rounding = 1e-9 * (2 + 4 / plain.back());
      EXPECT_THAT(rescaled, Pointwise(DoubleNear(rounding), expected)) << "seed " << seed;
      EXPECT_NEAR(rescaled.back(), 2.0, 1e-8);
    }
  }
}

// Linear interpolation at rank p(n - 1): 0.5 x 3 = 1.5 -> 2.5; 0.99 x 3 = 2.97 -> 3.97.
TEST(GoldenMeasurement, G40PercentilesInterpolateAsNumpyDoes) {
  using namespace foretoken::testing;
  for (const std::vector<double>& order : {std::vector<double>{1, 2, 3, 4}, {4, 2, 1, 3}}) {
    MetricsCollector collector(every_request(4));
    int index = 0;
    for (const double ttft : order) collector.on_request(record(index++, {0, 0, ttft, 10}, 2));
    const RunMeasures run = collector.take({});
    const Summary s = summarise(view_of(run));
    EXPECT_NEAR(s["p50_ttft_ms"], 2.5, 1e-9);
    EXPECT_NEAR(s["median_ttft_ms"], 2.5, 1e-9);
    EXPECT_NEAR(s["p99_ttft_ms"], 3.97, 1e-9);
  }
}

}  // namespace
}  // namespace foretoken::test
