// The distribution of whole runs' errors: what is fitted comes true, few systems claim little, and metrics err
// together.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.hpp"
#include "foretoken/experiment/uncertainty.hpp"
#include "workload/lengths/distributions.hpp"

namespace foretoken {
namespace {

constexpr auto kTtft = static_cast<std::size_t>(ErrorMetric::ttft), kTpot = static_cast<std::size_t>(ErrorMetric::tpot);

// Systems of a few runs each. A system errs as a whole, its runs a little beside.
struct Planted {
  int systems = 200;
  double bias = 0.3, deviation = 0.4;
  double correlation = 0.6;  // of TTFT and TPOT
};

std::vector<RunErrorSample> samples(const Planted& planted, std::uint64_t seed = 7) {
  RandomStream stream(seed, "run_errors_test");
  const auto normal = [&] { return normal_quantile(stream.uniform()); };
  std::vector<RunErrorSample> all;
  for (int i = 0; i < planted.systems; ++i) {
    const double common = normal(), own = normal();
    const auto runs = static_cast<int>(stream.uniform_int(1, 9));
    for (int j = 0; j < runs; ++j) {
      RunErrorSample s{fmt::format("system {}", i), "vllm-v1", true, {}};
      s.log_ratio[kTtft] = planted.bias + planted.deviation * (common + 0.1 * normal());
      const double other =
          planted.correlation * common + std::sqrt(1 - planted.correlation * planted.correlation) * own;
      s.log_ratio[kTpot] = planted.deviation * (other + 0.1 * normal());
      all.push_back(std::move(s));
    }
  }
  return all;
}

TEST(RunErrors, FindTheQuantilesThatSystemsWereDrawnFrom) {
  const RunErrorTable table = fit_run_errors(samples({2000, 0.3, 0.4, 0.6}));
  const RunErrors* errors = table.of(ErrorMetric::ttft, "vllm-v1", true);
  ASSERT_NE(errors, nullptr);
  EXPECT_EQ(errors->cells, 2000);
  for (const double z : {-1.96, -1.0, 0.0, 1.0, 1.96}) {
    // The sampling error of a normal quantile is at most about 2.7 / sqrt(n) of the deviation up to 97.5 %; three of
    // them.
    EXPECT_NEAR(errors->quantile(z), 0.3 + 0.4 * std::sqrt(1.01) * z, 3 * 2.7 / std::sqrt(2000.0) * 0.4) << z;
    EXPECT_NEAR(errors->score(errors->quantile(z)), z, 1e-9);
  }
  EXPECT_NEAR(table.correlation[kTtft][kTpot], 0.6, 3 / std::sqrt(2000.0));
}

RunErrorSample ttft_of(const std::string& cell, const std::string& engine, bool inside, double log_ratio) {
  RunErrorSample s{cell, engine, inside, {}};
  s.log_ratio[kTtft] = log_ratio;
  return s;
}

TEST(RunErrors, OfFewSystemsReachBeyondTheFarthestOfThem) {
  // Nine systems at -4 ... 4 and no others, which are worth 19 with the ten that all systems count as: the last of them
  // stands for 1 / 9 of that, and a twentieth is left for what lies beyond on either side.
  std::vector<RunErrorSample> nine;
  for (int i = -4; i <= 4; ++i) nine.push_back(ttft_of(fmt::format("{}", i), "sglang", true, i));
  const RunErrorTable table = fit_run_errors(nine);
  const RunErrors* errors = table.of(ErrorMetric::ttft, "sglang", true);
  ASSERT_NE(errors, nullptr);
  EXPECT_EQ(errors->worth(), 9 + kPooledSystems);
  EXPECT_GT(errors->quantile(normal_quantile(0.975)), 4.5);
  EXPECT_LT(errors->quantile(normal_quantile(0.8)), 4);
  EXPECT_NEAR(errors->quantile(0), 0, 0.3);
}

TEST(RunErrors, OfAnEngineLeanOnThoseOfAllAndFallBackToThem) {
  std::vector<RunErrorSample> all;
  for (int i = 0; i < 100; ++i) all.push_back(ttft_of(fmt::format("v{}", i), "vllm-v1", true, 0.01 * i));
  for (int i = 0; i < 10; ++i) all.push_back(ttft_of(fmt::format("s{}", i), "sglang", false, 3));
  const RunErrorTable table = fit_run_errors(all);
  EXPECT_NEAR(table.of(ErrorMetric::ttft, "vllm-v1", true)->quantile(0), 0.5, 0.05);
  // Ten of its own at 3 and ten of all, of which one in eleven is: below 2.9 lie a good nine of twenty.
  const double below = table.of(ErrorMetric::ttft, "sglang", false)->score(2.9);
  EXPECT_GT(below, normal_quantile(0.35));
  EXPECT_LT(below, normal_quantile(0.55));
  EXPECT_EQ(table.of(ErrorMetric::ttft, "sglang", true)->engine, "sglang")
      << "never measured there: the engine's others";
  EXPECT_EQ(table.of(ErrorMetric::ttft, "orca", true)->engine, "");
  EXPECT_EQ(table.of(ErrorMetric::ttft, "orca", true)->worth(), kPooledSystems);
  EXPECT_EQ(table.of(ErrorMetric::e2e, "vllm-v1", true), nullptr) << "never measured";
}

TEST(RunErrors, StateProbabilitiesThatComeTrue) {
  // Limits all around the predictions, half of the systems known. A bin's share varies with the systems asked: three
  // standard deviations of a share of 200 systems.
  int asked = 0;
  for (const ReliabilityBin& bin : cross_validate(samples({200, 0.3, 0.4, 0.6}))) {
    if (bin.cells < 100) continue;
    ++asked;
    EXPECT_NEAR(bin.observed, bin.stated, 3 * std::sqrt(0.25 / 200))
        << (bin.metric ? to_string(*bin.metric) : "TTFT and TPOT") << " from " << bin.from;
  }
  EXPECT_GE(asked, 25);
}

TEST(RunErrors, OfMetricsThatErrTogetherAreDrawnTogether) {
  const RunErrorTable table = fit_run_errors(samples({500, 0, 0.4, 0.8}));
  const auto draws = error_scores(table);
  double both = 0, first = 0, second = 0;
  for (const auto& z : draws) {
    first += z[kTtft] < 0 ? 1.0 / kErrorDraws : 0;
    second += z[kTpot] < 0 ? 1.0 / kErrorDraws : 0;
    both += z[kTtft] < 0 && z[kTpot] < 0 ? 1.0 / kErrorDraws : 0;
  }
  EXPECT_NEAR(first, 0.5, 0.003);
  EXPECT_NEAR(second, 0.5, 0.003);
  // Of a bivariate normal: 1/4 + asin(rho) / (2 pi).
  EXPECT_NEAR(both, 0.25 + std::asin(table.correlation[kTtft][kTpot]) / (2 * 3.141592653589793), 0.003);
}

TEST(Probability, IsNeverStatedBeyondWhatTheSystemsCanTell) {
  EXPECT_EQ(limited_by_data(1, 33), (Probability{33.0 / 34, Probability::End::at_least}));
  EXPECT_EQ(limited_by_data(0, 33), (Probability{1.0 / 34, Probability::End::at_most}));
  EXPECT_EQ(limited_by_data(0.9, 33), (Probability{0.9, Probability::End::none}));
}

TEST(MeasuredRunErrors, AnswerForEveryEngineAndMetric) {
  const RunErrorTable& table = measured_run_errors();
  for (std::size_t m = 0; m < kErrorMetrics; ++m) {
    for (const char* engine : {"vllm-v1", "vllm-v0", "sglang", "tensorrt-llm", "orca", "static"}) {
      for (const bool inside : {true, false}) {
        const RunErrors* e = table.of(static_cast<ErrorMetric>(m), engine, inside);
        ASSERT_NE(e, nullptr) << engine << " " << m;
        EXPECT_GE(e->cells, 1);
        EXPECT_LT(e->quantiles.front(), e->quantiles.back());
      }
    }
  }
}

}  // namespace
}  // namespace foretoken
