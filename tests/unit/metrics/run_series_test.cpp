// Buckets over time against the sums of what went into them.
#include "metrics/run_series.hpp"

#include <gmock/gmock.h>

namespace foretoken {
namespace {

TimePoint at(std::int64_t us) {
  return TimePoint{std::chrono::microseconds{us}};
}

StepSpan span_of(std::int64_t begin_us, std::int64_t end_us) {
  StepSpan span;
  span.begin = at(begin_us);
  span.end = at(end_us);
  span.steps = 4;
  span.decode_rows = 3;
  span.running = 5;
  span.waiting = 2;
  span.kv_blocks_used = 7;
  return span;
}

SeriesBucket sum_of(const RunSeries& series) {
  SeriesBucket sum;
  for (const SeriesBucket& b : series.buckets()) sum.add(b);
  return sum;
}

TEST(RunSeries, SpreadsASpanOverTheBucketsThatItCovers) {
  RunSeries series({10, 14});
  series.on_steps(span_of(500, 2500));
  ASSERT_EQ(series.buckets().size(), 3U);
  EXPECT_DOUBLE_EQ(series.buckets()[0].running, 5 * 500e3);
  EXPECT_DOUBLE_EQ(series.buckets()[1].running, 5 * 1000e3);
  EXPECT_DOUBLE_EQ(series.buckets()[1].decode_tokens, 6);
  EXPECT_DOUBLE_EQ(series.buckets()[2].steps, 1);
  EXPECT_DOUBLE_EQ(series.buckets()[2].most_kv_usage, 0.7);
  StepSpan other = span_of(1500, 2500);
  other.replica = 1;  // which has more blocks
  other.kv_blocks_used = 9;
  series.on_steps(other);
  EXPECT_DOUBLE_EQ(series.buckets()[2].most_kv_usage, 0.7);
  EXPECT_EQ(series.kv_blocks(), 24);
}

// 1.5 ms for 100 tokens of a prompt beside two rows, then three steps of three rows in 1.5 ms.
TEST(RunSeries, APromptIsOfTheStepThatComputesItAndNotOfThoseThatFollow) {
  const std::vector<PrefillChunk> chunks{{100, 0, true}};
  StepSpan span = span_of(0, 3000);
  span.prefill = chunks;
  span.joining = 1;
  span.time[TimePart::compute] = fine_from(std::chrono::microseconds{1500});
  RunSeries series;
  series.on_steps(span);
  ASSERT_EQ(series.buckets().size(), 4U);
  EXPECT_DOUBLE_EQ(series.buckets()[0].prefill_tokens, 100.0 * 2 / 3);
  EXPECT_DOUBLE_EQ(series.buckets()[1].prefill_tokens, 100.0 / 3);
  EXPECT_DOUBLE_EQ(series.buckets()[2].prefill_tokens, 0);
  EXPECT_DOUBLE_EQ(series.buckets()[0].decode_tokens, 2.0 * 2 / 3);
  EXPECT_DOUBLE_EQ(series.buckets()[2].decode_tokens, 9.0 * 2 / 3);
  EXPECT_DOUBLE_EQ(sum_of(series).steps, 4);
}

TEST(RunSeries, KeepsItsSumsWhenALongRunWidensTheBuckets) {
  RunSeries series;
  const std::int64_t spans = 9000;
  for (std::int64_t i = 0; i < spans; ++i) series.on_steps(span_of(i * 700, (i + 1) * 700));
  EXPECT_LE(series.buckets().size(), RunSeries::kBuckets);
  EXPECT_EQ(series.width(), std::chrono::milliseconds{8});
  const SeriesBucket sum = sum_of(series);
  EXPECT_NEAR(sum.running, 5.0 * 700e3 * static_cast<double>(spans), 1);
  EXPECT_NEAR(sum.waiting, 2.0 * 700e3 * static_cast<double>(spans), 1);
  EXPECT_NEAR(sum.decode_tokens, 12.0 * static_cast<double>(spans), 1e-6);
  EXPECT_NEAR(sum.steps, 4.0 * static_cast<double>(spans), 1e-6);
}

RequestRecord record(std::int64_t index, std::int64_t wait_us) {
  RequestRecord r;
  r.request.index = index;
  r.request.arrival = at(index * 10);
  r.scheduled = r.request.arrival;
  r.first_token = r.request.arrival + std::chrono::microseconds{wait_us};
  r.finish = r.first_token;
  return r;
}

TEST(RunSeries, KeepsTheRequestsThatWaitedLongestAndNeighboursOfTheMiddle) {
  RunSeries series;
  for (std::int64_t i = 0; i < 1000; ++i) series.on_request(record(i, (i * 7919) % 1000));
  const std::vector<RequestRecord> slowest = series.slowest();
  ASSERT_EQ(slowest.size(), RunSeries::kSlowest);
  for (std::size_t i = 0; i < slowest.size(); ++i)
    EXPECT_EQ(slowest[i].first_token - slowest[i].request.arrival,
              std::chrono::microseconds{999 - static_cast<int>(i)});
  const std::vector<RequestRecord> neighbours = series.neighbours();
  ASSERT_EQ(static_cast<std::int64_t>(neighbours.size()), RunSeries::kNeighbours);
  EXPECT_EQ(neighbours.front().request.index, 512);
  EXPECT_EQ(neighbours.back().request.index, 571);
}

TEST(RunSeries, OfAShortRunShowsAllRequestsButTheFirst) {
  RunSeries series;
  for (std::int64_t i = 0; i < 20; ++i) series.on_request(record(i, 1));
  EXPECT_EQ(series.neighbours().size(), 19U);
}

}  // namespace
}  // namespace foretoken
