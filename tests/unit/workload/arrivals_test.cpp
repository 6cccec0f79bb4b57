// Each arrival process: counts, gaps and shapes against theory.
#include "workload/arrivals.hpp"

#include <gtest/gtest.h>

#include <boost/math/distributions/gamma.hpp>
#include <limits>

#include "support/goodness_of_fit.hpp"

namespace foretoken {
namespace {

constexpr double kConstant = std::numeric_limits<double>::infinity();
constexpr std::size_t kDraws = 100'000;

Duration seconds(double s) {
  return duration_from_seconds(s);
}

std::vector<double> times(const ArrivalConfig& config, std::size_t n, std::uint64_t seed = 31) {
  ArrivalProcess process(config, static_cast<std::int64_t>(n), seed);
  std::vector<double> out;
  TimePoint last{};
  for (std::size_t i = 0; i < n; ++i) {
    const TimePoint t = process.next();
    EXPECT_GE(t, last);
    last = t;
    out.push_back(to_seconds(t));
  }
  return out;
}

std::vector<double> gaps(std::vector<double> times) {
  for (std::size_t i = times.size(); i-- > 1;) times[i] -= times[i - 1];
  return times;
}

TEST(Arrivals, PoissonGapsAreExponential) {
  const auto sample = gaps(times(RenewalArrivals{8}, kDraws));
  EXPECT_LT(test::kolmogorov_distance(sample, [](double s) { return 1 - std::exp(-8 * s); }),
            test::kolmogorov_bound(kDraws));
}

TEST(Arrivals, BurstinessIsTheShapeOfGammaGapsWithTheSameMean) {
  for (const double shape : {0.2, 0.5, 4.0}) {
    const auto sample = gaps(times(RenewalArrivals{8, shape}, kDraws));
    const boost::math::gamma_distribution<> gamma(shape, 1 / (8 * shape));
    EXPECT_LT(test::kolmogorov_distance(sample, [&](double s) { return boost::math::cdf(gamma, std::max(s, 0.0)); }),
              // Gaps are whole nanoseconds: at shape 0.2 P(gap < 0.5 ns) = 2 %.
              test::kolmogorov_bound(kDraws) + boost::math::cdf(gamma, 0.5e-9))
        << "shape " << shape;
  }
}

TEST(Arrivals, ConstantArrivalsStandOnTheirMultiplesWithoutDrift) {
  const auto tenths = times(RenewalArrivals{10, kConstant}, 1000);
  for (std::size_t i = 0; i < tenths.size(); ++i) ASSERT_DOUBLE_EQ(tenths[i], static_cast<double>(i + 1) / 10);
  // 1/3 s is no whole number of nanoseconds: the millionth arrival is still within 1 ns.
  ArrivalProcess thirds(RenewalArrivals{3, kConstant}, 3'000'000, 1);
  TimePoint last{};
  for (int i = 0; i < 3'000'000; ++i) last = thirds.next();
  EXPECT_NEAR(static_cast<double>(last.time_since_epoch().count()), 1e15, 1);
}

TEST(Arrivals, RescaledGapsEndAtRequestsOverRate) {
  for (const double burstiness : {0.5, 1.0, 3.0, kConstant}) {
    const auto plain = times(RenewalArrivals{5, burstiness, false}, 1000);
    const auto rescaled = times(RenewalArrivals{5, burstiness, true}, 1000);
    EXPECT_NEAR(rescaled.back(), 200.0, 1e-8) << "1000 requests at 5/s end at 200 s, burstiness " << burstiness;
    const double stretch = rescaled.back() / plain.back();
    for (std::size_t i = 0; i < plain.size(); ++i) ASSERT_NEAR(rescaled[i], plain[i] * stretch, 1e-7);
  }
}

TEST(Arrivals, AllAtOnceIsTimeZero) {
  for (const double t : times(AllAtOnceArrivals{}, 10)) EXPECT_EQ(t, 0);
  for (const double t : times(RenewalArrivals{kConstant}, 10)) EXPECT_EQ(t, 0) << "request_rate: inf";
}

// vllm bench serve: rate_i = s + (e - s) i/N, or s (e/s)^(i/N), for i = 0 ... N - 1.
TEST(Arrivals, RampFollowsVllmsRatePerIndex) {
  const auto linear = gaps(times(RampArrivals{false, 2, 10, kConstant}, 4));
  const std::vector<double> by_hand = {1.0 / 2, 1.0 / 4, 1.0 / 6, 1.0 / 8};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(linear[i], by_hand[i], 2e-9);
  const auto exponential = gaps(times(RampArrivals{true, 1, 16, kConstant}, 4));
  const std::vector<double> halves = {1.0, 1.0 / 2, 1.0 / 4, 1.0 / 8};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(exponential[i], halves[i], 2e-9);
}

TEST(Arrivals, RandomRampHasTheGapsOfItsRates) {
  const RampArrivals ramp{false, 5, 50, 1};
  auto sample = gaps(times(ramp, kDraws));
  for (std::size_t i = 0; i < kDraws; ++i) sample[i] *= ramp_rate(ramp, static_cast<std::int64_t>(i), kDraws);
  EXPECT_LT(test::kolmogorov_distance(sample, [](double s) { return 1 - std::exp(-s); }),
            test::kolmogorov_bound(kDraws));
}

// For a two-state process the index of dispersion of counts over long windows is
// 1 + 2 (h - l)^2 p (1 - p) / (r (a + b)), with p the share of the high state, r the mean
// rate, a and b the rates of leaving the states (Fischer and Meier-Hellstern 1993).
TEST(Arrivals, TwoStateBurstsHaveTheMeanAndDispersionOfTheory) {
  const TwoStateArrivals bursts{2, 30, seconds(3), seconds(1)};
  constexpr double kWindow = 400;
  constexpr std::size_t kWindows = 4000;
  ArrivalProcess process(bursts, std::nullopt, 32);
  std::vector<double> counts(kWindows);
  while (true) {
    const auto window = static_cast<std::size_t>(to_seconds(process.next()) / kWindow);
    if (window >= kWindows) break;
    counts[window] += 1;
  }
  const double p = 0.25, rate = 2 * 0.75 + 30 * 0.25, leaving = 1.0 / 3 + 1;
  const double dispersion = 1 + 2 * 28.0 * 28.0 * p * (1 - p) / (rate * leaving);
  const auto m = test::moments_of(counts);
  EXPECT_DOUBLE_EQ(mean_rate(bursts, std::nullopt), rate);
  EXPECT_NEAR(m.mean, rate * kWindow, test::kSigmas * m.standard_error);
  // The variance of n near-normal counts is known to sqrt(2/n); 1 % for the finite window.
  EXPECT_NEAR(m.variance / m.mean, dispersion, dispersion * (test::kSigmas * std::sqrt(2.0 / kWindows) + 0.01))
      << "theory: 1 + 2*28^2*0.25*0.75/(9*4/3) = " << dispersion;
}

TEST(Arrivals, TwoStateWithSilentLowStateOnlySendsInBursts) {
  const auto sample = gaps(times(TwoStateArrivals{0, 1000, seconds(10), seconds(0.01)}, 20'000));
  std::size_t long_gaps = 0;
  for (const double gap : sample) long_gaps += gap > 0.1 ? 1 : 0;
  // A burst has 10 requests on average, then silence; a gap within one exceeds 0.1 s with
  // probability e^-100, a silence is shorter with probability 1 %.
  EXPECT_NEAR(static_cast<double>(long_gaps), 20'000.0 / 11, 0.15 * 20'000 / 11);
}

TEST(Arrivals, ProfileSendsEachHourItsShareAndRepeats) {
  // Four quarters of a 40 s day: 10, 0, 30 and 20 per second.
  const ProfileArrivals day{seconds(40), {10, 0, 30, 20}};
  std::vector<double> counts(4);
  constexpr double kDays = 500;
  ArrivalProcess process(day, std::nullopt, 33);
  while (true) {
    const double t = to_seconds(process.next());
    if (t >= 40 * kDays) break;
    counts[static_cast<std::size_t>(std::fmod(t, 40) / 10)] += 1;
  }
  EXPECT_EQ(counts[1], 0);
  for (const std::size_t quarter : {0u, 2u, 3u}) {
    const double expected = day.rates[quarter] * 10 * kDays;
    EXPECT_NEAR(counts[quarter], expected, test::kSigmas * std::sqrt(expected)) << "quarter " << quarter;
  }
  EXPECT_DOUBLE_EQ(mean_rate(day, std::nullopt), 15);
}

TEST(Arrivals, AFlatProfileIsAPoissonProcess) {
  const auto sample = gaps(times(ProfileArrivals{seconds(1), {8, 8, 8}}, kDraws));
  EXPECT_LT(test::kolmogorov_distance(sample, [](double s) { return 1 - std::exp(-8 * s); }),
            test::kolmogorov_bound(kDraws));
}

TEST(Arrivals, VerySlowProcessesEndInsteadOfOverflowing) {
  for (const ArrivalConfig& config :
       {ArrivalConfig{RenewalArrivals{1e-300}}, ArrivalConfig{RenewalArrivals{1e-12, 0.5}},
        ArrivalConfig{ProfileArrivals{Duration{1000}, {0, 1e-200, 0}}},
        ArrivalConfig{RampArrivals{true, 1e-300, 1e-290, 1}}}) {
    ArrivalProcess process(config, 100, 1);
    TimePoint last{};
    for (int i = 0; i < 1000; ++i) {
      const TimePoint next = process.next();
      ASSERT_GE(next, last);
      last = next;
    }
    EXPECT_EQ(last, kNever) << "config " << config.index();
  }
}

TEST(Arrivals, MeanRateOfARampIsRequestsOverTime) {
  const RampArrivals ramp{false, 2, 10, kConstant};
  EXPECT_NEAR(mean_rate(ramp, 4), 4 / (1.0 / 2 + 1.0 / 4 + 1.0 / 6 + 1.0 / 8), 1e-12);
  const auto sample = times(ramp, 1'000'000);
  EXPECT_NEAR(mean_rate(ramp, 1'000'000), 1e6 / sample.back(), 1e-3);
}

}  // namespace
}  // namespace foretoken
