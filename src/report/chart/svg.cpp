// Layout of a chart: title and legend on top, panels below each other on one x axis.
#include "report/chart/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/assert_report.hpp"
#include "report/chart/draw.hpp"
#include "report/chart/palette.hpp"
#include "report/layout.hpp"

namespace foretoken {
namespace {

constexpr double kWidth = 800, kTick = 12, kText = 13;

double legend_height(const Chart& chart, double width) {
  return static_cast<double>(legend_rows(chart, width).size()) * 20;
}

// Rows of categories take what they need, numbers a share of a page.
double panel_height(const Chart& chart, const Panel& panel) {
  constexpr double kRow = 26, kThinRow = 8, kMany = 30;
  if (panel.y.scale == Axis::Scale::category) {
    const auto rows = static_cast<double>(panel.y.categories.size());
    return std::max(60.0, rows * (rows > kMany ? kThinRow : kRow));
  }
  return chart.panels.size() == 1 ? 330 : chart.panels.size() == 2 ? 210 : 140;
}

double left_margin(const Chart& chart) {
  double widest = 0;
  for (const Panel& panel : chart.panels) {
    const bool names = panel.y.scale == Axis::Scale::category && rows_have_room(panel.y);
    if (names)
      for (const std::string& c : panel.y.categories) widest = std::max(widest, text_width(c, kTick));
    else
      widest = std::max(widest, 44.0);
  }
  return std::min(widest, 300.0) + 36;
}

std::string style_of(PictureTheme theme) {
  if (theme == PictureTheme::dark) return chart_rules(kDark);
  std::string css = chart_rules(kLight);
  if (theme == PictureTheme::automatic) css += "@media (prefers-color-scheme:dark){\n" + chart_rules(kDark) + "}\n";
  return css;
}

struct Drawing {
  std::string body;
  double height = 0;
};

Drawing draw(const Chart& chart, bool titled) {
  constexpr double kRight = 24, kBetween = 26, kBelow = 52;
  Drawing out;
  double y = 12;
  if (titled) {
    out.body += fmt::format("<text class=\"title\" x=\"16\" y=\"{}\">{}</text>\n", y + 14, escaped(chart.title));
    y += 30;
  }
  const double left = left_margin(chart);
  out.body += draw_legend(chart, 16, y, kWidth - 32);
  y += legend_height(chart, kWidth - 32) + 14;
  const Scale x = x_scale(chart, left, kWidth - kRight);
  for (std::size_t i = 0; i < chart.panels.size(); ++i) {
    const bool last = i + 1 == chart.panels.size();
    const Frame frame{left, y, kWidth - kRight, y + panel_height(chart, chart.panels[i])};
    out.body += draw_panel(chart, i, x, frame, last);
    y = frame.bottom + (last ? kBelow : kBetween);
  }
  out.height = y;
  return out;
}

std::string wrapped(const Chart& chart, const Drawing& drawing, std::string_view head, std::string_view attributes) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {0} {1:.0f}\"{2}>\n{3}"
      "<defs><pattern id=\"hatch-{4}\" width=\"7\" height=\"7\" patternTransform=\"rotate(45)\" "
      "patternUnits=\"userSpaceOnUse\"><path class=\"hatch\" d=\"M0 0V7\"/></pattern></defs>\n{5}</svg>\n",
      kWidth, drawing.height, attributes, head, chart.name, drawing.body);
}

}  // namespace

std::string escaped(std::string_view text) {
  return xml_text(text);
}

std::string to_svg(const Chart& chart, PictureTheme theme) {
  const Drawing drawing = draw(chart, true);
  const std::string head = fmt::format(
      "<title>{}</title>\n<desc>{}</desc>\n<style>\n{}</style>\n<rect class=\"ground\" width=\"100%\" "
      "height=\"100%\"/>\n",
      escaped(chart.title), escaped(chart.caption), style_of(theme));
  return wrapped(chart, drawing, head,
                 fmt::format(" width=\"{}\" height=\"{:.0f}\" role=\"img\"", kWidth, drawing.height));
}

std::string to_inline_svg(const Chart& chart) {
  const Drawing drawing = draw(chart, false);
  return wrapped(chart, drawing, "",
                 fmt::format(" role=\"img\" aria-label=\"{}: {}\"", escaped(chart.title), escaped(chart.caption)));
}

}  // namespace foretoken
