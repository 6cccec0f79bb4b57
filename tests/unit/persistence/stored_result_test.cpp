// JUnit XML, and results read back.
#include "persistence/stored_result.hpp"

#include <gmock/gmock.h>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "report/assert_report.hpp"
#include "report/difference_report.hpp"
#include "support/temporary_file.hpp"

namespace foretoken {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Xml, EscapesWhatMarkupNeedsAndReplacesWhatNoXmlMayHold) {
  EXPECT_EQ(xml_text("a < b && \"c\" 'd' > e"), "a &lt; b &amp;&amp; &quot;c&quot; &apos;d&apos; &gt; e");
  EXPECT_EQ(xml_text("µ ≤ 5 😀"), "µ ≤ 5 😀");
  EXPECT_EQ(xml_text("line\nnext\ttab"), "line&#10;next&#9;tab");
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(xml_text(std::string("a\0b", 3)), "a" + bad + "b");
  EXPECT_EQ(xml_text("\x1b[0m"), bad + "[0m");
  EXPECT_EQ(xml_text("\xFF\xC0\xAF"), bad + bad + bad);
  EXPECT_EQ(xml_text("\xED\xA0\x80"), bad) << "half of a surrogate pair";
  EXPECT_EQ(xml_text("\xE2\x89"), bad + bad) << "cut in the middle of a character";
}

AssertionsResult three() {
  AssertionsResult r;
  r.scenario.name = "chat <1>";
  r.verdict.emplace();
  r.verdict->replications = 5;
  for (const Decision d : {Decision::meets, Decision::misses, Decision::not_decided}) {
    ObjectiveVerdict o;
    o.line = {"p99_ttft <= 500 ms", "p99_ttft_ms", Comparison::at_most, 500};
    o.decision = d;
    o.interval = {400, 390, 410, 0.95};
    r.verdict->objectives.push_back(o);
    r.scenario.assertions.push_back({"is \"fast\" & cheap", o.line});
  }
  r.overall = Decision::misses;
  return r;
}

TEST(JUnit, HasOneCasePerAssertionWithValueLimitAndInterval) {
  const std::string xml = to_junit(three());
  EXPECT_THAT(xml, HasSubstr("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
  EXPECT_THAT(xml, HasSubstr("tests=\"3\" failures=\"1\" errors=\"1\""));
  EXPECT_THAT(xml, HasSubstr("classname=\"foretoken.chat &lt;1&gt;\" name=\"is &quot;fast&quot; &amp; cheap\"/>"));
  EXPECT_THAT(xml, HasSubstr("<failure type=\"fails\" message=\"p99_ttft_ms is 400.0 ms, must be &lt;= 500.0 ms; 95.0 "
                             "% interval [390.0, 410.0]\">"));
  EXPECT_THAT(xml, HasSubstr("<error type=\"not_decided\""));
}

TEST(JUnit, OfAModelThatDoesNotFitIsAllErrors) {
  AssertionsResult r = three();
  r.verdict.reset();
  r.feasible = false;
  r.memory.verdict = "needs 2 GiB more";
  EXPECT_THAT(to_junit(r), HasSubstr("failures=\"0\" errors=\"3\""));
  EXPECT_THAT(to_junit(r), HasSubstr("message=\"needs 2 GiB more\""));
}

Json document(double ttft) {
  Json json = Json::object();
  json["schema"] = "foretoken.result/1";
  json["foretoken_version"] = "1.0";
  json["config"]["engine"]["max_num_seqs"] = 64;
  json["inputs"]["gpu h100_sxm"] = "aa";
  json["summary"]["p99_ttft_ms"] = ttft;
  json["steady_state"]["p99_ttft_ms"] = ttft;
  return json;
}

TEST(Difference, IsSortedByWhatItIsOf) {
  Json other = document(110);
  other["foretoken_version"] = "1.1";
  other["config"]["engine"]["max_num_seqs"] = 128;
  other["config"]["seed"] = 1;
  other["inputs"]["gpu h100_sxm"] = "bb";
  const ResultDifference d = difference(document(100), other);
  const auto is = [](const char* path) { return ElementsAre(Field(&ResultChange::path, path)); };
  EXPECT_THAT(d.identity, is("foretoken_version"));
  EXPECT_THAT(d.inputs, is("gpu h100_sxm"));
  EXPECT_THAT(d.figures, is("p99_ttft_ms"));
  EXPECT_NEAR(d.figures[0].relative.value(), 0.1, 1e-12);
  ASSERT_EQ(d.configuration.size(), 2U);
  EXPECT_EQ(d.configuration[0].after, "128");
  EXPECT_EQ(d.configuration[1].before, "") << "absent before";
  EXPECT_EQ(d.others, 1) << "the steady state";
  EXPECT_TRUE(difference(other, other).none());
  EXPECT_THAT(to_text(d), Not(HasSubstr("no difference")));
}

TEST(Difference, OfTheVersionOrACatalogAloneLeavesTheFigures) {
  Json other = document(100);
  other["foretoken_version"] = "1.1";
  other["inputs"]["gpu h100_sxm"] = "bb";
  EXPECT_TRUE(same_figures(difference(document(100), other)));
  EXPECT_FALSE(same_figures(difference(document(100), document(101))));
  Json infeasible = document(100);
  infeasible["feasible"] = false;
  EXPECT_FALSE(same_figures(difference(document(100), infeasible)));
  other["config"]["engine"]["max_num_seqs"] = 128;
  EXPECT_FALSE(same_figures(difference(document(100), other))) << "another question";
}

std::string problem_of(const std::string& text) {
  const test::TemporaryFile file(text);
  const auto stored = read_result(file.path());
  return stored ? "none" : format(stored.error());
}

TEST(StoredResult, RefusesWhatIsNoResult) {
  const std::string whole = to_text(document(1));
  EXPECT_EQ(problem_of(whole), "none");
  EXPECT_THAT(problem_of(whole.substr(0, whole.size() / 2)), HasSubstr("error"));
  EXPECT_THAT(problem_of(""), HasSubstr("empty"));
  EXPECT_THAT(problem_of("{}"), HasSubstr("no schema"));
  EXPECT_THAT(problem_of("[1]"), HasSubstr("no schema"));
  EXPECT_THAT(problem_of(R"({"schema": "foretoken.sweep/1"})"), HasSubstr("foretoken.sweep/1"));
  EXPECT_FALSE(read_result("/nowhere/at/all.json"));
  EXPECT_THAT(format(read_result("/").error()), HasSubstr("is a folder"));
  EXPECT_FALSE(read_result("/dev/zero")) << "never ends";
}

TEST(StoredResult, SaysWhatItWasMadeFromOrNothing) {
  Json json = document(1);
  EXPECT_FALSE(provenance_of(json));
  json["source"]["path"] = "s.yaml";
  json["source"]["text"] = "model: x\n";
  json["source"]["set"].push_back("seed=3");
  const auto p = provenance_of(json);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->question.origin, "s.yaml");
  EXPECT_THAT(p->question.options.overrides, ElementsAre("seed=3"));
  json["source"]["set"].push_back(7);
  EXPECT_FALSE(provenance_of(json)) << "an override that is no text";
}

}  // namespace
}  // namespace foretoken
