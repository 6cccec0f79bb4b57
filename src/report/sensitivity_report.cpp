// The tornado, largest effect on top.
#include "report/sensitivity_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/check.hpp"
#include "report/common.hpp"
#include "report/json_parts.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

constexpr int kHalfWidth = 9;

// Both differences around the line of no change.
std::string tornado_bar(const LeverEffect& lever, double largest) {
  double left = 0, right = 0;
  for (const LeverStep* step : {&lever.down, &lever.up}) {
    if (!step->moves()) continue;
    left = std::max(left, -step->paired.difference.value);
    right = std::max(right, step->paired.difference.value);
  }
  const auto cells = [&](double v) {
    return largest > 0 ? std::clamp(static_cast<int>(std::lround(v / largest * kHalfWidth)), 0, kHalfWidth) : 0;
  };
  std::string text;
  for (int i = kHalfWidth; i > 0; --i) text += i <= cells(left) ? "█" : " ";
  text += "│";
  for (int i = 1; i <= kHalfWidth; ++i) text += i <= cells(right) ? "█" : " ";
  return text;
}

std::string step_text(const LeverStep& step) {
  if (!step.possible) return step.why_not;
  const double value = step.paired.difference.value;
  return fmt::format("{}{} ± {}", value > 0 ? "+" : "", readable(value), readable(step.paired.difference.half_width()));
}

std::string tornado_section(const SensitivityStudy& s, const TextStyle& style) {
  double largest = 0;
  for (const LeverEffect& l : s.levers) largest = std::max(largest, l.effect);
  TextTable table("lllllrl", "0430021");
  const std::string by = percent(s.by);
  table.row({"lever", "", "now", "-" + by, "+" + by, "% per %", "change of " + s.metric});
  for (const LeverEffect& l : s.levers) {
    table.row({l.name, std::string(to_string(l.group)), readable(l.now) + (l.unit.empty() ? "" : " " + l.unit),
               step_text(l.down), step_text(l.up),
               std::isnan(l.elasticity) ? "-"
               : l.certain              ? fmt::format("{:+.2f}", l.elasticity)
                                        : "0",
               tornado_bar(l, largest)});
  }
  return table.text(style, "  ") +
         fmt::format("  ± of the difference on the same random numbers, {}; 0 and no bar = not beyond it\n",
                     percent(s.scenario.study.confidence));
}

Json step_of(const LeverStep& step) {
  Json json = Json::object();
  json["possible"] = step.possible;
  if (!step.possible) {
    json["reason"] = step.why_not;
    return json;
  }
  json["factor"] = step.factor;
  json["after"] = step.after;
  json["difference"] = to_json(step.paired);
  return json;
}

}  // namespace

std::string to_text(const SensitivityStudy& s, const TextStyle& style) {
  std::string out = heading(s.scenario, style);
  if (!s.feasible) {
    out += section("Memory of one GPU", memory_section(s.memory, style), style);
    return within_width(out + fmt::format("Does not fit: {}\n", s.memory.verdict), style);
  }
  if (s.interrupted) out += "INTERRUPTED: only what had finished\n";
  const std::string unit(metric_unit(s.metric));
  std::string answer =
      fmt::format("  {} ({}) is {}{} ± {} over {} replications\n", s.metric, s.why_this_metric, readable(s.base.value),
                  unit.empty() ? "" : " " + unit, readable(s.base.half_width()), s.replications);
  if (!s.worth.empty()) answer += fmt::format("  {}\n", s.worth);
  out += section("Answer", answer, style);
  if (!s.levers.empty()) out += section("What moves it", tornado_section(s, style), style);
  return within_width(out, style);
}

Json to_json(const SensitivityStudy& s) {
  Json json = document_head("foretoken.sensitivity/1", s.scenario);
  json["feasible"] = s.feasible;
  json["memory"] = to_json(s.memory);
  if (!s.feasible) return json;
  json["interrupted"] = s.interrupted;
  json["metric"] = s.metric;
  json["metric_reason"] = s.why_this_metric;
  json["smaller_is_better"] = s.smaller_is_better;
  json["by"] = s.by;
  json["replications"] = s.replications;
  json["base"] = to_json(s.base);
  json["worth"] = s.worth;
  Json levers = Json::array();
  for (const LeverEffect& l : s.levers) {
    Json line = Json::object();
    line["name"] = l.name;
    line["group"] = to_string(l.group);
    line["now"] = l.now;
    line["unit"] = l.unit;
    line["elasticity"] = l.elasticity;
    line["effect"] = l.effect;
    line["certain"] = l.certain;
    line["down"] = step_of(l.down);
    line["up"] = step_of(l.up);
    levers.push_back(std::move(line));
  }
  json["levers"] = std::move(levers);
  return json;
}

}  // namespace foretoken
