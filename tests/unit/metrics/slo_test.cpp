// Objectives: both spellings, limits with units, and every way to get one wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "foretoken/metrics/summary.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

SloLine parsed(const std::string& text) {
  const Result<SloLine> line = parse_slo_line(text, {"s.yaml", 3, 5});
  EXPECT_TRUE(line) << text << ": " << (line ? "" : format(line.error()));
  return line ? *line : SloLine{};
}
std::string problem(const std::string& text) {
  const Result<SloLine> line = parse_slo_line(text, {"s.yaml", 3, 5});
  EXPECT_FALSE(line) << text;
  return line ? "" : format(line.error());
}

TEST(SloLine, ReadsBothSpellings) {
  for (const char* text :
       {"p99_ttft <= 500 ms", "p99_ttft_ms <= 500", "p99_ttft<=0.5s", "  p99_ttft_ms<=500 ms ", "p99_ttft ≤ 500 ms"}) {
    const SloLine line = parsed(text);
    EXPECT_EQ(line.metric, "p99_ttft_ms") << text;
    EXPECT_DOUBLE_EQ(line.limit, 500) << text;
    EXPECT_EQ(line.comparison, Comparison::at_most) << text;
    EXPECT_EQ(line.expression, text);
  }
}

TEST(SloLine, ReadsPlainKeysTheirUnitsAndAliases) {
  EXPECT_EQ(parsed("output_throughput >= 2000").comparison, Comparison::at_least);
  EXPECT_DOUBLE_EQ(parsed("output_throughput >= 2000 tok/s").limit, 2000);
  EXPECT_EQ(parsed("tps > 2000").metric, "output_throughput");
  EXPECT_EQ(parsed("rps > 3 req/s").metric, "request_throughput");
  EXPECT_DOUBLE_EQ(parsed("slo_attainment >= 0.99").limit, 0.99);
  EXPECT_DOUBLE_EQ(parsed("slo_attainment >= 99 %").limit, 0.99);
  EXPECT_EQ(parsed("p95_e2e < 10 s").metric, "p95_e2el_ms");
  EXPECT_DOUBLE_EQ(parsed("duration <= 5 min").limit, 300);
  EXPECT_EQ(parsed("p99.9_itl <= 80 ms").metric, "p99.9_itl_ms");
}

TEST(SloLine, MayBeOfOneClass) {
  const SloLine line = parsed("p99_ttft of the long chats <= 500 ms");
  EXPECT_EQ(line.metric, "p99_ttft_ms of the long chats");
  EXPECT_DOUBLE_EQ(line.limit, 500);
  EXPECT_EQ(split_metric(line.metric).key, "p99_ttft_ms");
  EXPECT_EQ(split_metric(line.metric).request_class, "the long chats");
  EXPECT_EQ(split_metric("p99_ttft_ms").request_class, "");
  EXPECT_EQ(metric_unit(line.metric), "ms");
  EXPECT_DOUBLE_EQ(parsed("slo_attainment of a >= 99 %").limit, 0.99);
  EXPECT_EQ(parsed("p99_ttft_ms of a <= 500").metric, "p99_ttft_ms of a");
  EXPECT_THAT(problem("output_throughput of a >= 5"), HasSubstr("output_throughput is not counted by class"));
  EXPECT_THAT(problem("p99_itl of a <= 5 ms"), HasSubstr("p99_itl_ms is not counted by class"));
  EXPECT_THAT(problem("p99_tfft of a <= 5 ms"), HasSubstr("did you mean 'p99_ttft'"));
  EXPECT_THAT(problem("p99_ttft of a <= 5"), HasSubstr("write '5 ms'"));
  const Result<PrecisionGoal> goal = parse_precision_goal("p99_ttft of a +- 3 %", {});
  ASSERT_TRUE(goal);
  EXPECT_EQ(goal->metric, "p99_ttft_ms of a");
  EXPECT_FALSE(parse_precision_goal("mfu of a +- 3 %", {}));
}

TEST(SloLine, SaysWhatIsWrong) {
  EXPECT_THAT(problem("p99_tfft <= 500 ms"), HasSubstr("did you mean 'p99_ttft'"));
  EXPECT_THAT(problem("p99_ttft <= 500"), HasSubstr("has no unit; write '500 ms'"));
  EXPECT_THAT(problem("p99_ttft = 500 ms"), HasSubstr("allowed are <=, <, >= and >"));
  EXPECT_THAT(problem("p99_ttft"), HasSubstr("not a comparison"));
  EXPECT_THAT(problem("p99_ttft <="), HasSubstr("has no limit"));
  EXPECT_THAT(problem("p99_ttft <= -5 ms"), HasSubstr("limit"));
  EXPECT_THAT(problem("p99_ttft <= fast"), HasSubstr("not a time"));
  EXPECT_THAT(problem("p99_ttft <= nan"), HasSubstr("not a time"));
  EXPECT_THAT(problem("output_throughput >= 2000 ms"), HasSubstr("not a number in tok/s"));
  EXPECT_THAT(problem("output_throughput >= inf"), HasSubstr("not a number in tok/s"));
  EXPECT_THAT(problem("p101_ttft <= 5 ms"), HasSubstr("unknown metric"));
  EXPECT_THAT(problem(""), HasSubstr("not a comparison"));
  EXPECT_THAT(problem("<= 5"), HasSubstr("unknown metric"));
  EXPECT_THAT(problem("p99_ttft <= 5 ms"
                      " <= 6 ms"),
              HasSubstr("not a time"));
}

TEST(SloLine, ReportsEveryProblemAtOnceWithItsPlace) {
  const std::string text = problem("p99_tfft <=");
  EXPECT_THAT(text, HasSubstr("unknown metric"));
  EXPECT_THAT(text, HasSubstr("has no limit"));
  EXPECT_THAT(text, HasSubstr("s.yaml:3:5"));
}

TEST(SloVerdict, ComparesAndStatesTheRoom) {
  const SloLine at_most = parsed("p99_ttft <= 1 s");
  EXPECT_TRUE(judge(at_most, 812.4).ok);
  EXPECT_NEAR(judge(at_most, 812.4).margin, 0.1876, 1e-12);
  EXPECT_TRUE(judge(at_most, 1000).ok);
  EXPECT_FALSE(judge(parsed("p99_ttft < 1 s"), 1000).ok);
  EXPECT_FALSE(judge(at_most, std::numeric_limits<double>::infinity()).ok);
  const SloLine at_least = parsed("output_throughput >= 2000");
  EXPECT_FALSE(judge(at_least, 1500).ok);
  EXPECT_DOUBLE_EQ(judge(at_least, 1500).margin, -0.25);
  EXPECT_FALSE(judge(at_least, std::nan("")).ok) << "a metric without a value meets nothing";
  EXPECT_TRUE(std::isnan(judge(parsed("preemption_count <= 0"), 0).margin));
}

TEST(ParsePrecisionGoal, TakesEverySpellingOfPlusMinus) {
  for (const char* text : {"p99_ttft +- 3 %", "p99_ttft ± 3%", "p99_ttft_ms +/- 3 %", "p99_ttft+-3%"}) {
    const Result<PrecisionGoal> goal = parse_precision_goal(text, {});
    ASSERT_TRUE(goal) << text;
    EXPECT_EQ(goal->metric, "p99_ttft_ms") << text;
    EXPECT_DOUBLE_EQ(goal->share, 0.03) << text;
  }
}

TEST(ParsePrecisionGoal, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {{"p99_ttft", "not a precision"},
                                                       {"p99_tft +- 3 %", "did you mean"},
                                                       {"p99_ttft +- 3", "from 0.01 %"},
                                                       {"p99_ttft +- 0 %", "from 0.01 %"},
                                                       {"p99_ttft +- nan %", "from 0.01 %"},
                                                       {"p99_ttft +-", "from 0.01 %"},
                                                       {"", "not a precision"}};
  for (const auto& [text, word] : cases) {
    const Result<PrecisionGoal> goal = parse_precision_goal(text, {"s.yaml", 3, 1});
    ASSERT_FALSE(goal) << text;
    EXPECT_NE(format(goal.error()).find(word), std::string::npos) << format(goal.error());
  }
}

}  // namespace
}  // namespace foretoken
