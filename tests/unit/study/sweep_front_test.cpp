// Fronts and load curves of points whose figures are given.
#include "study/front/sweep_front.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "report/sweep_front_report.hpp"

namespace foretoken {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

SweepPoint point(std::vector<std::string> values, double latency, double throughput, bool meets = true) {
  SweepPoint p;
  p.values = std::move(values);
  p.status = PointStatus::ok;
  p.figures.summary.entries = {{"mean_e2el_ms", latency, false}, {"output_throughput", throughput, false}};
  SloVerdict verdict;
  verdict.line.metric = "mean_e2el_ms";
  verdict.value = latency;
  verdict.ok = meets;
  p.figures.slo = {verdict};
  return p;
}

SweepFront front_of(const std::string& text, const std::vector<SweepPoint>& points) {
  Result<SweepFront> front = parse_front(text);
  EXPECT_TRUE(front) << format(front.error());
  find_front(*front, points);
  return *front;
}

TEST(SweepFront, KeepsWhatNoOtherPointBeats) {
  const std::vector<SweepPoint> points{
      point({"1"}, 10, 100), point({"2"}, 20, 90),           point({"3"}, 30, 300),      point({"4"}, 30, 250),
      point({"5"}, 10, 100), point({"6"}, 40, std::nan("")), point({"7"}, INFINITY, 900)};
  const SweepFront front = front_of("mean_e2el,output_throughput", points);
  EXPECT_THAT(front.points, ElementsAre(0, 4, 2)) << "equal points are both there";
  EXPECT_EQ(front.compared, 5u);
  EXPECT_TRUE(front.holds(2));
  EXPECT_FALSE(front.holds(1));
}

TEST(SweepFront, TakesTheSenseFromTheMetricOrFromTheUser) {
  const auto front = parse_front("p99_ttft,output_throughput");
  ASSERT_TRUE(front);
  EXPECT_EQ(front->x.metric, "p99_ttft_ms");
  EXPECT_TRUE(front->x.smaller_is_better);
  EXPECT_FALSE(front->y.smaller_is_better);
  EXPECT_TRUE(parse_front("cost_per_1m_output_tokens,tokens_per_s_per_gpu")->x.smaller_is_better);
  EXPECT_TRUE(parse_front("energy_j_per_token,interactivity_tok_s")->x.smaller_is_better);
  EXPECT_FALSE(parse_front("mean_decode_batch:max,mean_tpot")->x.smaller_is_better);
  const std::vector<SweepPoint> points{point({"1"}, 10, 100), point({"2"}, 20, 90)};
  EXPECT_THAT(front_of("mean_e2el:max,output_throughput:min", points).points, ElementsAre(1));
}

TEST(SweepFront, RefusesWhatIsNoPairOfFigures) {
  EXPECT_THAT(format(parse_front("p99_ttft").error()), HasSubstr("two figures, not of 1"));
  EXPECT_THAT(format(parse_front("p99_ttft,p99_ttft_ms").error()), HasSubstr("the same"));
  EXPECT_THAT(format(parse_front("p99_tft,output_thruput").error()),
              AllOf(HasSubstr("--front:1:1"), HasSubstr("--front:1:9"), HasSubstr("did you mean")));
  EXPECT_THAT(format(parse_front("ridge_point,mean_tpot").error()), HasSubstr("ridge_point:min or ridge_point:max"));
  EXPECT_THAT(format(parse_front("mean_ttft:low,mean_tpot").error()), HasSubstr("'low' is no sense"));
  EXPECT_FALSE(parse_front("p99.9_ttft,mean_tpot")) << "a sweep does not keep it";
  EXPECT_FALSE(parse_front(","));
}

const std::vector<SweepAxis> kAxes{{"workload.request_rate", {"40", "10", "20", "30"}}, {"engine.max_num_seqs", {"8"}}};

TEST(LoadCurve, PutsPointsInOrderAndFindsWhereObjectivesBreak) {
  const std::vector<SweepPoint> points{point({"40", "8"}, 900, 1100, false), point({"10", "8"}, 10, 300),
                                       point({"20", "8"}, 11, 600), point({"30", "8"}, 14, 900)};
  const std::vector<LoadCurve> curves = load_curves(kAxes, points);
  ASSERT_EQ(curves.size(), 1u);
  EXPECT_THAT(curves[0].points, ElementsAre(1, 2, 3, 0));
  EXPECT_THAT(curves[0].values, ElementsAre("8"));
  EXPECT_EQ(curves[0].last_met, 3u);
  EXPECT_EQ(curves[0].first_missed, 0u);
  ASSERT_TRUE(curves[0].knee);
  EXPECT_DOUBLE_EQ(curves[0].knee->load, 30);
  EXPECT_FALSE(curves[0].knee->at_end);
}

TEST(LoadCurve, IsThereOnlyForALoadWithThreePoints) {
  const std::vector<SweepPoint> two{point({"10", "8"}, 10, 300), point({"20", "8"}, 11, 600)};
  EXPECT_TRUE(load_curves(kAxes, two).empty());
  const std::vector<SweepAxis> other{{"engine.max_num_seqs", {"1", "2", "3"}}};
  EXPECT_TRUE(load_curves(other, {point({"1"}, 1, 1), point({"2"}, 1, 1), point({"3"}, 1, 1)}).empty());
}

TEST(SweepFrontReport, IsBelowTheTableInTheDocumentAndAColumnOfTheCsv) {
  SweepTable table;
  table.axes = {kAxes[0]};
  table.points = {point({"40"}, 900, 1100, false), point({"10"}, 10, 300), point({"20"}, 11, 200),
                  point({"30"}, 14, 900)};
  const std::optional<SweepFront> front = front_of("mean_e2el,output_throughput", table.points);
  EXPECT_THAT(front_text(table, front), AllOf(HasSubstr("Pareto front"), HasSubstr("3 of 4 points"),
                                              HasSubstr("met up to 30, missed from 40"), HasSubstr("knee")));
  EXPECT_THAT(to_csv(table, front), AllOf(HasSubstr("slo_ok,on_front\n"), HasSubstr("\n20,ok,,11,200,,,true,false\n")));
  EXPECT_EQ(to_csv(table, std::nullopt), to_csv(table));
  Json json = Json::object();
  add_front(json, table, front);
  EXPECT_EQ(json["front"]["points"].if_array()->size(), 3u);
  EXPECT_EQ(*json["load_curves"].if_array()->front()["last_met"].if_string(), "30");
}

}  // namespace
}  // namespace foretoken
