// JSON: order of keys, exact numbers, and errors at the place of the mistake.
#include "foretoken/base/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/random.hpp"

namespace foretoken {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string problems(std::string_view text) {
  const Result<Json> value = parse_json(text, "x.json");
  return value ? "accepted: " + to_text(*value, 0) : format(value.error());
}

std::string compact(std::string_view text) {
  return to_text(parse_json(text, "x.json").value(), 0);
}

TEST(Json, KeysKeepTheirOrderThroughReadingAndWriting) {
  const std::string text = R"({"z":1,"a":[true,null,{"m":"x","b":-2.5}],"k":{},"e":[]})";
  EXPECT_EQ(compact(text), text);
}

TEST(Json, PrettyTextIsIndentedAndReadsBackEqual) {
  Json value;
  value["b"] = 1;
  value["a"].push_back("x");
  value["a"].push_back(0.5);
  value["none"] = Json::object();
  const std::string text = "{\n  \"b\": 1,\n  \"a\": [\n    \"x\",\n    0.5\n  ],\n  \"none\": {}\n}";
  EXPECT_EQ(to_text(value), text);
  EXPECT_EQ(parse_json(text, "").value(), value);
}

TEST(Json, MembersAreFoundAndAbsentOnesAreNull) {
  const Json value = parse_json(R"({"a":{"b":7}})", "").value();
  EXPECT_EQ(*value["a"]["b"].if_int(), 7);
  EXPECT_TRUE(value["a"]["c"]["d"].is_null());
  double number = 0;
  EXPECT_TRUE(value["a"]["b"].number(number));
  EXPECT_EQ(number, 7.0);
  EXPECT_FALSE(value["a"].number(number));
  Json text = "x";
  EXPECT_THROW(text["key"] = 1, InternalError);
  EXPECT_THROW(text.push_back(1), InternalError);
}

TEST(Json, IntegersStayIntegersAndDoublesStayDoubles) {
  EXPECT_EQ(compact("[9223372036854775807,-9223372036854775808,3,3.0,1e2,-0.0]"),
            "[9223372036854775807,-9223372036854775808,3,3.0,100.0,-0.0]");
  EXPECT_EQ(to_text(parse_json("18446744073709551615", "").value()), "18446744073709551616.0")
      << "beyond int64 the nearest double";
  EXPECT_EQ(to_text(parse_json("1e-400", "").value()), "0.0");
  EXPECT_EQ(to_text(Json(std::nan(""))), "null");
  EXPECT_EQ(to_text(Json(-std::numeric_limits<double>::infinity())), "null");
  EXPECT_EQ(to_text(Json(std::uint64_t{5})), "5");
}

TEST(Json, EveryDoubleIsReadBackToTheLastBit) {
  RandomStream bits(1, "json");
  for (int i = 0; i < 200'000; ++i) {
    const double value = std::bit_cast<double>(bits.next());
    if (!std::isfinite(value)) continue;
    const std::string text = to_text(Json(value));
    double read = 0;
    ASSERT_TRUE(parse_json(text, "").value().number(read)) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(read), std::bit_cast<std::uint64_t>(value)) << text;
  }
}

TEST(Json, StringsAreEscapedAndStayUtf8) {
  const Json value = parse_json(R"("tab\t quote\" slash\/ \u00e9 \ud83d\ude00 nul\u0000")", "").value();
  EXPECT_EQ(*value.if_string(), std::string("tab\t quote\" slash/ \u00e9 \U0001F600 nul") + '\0');
  EXPECT_EQ(parse_json(to_text(value), "").value(), value);
  EXPECT_EQ(to_text(Json(std::string("a\xff\xc3 \xed\xa0\x80z"))), "\"a\uFFFD\uFFFD \uFFFD\uFFFD\uFFFDz\"")
      << "bytes that are no UTF-8 (here a lone byte, a cut sequence, a surrogate)";
  EXPECT_EQ(to_text(Json("\x01\n")), R"("\u0001\n")");
}

TEST(Json, ErrorsStandAtLineAndColumnWithTheUsualCause) {
  EXPECT_THAT(problems("{\n  \"a\": 1,\n}"), AllOf(HasSubstr("x.json:3:1: error: unexpected `}`"), HasSubstr("comma")));
  EXPECT_THAT(problems("[1, 2,]"), AllOf(HasSubstr("x.json:1:7"), HasSubstr("remove the comma")));
  EXPECT_THAT(problems("{'a': 1}"), AllOf(HasSubstr("x.json:1:2"), HasSubstr("double quotes")));
  EXPECT_THAT(problems("{\"a\": 1 // note\n}"), AllOf(HasSubstr("x.json:1:9"), HasSubstr("no comments")));
  EXPECT_THAT(problems("{\"a\": NaN}"), AllOf(HasSubstr("x.json:1:7"), HasSubstr("no NaN")));
  EXPECT_THAT(problems("{\"a\": -Infinity}"), HasSubstr("no NaN or infinity"));
  EXPECT_THAT(problems("{\"a\": True}"), HasSubstr("lower case"));
  EXPECT_THAT(problems("{\"a\": 1 \"b\": 2}"), AllOf(HasSubstr("x.json:1:9"), HasSubstr("comma")));
  EXPECT_THAT(problems("{} {}"), AllOf(HasSubstr("x.json:1:4"), HasSubstr("after the end")));
  EXPECT_THAT(problems("[1, [2, 3]"), AllOf(HasSubstr("x.json:1:11"), HasSubstr("ends inside")));
  EXPECT_THAT(problems("\"abc"), HasSubstr("ends inside"));
  EXPECT_THAT(problems(""), HasSubstr("empty"));
  EXPECT_THAT(problems(" \n "), HasSubstr("empty"));
  EXPECT_THAT(problems("tru"), HasSubstr("ends inside"));
  EXPECT_THAT(problems("01"), HasSubstr("error"));
  EXPECT_THAT(problems("\"\\ud83d x\""), HasSubstr("error"));
  EXPECT_THAT(problems("\"\xff\""), HasSubstr("0xff"));
}

TEST(Json, AllDuplicateKeysAreReportedWithBothPlaces) {
  const std::string text = problems("{\"a\": \"x\\\"y: \",\n \"b\": {\"c\": 1, \"c\": 2},\n \"\\u0061\": 3, \"a\": 4}");
  EXPECT_THAT(text, HasSubstr("x.json:2:16: error: duplicate key `c`; first at 2:8"));
  EXPECT_THAT(text, HasSubstr("x.json:3:2: error: duplicate key `a`; first at 1:2"));
  EXPECT_THAT(text, HasSubstr("x.json:3:15: error: duplicate key `a`; first at 1:2"));
  EXPECT_THAT(problems(R"([{"a":1},{"a":1}])"), HasSubstr("accepted"));
  EXPECT_THAT(problems("{\"a\":1,\"a\":2}]"), AllOf(HasSubstr("duplicate"), HasSubstr("after the end")))
      << "with the other problems of the text";
}

TEST(Json, ManyKeysDoNotTakeQuadraticTime) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += "\"key" + std::to_string(i) + "\":0,";
  EXPECT_TRUE(parse_json(text + "\"end\":0}", ""));
  EXPECT_THAT(problems(text + "\"key7\":0}"), HasSubstr("duplicate key `key7`; first at 1:65"));
  std::string same = "{\"k\":0";
  for (int i = 0; i < 1000; ++i) same += ",\"k\":0";
  EXPECT_THAT(problems(same + "}"), HasSubstr("980 more duplicate keys"));
}

TEST(Json, NumbersBeyondDoubleAreErrorsWhereTheyStand) {
  EXPECT_THAT(problems("[1,\n 1e400, -1e999]"), AllOf(HasSubstr("x.json:2:2: error: `1e400`"), HasSubstr("`-1e999`")));
  EXPECT_THAT(problems("1e400"), HasSubstr("x.json:1:1"));
  EXPECT_THAT(problems("1e99999999999"), HasSubstr("beyond the range"));
  EXPECT_THAT(problems(std::string(400, '9')), HasSubstr("beyond the range"));
}

TEST(Json, DepthIsLimitedTo64Levels) {
  EXPECT_TRUE(parse_json(std::string(64, '[') + std::string(64, ']'), ""));
  EXPECT_THAT(problems(std::string(65, '[') + std::string(65, ']')), HasSubstr("more than 64 levels"));
  EXPECT_THAT(problems(std::string(1'000'000, '[')), HasSubstr("more than 64 levels"));
}

TEST(Json, AUtf8MarkIsSkipped) {
  EXPECT_EQ(problems("\xef\xbb\xbf"
                     "[1]"),
            "accepted: [1]");
}

}  // namespace
}  // namespace foretoken
