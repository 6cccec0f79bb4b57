// Time conversion, the exact math kernels, random streams and diagnostics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <iostream>

#include "base/math.hpp"
#include "base/random.hpp"
#include "foretoken/base/result.hpp"
#include "foretoken/base/units.hpp"

namespace foretoken {
namespace {

TEST(Time, SecondsRoundUpToWholeNanosecondsAndSaturate) {
  EXPECT_EQ(duration_from_seconds(1e-9).count(), 1);
  EXPECT_EQ(duration_from_seconds(1.1e-9).count(), 2);
  EXPECT_EQ(duration_from_seconds(1e300).count(), INT64_MAX);
  EXPECT_EQ(duration_from_seconds(std::nan("")).count(), 0);
  EXPECT_EQ(fine_from_seconds(1e-9).units, FineDuration::kPerNanosecond);
  EXPECT_EQ(fine_from_seconds(1e6).units, INT64_MAX);
  EXPECT_EQ(ceil_to_nanoseconds({1}).count(), 1);
  EXPECT_EQ(ceil_to_nanoseconds({0}).count(), 0);
}

// Against the long double functions of this machine, which are good to 64 bits.
TEST(Math, ExpLogAndPowAreWithinOnePartIn1e15) {
  RandomStream random(1, "math");
  double worst_exp = 0, worst_log = 0, worst_pow = 0;
  const auto error = [](double value, long double truth) {
    return truth == 0 ? 0.0 : static_cast<double>(std::abs((static_cast<long double>(value) - truth) / truth));
  };
  for (int i = 0; i < 200'000; ++i) {
    const double x = (random.uniform() - 0.5) * 1400;
    worst_exp = std::max(worst_exp, error(exact_exp(x), std::exp(static_cast<long double>(x))));
    const double y = std::ldexp(random.uniform() + 0.5, static_cast<int>(random.uniform_int(-1000, 1000)));
    worst_log = std::max(worst_log, error(exact_log(y), std::log(static_cast<long double>(y))));
    const double near_one = 1 + (random.uniform() - 0.5) * 1e-3;
    worst_log = std::max(worst_log, error(exact_log(near_one), std::log(static_cast<long double>(near_one))));
    const double base = 1e-3 + random.uniform() * 1e4;
    const double exponent = (random.uniform() - 0.5) * 60;
    worst_pow =
        std::max(worst_pow, error(exact_pow(base, exponent), std::pow(static_cast<long double>(base), exponent)));
  }
  std::cout << "worst relative error: exp " << worst_exp << " log " << worst_log << " pow " << worst_pow << '\n';
  EXPECT_LT(worst_exp, 1e-15);
  EXPECT_LT(worst_log, 1e-15);
  EXPECT_LT(worst_pow, 1e-15);
}

TEST(Math, TheEdgesBehaveAsInC) {
  EXPECT_EQ(exact_exp(0), 1);
  EXPECT_EQ(exact_exp(1e9), INFINITY);
  EXPECT_EQ(exact_exp(-1e9), 0);
  EXPECT_EQ(exact_log(0), -INFINITY);
  EXPECT_EQ(exact_log(1), 0);
  EXPECT_TRUE(std::isnan(exact_log(-1)));
  EXPECT_NEAR(exact_log(5e-324), -744.4400719213812, 1e-10);
  EXPECT_EQ(exact_pow(0, 2), 0);
  EXPECT_EQ(exact_pow(7, 0), 1);
  EXPECT_EQ(exact_pow(2, 10), 1024);
}

// The exact values rounded to double, by 60-digit decimal arithmetic.
TEST(Math, KnownValuesComeOutToTheLastBit) {
  EXPECT_EQ(exact_exp(1.5), 0x1.1ed3fe64fc541p+2);
  EXPECT_EQ(exact_exp(-700.25), 0x1.af5fe9a485c8ep-1011);
  EXPECT_EQ(exact_log(10), 0x1.26bb1bbb55516p+1);
  EXPECT_EQ(exact_pow(0.3, 16), 0x1.27d097aa5f014p-28);
  EXPECT_EQ(exact_pow(1.001, 12345.5), 0x1.be4e8e38cd304p+17);
}

// One digest of a hundred thousand results: another compiler, optimisation level
// or processor that changes a single bit shows here.
TEST(Math, EveryMachineGivesTheSameBits) {
  RandomStream random(2, "bits");
  std::uint64_t digest = 0xcbf29ce484222325u;
  for (int i = 0; i < 33'000; ++i) {
    const double x = random.uniform();
    for (const double y : {exact_exp(60 * x - 30), exact_log(x), exact_pow(x * 100, 1 / x)}) {
      digest = (digest ^ std::bit_cast<std::uint64_t>(y)) * 0x100000001b3u;
    }
  }
  EXPECT_EQ(digest, 0x6e4300878f5dd23fu) << std::hex << digest;
}

TEST(Math, PNormLiesBetweenTheLargestAndTheSum) {
  EXPECT_NEAR(p_norm(2, 3, 4), 5, 1e-14);
  EXPECT_NEAR(p_norm(1, 3, 4), 7, 1e-14);
  EXPECT_NEAR(p_norm(16, 1e-200, 1e-200), 1e-200 * std::pow(2.0, 1.0 / 16), 1e-214);
  EXPECT_EQ(p_norm(16, 0, 0), 0);
  EXPECT_NEAR(p_norm(3, 1, 2, 3), std::cbrt(36.0), 1e-14);
  const double nan = std::nan("");
  for (const double lost : {p_norm(2, nan, 0), p_norm(2, 1, nan), p_norm(2, 1, 2, nan), p_norm(2, nan, 1, 2)}) {
    EXPECT_TRUE(std::isnan(lost)) << "NaN is not swallowed";
  }
  EXPECT_EQ(p_norm(2, 1, INFINITY), INFINITY);
}

TEST(Random, StreamsDifferByPurposeAndRepeatBySeed) {
  RandomStream a(7, "arrivals"), b(7, "arrivals"), c(7, "lengths"), d(8, "arrivals");
  const std::uint64_t first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
  EXPECT_NE(first, d.next());
  EXPECT_EQ(replication_seed(7, 0), 7U);
  EXPECT_NE(replication_seed(7, 1), replication_seed(7, 2));
}

// Computed apart from this code, by a transcription of the published algorithms into
// Python that was itself checked against their reference outputs.
TEST(Random, StreamsAreXoshiro256PlusPlusOverSplitmix64) {
  RandomStream random(42, "arrivals");
  EXPECT_EQ(random.next(), 0x358f0ef3f2d801abu);
  EXPECT_EQ(random.next(), 0x6d5f9a91ff40649fu);
  EXPECT_EQ(random.next(), 0x9560abda106722cu);
  for (int i = 3; i < 999; ++i) (void)random.next();
  EXPECT_EQ(random.next(), 0xff9b11ab2bd47a0u);
  EXPECT_EQ(replication_seed(42, 1), 0xf34fe9248c9342e5u);
}

TEST(Random, IntegersCoverAnyRange) {
  RandomStream random(5, "ranges");
  EXPECT_EQ(random.uniform_int(9, 9), 9);
  bool negative = false, positive = false;
  for (int i = 0; i < 100; ++i) {
    const std::int64_t any = random.uniform_int(INT64_MIN, INT64_MAX);
    (any < 0 ? negative : positive) = true;
  }
  EXPECT_TRUE(negative && positive);
  EXPECT_THROW((void)random.uniform_int(2, 1), InternalError);
}

TEST(Random, UniformIntegersAreUnbiased) {
  RandomStream random(3, "dice");
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts[static_cast<std::size_t>(random.uniform_int(-3, 3) + 3)];
  // Each count is binomial(70000, 1/7): standard deviation 93.
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 5 * 93);
  double low = 1, high = 0, sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double u = random.uniform();
    low = std::min(low, u);
    high = std::max(high, u);
    sum += u;
  }
  EXPECT_GT(low, 0);
  EXPECT_LT(high, 1);
  EXPECT_NEAR(sum / 100'000, 0.5, 5 * 0.2887 / std::sqrt(100'000.0));
}

std::string shown(SourceLocation where, const std::string& line, const std::string& hint = {}) {
  Diagnostics problems;
  problems.error(std::move(where), "odd", hint, line);
  return format(problems);
}

TEST(Diagnostics, ShowPlaceLineCaretAndHint) {
  EXPECT_EQ(shown({"s.yaml", 3, 5}, "    modle: x", "did you mean 'model'?"),
            "s.yaml:3:5: error: odd\n      modle: x\n      ^\n  hint: did you mean 'model'?\n");
  EXPECT_EQ(shown({"--set", 0, 0}, ""), "--set: error: odd\n");
  EXPECT_EQ(shown({"s.yaml", 1, 50}, "short"), "s.yaml:1:50: error: odd\n  short\n") << "no caret beyond the line";
  Diagnostics all;
  all.warning({}, "strange");
  EXPECT_FALSE(all.has_errors());
  EXPECT_EQ(format(all), "warning: strange\n");
  all.error({"s.yaml", 2, 0}, "bad");
  EXPECT_TRUE(all.has_errors());
  EXPECT_EQ(format(all), "warning: strange\ns.yaml:2: error: bad\n");
}

TEST(Diagnostics, TheCaretStandsUnderTheCharacterInLinesOfUtf8AndInLongOnes) {
  // Four characters of two bytes each stand before column 9 (in bytes).
  EXPECT_EQ(shown({"s.yaml", 1, 9}, "\u00e9\u00e9\u00e9\u00e9x"),
            "s.yaml:1:9: error: odd\n  \u00e9\u00e9\u00e9\u00e9x\n      ^\n");
  std::string line;
  for (int i = 0; i < 500; ++i) line += "\u00e9";
  const std::string text = shown({"s.yaml", 1, 1001}, line + "x");
  const std::size_t start = text.find("\n  ") + 3, end = text.find('\n', start);
  EXPECT_LT(end - start, 130u) << "an excerpt";
  EXPECT_EQ(text.substr(start, 2), "\u00e9") << "not cut within a character";
  EXPECT_EQ(text.substr(end - 1, 1), "x");
  const std::size_t characters = (end - start - 1) / 2;
  EXPECT_EQ(text.substr(end + 1), "  " + std::string(characters, ' ') + "^\n");
}

TEST(Diagnostics, TheClosestWordIsSuggestedWhenItIsClose) {
  const std::vector<std::string> words{"model", "hardware", "workload", "engine"};
  EXPECT_EQ(closest_match("modle", words), "model");
  EXPECT_EQ(closest_match("Hardwear", words), "hardware");
  EXPECT_EQ(closest_match("zzz", words), "");
  EXPECT_EQ(closest_match("", words), "");
}

}  // namespace
}  // namespace foretoken
