// Bands and probabilities; what few measured systems cannot tell from certainty is said as a limit.
#include "foretoken/report/uncertainty_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "foretoken/base/math.hpp"
#include "report/common.hpp"

namespace foretoken {

std::string probability_text(const Probability& p) {
  // Rounded towards the half: more would be claimed otherwise.
  if (p.end == Probability::End::at_least) return fmt::format("> {:.0f} %", std::floor(100 * p.value));
  if (p.end == Probability::End::at_most) return fmt::format("< {:.0f} %", std::ceil(100 * p.value));
  return fmt::format("{:.0f} %", 100 * p.value);
}

std::string uncertainty_lines(const ModelUncertainty& u, const TextStyle& style) {
  if (!u.why_not.empty()) return fmt::format("  no P(meets): {}\n", u.why_not);
  TextTable table("lrrlrl", "002103");
  table.row({"figure", "predicted", "measured, median", "95 %", "P(meets)", "errors as of"});
  for (const FigureBand& f : u.figures) {
    const bool known = !std::isnan(f.median);
    table.row({f.metric, with_unit_of(f.value, f.metric), known ? with_unit_of(f.median, f.metric) : "-",
               known ? fmt::format("[{}, {}]", readable(f.low), readable(f.high)) : "-",
               f.meets ? probability_text(*f.meets) : "", f.rests_on});
  }
  std::string text = table.text(style, "  ");
  return text +
         (u.runs > 0
              ? fmt::format("  figures at other step times: {} runs on the same random numbers\n", u.runs)
              : "  runs are too long to be repeated at other step times: times are taken as proportional to them\n");
}

Json to_json(const Probability& p) {
  Json json = Json::object();
  json["value"] = p.value;
  if (p.end != Probability::End::none) json["bound"] = p.end == Probability::End::at_least ? "at least" : "at most";
  return json;
}

Json to_json(const ModelUncertainty& u) {
  Json json = Json::object();
  if (!u.why_not.empty()) {
    json["why_not"] = u.why_not;
    return json;
  }
  json["runs_at_other_step_times"] = u.runs;
  Json figures = Json::array();
  for (const FigureBand& f : u.figures) {
    Json line = Json::object();
    line["metric"] = f.metric;
    line["value"] = f.value;
    line["median"] = f.median;
    line["low"] = f.low;
    line["high"] = f.high;
    if (f.meets) line["p_meets"] = to_json(*f.meets);
    line["errors_as_of"] = f.rests_on;
    line["measured_systems"] = f.cells;
    figures.push_back(std::move(line));
  }
  json["figures"] = std::move(figures);
  if (u.meets_all) json["p_meets_all"] = to_json(*u.meets_all);
  return json;
}

}  // namespace foretoken
