// The model's own error, drawn: bands around the answer and the chance that it holds.
#include "foretoken/study/model_uncertainty.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "foretoken/report/sensitivity_report.hpp"
#include "foretoken/study/check.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;

std::string on(const std::string& gpu) {
  return "model: Llama-3.1-8B\nhardware: {gpu: " + gpu +
         "}\nworkload: {random_input_len: 500, random_output_len: 100, num_prompts: 200, request_rate: 1}\n";
}

Result<ModelUncertainty> drawn(const std::string& text, const std::string& slo, UncertaintyOptions options = {}) {
  const Result<Scenario> s = parse_scenario(text, "s.yaml", {{"slo=" + slo}, {}});
  if (!s) return s.error();
  return draw_model_of_runs(*s, {"mean_tpot_ms", "mean_ttft_ms"}, options);
}

TEST(ModelUncertainty, DrawsAsWideABandAsTheModelHas) {
  const Scenario s = parse_scenario(on("h100_sxm"), "s.yaml", {}).value();
  const ModelBand band = model_band(*explain(s));
  const auto u = drawn(on("h100_sxm"), "[]");
  ASSERT_TRUE(u) << format(u.error());
  ASSERT_EQ(u->draws, 16);
  ASSERT_EQ(u->figures.size(), 2u);
  EXPECT_FALSE(u->meets_all);
  for (const FigureBand& f : u->figures) {
    const double half = f.metric == "mean_tpot_ms" ? band.decode : band.prefill;
    std::cout << f.metric << " " << f.low << " " << f.value << " " << f.high << ", model band " << half << "\n";
    EXPECT_LT(f.low, f.value);
    EXPECT_GT(f.high, f.value);
    // Strata of 16 draws end at the 97th percentile: 1.86 of 1.96 deviations. The band here is of the fullest batch and the
    // draws' of the light load's, so only their size is compared.
    EXPECT_GT((f.high - f.low) / 2 / f.value, 0.4 * half);
    EXPECT_LT((f.high - f.low) / 2 / f.value, 2.2 * half);
  }
}

TEST(ModelUncertainty, SaysHowLikelyTheObjectivesHold) {
  const auto u = drawn(on("h100_sxm"), "[]");
  ASSERT_TRUE(u);
  const double tpot = u->figures[0].value;
  const auto chance = [&](double limit) {
    const auto at = drawn(on("h100_sxm"), "[mean_tpot_ms <= " + std::to_string(limit) + "]");
    EXPECT_TRUE(at);
    return at->meets_all.value_or(-1);
  };
  EXPECT_EQ(chance(tpot * 2), 1);
  EXPECT_EQ(chance(tpot / 2), 0);
  const double half = chance(tpot * 1.0001);
  EXPECT_GE(half, 0.3);
  EXPECT_LE(half, 0.7);
}

TEST(ModelUncertainty, IsTheSameOnAnyNumberOfThreads) {
  UncertaintyOptions one, three;
  one.run.threads = 1;
  three.run.threads = 3;
  EXPECT_EQ(to_text(to_json(*drawn(on("h100_sxm"), "[p99_ttft <= 1 s]", one))),
            to_text(to_json(*drawn(on("h100_sxm"), "[p99_ttft <= 1 s]", three))));
}

TEST(ModelUncertainty, SaysWhyThereIsNone) {
  UncertaintyOptions off, few;
  off.draws = 0;
  few.most_requests = 500;
  EXPECT_EQ(drawn(on("h100_sxm"), "[]", off)->why_not, "switched off");
  EXPECT_THAT(drawn(on("h100_sxm"), "[]", few)->why_not, HasSubstr("allow fewer than 4"));
  const char* const affine = "cost: {level: affine, affine: {per_step: 10 ms}}\nworkload: {request_rate: 1, num_prompts: 50}\n";
  EXPECT_THAT(drawn(affine, "[]")->why_not, HasSubstr("no hardware"));
}

TEST(ModelUncertainty, StandsBesideTheVerdictOfACheck) {
  const std::string text = on("h100_sxm") + "slo: [p99_ttft <= 1 s, mean_tpot <= 20 ms]\n";
  const ScenarioText source{text, "s.yaml"};
  const auto r = check(source, {}, parse_scenario(text, "s.yaml", {}).value());
  ASSERT_TRUE(r) << format(r.error());
  ASSERT_TRUE(r->uncertainty);
  EXPECT_EQ(r->uncertainty->draws, 16);
  EXPECT_EQ(r->uncertainty->meets_all, 1);
  EXPECT_EQ(r->uncertainty->figures.size(), 2u);
}

}  // namespace
}  // namespace foretoken
