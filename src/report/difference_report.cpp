// What differs between two stored results, value by value.
#include "report/difference_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "report/common.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

std::string changes_section(const std::vector<ResultChange>& list, const TextStyle& style) {
  TextTable table("llllr");
  table.without_headings();
  for (const ResultChange& c : list) {
    const auto shown = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
    const std::string relative = !c.relative ? ""
                                 : std::abs(*c.relative) < 0.0005
                                     ? "< 0.1 %"
                                     : fmt::format("{}{}", *c.relative > 0 ? "+" : "", percent(*c.relative));
    table.row({c.path, shown(c.before), "→", shown(c.after), relative});
  }
  return table.text(style, "  ");
}

Json changes_json(const std::vector<ResultChange>& list) {
  Json array = Json::array();
  for (const ResultChange& c : list) {
    Json entry = Json::object();
    entry["path"] = c.path;
    if (!c.before.empty()) entry["before"] = c.before;
    if (!c.after.empty()) entry["after"] = c.after;
    if (c.relative) entry["relative"] = *c.relative;
    array.push_back(std::move(entry));
  }
  return array;
}

}  // namespace

std::string to_text(const ResultDifference& d, const TextStyle& style) {
  if (d.none()) return within_width("no difference: the same version, scenario, inputs and figures\n", style);
  std::string out = section("Identity", changes_section(d.identity, style), style);
  out += section("Configuration", changes_section(d.configuration, style), style);
  out += section("Catalog and files (SHA-256)", changes_section(d.inputs, style), style);
  out += section("Figures", changes_section(d.figures, style), style);
  if (d.others > 0)
    out += fmt::format("\n{} more values differ: steady state, classes, attribution, origins\n", d.others);
  return within_width(out.substr(out.find_first_not_of('\n')), style);
}

Json to_json(const ResultDifference& d) {
  Json json = Json::object();
  json["schema"] = "foretoken.diff/1";
  json["identical"] = d.none();
  json["identity"] = changes_json(d.identity);
  json["configuration"] = changes_json(d.configuration);
  json["inputs"] = changes_json(d.inputs);
  json["figures"] = changes_json(d.figures);
  json["others"] = d.others;
  return json;
}

}  // namespace foretoken
