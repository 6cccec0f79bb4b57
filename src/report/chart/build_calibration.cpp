// What a fit has done to the errors.
#include <fmt/format.h>

#include <cmath>

#include "report/chart/build.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

struct FitSide {
  const char *name, *key;
  std::size_t color;
  bool hollow;
};
constexpr FitSide kFitSides[] = {{"before the fit", "before_pct", 7, true},
                                 {"fitted", "fitted_pct", 0, false},
                                 {"predicted from the others", "held_out_pct", 1, true}};

}  // namespace

void add_calibration(Charts& charts, const Json& document) {
  const Json::Array& errors = list_of(document["errors"]);
  if (errors.empty() || list_of(document["terms"]).empty()) return;
  Chart chart;
  chart.name = "accuracy";
  chart.title = "Predicted and measured, before and after the fit";
  chart.x = {"predicted / measured (%)", Axis::Scale::linear, {}, {}, {}};
  chart.caption = "Each mean latency's prediction as a share of its measurement.";
  chart.table.head = {"file", "requests", "mean", "measured (ms)", "before (%)", "fitted (%)", "held out (%)"};
  Panel panel;
  panel.y.scale = Axis::Scale::category;
  for (const Json& e : errors) {
    panel.y.categories.push_back(
        fmt::format("{}, {} ({})", text_of(e["mean"]), text_of(e["requests"]), text_of(e["file"])));
    const auto shown = [&](const char* key) {
      return std::isfinite(number_of(e[key])) ? readable_signed(number_of(e[key])) : std::string("-");
    };
    chart.table.rows.push_back({text_of(e["file"]), text_of(e["requests"]), text_of(e["mean"]),
                                readable(number_of(e["measured_ms"])), shown("before_pct"), shown("fitted_pct"),
                                shown("held_out_pct")});
  }
  for (const FitSide& side : kFitSides) {
    Series s;
    s.name = side.name;
    s.mark = Series::Mark::dots;
    s.color = side.color;
    s.hollow = side.hollow;
    for (std::size_t i = 0; i < errors.size(); ++i) {
      const double error = number_of(errors[i][side.key]);
      if (!std::isfinite(error)) continue;
      s.x.push_back(100 + error);
      s.y.push_back(static_cast<double>(i));
      s.labels.push_back(fmt::format("{}: {} %", side.name, readable_signed(error)));
    }
    if (!s.x.empty()) panel.series.push_back(std::move(s));
  }
  panel.rules.push_back({true, 100, "as measured"});
  chart.panels.push_back(std::move(panel));
  charts.push_back(std::move(chart));
}

}  // namespace foretoken
