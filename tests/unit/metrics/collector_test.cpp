// Definitions of the metrics, on records whose figures can be worked out by hand.
#include "metrics/collector.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "unit/metrics/records.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using C = TpotConvention;

TEST(MetricsCollector, HalfASecondThenAHundredTokensInTwoAndAHalfSecondsIsTwentyMillisecondsPerToken) {
  MetricsCollector collector(every_request(1));
  collector.on_request(record(0, {0, 100, 500, 2500}, 100));
  const RunMeasures run = collector.take({});
  // (2.5 s - 0.5 s) / 100 tokens = 20 ms; the benchmark convention divides by 99: 20.202 ms.
  EXPECT_DOUBLE_EQ(summarise(view_of(run))["mean_tpot_ms"], 20.0);
  EXPECT_NEAR(summarise(view_of(run, C::vllm))["mean_tpot_ms"], 2000.0 / 99, 1e-6);
  EXPECT_DOUBLE_EQ(summarise(view_of(run))["mean_ttft_ms"], 500.0);
  EXPECT_DOUBLE_EQ(summarise(view_of(run))["mean_queue_time_ms"], 100.0);
}

TEST(MetricsCollector, EndToEndIsTtftPlusTpotTimesTokensToHalfATokenOfNanoseconds) {
  for (int n : {2, 3, 7, 100, 255, 4096}) {
    MetricsCollector collector(every_request(1));
    RequestRecord r = record(0, {1, 2, 123.456789, 7654.321987}, n);
    collector.on_request(r);
    const RunMeasures run = collector.take({});
    const auto tpot = static_cast<std::int64_t>(run.all.latency.tpot[0].mean());
    const std::int64_t decode = (r.finish - r.first_token).count();
    // TPOT is kept in whole ns: TTFT + TPOT x N may miss E2E by half a ns per token.
    EXPECT_LE(std::abs(tpot * n - decode), (n + 1) / 2) << "N=" << n << " tpot=" << tpot << " decode=" << decode;
  }
}

TEST(MetricsCollector, AOneTokenRequestHasNoTpotButPassesItsLimit) {
  CollectorConfig config = every_request(2);
  config.goodput = {GoodputLimits{1000.0, 5.0, std::nullopt}};
  MetricsCollector collector(config);
  collector.on_request(record(0, {0, 0, 100, 100}, 1));
  collector.on_request(record(1, {0, 0, 100, 200}, 10));  // TPOT 10 ms or 11.1 ms, limit 5
  const RunMeasures run = collector.take({});
  EXPECT_EQ(run.all.latency.tpot[0].count(), 1);
  EXPECT_EQ(run.all.latency.tpot[1].count(), 1);
  EXPECT_EQ(run.all.good[0], 1);
  EXPECT_DOUBLE_EQ(summarise(view_of(run))["slo_attainment"], 0.5);
}

TEST(MetricsCollector, GoodputFollowsTheConventionShown) {
  CollectorConfig config = every_request(1);
  config.goodput = {GoodputLimits{std::nullopt, 20.1, std::nullopt}};
  MetricsCollector collector(config);
  collector.on_request(record(0, {0, 0, 500, 2500}, 100));  // 20 ms by N, 20.2 ms by N - 1
  const RunMeasures run = collector.take({});
  EXPECT_DOUBLE_EQ(summarise(view_of(run))["slo_attainment"], 1.0);
  EXPECT_DOUBLE_EQ(summarise(view_of(run, C::vllm))["slo_attainment"], 0.0);
  EXPECT_DOUBLE_EQ(summarise(view_of(run))["request_goodput"], 1 / 2.5);
}

TEST(MetricsCollector, FailedRequestsAreInfinityInPercentilesOverOfferedRequests) {
  MetricsCollector collector(every_request(100));
  for (int i = 0; i < 95; ++i) collector.on_request(record(i, {0, 0, 100.0 + i, 300.0 + i}, 10));
  for (int i = 95; i < 98; ++i) collector.on_request(failed_record(i, 0, Outcome::rejected));
  collector.on_request(failed_record(98, 0, Outcome::timed_out));
  collector.on_request(failed_record(99, 0, Outcome::unfinished));
  const RunMeasures run = collector.take({});
  const Summary s = summarise(view_of(run));
  EXPECT_EQ(s["completed"], 95);
  EXPECT_EQ(s["failed"], 5);
  EXPECT_EQ(s["rejected"], 3);
  EXPECT_EQ(s["timed_out"], 1);
  EXPECT_EQ(s["unfinished"], 1);
  EXPECT_EQ(s["num_prompts"], 100);
  EXPECT_TRUE(std::isfinite(s["p99_ttft_ms"]));  // over completed requests
  EXPECT_TRUE(std::isinf(s["offered_p99_ttft_ms"]));
  EXPECT_NEAR(s["offered_p90_ttft_ms"], 100 + 0.90 * 99, 1e-6);  // rank 89.1 of 100
}

TEST(MetricsCollector, OfferedPercentilesAppearOnlyWhenRequestsFailed) {
  MetricsCollector collector(every_request(1));
  collector.on_request(record(0, {0, 0, 1, 2}, 2));
  const RunMeasures run = collector.take({});
  EXPECT_TRUE(std::isnan(summarise(view_of(run))["offered_p99_ttft_ms"]));
}

TEST(MetricsCollector, TheSteadyStateLeavesOutTheFirstAndLastTenthByIndex) {
  CollectorConfig config;
  config.window = {0.1, 20, std::nullopt};
  MetricsCollector collector(config);
  for (int i = 19; i >= 0; --i) {  // finish order does not matter
    const double a = 1000.0 * i;
    collector.on_request(record(i, {a, a, a + (i < 2 || i >= 18 ? 900 : 100), a + 950}, 10));
  }
  const RunMeasures run = collector.take({});
  EXPECT_EQ(run.steady.completed, 16);
  EXPECT_DOUBLE_EQ(run.steady.latency.ttft.max(), 100e6);
  EXPECT_EQ(run.all.completed, 20);
  ASSERT_TRUE(run.window);
  EXPECT_DOUBLE_EQ(run.window->seconds, 15);     // arrivals 2 s to 17 s
  EXPECT_NEAR(run.window->completed, 15, 1e-9);  // finishes at 2.95 s ... 16.95 s and 1.95 s is before
}

// Waves of a closed loop end at the instant at which a window opens or closes: shares of 125 ms would be parts of them.
TEST(MetricsCollector, AnOpenedWindowCountsToTheInstant) {
  CollectorConfig config;
  config.window.indices = {0, 100};
  MetricsCollector collector(config);
  const auto wave = [&](double at, int requests) {
    StepSpan step;
    step.begin = at_ms(at - 30);
    step.end = at_ms(at);
    step.decode_rows = requests;
    collector.on_steps(step);
    for (int i = 0; i < requests; ++i) collector.on_request(record(i, {0, 0, 1, at}, 2));
  };
  wave(310, 8);
  collector.open_window(at_ms(310));
  wave(620, 8);
  wave(930, 8);
  collector.close_window(at_ms(930));
  wave(1240, 8);
  const RunMeasures run = collector.take({});
  ASSERT_TRUE(run.window);
  EXPECT_DOUBLE_EQ(run.window->seconds, 0.62);
  EXPECT_DOUBLE_EQ(run.window->completed, 16);
  EXPECT_DOUBLE_EQ(run.window->output_tokens, 16);
  EXPECT_DOUBLE_EQ(run.window->input_tokens, 160);
}

TEST(MetricsCollector, WithoutATotalTheSteadyStateIsCutByArrivalTime) {
  CollectorConfig config;
  config.window = {0.25, std::nullopt, std::chrono::seconds{40}};
  MetricsCollector collector(config);
  for (int i = 0; i < 40; ++i)
    collector.on_request(record(i, {1000.0 * i, 1000.0 * i, 1000.0 * i + 1, 1000.0 * i + 2}, 2));
  const RunMeasures run = collector.take({});
  EXPECT_EQ(run.steady.completed, 20);
  EXPECT_EQ(run.steady.first_arrival, at_ms(10'000));
}

TEST(MetricsCollector, ClassesAreMeasuredApartAndSumToTheWhole) {
  CollectorConfig config = every_request(3);
  config.classes = {"chat", "batch"};
  config.goodput = {GoodputLimits{50.0, {}, {}}, GoodputLimits{}};
  MetricsCollector collector(config);
  RequestRecord r = record(0, {0, 0, 40, 60}, 2);
  collector.on_request(r);
  r = record(1, {0, 0, 60, 80}, 2);
  collector.on_request(r);
  r = record(2, {0, 0, 500, 900}, 2);
  r.request.class_index = 1;
  collector.on_request(r);
  const RunMeasures run = collector.take({});
  ASSERT_EQ(run.classes.size(), 2u);
  EXPECT_EQ(run.classes[0].name, "chat");
  EXPECT_EQ(run.classes[0].measures.completed, 2);
  EXPECT_EQ(run.classes[1].measures.completed, 1);
  EXPECT_EQ(run.all.completed, 3);
  // Only requests with limits count for attainment.
  EXPECT_DOUBLE_EQ(summarise(view_of(run))["slo_attainment"], 0.5);
  EXPECT_DOUBLE_EQ(run.classes[1].measures.latency.ttft.mean(), 500e6);
}

TEST(MetricsCollector, ARequestOfAnUnknownClassIsAnInternalError) {
  MetricsCollector collector(every_request(1));
  RequestRecord r = record(0, {0, 0, 1, 2}, 2);
  r.request.class_index = 3;
  EXPECT_THROW(collector.on_request(r), InternalError);
}

TEST(MetricsCollector, MeanConcurrencyIsLittlesLaw) {
  MetricsCollector collector(every_request(2));
  collector.on_request(record(0, {0, 100, 200, 1000}, 2));
  collector.on_request(record(1, {500, 1000, 1500, 2000}, 2));
  const RunMeasures run = collector.take({});
  const Summary s = summarise(view_of(run));
  EXPECT_DOUBLE_EQ(s["duration"], 2.0);
  EXPECT_DOUBLE_EQ(s["concurrency"], (1.0 + 1.5) / 2.0);
  EXPECT_DOUBLE_EQ(s["mean_num_requests_waiting"], (0.1 + 0.5) / 2.0);
  EXPECT_DOUBLE_EQ(s["request_throughput"], 1.0);
}

TEST(MetricsCollector, SingleStepsAndLongGapsPoolIntoItl) {
  MetricsCollector collector(every_request(1));
  StepSpan span;
  span.begin = at_ms(0);
  span.end = at_ms(10);
  span.decode_rows = 4;
  span.gap_rows = 3;
  span.time[TimePart::memory] = fine_from(ms(10));
  collector.on_steps(span);
  collector.on_gap(ms(50), 1);
  const RunMeasures run = collector.take({});
  EXPECT_EQ(run.itl.count(), 4);
  EXPECT_DOUBLE_EQ(run.itl.mean(), (3 * 10e6 + 50e6) / 4);
  EXPECT_DOUBLE_EQ(run.itl.max(), 50e6);
}

// 100 ms + 1 ms per step: a run of steps as the cost model would hand it over.
DecodeCurve rising_curve(std::int64_t rows) {
  DecodeCurve curve;
  curve.sequences = rows;
  curve.fixed[TimePart::overhead] = fine_from(ms(100));
  curve.full = PiecewiseCurve::line({}, fine_from(ms(1)), TimePart::memory);
  return curve;
}

TEST(MetricsCollector, ARunOfStepsCountsAsItsStepsOneByOne) {
  const DecodeCurve curve = rising_curve(1);
  const DecodeRun run(curve, {1, 0, 0}, {1}, {});
  constexpr std::int64_t kSteps = 40;
  MetricsCollector together(every_request(1)), one_by_one(every_request(1));
  StepSpan span;
  span.begin = at_ms(0);
  span.end = span.begin + ceil_to_nanoseconds(run.elapsed(kSteps));
  span.steps = kSteps;
  span.decode_rows = span.gap_rows = 2;
  span.run = &run;
  together.on_steps(span);
  for (std::int64_t i = 0; i < kSteps; ++i) {
    StepSpan step = span;
    step.steps = 1;
    step.run = nullptr;
    step.begin = TimePoint{ceil_to_nanoseconds(run.elapsed(i))};
    step.end = TimePoint{ceil_to_nanoseconds(run.elapsed(i + 1))};
    step.time[TimePart::overhead] = run.elapsed(i + 1) - run.elapsed(i);
    one_by_one.on_steps(step);
  }
  const RunMeasures a = together.take({}), b = one_by_one.take({});
  EXPECT_EQ(a.itl.count(), 2 * kSteps);
  EXPECT_EQ(a.itl.count(), b.itl.count());
  EXPECT_DOUBLE_EQ(a.itl.mean(), b.itl.mean());
  EXPECT_DOUBLE_EQ(a.itl.percentile(0.9), b.itl.percentile(0.9));
  EXPECT_GT(a.max_output_tokens_per_s, 0);
  EXPECT_DOUBLE_EQ(a.max_output_tokens_per_s, b.max_output_tokens_per_s);
}

// One of three rows repeats the last token of a prompt in the first step: its first token, which has no gap.
TEST(MetricsCollector, RowsThatJoinARunHaveNoGapInItsFirstStep) {
  const DecodeCurve curve = rising_curve(3);
  const DecodeRun run(curve, {3, 0, 0}, {3}, {});
  constexpr std::int64_t kSteps = 5;
  const std::vector<PrefillChunk> row{{1, 63, true}};
  MetricsCollector together(every_request(1)), one_by_one(every_request(1));
  StepSpan span;
  span.begin = at_ms(0);
  span.end = span.begin + ceil_to_nanoseconds(run.elapsed(kSteps));
  span.steps = kSteps;
  span.prefill = row;
  span.decode_rows = span.gap_rows = 3;
  span.joining = span.dropped = 1;
  span.time[TimePart::overhead] = run.elapsed(1);
  span.run = &run;
  together.on_steps(span);
  for (std::int64_t i = 0; i < kSteps; ++i) {
    StepSpan step;
    step.begin = TimePoint{ceil_to_nanoseconds(run.elapsed(i))};
    step.end = TimePoint{ceil_to_nanoseconds(run.elapsed(i + 1))};
    step.time[TimePart::overhead] = run.elapsed(i + 1) - run.elapsed(i);
    step.decode_rows = step.gap_rows = i == 0 ? 2 : 3;
    if (i == 0) step.prefill = row;
    one_by_one.on_steps(step);
  }
  const RunMeasures a = together.take({}), b = one_by_one.take({});
  EXPECT_EQ(a.itl.count(), 3 * kSteps - 1);
  EXPECT_EQ(a.itl.count(), b.itl.count());
  EXPECT_DOUBLE_EQ(a.itl.mean(), b.itl.mean());
  EXPECT_DOUBLE_EQ(a.max_output_tokens_per_s, b.max_output_tokens_per_s);
}

TEST(RateSeries, TokensOfALongRunFallIntoTheSecondsOfTheirSteps) {
  DecodeCurve curve;
  curve.fixed[TimePart::overhead] = fine_from(ms(100));
  const DecodeRun run(curve, {1, 0, 0}, {1}, {});
  RateSeries series;
  StepSpan span;
  span.begin = at_ms(0);
  span.end = at_ms(3000);
  span.steps = 30;  // steps end at 0.1, 0.2 ... 3.0 s; a token at 1.0 s belongs to the second second
  span.decode_rows = 7;
  span.run = &run;
  series.tokens(span);
  EXPECT_DOUBLE_EQ(series.busiest_second(), 70);
  EXPECT_DOUBLE_EQ(series.between(at_ms(0), at_ms(1000)).output_tokens, 9 * 7);
  EXPECT_DOUBLE_EQ(series.between(at_ms(0), at_ms(4000)).output_tokens, 30 * 7);
}

TEST(RateSeries, BucketsWidenWhenARunIsLongAndKeepTheirSums) {
  RateSeries series;
  for (int hour = 0; hour < 24 * 20; ++hour) series.tokens(TimePoint{std::chrono::hours{hour}}, 5);
  const WindowRates all = series.between(TimePoint{}, TimePoint{std::chrono::hours{24 * 20}});
  EXPECT_DOUBLE_EQ(all.output_tokens, 5 * 24 * 20);
  EXPECT_TRUE(std::isnan(series.busiest_second()));
}

TEST(MetricsCollector, AttributionSumsOverCompletedRequests) {
  MetricsCollector collector(every_request(2));
  RequestRecord r = record(0, {0, 10, 30, 100}, 5);
  r.ttft_parts[static_cast<std::size_t>(AttributionPart::queue)] = ms(10);
  r.e2e_parts[static_cast<std::size_t>(AttributionPart::decode_memory)] = ms(70);
  collector.on_request(r);
  r.request.index = 1;
  collector.on_request(r);
  const RunMeasures run = collector.take({});
  EXPECT_EQ(static_cast<std::int64_t>(run.ttft_parts[0]), ms(20).count());
  EXPECT_EQ(static_cast<std::int64_t>(run.e2e_parts[static_cast<std::size_t>(AttributionPart::decode_memory)]),
            ms(140).count());
}

TEST(AttributionSums, HoldMoreThanFitsIn64Bits) {
  AttributionSums sums;
  Attribution parts{};
  parts.front() = Duration{std::int64_t{1} << 62};
  parts.back() = Duration{3};
  for (int i = 0; i < 7; ++i) sums.add(parts, parts.front() + parts.back());
  EXPECT_TRUE(sums.sums().front() == FineTotal{7} << 62);
  EXPECT_TRUE(sums.sums().back() == 21);
  sums.add(parts, parts.front() + parts.back());  // and goes on after it was asked
  EXPECT_TRUE(sums.sums().front() == FineTotal{1} << 65);
}

TEST(MetricsCollector, ARunWithoutRequestsHasNoRatesAndNoPercentiles) {
  MetricsCollector collector(every_request(0));
  const RunMeasures run = collector.take({});
  const Summary s = summarise(view_of(run));
  EXPECT_EQ(s["completed"], 0);
  EXPECT_TRUE(std::isnan(s["request_throughput"]));
  EXPECT_TRUE(std::isnan(s["p99_ttft_ms"]));
}

}  // namespace
}  // namespace foretoken
