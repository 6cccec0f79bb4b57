// Assertions as table, JSON and JUnit XML.
#include "report/assert_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/visible.hpp"
#include "foretoken/experiment/version.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/check.hpp"
#include "report/common.hpp"
#include "report/json_parts.hpp"
#include "report/sections.hpp"
#include "report/uncertainty_report.hpp"

namespace foretoken {
namespace {

// p99_ttft_ms is 812.4 ms, must be <= 500 ms; 95 % interval [800.1, 824.9]
std::string sentence(const ObjectiveVerdict& o) {
  const std::string value =
      std::isnan(o.interval.value) ? "has no value" : "is " + with_unit_of(o.interval.value, o.line.metric);
  std::string text = fmt::format("{} {}, must be {} {}", o.line.metric, value, to_string(o.line.comparison),
                                 with_unit_of(o.line.limit, o.line.metric));
  if (!std::isnan(o.interval.value))
    text += fmt::format("; {} interval [{}, {}]", percent(o.interval.confidence), readable(o.interval.low),
                        readable(o.interval.high));
  if (!o.reason.empty()) text += "; " + o.reason;
  return text;
}

// With the model's error as measured.
const Probability* chance_of(const AssertionsResult& r, std::size_t i) {
  const bool known = r.uncertainty && i < r.uncertainty->figures.size() && r.uncertainty->figures[i].meets;
  return known ? &*r.uncertainty->figures[i].meets : nullptr;
}

const char* word_of(Decision d) {
  return d == Decision::meets ? "holds" : d == Decision::misses ? "fails" : "not decided";
}

// The character of a UTF-8 sequence that starts at `at`, or no length when XML may not hold it.
struct Character {
  std::size_t length = 0;
  bool legal = false;
};
Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : 0); };
  const unsigned char first = byte(at);
  if (first < 0x80) return {1, first >= 0x20 || first == '\t' || first == '\n' || first == '\r'};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return {1, false};
  std::uint32_t code = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80U) return {1, false};
    code = (code << 6U) | (byte(at + i) & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return {length, !overlong && !surrogate && code != 0xFFFE && code != 0xFFFF && code <= 0x10FFFF};
}

std::string attribute(std::string_view name, std::string_view value) {
  return fmt::format(" {}=\"{}\"", name, xml_text(value));
}

// What stands inside the test case; empty when the assertion holds.
std::string outcome_of(const AssertionsResult& r, std::size_t i) {
  if (!r.feasible)
    return fmt::format("<error{}{}/>", attribute("type", "does_not_fit"), attribute("message", r.memory.verdict));
  const ObjectiveVerdict& o = r.verdict->objectives[i];
  if (o.decision == Decision::meets) return {};
  const bool fails = o.decision == Decision::misses;
  return fmt::format("<{0}{1}{2}>{3}\n{4} replications, {5} requests</{0}>", fails ? "failure" : "error",
                     attribute("type", fails ? "fails" : "not_decided"), attribute("message", sentence(o)),
                     xml_text(o.line.expression), r.verdict->replications, r.verdict->requests);
}

}  // namespace

std::string xml_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const Character c = character_at(text, i);
    const std::string_view one = text.substr(i, c.length);
    i += c.length;
    if (!c.legal)
      out += "\xEF\xBF\xBD";
    else if (one == "&")
      out += "&amp;";
    else if (one == "<")
      out += "&lt;";
    else if (one == ">")
      out += "&gt;";
    else if (one == "\"")
      out += "&quot;";
    else if (one == "'")
      out += "&apos;";
    else if (one == "\t" || one == "\n" || one == "\r")
      out += fmt::format("&#{};", static_cast<int>(one[0]));  // kept in attributes too
    else
      out += one;
  }
  return out;
}

std::string to_junit(const AssertionsResult& r) {
  std::string cases;
  std::size_t failures = 0, errors = 0;
  const auto& assertions = r.scenario.assertions;
  for (std::size_t i = 0; i < assertions.size(); ++i) {
    const std::string outcome = outcome_of(r, i);
    failures += outcome.starts_with("<failure") ? 1 : 0;
    errors += outcome.starts_with("<error") ? 1 : 0;
    cases += fmt::format("    <testcase{}{}{}\n", attribute("classname", "foretoken." + r.scenario.name),
                         attribute("name", assertions[i].name),
                         outcome.empty() ? "/>" : fmt::format(">\n      {}\n    </testcase>", outcome));
  }
  const std::string counts =
      fmt::format(" tests=\"{}\" failures=\"{}\" errors=\"{}\"", assertions.size(), failures, errors);
  const auto property = [](std::string_view name, std::string_view value) {
    return fmt::format("      <property{}{}/>\n", attribute("name", name), attribute("value", value));
  };
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"foretoken\"{0}>\n  <testsuite{1}{0} "
      "skipped=\"0\">\n"
      "    <properties>\n{2}{3}{4}    </properties>\n{5}  </testsuite>\n</testsuites>\n",
      counts, attribute("name", r.scenario.name), property("foretoken_version", version()),
      property("scenario_sha256", scenario_sha256(r.scenario)), property("seed", std::to_string(r.scenario.seed)),
      cases);
}

std::string to_text(const AssertionsResult& r, const TextStyle& style) {
  std::string out = heading(r.scenario, style);
  if (!r.feasible) return within_width(out + fmt::format("Does not fit: {}\n", r.memory.verdict), style);
  if (r.interrupted) out += "INTERRUPTED: judged by what had finished\n";
  TextTable table("lllrr", "00010");
  table.row({"", "assertion", "", "P(holds)", "figure"});
  std::string sentences;
  for (std::size_t i = 0; i < r.scenario.assertions.size(); ++i) {
    const ObjectiveVerdict& o = r.verdict->objectives[i];
    table.row({mark_of(o.decision), r.scenario.assertions[i].name, word_of(o.decision),
               chance_of(r, i) != nullptr ? probability_text(*chance_of(r, i)) : "-",
               with_unit_of(o.interval.value, o.line.metric)});
    sentences += fmt::format("  {}: {}\n", visible(r.scenario.assertions[i].name), sentence(o));
  }
  std::string text = table.text(style, "  ") + sentences;
  if (const std::optional<HourlyPrice> price = price_per_hour(r.scenario))
    text += fmt::format("  {}\n", price_sentence(*price));
  text += fmt::format("  {} replications, {} requests\n", r.verdict->replications, readable(r.verdict->requests));
  return within_width(out + section("Assertions", style.color ? colored_ticks(text) : text, style), style);
}

Json to_json(const AssertionsResult& r) {
  Json json = document_head("foretoken.assert/1", r.scenario);
  json["feasible"] = r.feasible;
  if (!r.feasible) {
    json["reason"] = r.memory.verdict;
    return json;
  }
  if (const std::optional<HourlyPrice> price = price_per_hour(r.scenario)) json["price"] = price_of(*price);
  json["verdict"] = word_of(r.overall);
  json["interrupted"] = r.interrupted;
  json["replications"] = r.verdict->replications;
  json["requests"] = r.verdict->requests;
  Json list = Json::array();
  for (std::size_t i = 0; i < r.scenario.assertions.size(); ++i) {
    const ObjectiveVerdict& o = r.verdict->objectives[i];
    Json entry = Json::object();
    entry["name"] = r.scenario.assertions[i].name;
    entry["expr"] = o.line.expression;
    entry["metric"] = o.line.metric;
    entry["comparison"] = to_string(o.line.comparison);
    entry["limit"] = o.line.limit;
    entry["verdict"] = word_of(o.decision);
    entry["interval"] = to_json(o.interval);
    if (chance_of(r, i) != nullptr) entry["p_meets"] = to_json(*chance_of(r, i));
    if (!o.reason.empty()) entry["reason"] = o.reason;
    list.push_back(std::move(entry));
  }
  json["assertions"] = std::move(list);
  return json;
}

}  // namespace foretoken
