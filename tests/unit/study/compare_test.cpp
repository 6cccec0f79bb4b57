// Differences whose sign and size are known, which field does it, and stored results.
#include "foretoken/study/compare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "study/compare/samples.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

const char* const kAffineSide = R"(
engine: {name: vllm-v1, max_num_seqs: 8, num_gpu_blocks_override: 100000}
cost: {level: affine, affine: {per_step: 10 ms, per_prefill_token: 100 us}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 400, request_rate: 5}
slo: [p95_ttft <= 400 ms]
)";

Result<CompareResult> compared(const std::vector<std::string>& set, const std::vector<std::string>& before = {}) {
  const Question question{kAffineSide, "s.yaml"};
  RunOptions options;
  options.threads = 2;
  return compare_scenarios({question.with(before), question.with(set)}, options);
}

const MetricChange& metric(const std::vector<MetricChange>& metrics, const std::string& name) {
  const auto at = std::find_if(metrics.begin(), metrics.end(), [&](const MetricChange& m) { return m.metric == name; });
  if (at == metrics.end()) throw std::runtime_error("no " + name);
  return *at;
}

TEST(Compare, FindsNoDifferenceOfAScenarioFromItself) {
  const auto r = compared({});
  ASSERT_TRUE(r) << format(r.error());
  EXPECT_TRUE(r->fields.empty());
  for (const MetricChange& m : r->metrics) EXPECT_EQ(m.before, m.after) << m.metric;
  EXPECT_TRUE(r->alone.empty());
}

TEST(Compare, FindsTheDifferenceOfAChangeMuchCloserThanIndependentRunsWould) {
  const auto r = compared({"cost.affine.per_step=11 ms"});
  ASSERT_TRUE(r) << format(r.error());
  EXPECT_EQ(r->pairing, Pairing::paired);
  EXPECT_EQ(r->replications, kCompareReplications);
  const MetricChange& tpot = metric(r->metrics, "mean_tpot_ms");
  EXPECT_GT(tpot.change.difference.low, 0.9) << "a step of 1 ms more per token, and a little for the longer queue";
  EXPECT_LT(tpot.change.difference.high, 2);
  EXPECT_TRUE(tpot.is_sure());
  const MetricChange& ttft = metric(r->metrics, "mean_ttft_ms");
  EXPECT_GT(ttft.change.variance_reduction, 2) << "the same requests wait in both";
  ASSERT_EQ(r->objectives.size(), 1u);
  EXPECT_EQ(r->objectives[0].line.metric, "p95_ttft_ms");
}

TEST(Compare, NamesWhichOfSeveralChangesDoesWhat) {
  const auto r = compared({"cost.affine.per_step=12 ms", "workload.random_input_len=100", "workload.request_rate=6",
                           "description=the same but slower"});
  ASSERT_TRUE(r) << format(r.error());
  ASSERT_EQ(r->alone.size(), 2u) << "an equal value and a description are no change of a run";
  for (const ChangeAlone& a : r->alone) EXPECT_EQ(a.status, PointStatus::ok) << a.why_not;
  const auto of = [&](const std::string& path) {
    return std::find_if(r->alone.begin(), r->alone.end(),
                        [&](const ChangeAlone& a) { return r->fields[a.field].path == path; });
  };
  const double step = metric(of("cost.affine.per_step")->metrics, "mean_tpot_ms").change.difference.value;
  const double rate = metric(of("workload.request_rate")->metrics, "mean_tpot_ms").change.difference.value;
  EXPECT_GT(step, 5 * rate) << "TPOT is the step's; the rate hardly moves it";
  EXPECT_GT(metric(of("workload.request_rate")->metrics, "output_throughput").change.difference.low, 0);
}

TEST(Compare, TakesAFieldAwayThatOnlyTheFirstHas) {
  const auto r = compared({}, {"engine.max_num_seqs=2", "engine.async_scheduling=false"});
  ASSERT_TRUE(r) << format(r.error());
  ASSERT_EQ(r->alone.size(), 2u);
  EXPECT_TRUE(std::any_of(r->alone.begin(), r->alone.end(), [](const ChangeAlone& a) {
    return a.set.front() == "engine.async_scheduling=null" && a.status == PointStatus::ok;
  })) << "the second says nothing of it, so its default holds";
}

TEST(Compare, SaysWhatCannotBeChangedAlone) {
  const auto r = compared({"workload.request_rate=null",
                           "workload.bursts={low_rate: 1, high_rate: 8, mean_low: 20 s, "
                           "mean_high: 5 s}",
                           "cost.affine.per_step=11 ms"});
  ASSERT_TRUE(r) << format(r.error());
  EXPECT_TRUE(std::any_of(r->alone.begin(), r->alone.end(),
                          [](const ChangeAlone& a) { return a.status == PointStatus::invalid && !a.why_not.empty(); }));
}

TEST(Compare, DoesNotPairRunsOfDifferentSeeds) {
  const auto r = compared({"seed=7"});
  ASSERT_TRUE(r) << format(r.error());
  EXPECT_EQ(r->pairing, Pairing::unpaired);
  const MetricChange& ttft = metric(r->metrics, "mean_ttft_ms");
  EXPECT_FALSE(ttft.is_sure()) << "only luck differs";
  EXPECT_TRUE(std::isnan(ttft.change.variance_reduction));
}

TEST(Compare, AddsTheVariancesOfIndependentResults) {
  const Interval i = difference_of(10, 3, 20, 4, 0.95);
  EXPECT_DOUBLE_EQ(i.value, 10);
  EXPECT_DOUBLE_EQ(i.low, 5);  // sqrt(9 + 16) = 5
  EXPECT_DOUBLE_EQ(i.high, 15);
}

std::string stored(const std::string& seed, const std::string& tpot, const std::string& half_widths) {
  return R"({"schema": "foretoken.result/1", "scenario": "s", "scenario_sha256": "ab", "seed": )" + seed +
         R"(, "config": {"engine": {"max_num_seqs": )" + seed + R"(}, "workload": {"request_rate": 5}},
      "origins": {"engine.max_num_seqs": {"origin": "file"}},
      "summary": {"mean_tpot_ms": )" +
         tpot + R"(, "completed": 100}, "slo": [{"expr": "mean_tpot <= 15 ms"}])" + half_widths + "}";
}

TEST(CompareResults, TakesIntervalsFromStoredHalfWidthsAndSaysWhatTheyAreWorth) {
  const std::string half = R"(, "half_widths_95": {"mean_tpot_ms": 0.3, "completed": 0})";
  const auto r = compare_results({stored("1", "10.0", half), "a.json"}, {stored("2", "20.0", half), "b.json"});
  ASSERT_TRUE(r) << format(r.error());
  EXPECT_EQ(r->pairing, Pairing::unpaired);
  const MetricChange& tpot = metric(r->metrics, "mean_tpot_ms");
  EXPECT_DOUBLE_EQ(tpot.ratio(), 2);
  EXPECT_NEAR(tpot.change.difference.half_width(), 0.3 * std::sqrt(2), 1e-12);
  ASSERT_EQ(r->objectives.size(), 1u);
  EXPECT_TRUE(r->objectives[0].met_before);
  EXPECT_FALSE(r->objectives[0].met_after);
  ASSERT_EQ(r->fields.size(), 1u);
  EXPECT_EQ(r->fields[0].path, "engine.max_num_seqs");
  EXPECT_TRUE(r->fields[0].given);
  const auto same = compare_results({stored("1", "10.0", half), "a.json"}, {stored("1", "11.0", half), "b.json"});
  EXPECT_EQ(same->pairing, Pairing::not_kept);
  const auto bare = compare_results({stored("1", "10.0", ""), "a.json"}, {stored("1", "11.0", ""), "b.json"});
  EXPECT_EQ(bare->pairing, Pairing::no_interval);
  EXPECT_FALSE(std::isfinite(metric(bare->metrics, "mean_tpot_ms").change.difference.half_width()));
}

TEST(CompareResults, KnowsAResultFromAScenarioAndRefusesOtherDocuments) {
  EXPECT_TRUE(is_stored_result({stored("1", "1.0", ""), "a.json"}));
  EXPECT_FALSE(is_stored_result({kAffineSide, "s.yaml"}));
  EXPECT_FALSE(is_stored_result({"{version: 1}", "s.yaml"}));
  const auto r = compare_results({R"({"schema": "foretoken.sweep/1"})", "a.json"}, {"{", "b.json"});
  ASSERT_FALSE(r);
  EXPECT_THAT(format(r.error()), HasSubstr("foretoken.result/1"));
  EXPECT_THAT(format(r.error()), HasSubstr("b.json")) << "both are diagnosed";
}

}  // namespace
}  // namespace foretoken
