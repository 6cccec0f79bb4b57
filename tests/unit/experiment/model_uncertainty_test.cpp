// The model's own error and the simulation's: bands around the answer and the chance that it holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/math.hpp"
#include "foretoken/experiment/uncertainty.hpp"
#include "foretoken/study/check.hpp"
#include "report/uncertainty_report.hpp"
#include "workload/lengths/distributions.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

std::string at_rate(const std::string& rate) {
  return "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\n"
         "workload: {random_input_len: 500, random_output_len: 100, num_prompts: 400, request_rate: " +
         rate + "}\n";
}

Scenario scenario(const std::string& text, const std::string& slo) {
  return parse_scenario(text, "s.yaml", {{"slo=" + slo}, {}}).value();
}

Interval sure(double value) {
  return {value, value, value, 0.95};
}

// The uncertainty of given figures, at a load light enough for times to follow step times.
ModelUncertainty of(const Scenario& s, const std::vector<PredictedFigure>& figures,
                    const UncertaintyOptions& options = {}) {
  SteadyState steady;
  steady.exists = true;
  steady.warmup = 50;
  steady.measured = 300;
  return model_uncertainty(s, model_band(*explain(s)), figures, steady, options).value();
}

const RunErrors& errors(ErrorMetric metric) {
  return *measured_run_errors().of(metric, "vllm-v1", model_band(*explain(scenario(at_rate("1"), "[]"))).inside_range);
}

TEST(ModelUncertainty, OfALatencyIsThatOfMeasuredRuns) {
  const ModelUncertainty u =
      of(scenario(at_rate("0.1"), "[]"), {{"mean_ttft_ms", sure(100)}, {"mean_tpot_ms", sure(10)}});
  ASSERT_EQ(u.why_not, "");
  const RunErrors& ttft = errors(ErrorMetric::ttft);
  // Points of an even sequence; beside them stand the little that even one request in ten seconds queues.
  EXPECT_NEAR(u.figures[0].median / (100 * exact_exp(ttft.quantile(0))), 1, 0.04);
  EXPECT_NEAR(u.figures[0].low / (100 * exact_exp(ttft.quantile(-1.96))), 1, 0.06);
  EXPECT_NEAR(u.figures[0].high / (100 * exact_exp(ttft.quantile(1.96))), 1, 0.06);
  EXPECT_NEAR(u.figures[1].median / (10 * exact_exp(errors(ErrorMetric::tpot).quantile(0))), 1, 0.04);
  EXPECT_EQ(u.figures[0].cells, ttft.cells);
}

TEST(ModelUncertainty, SaysHowLikelyAnObjectiveHolds) {
  const RunErrors& tpot = errors(ErrorMetric::tpot);
  for (const double chance : {0.2, 0.5, 0.9}) {
    const double limit = 10 * exact_exp(tpot.quantile(normal_quantile(chance)));
    const Scenario s = scenario(at_rate("0.1"), "[mean_tpot_ms <= " + std::to_string(limit) + "]");
    const ModelUncertainty u = of(s, {{"mean_tpot_ms", sure(10)}});
    ASSERT_TRUE(u.figures[0].meets);
    EXPECT_NEAR(u.figures[0].meets->value, chance, 0.04) << limit;
    EXPECT_EQ(u.meets_all, u.figures[0].meets);
  }
}

TEST(ModelUncertainty, NeverClaimsMoreThanTheMeasuredSystemsCanTell) {
  const Scenario s = scenario(at_rate("0.1"), "[mean_tpot_ms <= 10000, mean_ttft_ms <= 0.001]");
  const ModelUncertainty u = of(s, {{"mean_tpot_ms", sure(10)}, {"mean_ttft_ms", sure(100)}});
  EXPECT_EQ(u.figures[0].meets->end, Probability::End::at_least);
  EXPECT_EQ(u.figures[1].meets->end, Probability::End::at_most);
  const std::string text = uncertainty_lines(u, TextStyle{});
  EXPECT_THAT(text, HasSubstr("> 9"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("100 %")));
}

TEST(ModelUncertainty, CountsTheIntervalOfTheSimulationToo) {
  // A limit 30 % above the figure, which the simulation knows to 2 % or only within a factor of two.
  const Scenario s = scenario(at_rate("0.1"), "[mean_tpot_ms <= 13]");
  const double close = of(s, {{"mean_tpot_ms", {10, 9.8, 10.2, 0.95}}}).meets_all->value;
  const double loose = of(s, {{"mean_tpot_ms", {10, 5, 20, 0.95}}}).meets_all->value;
  EXPECT_GT(close, loose + 0.05);
}

TEST(ModelUncertainty, OfAllObjectivesIsNoMoreThanOfEachAndNoLessThanIfTheyExcludedEachOther) {
  const Scenario s = scenario(at_rate("0.1"), "[mean_tpot_ms <= 10.5, mean_ttft_ms <= 120]");
  const ModelUncertainty u = of(s, {{"mean_tpot_ms", sure(10)}, {"mean_ttft_ms", sure(100)}});
  const double a = u.figures[0].meets->value, b = u.figures[1].meets->value;
  EXPECT_LE(u.meets_all->value, std::min(a, b));
  EXPECT_GE(u.meets_all->value, a + b - 1);
}

TEST(ModelUncertainty, GrowsNearSaturationWhereALongerStepIsMuchLongerWaiting) {
  const auto width = [](const std::string& rate) {
    const std::string text = at_rate(rate) + "engine: {max_num_seqs: 8}\nslo: [p99_ttft <= 500 ms]\n";
    const Scenario s = parse_scenario(text, "s.yaml", {}).value();
    const auto verdict = reach_verdict(s);
    EXPECT_TRUE(verdict) << format(verdict.error());
    const auto u = model_uncertainty(s, *verdict);
    EXPECT_TRUE(u && u->why_not.empty());
    return exact_log(u->figures[0].high / u->figures[0].median);
  };
  // Eight seats let through about 11 of these a second.
  EXPECT_GT(width("9.5"), 1.3 * width("1"));
}

TEST(ModelUncertainty, IsTheSameOnAnyNumberOfThreads) {
  const Scenario limited =
      scenario(at_rate("5") + "goodput: {ttft: 50}\n", "[p99_ttft <= 100 ms, slo_attainment >= 90 %]");
  const auto with = [&](int threads) {
    UncertaintyOptions options;
    options.run.threads = threads;
    return to_text(to_json(of(limited, {{"p99_ttft_ms", sure(80)}, {"slo_attainment", sure(0.95)}}, options)));
  };
  EXPECT_EQ(with(1), with(3));
}

TEST(ModelUncertainty, OfASharePutsTheErrorsOnItsLimits) {
  Scenario s = scenario(at_rate("5") + "goodput: {ttft: 50}\n", "[slo_attainment >= 90 %]");
  const auto chance = [&](double limit_ms) {
    s.workload.goodput.ttft_ms = limit_ms;
    const auto verdict = reach_verdict(s);
    EXPECT_TRUE(verdict);
    return model_uncertainty(s, *verdict).value().meets_all.value().value;
  };
  EXPECT_GT(chance(1000), 0.9) << "far above any TTFT";
  EXPECT_LT(chance(1), 0.1) << "below any";
}

TEST(ModelUncertainty, SaysWhyThereIsNone) {
  UncertaintyOptions off;
  off.enabled = false;
  EXPECT_EQ(of(scenario(at_rate("1"), "[]"), {}, off).why_not, "switched off");
  const char* const affine =
      "cost: {level: affine, affine: {per_step: 10 ms}}\nworkload: {request_rate: 1, num_prompts: 50}\n";
  EXPECT_THAT(of(scenario(affine, "[]"), {}).why_not, HasSubstr("no hardware"));
}

TEST(ModelUncertainty, StandsBesideTheVerdictOfACheck) {
  const std::string text = at_rate("1") + "slo: [p99_ttft <= 10 s, mean_tpot <= 200 ms]\n";
  const Question question{text, "s.yaml"};
  const auto r = check(question, parse_scenario(text, "s.yaml", {}).value());
  ASSERT_TRUE(r) << format(r.error());
  ASSERT_TRUE(r->uncertainty);
  EXPECT_EQ(r->uncertainty->figures.size(), 2u);
  EXPECT_EQ(r->uncertainty->meets_all->end, Probability::End::at_least);
}

}  // namespace
}  // namespace foretoken
