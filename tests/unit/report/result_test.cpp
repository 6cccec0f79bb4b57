// Documents and tables of a result made by hand: failures, classes, interruption, no room.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "unit/metrics/records.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::HasSubstr;
using ::testing::Not;

// Nine requests of 100 ms TTFT and one that was rejected, in two classes.
RunResult result_with_a_failure() {
  CollectorConfig config = every_request(10);
  config.classes = {"chat", "batch"};
  MetricsCollector collector(config);
  for (int i = 0; i < 9; ++i) {
    RequestRecord r = record(i, {0, 50, 100, 1100}, 11);
    r.request.class_index = static_cast<std::int16_t>(i % 2);
    r.ttft_parts[0] = ms(100);
    r.e2e_parts[0] = ms(100);
    r.e2e_parts[static_cast<std::size_t>(AttributionPart::decode_memory)] = ms(1000);
    collector.on_request(r);
  }
  collector.on_request(failed_record(9, 0, Outcome::rejected));
  RunResult result;
  result.scenario.name = "by-hand";
  result.scenario.deployment.model.id = "Model-X";
  result.scenario.deployment.gpu.id = "gpu_y";
  result.memory.fits = true;
  result.replications.push_back({0, 1, collector.take({}), {}});
  const RunMeasures& run = result.replications.front().measures;
  result.summary = summarise({run, run.all, Scope::run, TpotConvention::per_output_token, {}});
  for (const ClassMeasures& c : run.classes) {
    result.classes.push_back(
        {c.name, summarise({run, c.measures, Scope::request_class, TpotConvention::per_output_token, {}})});
  }
  const SloLine line = *parse_slo_line("p99_ttft <= 500 ms", {});
  result.slo.push_back(judge(line, std::numeric_limits<double>::infinity()));
  result.prefill.bound = result.decode.bound = "memory";
  result.attribution.ttft_ms[0] = result.attribution.e2e_ms[0] = 100;
  result.attribution.e2e_ms[static_cast<std::size_t>(AttributionPart::decode_memory)] = 1000;
  return result;
}

TEST(ResultJson, APercentileAmongTheFailedIsNullAndItsObjectiveMissed) {
  const Json json = *parse_json(to_text(to_json(result_with_a_failure())), "result");
  EXPECT_EQ(*json["schema"].if_string(), "foretoken.result/1");
  EXPECT_EQ(*json["summary"]["rejected"].if_int(), 1);
  EXPECT_TRUE(json["summary"]["offered_p99_ttft_ms"].is_null());
  double p99 = 0;
  EXPECT_TRUE(json["summary"]["p99_ttft_ms"].number(p99));
  EXPECT_DOUBLE_EQ(p99, 100);
  const Json& slo = (*json["slo"].if_array())[0];
  EXPECT_FALSE(*slo["ok"].if_bool());
  EXPECT_TRUE(slo["value"].is_null());
  EXPECT_EQ(*slo["comparison"].if_string(), "<=");
  EXPECT_EQ(*json["classes"]["chat"]["completed"].if_int(), 5);
  EXPECT_EQ(*json["grades"]["ttft_p99"].if_string(), "excellent");
}

TEST(ResultJson, SurvivesItsOwnReader) {
  const Json json = to_json(result_with_a_failure());
  const Result<Json> again = parse_json(to_text(json), "result");
  ASSERT_TRUE(again);
  EXPECT_EQ(to_text(*again), to_text(json));
}

TEST(ResultJson, WithoutRoomHasTheMemoryPlanAndNoFigures) {
  RunResult result;
  result.feasible = false;
  result.memory.verdict = "weights need 130 GiB of 72 GiB";
  const Json json = to_json(result);
  EXPECT_FALSE(*json["feasible"].if_bool());
  EXPECT_TRUE(json["summary"].is_null());
  EXPECT_EQ(*json["memory"]["verdict"].if_string(), result.memory.verdict);
  EXPECT_THAT(to_text(result), HasSubstr("Does not fit: weights need 130 GiB of 72 GiB"));
}

TEST(VllmJson, IsFlatAndUsesTheBenchmarkConvention) {
  const Json json = to_vllm_json(result_with_a_failure());
  double tpot = 0;
  EXPECT_TRUE(json["mean_tpot_ms"].number(tpot));
  EXPECT_DOUBLE_EQ(tpot, 100);  // 1000 ms over 11 - 1 tokens
  EXPECT_EQ(*json["completed"].if_int(), 9);
  EXPECT_EQ(*json["failed"].if_int(), 1);
  EXPECT_TRUE(json["request_goodput"].is_null());  // no limits were given
  for (const auto& [key, value] : *json.if_object()) {
    EXPECT_EQ(value.if_object(), nullptr) << key;
    EXPECT_EQ(value.if_array(), nullptr) << key;
  }
}

TEST(ResultText, ShowsFailuresClassesAndInterruption) {
  RunResult result = result_with_a_failure();
  EXPECT_THAT(to_text(result), HasSubstr("FAILED"));
  TextStyle full;
  full.full = true;
  std::string text = to_text(result, full);
  EXPECT_THAT(text, HasSubstr("over offered requests, failed = inf"));
  EXPECT_THAT(text, HasSubstr("✗"));
  EXPECT_THAT(text, HasSubstr("chat"));
  EXPECT_THAT(text, HasSubstr("decode memory"));
  EXPECT_THAT(text, Not(HasSubstr("INTERRUPTED")));
  EXPECT_THAT(text, Not(HasSubstr("nan")));
  result.interrupted = true;
  EXPECT_THAT(to_text(result), HasSubstr("INTERRUPTED"));
}

SweepResult two_engines_three_batches() {
  SweepResult sweep;
  sweep.base.slo = {*parse_slo_line("mean_tpot < 50 ms", {})};
  sweep.axes = {{"engine.name", {"static", "vllm-v1"}}, {"engine.max_num_seqs", {"1", "8", "64"}}};
  for (const char* engine : {"static", "vllm-v1"}) {
    for (const char* batch : {"1", "8", "64"}) {
      SweepPoint point;
      point.values = {engine, batch};
      point.status = PointStatus::ok;
      point.figures.summary.entries = {
          {"mean_tpot_ms", 20, false}, {"arithmetic_intensity", 10, false}, {"ridge_point", 295, false}};
      point.figures.slo.push_back(judge(sweep.base.slo[0], 20));
      sweep.points.push_back(point);
    }
  }
  sweep.points[5].status = PointStatus::does_not_fit;
  sweep.points[5].reason = "no room";
  sweep.frontiers = {{{"static"}, "64"}, {{"vllm-v1"}, ""}};
  return sweep;
}

TEST(SweepText, NamesTheLargestBatchAndThePointsWithoutFigures) {
  const std::string text = to_text(two_engines_three_batches());
  EXPECT_THAT(text, HasSubstr("engine static: largest max_num_seqs with mean_tpot < 50 ms: 64"));
  EXPECT_THAT(text, HasSubstr("engine vllm-v1: no max_num_seqs has mean_tpot < 50 ms"));
  EXPECT_THAT(text, HasSubstr("does not fit"));
  EXPECT_THAT(text, HasSubstr("vllm-v1, 64: no room"));
  EXPECT_THAT(text, HasSubstr("ridge point of this GPU is 295"));
}

TEST(SweepJson, HasOneEntryPerPoint) {
  const Json json = to_json(two_engines_three_batches());
  EXPECT_EQ(json["points"].if_array()->size(), 6u);
  EXPECT_EQ(*(*json["points"].if_array())[5]["reason"].if_string(), "no room");
  EXPECT_TRUE((*json["frontiers"].if_array())[1]["largest"].is_null());
}

}  // namespace
}  // namespace foretoken
