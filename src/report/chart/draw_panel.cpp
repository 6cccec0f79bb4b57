// Axes, grid, rules and the legend.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/chart/draw.hpp"
#include "report/chart/palette.hpp"
#include "report/chart/svg.hpp"
#include "report/layout.hpp"

namespace foretoken {
namespace {

bool stands_on_zero(const Series& s) {
  return s.mark == Series::Mark::columns || s.mark == Series::Mark::area;
}

// All that has to be seen along x or y.
std::vector<double> extent(const Panel& panel, bool of_x) {
  std::vector<double> values;
  for (const Series& s : panel.series) {
    const std::vector<double>& at = of_x ? s.x : s.y;
    values.insert(values.end(), at.begin(), at.end());
    const bool along_x = s.along_x || s.mark == Series::Mark::rects;
    if (along_x != of_x) continue;
    // An interval may be far longer than what it is about: such ones of dots are cut off.
    double most = INFINITY;
    if (s.mark == Series::Mark::dots) {
      most = 0;
      for (const double v : at)
        if (std::isfinite(v)) most = std::max(most, 2.5 * std::abs(v));
    }
    for (const std::vector<double>* bounds : {&s.low, &s.high})
      for (const double v : *bounds)
        if (std::abs(v) <= most) values.push_back(v);
  }
  for (const Rule& rule : panel.rules)
    if (rule.vertical == of_x) values.push_back(rule.at);
  return values;
}

std::string x_ticks(const Scale& x, const Frame& f, bool words) {
  std::string out;
  double free_from = -INFINITY;
  for (const Tick& tick : x.ticks()) {
    const double at = x(tick.at);
    if (x.half_band() == 0)
      out += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>", at, f.top, f.bottom);
    const double width = text_width(tick.label, 12);
    if (!words || tick.label.empty() || at - width / 2 < free_from) continue;
    free_from = at + width / 2 + 6;
    out += fmt::format("<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", at,
                       f.bottom + 16, escaped(tick.label));
  }
  return out;
}

std::string y_ticks(const Axis& axis, const Scale& y, const Frame& f) {
  std::string out;
  double free_below = INFINITY;
  const bool rows = axis.scale == Axis::Scale::category;
  for (const Tick& tick : y.ticks()) {
    const double at = y(tick.at);
    if (!rows) out += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>", f.left, at, f.right);
    if (tick.label.empty() || (rows ? !rows_have_room(axis) : at > free_below)) continue;
    free_below = at - 14;
    std::string label = tick.label;
    constexpr std::size_t kLongest = 46;
    if (rows && label.size() > kLongest) label = label.substr(0, kLongest - 3) + "...";
    out += fmt::format("<text class=\"tick\" text-anchor=\"end\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", f.left - 7,
                       at + 4, escaped(label));
  }
  return out;
}

std::string draw_rules(const Panel& panel, const Scale& x, const Scale& y, const Frame& f) {
  std::string out;
  double line = f.top + 12;
  const bool rows = panel.y.scale == Axis::Scale::category;
  for (const Rule& rule : panel.rules) {
    if (!(rule.vertical ? x : y).shows(rule.at)) continue;
    if (!rule.vertical) {
      const double at = y(rule.at);
      out += fmt::format(
          "<path class=\"rule\" d=\"M{:.1f} {:.1f}H{:.1f}\"/><text class=\"halo\" text-anchor=\"end\" x=\"{:.1f}\" "
          "y=\"{:.1f}\">{}</text>\n",
          f.left, at, f.right, f.right - 4, at - 5 < f.top + 8 ? at + 15 : at - 5, escaped(rule.label));
      continue;
    }
    const double at = x(rule.at);
    if (rows) {  // every row has a dot or a bar: the words stand above
      out += fmt::format(
          "<path class=\"rule\" d=\"M{0:.1f} {1:.1f}V{2:.1f}\"/><text class=\"tick\" text-anchor=\"middle\" "
          "x=\"{0:.1f}\" y=\"{3:.1f}\">{4}</text>\n",
          at, f.top, f.bottom, f.top - 4, escaped(rule.label));
      continue;
    }
    const bool left = at + text_width(rule.label, 13) + 8 > f.right;
    out += fmt::format(
        "<path class=\"rule\" d=\"M{:.1f} {:.1f}V{:.1f}\"/><text class=\"halo\"{} x=\"{:.1f}\" y=\"{:.1f}\">{}"
        "</text>\n",
        at, f.top, f.bottom, left ? " text-anchor=\"end\"" : "", at + (left ? -5 : 5), line, escaped(rule.label));
    line += 16;  // words of the next one below
  }
  return out;
}

std::string key_of(const Series& s, double x, double y) {
  const std::size_t c = s.color % kColors;
  if (s.mark == Series::Mark::line)
    return fmt::format("<path class=\"line s{0} {1}\" d=\"M{2:.1f} {3:.1f}h22\"/>", c,
                       s.dashed ? "dashed" : fmt::format("d{}", c), x, y);
  Series one;
  one.color = s.color;
  one.hollow = s.hollow;
  if (s.mark == Series::Mark::dots) {
    const Scale flat({}, {0, 1}, false, 0, 1);
    one.mark = Series::Mark::dots;
    one.x = {x + 11};
    one.y = {y};
    return draw_series(one, flat, flat, {});
  }
  return fmt::format("<rect class=\"{}f{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"14\" height=\"11\"/>",
                     s.mark == Series::Mark::area ? "area " : "", c, x + 6, y - 6);
}

}  // namespace

double text_width(std::string_view text, double size) {
  return static_cast<double>(display_width(text)) * size * 0.56;
}

bool rows_have_room(const Axis& y) {
  constexpr std::size_t kMost = 30;
  return y.categories.size() <= kMost;
}

Scale x_scale(const Chart& chart, double left, double right) {
  std::vector<double> values;
  bool from_zero = false;
  for (const Panel& panel : chart.panels) {
    const std::vector<double> more = extent(panel, true);
    values.insert(values.end(), more.begin(), more.end());
  }
  return {chart.x, values, from_zero, left, right};
}

Scale y_scale(const Panel& panel, double bottom, double top) {
  const bool rows = panel.y.scale == Axis::Scale::category;
  const bool from_zero = std::any_of(panel.series.begin(), panel.series.end(), stands_on_zero);
  return {panel.y, extent(panel, false), from_zero, rows ? top : bottom, rows ? bottom : top};
}

std::vector<std::vector<LegendEntry>> legend_rows(const Chart& chart, double width) {
  std::vector<LegendEntry> entries;
  for (const Panel& panel : chart.panels) {
    for (const Series& s : panel.series) {
      const auto same = [&](const LegendEntry& e) { return e.name == s.name; };
      if (!s.name.empty() && std::none_of(entries.begin(), entries.end(), same)) entries.push_back({s.name, &s});
    }
  }
  std::vector<std::vector<LegendEntry>> rows;
  if (entries.size() < 2) return rows;
  double at = width;
  for (const LegendEntry& entry : entries) {
    const double needs = 30 + text_width(entry.name, 13) + 18;
    if (rows.empty() || at + needs > width) {
      rows.emplace_back();
      at = 0;
    }
    rows.back().push_back(entry);
    at += needs;
  }
  return rows;
}

std::string draw_legend(const Chart& chart, double left, double top, double width) {
  std::string out;
  double y = top + 10;
  for (const std::vector<LegendEntry>& row : legend_rows(chart, width)) {
    double x = left;
    for (const LegendEntry& entry : row) {
      out += key_of(*entry.series, x, y) +
             fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", x + 28, y + 4, escaped(entry.name));
      x += 30 + text_width(entry.name, 13) + 18;
    }
    y += 20;
  }
  return out;
}

std::string draw_panel(const Chart& chart, std::size_t index, const Scale& x, const Frame& f, bool last) {
  const Panel& panel = chart.panels[index];
  const Scale y = y_scale(panel, f.bottom, f.top);
  std::string out = x_ticks(x, f, last) + y_ticks(panel.y, y, f);
  out += fmt::format(
      "<clipPath id=\"clip-{}-{}\"><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>"
      "</clipPath>\n",
      chart.name, index, f.left - 6, f.top - 6, f.right - f.left + 12, f.bottom - f.top + 12);
  out += fmt::format("<g clip-path=\"url(#clip-{}-{})\">\n", chart.name, index);
  if (!chart.cells.empty()) out += draw_cells(chart, x, y);
  for (const Series& s : panel.series) out += draw_series(s, x, y, f);
  out += "</g>\n" + draw_rules(panel, x, y, f);
  out += fmt::format("<path class=\"axis\" d=\"M{:.1f} {:.1f}V{:.1f}H{:.1f}\"/>\n", f.left, f.top, f.bottom, f.right);
  if (last && !chart.x.label.empty())
    out += fmt::format("<text text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", (f.left + f.right) / 2,
                       f.bottom + 38, escaped(chart.x.label));
  if (!panel.y.label.empty())
    out += fmt::format("<text text-anchor=\"middle\" transform=\"translate({:.1f} {:.1f}) rotate(-90)\">{}</text>\n",
                       18.0, (f.top + f.bottom) / 2, escaped(panel.y.label));
  return out;
}

}  // namespace foretoken
