// A chart as the page's script reads it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/csv.hpp"
#include "report/chart/chart.hpp"
#include "report/chart/draw.hpp"
#include "report/chart/palette.hpp"

namespace foretoken {
namespace {

// Six digits are more than a screen shows, and half the bytes.
Json rounded(double value) {
  if (!std::isfinite(value)) return {};
  double written = value;
  return parse_number(fmt::format("{:.6g}", value), written) ? written : value;
}

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double v : values) list.push_back(rounded(v));
  return list;
}

Json strings(const std::vector<std::string>& values) {
  Json list = Json::array();
  for (const std::string& v : values) list.push_back(v);
  return list;
}

// The ends as the still picture has them where the library would choose others: of a logarithm the next decade, of dots
// in rows the last dot without its interval.
Json axis_of(Axis axis, const Scale& scale, bool of_rows = false) {
  if (axis.scale == Axis::Scale::log || of_rows) {
    axis.min = scale.least();
    axis.max = scale.most();
  }
  Json json = Json::object();
  json["label"] = axis.label;
  json["scale"] = axis.scale == Axis::Scale::log ? "log" : axis.scale == Axis::Scale::category ? "category" : "value";
  if (!axis.categories.empty()) json["categories"] = strings(axis.categories);
  if (axis.min) json["min"] = rounded(*axis.min);
  if (axis.max) json["max"] = rounded(*axis.max);
  return json;
}

const char* name_of(Series::Mark mark) {
  switch (mark) {
    case Series::Mark::line:
      return "line";
    case Series::Mark::dots:
      return "dots";
    case Series::Mark::columns:
      return "columns";
    case Series::Mark::area:
      return "area";
    case Series::Mark::rects:
      break;
  }
  return "rects";
}

Json series_of(const Series& s) {
  Json json = Json::object();
  json["name"] = s.name;
  json["mark"] = name_of(s.mark);
  json["color"] = static_cast<std::int64_t>(s.color);
  json["x"] = numbers(s.x);
  json["y"] = numbers(s.y);
  if (!s.low.empty()) {
    json["low"] = numbers(s.low);
    json["high"] = numbers(s.high);
  }
  if (!s.labels.empty()) json["labels"] = strings(s.labels);
  if (s.along_x) json["alongX"] = true;
  if (s.hollow) json["hollow"] = true;
  if (s.dashed) json["dashed"] = true;
  if (s.plain) json["plain"] = true;
  if (s.show_labels) json["showLabels"] = true;
  return json;
}

Json panel_of(const Panel& panel) {
  Json json = Json::object();
  json["y"] = axis_of(panel.y, y_scale(panel, 0, 1));
  Json series = Json::array();
  for (const Series& s : panel.series) series.push_back(series_of(s));
  json["series"] = std::move(series);
  Json rules = Json::array();
  for (const Rule& rule : panel.rules) {
    Json entry = Json::object();
    entry["vertical"] = rule.vertical;
    entry["at"] = rounded(rule.at);
    entry["label"] = rule.label;
    rules.push_back(std::move(entry));
  }
  json["rules"] = std::move(rules);
  return json;
}

}  // namespace

Json to_json(const Chart& chart) {
  Json json = Json::object();
  json["name"] = chart.name;
  json["title"] = chart.title;
  json["caption"] = chart.caption;
  json["zoom"] = chart.zoom;
  const bool rows = std::any_of(chart.panels.begin(), chart.panels.end(),
                                [](const Panel& p) { return p.y.scale == Axis::Scale::category; });
  json["x"] = axis_of(chart.x, x_scale(chart, 0, 1), chart.cells.empty() && rows);
  Json panels = Json::array();
  for (const Panel& panel : chart.panels) panels.push_back(panel_of(panel));
  json["panels"] = std::move(panels);
  Json cells = Json::array();
  for (const Cell& cell : chart.cells) {
    Json entry = Json::object();
    entry["x"] = static_cast<std::int64_t>(cell.x);
    entry["y"] = static_cast<std::int64_t>(cell.y);
    entry["value"] = cell.value ? rounded(*cell.value) : Json();
    entry["note"] = cell.note;
    entry["refused"] = cell.refused;
    const std::string color = color_of(cell, chart.cells);
    if (!color.empty()) {
      entry["color"] = color;
      entry["ink"] = ink_on(color) == "dark" ? "#111" : "#fff";
    }
    cells.push_back(std::move(entry));
  }
  json["cells"] = std::move(cells);
  json["cellLabel"] = chart.cell_label;
  return json;
}

}  // namespace foretoken
