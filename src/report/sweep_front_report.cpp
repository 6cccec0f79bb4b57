// Front and load curves, below a sweep's table and in its document.
#include "report/sweep_front_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "report/common.hpp"
#include "report/json_parts.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

std::string_view axis_name(const SweepAxis& axis) {
  return std::string_view(axis.path).substr(axis.path.find_last_of('.') + 1);
}

const char* sense_of(const FrontFigure& figure) {
  return figure.smaller_is_better ? "less is better" : "more is better";
}

std::string front_section(const SweepTable& sweep, const SweepFront& front, const TextStyle& style) {
  std::string text = fmt::format("  {} ({}) against {} ({}): {} of {} points; the others have one that beats them\n",
                                 front.x.metric, sense_of(front.x), front.y.metric, sense_of(front.y),
                                 readable(static_cast<std::int64_t>(front.points.size())),
                                 readable(static_cast<std::int64_t>(front.compared)));
  if (front.points.empty()) return text;
  const std::size_t axes = sweep.axes.size();
  TextTable table(std::string(axes, 'r') + "rr");
  std::vector<std::string> head;
  for (const SweepAxis& axis : sweep.axes) head.emplace_back(axis_name(axis));
  head.push_back(front.x.metric);
  head.push_back(front.y.metric);
  table.row(head);
  for (const std::size_t i : front.points) {
    const SweepPoint& point = sweep.points[i];
    std::vector<std::string> cells = point.values;
    cells.push_back(readable(point.figures.summary[front.x.metric]));
    cells.push_back(readable(point.figures.summary[front.y.metric]));
    table.row(std::move(cells));
  }
  return text + table.text(style, "  ");
}

std::string at_others(const SweepTable& sweep, const LoadCurve& curve) {
  std::string text;
  std::size_t value = 0;
  for (std::size_t i = 0; i < sweep.axes.size(); ++i) {
    if (i == curve.axis) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", axis_name(sweep.axes[i]), curve.values[value++]);
  }
  return text.empty() ? text : text + ": ";
}

std::string missed_lines(const SweepPoint& point) {
  std::string text;
  for (const SloVerdict& v : point.figures.slo) {
    if (!v.ok)
      text += fmt::format("{}{} is {}", text.empty() ? "" : ", ", v.line.metric, with_unit_of(v.value, v.line.metric));
  }
  return text;
}

std::string curve_line(const SweepTable& sweep, const LoadCurve& curve) {
  const auto load = [&](std::size_t point) { return sweep.points[point].values[curve.axis]; };
  std::string text = fmt::format("  {}{} {} to {}", at_others(sweep, curve), axis_name(sweep.axes[curve.axis]),
                                 load(curve.points.front()), load(curve.points.back()));
  if (curve.first_missed)
    text += fmt::format("; objectives {} {}: {}",
                        curve.last_met ? "met up to " + load(*curve.last_met) + ", missed from" : "missed already at",
                        load(*curve.first_missed), missed_lines(sweep.points[*curve.first_missed]));
  else if (curve.last_met)
    text += "; objectives met all along";
  if (curve.knee && !curve.knee->at_end)
    text += fmt::format("; knee of the latency at {:g}, between {:g} and {:g}: mean E2E {}", curve.knee->load,
                        curve.knee->low, curve.knee->high, with_unit_of(curve.knee->value, curve.knee->metric));
  else if (curve.knee)
    text += fmt::format("; the latency has not bent up to {:g}", curve.knee->load);
  return text + "\n";
}

// The points in order, where the table above has them apart.
std::string curve_table(const SweepTable& sweep, const LoadCurve& curve, const TextStyle& style) {
  TextTable table("rrrrrr");
  table.row({std::string(axis_name(sweep.axes[curve.axis])), "RPS", "TPS", "TTFT ms", "TPOT ms", "E2E ms"});
  for (const std::size_t i : curve.points) {
    const Summary& s = sweep.points[i].figures.summary;
    table.row({sweep.points[i].values[curve.axis], readable(s["request_throughput"]), readable(s["output_throughput"]),
               readable(s["mean_ttft_ms"]), readable(s["mean_tpot_ms"]), readable(s["mean_e2el_ms"])});
  }
  return table.text(style, "    ");
}

Json curve_entry(const SweepTable& sweep, const LoadCurve& curve) {
  Json entry = Json::object();
  Json at = Json::object();
  std::size_t value = 0;
  for (std::size_t i = 0; i < sweep.axes.size(); ++i) {
    if (i != curve.axis) at[sweep.axes[i].path] = curve.values[value++];
  }
  entry["at"] = std::move(at);
  entry["axis"] = sweep.axes[curve.axis].path;
  Json points = Json::array();
  for (const std::size_t i : curve.points) points.push_back(static_cast<std::int64_t>(i));
  entry["points"] = std::move(points);
  const auto load = [&](const std::optional<std::size_t>& i) {
    return i ? Json(sweep.points[*i].values[curve.axis]) : Json();
  };
  entry["last_met"] = load(curve.last_met);
  entry["first_missed"] = load(curve.first_missed);
  if (curve.knee) entry["knee"] = to_json(*curve.knee);
  return entry;
}

Json figure_entry(const FrontFigure& figure) {
  Json entry = Json::object();
  entry["metric"] = figure.metric;
  entry["better"] = figure.smaller_is_better ? "smaller" : "larger";
  return entry;
}

}  // namespace

std::string front_text(const SweepTable& sweep, const std::optional<SweepFront>& front, const TextStyle& style) {
  std::string curves;
  constexpr std::size_t kMostTables = 3;
  const std::vector<LoadCurve> found = load_curves(sweep.axes, sweep.points);
  for (const LoadCurve& curve : found) {
    curves += curve_line(sweep, curve);
    if (found.size() <= kMostTables) curves += curve_table(sweep, curve, style);
  }
  std::string out = front ? section("Pareto front", front_section(sweep, *front, style), style) : "";
  return within_width(out + section("Load curve", curves, style), style);
}

void add_front(Json& document, const SweepTable& sweep, const std::optional<SweepFront>& front) {
  Json curves = Json::array();
  for (const LoadCurve& curve : load_curves(sweep.axes, sweep.points)) curves.push_back(curve_entry(sweep, curve));
  document["load_curves"] = std::move(curves);
  if (!front) return;
  Json entry = Json::object();
  entry["x"] = figure_entry(front->x);
  entry["y"] = figure_entry(front->y);
  entry["compared"] = static_cast<std::int64_t>(front->compared);
  Json points = Json::array();
  for (const std::size_t i : front->points) points.push_back(static_cast<std::int64_t>(i));
  entry["points"] = std::move(points);
  document["front"] = std::move(entry);
}

}  // namespace foretoken
