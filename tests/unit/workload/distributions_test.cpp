// The variates against their distribution functions, by Boost.Math.
#include "workload/lengths/distributions.hpp"

#include <gtest/gtest.h>

#include <boost/math/distributions/gamma.hpp>
#include <boost/math/distributions/normal.hpp>
#include <limits>
#include <numeric>

#include "support/goodness_of_fit.hpp"

namespace foretoken {
namespace distributions_test {

using test::kolmogorov_bound;
using test::kolmogorov_distance;

constexpr std::size_t kDraws = 100'000;

template <class Draw>
std::vector<double> draws(Draw draw) {
  std::vector<double> sample;
  for (std::size_t i = 0; i < kDraws; ++i) sample.push_back(static_cast<double>(draw()));
  return sample;
}

TEST(NormalQuantile, AgreesWithBoostFromOneTailToTheOther) {
  const boost::math::normal normal;
  for (const double p : {1e-300, 1e-100, 1e-16, 1e-9, 1e-4, 0.01, 0.074, 0.076, 0.25, 0.4999, 0.5001, 0.75, 0.924,
                         0.926, 0.99, 0.9999, 1 - 1e-9, 1 - 1e-15}) {
    const double expected = boost::math::quantile(normal, p);
    EXPECT_NEAR(normal_quantile(p), expected, std::abs(expected) * 2e-14 + 1e-300) << "p = " << p;
  }
  EXPECT_EQ(normal_quantile(0.5), 0);
}

TEST(Exponential, HasMeanOneAndTheRightShape) {
  RandomStream stream(11, "test");
  const auto sample = draws([&] { return draw_exponential(stream); });
  EXPECT_LT(kolmogorov_distance(sample, [](double x) { return 1 - std::exp(-x); }), kolmogorov_bound(kDraws));
}

TEST(Gamma, FollowsItsDistributionForShapesBelowAtAndAboveOne) {
  for (const double shape : {0.05, 0.5, 0.99, 1.0, 2.5, 100.0, 1e6}) {
    RandomStream stream(13, "test");
    const auto sample = draws([&] { return draw_gamma(shape, stream); });
    const boost::math::gamma_distribution<> gamma(shape, 1);
    const double distance = kolmogorov_distance(sample, [&](double x) { return boost::math::cdf(gamma, x); });
    EXPECT_LT(distance, kolmogorov_bound(kDraws)) << "shape " << shape;
  }
}

// Exact probabilities by summing 1/k^alpha.
TEST(Zipf, FollowsItsDistributionOnAnyInterval) {
  struct Case {
    double alpha;
    std::int64_t min, max;
  };
  for (const auto& c : {Case{0, 1, 7}, Case{0.5, 1, 1000}, Case{1, 1, 1000}, Case{1.0001, 1, 50}, Case{2, 5, 300},
                        Case{1.1, 128, 8192}, Case{3, 1, 10}, Case{30, 2, 9}, Case{1, 6, 6}}) {
    const ZipfDistribution zipf(c.alpha, c.min, c.max);
    std::vector<double> below;
    double total = 0;
    for (std::int64_t k = c.min; k <= c.max; ++k) below.push_back(total += std::pow(static_cast<double>(k), -c.alpha));
    RandomStream stream(13, "test");
    const auto sample = draws([&] { return zipf.draw(stream); });
    ASSERT_GE(*std::min_element(sample.begin(), sample.end()), c.min);
    ASSERT_LE(*std::max_element(sample.begin(), sample.end()), c.max);
    const auto cdf = [&](double k) {
      return below[static_cast<std::size_t>(k) - static_cast<std::size_t>(c.min)] / total;
    };
    EXPECT_LT(kolmogorov_distance(sample, cdf, true), kolmogorov_bound(kDraws))
        << "alpha " << c.alpha << " on [" << c.min << ", " << c.max << "]";
  }
}

TEST(AliasTable, DrawsEachIndexWithItsWeightAndNeverOneOfWeightZero) {
  const std::vector<double> weights = {0, 1, 0.25, 7, 0, 1e-3, 3};
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  const AliasTable table(weights);
  RandomStream stream(14, "test");
  constexpr double n = 1'000'000;
  std::vector<double> counts(weights.size());
  for (int i = 0; i < static_cast<int>(n); ++i) counts[table.draw(stream)] += 1;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double p = weights[i] / total;
    EXPECT_NEAR(counts[i], n * p, 4.5 * std::sqrt(n * p * (1 - p))) << "index " << i << ", p = " << p;
  }
}

TEST(AliasTable, HandlesOneWeightAndHugeSpreads) {
  RandomStream stream(15, "test");
  EXPECT_EQ(AliasTable({5.0}).draw(stream), 0u);
  const AliasTable lopsided({1e-300, 1e300, 1e-300});
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(lopsided.draw(stream), 1u);
}

TEST(Pause, IsFixedOrExponentialAndNeverOverflows) {
  RandomStream stream(16, "test");
  EXPECT_EQ(draw_pause({false, Duration{500}}, stream), Duration{500});
  const auto sample = draws([&] { return draw_pause({true, Duration{1'000'000'000}}, stream).count(); });
  EXPECT_LT(kolmogorov_distance(sample, [](double ns) { return 1 - std::exp(-ns * 1e-9); }), kolmogorov_bound(kDraws));
  for (int i = 0; i < 100; ++i) ASSERT_GE(draw_pause({true, Duration::max()}, stream), Duration{});
  EXPECT_EQ(add_saturated(TimePoint{Duration{5}}, Duration{6}), TimePoint{Duration{11}});
  EXPECT_LT(add_saturated(TimePoint{Duration{5}}, Duration::max()), kNever);
}

}  // namespace distributions_test
}  // namespace foretoken
