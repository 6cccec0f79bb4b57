// Bands and probabilities; what few measured systems cannot tell from certainty is said as a limit.
#include "report/uncertainty_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/math.hpp"
#include "report/common.hpp"
#include "report/declared_table.hpp"

namespace foretoken {
namespace {

DeclaredTable<FigureBand> band_table() {
  const auto measured = [](auto text) {
    return [=](const FigureBand& f) { return std::isnan(f.median) ? std::string("-") : text(f); };
  };
  return DeclaredTable<FigureBand>()
      .column("metric", "figure", {'0', 'l'}, &FigureBand::metric, [](const std::string& name) { return name; })
      .entry("value", &FigureBand::value)
      .cell("predicted", {}, [](const FigureBand& f) { return with_unit_of(f.value, f.metric); })
      .entry("median", &FigureBand::median)
      .cell("measured, median", {'2'}, measured([](const FigureBand& f) { return with_unit_of(f.median, f.metric); }))
      .entry("low", &FigureBand::low)
      .entry("high", &FigureBand::high)
      .cell("95 %", {'1', 'l'},
            measured([](const FigureBand& f) { return fmt::format("[{}, {}]", readable(f.low), readable(f.high)); }))
      .entry(
          "p_meets", [](const FigureBand& f) { return f.meets ? std::optional(to_json(*f.meets)) : std::nullopt; },
          shape::ref("probability"))
      .cell("P(meets)", {}, [](const FigureBand& f) { return f.meets ? probability_text(*f.meets) : ""; })
      .column("errors_as_of", "errors as of", {'3', 'l'}, &FigureBand::rests_on,
              [](const std::string& whose) { return whose; })
      .entry("measured_systems", &FigureBand::cells);
}

}  // namespace

std::string probability_text(const Probability& p) {
  // Rounded towards the half: more would be claimed otherwise.
  if (p.end == Probability::End::at_least) return fmt::format("> {:.0f} %", std::floor(100 * p.value));
  if (p.end == Probability::End::at_most) return fmt::format("< {:.0f} %", std::ceil(100 * p.value));
  return fmt::format("{:.0f} %", 100 * p.value);
}

std::string uncertainty_lines(const ModelUncertainty& u, const TextStyle& style) {
  if (!u.why_not.empty()) return fmt::format("  no P(meets): {}\n", u.why_not);
  std::string text = band_table().table(u.figures).text(style, "  ");
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

Json figure_band_shape() {
  return band_table().shape();
}

Json to_json(const ModelUncertainty& u) {
  Json json = Json::object();
  if (!u.why_not.empty()) {
    json["why_not"] = u.why_not;
    return json;
  }
  json["runs_at_other_step_times"] = u.runs;
  json["figures"] = band_table().documents(u.figures);
  if (u.meets_all) json["p_meets_all"] = to_json(*u.meets_all);
  return json;
}

}  // namespace foretoken
