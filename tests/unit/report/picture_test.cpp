// Charts of documents: as SVG, as what a page embeds, and the page itself.
#include "foretoken/report/picture.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "foretoken/report/report.hpp"
#include "persistence/stored_result.hpp"
#include "report/chart/chart.hpp"
#include "report/chart/palette.hpp"
#include "report/chart/scale.hpp"
#include "report/chart/svg.hpp"
#include "report/page/page.hpp"
#include "report/result_series.hpp"

namespace foretoken {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::vector<std::string> labels_of(const Scale& scale) {
  std::vector<std::string> labels;
  for (const Tick& tick : scale.ticks()) labels.push_back(tick.label);
  return labels;
}

TEST(Scale, LinearOnesEndAtRoundNumbersAroundWhatIsShown) {
  const Scale scale({}, {0.3, 9.2}, true, 100, 200);
  EXPECT_THAT(labels_of(scale), ElementsAre("0", "2", "4", "6", "8", "10"));
  EXPECT_DOUBLE_EQ(scale(0), 100);
  EXPECT_DOUBLE_EQ(scale(10), 200);
  EXPECT_DOUBLE_EQ(scale(2.5), 125);
}

TEST(Scale, LogarithmicOnesEndAtPartsOfDecadesAndLeaveOutWhatHasNoLogarithm) {
  const Scale scale({"", Axis::Scale::log, {}, {}, {}}, {0, 30, 700, std::nan("")}, false, 0, 1);
  EXPECT_THAT(labels_of(scale), ElementsAre("20", "50", "100", "200", "500", "1,000"));
  EXPECT_NEAR(scale(20), 0, 1e-12);
  EXPECT_NEAR(scale(1000), 1, 1e-12);
}

TEST(Scale, OfNothingOrOneValueIsStillAScale) {
  for (const Axis::Scale kind : {Axis::Scale::linear, Axis::Scale::log}) {
    for (const std::vector<double>& values : {std::vector<double>{}, {5}, {std::nan("")}, {INFINITY}}) {
      const Scale scale({"", kind, {}, {}, {}}, values, false, 0, 100);
      EXPECT_FALSE(scale.ticks().empty());
      EXPECT_TRUE(std::isfinite(scale(5)));
    }
  }
}

// Contrast of WCAG 2, with its gamma.
double luminance(std::string_view color) {
  double sum = 0;
  constexpr double kWeights[] = {0.2126, 0.7152, 0.0722};
  for (std::size_t i = 0; i < 3; ++i) {
    const double c = std::stoi(std::string(color.substr(1 + 2 * i, 2)), nullptr, 16) / 255.0;
    sum += kWeights[i] * (c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4));
  }
  return sum;
}
double contrast(std::string_view a, std::string_view b) {
  const double x = luminance(a), y = luminance(b);
  return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

TEST(Palette, HasTheContrastThatReadersNeed) {
  for (const Palette& palette : {kLight, kDark}) {
    EXPECT_GE(contrast(palette.ink, palette.ground), 7);
    EXPECT_GE(contrast(palette.soft, palette.ground), 4.5);
    for (const std::string_view color : palette.colors) EXPECT_GE(contrast(color, palette.ground), 3) << color;
  }
}

Chart small_chart() {
  Chart chart;
  chart.name = "load";
  chart.title = "Load <curve>";
  chart.caption = "What & why";
  chart.x = {"requests/s", Axis::Scale::linear, {}, {}, {}};
  Series s;
  s.name = "p99 TTFT";
  s.x = {1, 2, 3, 4};
  s.y = {10, std::nan(""), 30, 40};
  Series other = s;
  other.name = "p50 TTFT";
  other.color = 1;
  other.y = {1, 2, 3, INFINITY};
  chart.panels.push_back({{"ms", Axis::Scale::linear, {}, {}, {}}, {s, other}, {{false, 25, "limit"}}});
  chart.table = {{"requests/s", "ms"}, {{"1", "10"}}};
  return chart;
}

TEST(Svg, SaysWhatItShowsAndLiftsThePenWhereThereIsNothing) {
  const std::string svg = to_svg(small_chart(), PictureTheme::light);
  EXPECT_THAT(svg, HasSubstr("<title>Load &lt;curve&gt;</title>"));
  EXPECT_THAT(svg, HasSubstr("<desc>What &amp; why</desc>"));
  EXPECT_THAT(svg, HasSubstr(">limit</text>"));
  EXPECT_THAT(svg, HasSubstr(">p99 TTFT</text>"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  const std::size_t line = svg.find("class=\"line s0 d0\" d=\"M", svg.find("clip-path"));
  ASSERT_NE(line, std::string::npos);
  const std::string path = svg.substr(line, svg.find("/>", line) - line);
  EXPECT_EQ(count_of(path, "M"), 2U) << path;
}

TEST(Svg, HasBothColoursOnlyWhenAskedForNeither) {
  EXPECT_THAT(to_svg(small_chart(), PictureTheme::automatic), HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(to_svg(small_chart(), PictureTheme::light), Not(HasSubstr("prefers-color-scheme")));
  EXPECT_THAT(to_svg(small_chart(), PictureTheme::dark), HasSubstr(std::string(kDark.ground)));
}

TEST(Svg, HatchesCellsWithoutAValueAndSaysWhy) {
  Chart chart;
  chart.name = "map";
  chart.x = {"a", Axis::Scale::category, {"1", "2"}, {}, {}};
  chart.panels.push_back({{"b", Axis::Scale::category, {"x"}, {}, {}}, {}, {}});
  chart.cells = {{0, 0, 5.0, "", false}, {1, 0, std::nullopt, "does not fit: 3 GiB short", true}};
  const std::string svg = to_svg(chart, PictureTheme::light);
  EXPECT_EQ(count_of(svg, "url(#hatch-map)"), 1U);
  EXPECT_THAT(svg, HasSubstr("does not fit: 3 GiB short"));
}

constexpr const char* kText = R"(model: Llama-3.1-8B
description: "</script><img src=x onerror=alert(1)>"
hardware: {gpu: h100_sxm}
workload: {random_input_len: 300, random_output_len: 40, num_prompts: 300, request_rate: 30}
replications: 3
slo: [p99_ttft <= 500 ms]
)";

// A run's document with its series, as `foretoken run --report` makes it.
const Json& run_document() {
  static const Json document = [] {
    const Result<Scenario> scenario = parse_scenario(kText, "test.yaml", LoadOptions{});
    RunSeries series;
    RunOptions options;
    options.attribution_groups = true;
    options.watchers = {&series};
    const Result<RunResult> run = run_scenario(scenario.value(), options);
    Json json = to_json(run.value(), Provenance{{kText, "test.yaml", {}}, {}});
    add_series(json, run.value(), series);
    add_explanation(json, explain(scenario.value()).value());
    return json;
  }();
  return document;
}

TEST(Pictures, OfARunAreItsLatenciesCourseRequestsAndCosts) {
  EXPECT_THAT(picture_names(run_document()), ElementsAre("latency", "timeline", "requests", "slowest", "attribution",
                                                         "roofline", "breakdown", "memory"));
  const std::vector<std::string_view> all = all_picture_names();
  for (const std::string& name : picture_names(run_document()))
    EXPECT_THAT(all, ::testing::Contains(std::string_view(name)));
}

TEST(Pictures, EveryChartHasATableACaptionAndAName) {
  std::set<std::string> names;
  for (const Chart& chart : charts_of(run_document())) {
    EXPECT_FALSE(chart.caption.empty()) << chart.name;
    EXPECT_FALSE(chart.table.rows.empty()) << chart.name;
    for (const auto& row : chart.table.rows) EXPECT_EQ(row.size(), chart.table.head.size()) << chart.name;
    EXPECT_TRUE(names.insert(chart.name).second) << chart.name;
    for (const Panel& panel : chart.panels) {
      for (const Series& s : panel.series) {
        EXPECT_EQ(s.x.size(), s.y.size()) << chart.name << " " << s.name;
        EXPECT_EQ(s.low.size(), s.high.size()) << chart.name << " " << s.name;
        if (!s.low.empty()) {
          EXPECT_EQ(s.low.size(), s.x.size()) << chart.name << " " << s.name;
        }
      }
    }
  }
}

// Two are ordered at 30 s and ready at 60 s; the run ends at 100 s.
TEST(Pictures, OfAFleetHaveItsReplicasOverTime) {
  const Result<Json> document = parse_json(R"({"schema": "foretoken.result/1",
    "fleet": {"places": 3, "end_s": 100, "replica_hours": {"ready": 0.05, "loading": 0.02, "gone": 0.04},
      "replicas": [{"at_s": 0, "paid": 1, "ready": 1}, {"at_s": 30, "paid": 3, "ready": 1},
                   {"at_s": 60, "paid": 3, "ready": 3}],
      "decisions": [{"at_s": 30, "metric": 20, "wanted": 3}]},
    "summary": {"gpu_hours": 1.5, "mean_replicas_ready": 1.8, "mean_replicas_paid": 2.4, "cold_starts": 2}})",
                                           "fleet.json");
  ASSERT_TRUE(document);
  const std::vector<Chart> charts = charts_of(*document);
  ASSERT_EQ(charts.size(), 1u);
  EXPECT_EQ(charts[0].name, "replicas");
  const std::vector<Series>& series = charts[0].panels.at(0).series;
  ASSERT_EQ(series.size(), 3u);
  EXPECT_THAT(series[0].x, ElementsAre(0, 30, 30, 60, 60, 100));
  EXPECT_THAT(series[0].y, ElementsAre(1, 1, 1, 1, 3, 3));
  EXPECT_EQ(series[1].low, series[0].y);
  EXPECT_THAT(series[1].high, ElementsAre(1, 1, 3, 3, 3, 3));
  EXPECT_THAT(series[2].y, ElementsAre(3, 3));
  EXPECT_THAT(charts[0].table.rows, ElementsAre(ElementsAre("0", "1", "1", "-"), ElementsAre("30.00", "3", "1", "3"),
                                                ElementsAre("60.00", "3", "3", "3")));
  const std::string block = fleet_block(*document);
  EXPECT_THAT(block, HasSubstr("GPU-hours paid"));
  EXPECT_THAT(block, HasSubstr("loading"));
  EXPECT_THAT(block, Not(HasSubstr("<th scope=\"row\">gone"))) << "nobody pays for it";
  EXPECT_EQ(fleet_block(run_document()), "");
}

TEST(Pictures, OfAPlacementAreItsPlansAndWhatAReplicaServes) {
  const Result<Json> document = parse_json(
      R"({"schema": "foretoken.placement/1", "tries": [
            {"replicas": "2 small", "usd_per_hour": 6.4, "gpus": 2, "verdict": "misses", "missed": "mean_ttft of chat <= 1 s"},
            {"replicas": "3 small", "usd_per_hour": 6.9, "gpus": 3, "verdict": "meets", "missed": ""}],
          "capacities": [
            {"demand": "chat", "pool": "small", "rate": 16, "alone": 3, "each": 4, "most": 5},
            {"demand": "chat", "pool": "tiny", "rate": 16, "alone": 0, "each": 0, "most": 0, "why_none": "too slow"}]})",
      "placement");
  ASSERT_TRUE(document);
  const std::vector<Chart> charts = charts_of(*document);
  ASSERT_EQ(charts.size(), 2u);
  const Panel& plans = charts[0].panels.front();
  ASSERT_EQ(plans.series.size(), 2u) << "one colour for each verdict that there is";
  EXPECT_EQ(plans.series[0].name, "meets");
  EXPECT_THAT(plans.series[0].high, ElementsAre(6.9));
  EXPECT_THAT(plans.series[1].labels, ElementsAre(HasSubstr("not kept: mean_ttft of chat <= 1 s")));
  const Series& served = charts[1].panels.front().series.front();
  EXPECT_THAT(served.low, ElementsAre(4));
  EXPECT_THAT(served.high, ElementsAre(5));
  EXPECT_THAT(charts[1].table.rows.back(), ::testing::Contains("too slow"));
}

TEST(Pictures, TakeTheirFiguresFromTheDocument) {
  const std::vector<Chart> charts = charts_of(run_document());
  const Series& ttft = charts.front().panels.front().series.front();
  double p50 = 0, p99 = 0;
  ASSERT_TRUE(run_document()["summary"]["p50_ttft_ms"].number(p50));
  ASSERT_TRUE(run_document()["summary"]["p99_ttft_ms"].number(p99));
  EXPECT_EQ(ttft.name, "TTFT");
  EXPECT_DOUBLE_EQ(ttft.y[50], 50);
  EXPECT_NEAR(ttft.x[50], p50, 1e-9 * p50);
  EXPECT_NEAR(ttft.x[99], p99, 1e-9 * p99);
  EXPECT_LT(ttft.low[50], ttft.high[50]) << "three replications have an interval";
}

TEST(Pictures, OfUnknownNamesAreRefusedWithThoseThereAre) {
  const Result<std::string> svg = to_svg(run_document(), "front");
  ASSERT_FALSE(svg);
  EXPECT_THAT(format(svg.error()), HasSubstr("latency, timeline"));
  ASSERT_FALSE(to_svg(Json::object(), ""));
}

TEST(Page, HoldsNothingThatItsTextsCouldBreakOutOf) {
  const std::string page = to_page(run_document(), "<b>in words</b>");
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, HasSubstr("&lt;/script&gt;&lt;img"));
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;in words"));
  const std::size_t scripts = page_script().empty() ? 2 : 3;
  EXPECT_EQ(count_of(page, "</script>"), scripts + (page_script().find("</script>") != std::string_view::npos ? 1 : 0));
}

TEST(Page, EmbedsTheDocumentThatItShows) {
  const std::string page = to_page(run_document());
  const std::string head = "<script type=\"application/json\" id=\"document\">";
  const std::size_t at = page.find(head) + head.size();
  const Result<Json> read = parse_json(page.substr(at, page.find("</script>", at) - at), "page");
  ASSERT_TRUE(read) << format(read.error());
  EXPECT_EQ(to_text(*read), to_text(run_document()));
}

TEST(Page, AllowsItsOwnStyleAndScriptAndNothingElse) {
  std::string page = to_page(run_document());
  if (const std::size_t script = page.find(page_script()); !page_script().empty()) {
    EXPECT_THAT(page, HasSubstr("script-src " + csp_hash(page_script())));
    page.erase(script, page_script().size());  // the library has texts that it never puts into the page
  }
  const std::size_t style = page.find("<style>") + 7;
  EXPECT_THAT(page, HasSubstr("style-src " + csp_hash(page.substr(style, page.find("</style>") - style))));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr(" style=\""))) << "the policy would not let it count";
  EXPECT_THAT(page, Not(HasSubstr(" onclick=")));
  EXPECT_THAT(page, Not(HasSubstr("src=\"")));
  EXPECT_EQ(csp_hash("abc"), "'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='");
  EXPECT_EQ(csp_hash(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
}

TEST(Page, IsSmallAndPutsTheVerdictFirst) {
  const std::string page = to_page(run_document());
  EXPECT_LT(page.size(), 1'500'000U);
  EXPECT_LT(page.find("This run meets all objectives"), page.find("Headline figures"));
  EXPECT_LT(page.find("Headline figures"), page.find("<figure"));
  EXPECT_EQ(count_of(page, "<figure "), picture_names(run_document()).size());
  EXPECT_EQ(count_of(page, "<h1>"), 1U);
}

TEST(Page, SaysTheAnswerOfAStudyInTheWordsOfItsText) {
  const std::string text = "a title\n2 x h100_sxm is the cheapest\n  that meets\nWith 70 %\n\nA table\n";
  const auto page_of = [&](const char* document) { return to_page(parse_json(document, "").value(), text); };
  const std::string page = page_of(R"({"schema": "foretoken.recommend/1", "verdict": "found"})");
  EXPECT_THAT(page, HasSubstr("✓</span> 2 x h100_sxm is the cheapest that meets</h2>"));
  EXPECT_THAT(page, HasSubstr("</span> With 70 %</li>"));
  EXPECT_EQ(count_of(page, "id=\"words\""), 1U);
  EXPECT_THAT(page_of(R"({"schema": "foretoken.memory/1"})"), HasSubstr("</span> that meets</li>"));
  // One that has no such sentence says all of it at once.
  const std::string bill = page_of(R"({"schema": "foretoken.bill/1"})");
  EXPECT_LT(bill.find("A table"), bill.find("id=\"figures\""));
  EXPECT_EQ(count_of(bill, "id=\"words\""), 0U);
}

TEST(Page, OfAnyDocumentCanBeWritten) {
  for (const char* text : {"{}", R"({"schema": "foretoken.check/1", "verdict": "misses", "feasible": false})",
                           R"({"schema": "foretoken.sweep/1", "points": [], "axes": [], "load_curves": [{}]})",
                           R"({"schema": "foretoken.capacity/1", "looks": [{"load": null}], "outcome": "found"})",
                           R"({"levers": [{}], "sizes": [{}], "ranked": [{}], "runs": [{"figures": [{}]}]})",
                           R"({"timeseries": {"time_s": [1, 2]}, "attribution": {}, "memory": {"capacity_gib": 1}})",
                           R"({"load_slots": {"slots": [1]}, "study": {"objectives": [{}]}, "fixes": [{}]})"}) {
    const std::string page = to_page(parse_json(text, "").value());
    EXPECT_THAT(page, HasSubstr("</html>")) << text;
  }
}

}  // namespace
}  // namespace foretoken
