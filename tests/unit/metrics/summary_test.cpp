// The column table: names, look-up and grades.
#include "foretoken/metrics/summary.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "unit/metrics/records.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;

TEST(Columns, EveryKeyIsUniqueAndDocumented) {
  std::set<std::string_view> keys;
  for (const Column& c : columns()) {
    EXPECT_TRUE(keys.insert(c.key).second) << c.key;
    EXPECT_FALSE(c.meaning.empty()) << c.key;
    EXPECT_FALSE(c.title.empty()) << c.key;
    EXPECT_NE(c.value, nullptr) << c.key;
  }
}

TEST(Summary, HasTheFlatKeysOfVllmBenchServe) {
  MetricsCollector collector(every_request(2));
  collector.on_request(record(0, {0, 0, 100, 300}, 11, 40));
  collector.on_request(record(1, {100, 100, 250, 1000}, 11, 60));
  collector.on_gap(ms(20), 20);
  const RunMeasures run = collector.take({});
  const Summary s = summarise(view_of(run));
  for (const char* key :
       {"duration", "completed", "failed", "total_input_tokens", "total_output_tokens", "request_throughput",
        "output_throughput", "total_token_throughput", "max_output_tokens_per_s", "max_concurrent_requests"}) {
    EXPECT_FALSE(std::isnan(s[key])) << key;
  }
  for (const char* metric : {"ttft", "tpot", "itl", "e2el"}) {
    for (const char* prefix : {"mean", "median", "std", "p50", "p90", "p95", "p99"}) {
      const std::string key = std::string(prefix) + "_" + metric + "_ms";
      EXPECT_FALSE(std::isnan(s[key])) << key;
    }
  }
  EXPECT_DOUBLE_EQ(s["output_throughput"], 22.0);
  EXPECT_DOUBLE_EQ(s["total_token_throughput"], 122.0);
  EXPECT_DOUBLE_EQ(s["median_ttft_ms"], 125.0);
  EXPECT_DOUBLE_EQ(s["std_ttft_ms"], 25.0);   // population
  EXPECT_DOUBLE_EQ(s["p90_ttft_ms"], 145.0);  // numpy's linear rule
}

TEST(MetricValue, ReadsAnyPercentile) {
  MetricsCollector collector(every_request(1001));
  for (int i = 0; i <= 1000; ++i) collector.on_request(record(i, {0, 0, 1.0 * i, 2000}, 2));
  const RunMeasures run = collector.take({});
  const auto value = [&](const char* key) { return metric_value(view_of(run), key, Population::completed); };
  EXPECT_DOUBLE_EQ(value("p99.9_ttft_ms").value(), 999.0);
  EXPECT_DOUBLE_EQ(value("p100_ttft_ms").value(), 1000.0);
  EXPECT_DOUBLE_EQ(value("p25_ttft").value(), 250.0);
  EXPECT_DOUBLE_EQ(value("completed").value(), 1001);
  EXPECT_FALSE(value("p0_ttft_ms"));
  EXPECT_FALSE(value("p101_ttft_ms"));
  EXPECT_FALSE(value("p99_tff_ms"));
  EXPECT_FALSE(value("_ttft_ms"));
  EXPECT_FALSE(value("pnan_ttft_ms"));
  EXPECT_FALSE(value(""));
}

TEST(MetricNames, AreAllUnderstood) {
  for (const std::string& name : metric_names()) EXPECT_EQ(canonical_metric(name), name);
}

TEST(Grades, FollowTheThresholdsPeopleKnow) {
  EXPECT_EQ(ttft_grade(199.9), "excellent");
  EXPECT_EQ(ttft_grade(200), "acceptable");
  EXPECT_EQ(ttft_grade(1000), "slow");
  EXPECT_EQ(ttft_grade(3000), "slow");
  EXPECT_EQ(ttft_grade(3001), "stuck");
  EXPECT_EQ(tpot_grade(50), "faster than reading");
  EXPECT_EQ(tpot_grade(250), "reading speed");        // 4 tokens/s
  EXPECT_EQ(tpot_grade(400), "slower than reading");  // 2.5 tokens/s
  EXPECT_EQ(ttft_grade(std::nan("")), "");
}

TEST(Bottleneck, NamesTheLargestShare) {
  std::array<FineTotal, kTimeParts> parts{};
  EXPECT_EQ(bottleneck(parts).bound, "none");
  parts[static_cast<std::size_t>(TimePart::memory)] = 300;
  parts[static_cast<std::size_t>(TimePart::network)] = 100;
  const Bottleneck b = bottleneck(parts);
  EXPECT_EQ(b.bound, "memory");
  EXPECT_DOUBLE_EQ(b.share[static_cast<std::size_t>(TimePart::network)], 0.25);
  // A prefill that turned memory-bound products compute-bound.
  parts[static_cast<std::size_t>(TimePart::compute)] = 500;
  parts[static_cast<std::size_t>(TimePart::memory)] = -300;
  EXPECT_EQ(bottleneck(parts).bound, "compute");
  EXPECT_DOUBLE_EQ(bottleneck(parts).share[static_cast<std::size_t>(TimePart::compute)], 500.0 / 600);
  EXPECT_DOUBLE_EQ(bottleneck(parts).share[static_cast<std::size_t>(TimePart::memory)], 0);
}

}  // namespace
}  // namespace foretoken
