// Each length distribution: its shape, its ends, and the moments that are said of it.
#include "workload/lengths/lengths.hpp"

#include <gtest/gtest.h>

#include <boost/math/distributions/normal.hpp>

#include "support/goodness_of_fit.hpp"

namespace foretoken {
namespace lengths_test {

constexpr std::size_t kDraws = 100'000;

std::vector<double> draws(const LengthConfig& config, std::uint64_t seed = 21) {
  const LengthSampler sampler(config);
  RandomStream stream(seed, "test");
  std::vector<double> sample;
  for (std::size_t i = 0; i < kDraws; ++i) sample.push_back(sampler.draw(stream));
  return sample;
}

template <class Cdf>
void expect_distribution(const LengthConfig& config, Cdf cdf) {
  EXPECT_LT(test::kolmogorov_distance(draws(config), cdf, true), test::kolmogorov_bound(kDraws));
}

TEST(Lengths, FixedIsFixed) {
  for (const double tokens : draws(FixedLength{77})) ASSERT_EQ(tokens, 77);
}

TEST(Lengths, UniformCoversBothEnds) {
  expect_distribution(UniformLength{3, 12}, [](double k) { return (k - 2) / 10; });
  const auto sample = draws(UniformLength{3, 12});
  EXPECT_EQ(*std::min_element(sample.begin(), sample.end()), 3);
  EXPECT_EQ(*std::max_element(sample.begin(), sample.end()), 12);
  for (const double tokens : draws(UniformLength{9, 9})) ASSERT_EQ(tokens, 9);
}

// P(X <= k) = Phi((ln(k + 1/2) - mu) / sigma), as lengths are rounded to the nearest, and all
// of it at the upper cut.
TEST(Lengths, LognormalIsRoundedAndCut) {
  const boost::math::normal normal;
  const LognormalLength length{5.0, 1.2, 20, 900};
  expect_distribution(
      length, [&](double k) { return k >= 900 ? 1.0 : boost::math::cdf(normal, (std::log(k + 0.5) - 5.0) / 1.2); });
  const auto sample = draws(length);
  EXPECT_EQ(*std::min_element(sample.begin(), sample.end()), 20);
  EXPECT_EQ(*std::max_element(sample.begin(), sample.end()), 900);
}

TEST(Lengths, LognormalOfExtremeParametersStaysInItsBounds) {
  for (const double tokens : draws(LognormalLength{700, 0, 1, 500})) ASSERT_EQ(tokens, 500);
  for (const double tokens : draws(LognormalLength{-1e300, 1, 4, 500})) ASSERT_EQ(tokens, 4);
  for (const double tokens : draws(LognormalLength{0, 1e300, 1, kMaxTokens})) {
    ASSERT_TRUE(tokens == 1 || tokens == static_cast<double>(kMaxTokens));
  }
}

// Rounded up: P(X <= k) = 1 - exp(-k / mean).
TEST(Lengths, ExponentialIsRoundedUpAndCut) {
  expect_distribution(ExponentialLength{64, 200}, [](double k) { return k >= 200 ? 1.0 : 1 - std::exp(-k / 64); });
  for (const double tokens : draws(ExponentialLength{1e-9, 200})) ASSERT_EQ(tokens, 1);
}

TEST(Lengths, EmpiricalDrawsItsValuesByWeight) {
  expect_distribution(EmpiricalLength{{10, 20, 30}, {1, 2, 1}}, [](double k) {
    return k < 20 ? 0.25 : k < 30 ? 0.75 : 1;
  });
  expect_distribution(EmpiricalLength{{10, 20, 30, 40}, {}}, [](double k) { return k / 40; });
}

TEST(Lengths, MeansAndMaximaSaidBeforehandAreThoseOfTheSample) {
  const std::vector<LengthConfig> configs = {FixedLength{5},
                                             UniformLength{10, 1000},
                                             UniformLength{1, 50'000'000},
                                             LognormalLength{6.6, 0.9, 1, 1'000'000},
                                             LognormalLength{0.3, 1.5, 1, 40},
                                             ZipfLength{1.2, 4, 9000},
                                             ZipfLength{0.7, 1, 80'000'000},
                                             ExponentialLength{3.5, 1'000'000},
                                             ExponentialLength{4000, 5000},
                                             EmpiricalLength{{1, 100, 10'000}, {5, 3, 0}}};
  for (std::size_t i = 0; i < configs.size(); ++i) {
    for (const std::int64_t cap : {kMaxTokens, std::int64_t{50}}) {
      auto sample = draws(configs[i], 22 + i);
      for (double& tokens : sample) tokens = std::min(tokens, static_cast<double>(cap));
      const auto measured = test::moments_of(sample);
      const LengthMoments said = length_moments(configs[i], cap);
      EXPECT_NEAR(said.mean, measured.mean, test::kSigmas * measured.standard_error + 1e-6 * said.mean)
          << "case " << i << " cap " << cap;
      const double square = measured.variance + measured.mean * measured.mean;
      EXPECT_NEAR(said.mean_square, square, 0.05 * square) << "case " << i << " cap " << cap;
      EXPECT_GE(static_cast<double>(said.max), *std::max_element(sample.begin(), sample.end())) << "case " << i;
    }
  }
  EXPECT_EQ(length_moments(EmpiricalLength{{1, 100, 10'000}, {5, 3, 0}}).max, 100) << "a value of weight 0 never comes";
}

}  // namespace lengths_test
}  // namespace foretoken
