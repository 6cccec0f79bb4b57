// Charts of a sweep: curves over a load or an axis, the front of two figures, a map of two axes.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "report/chart/build.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

bool is_ok(const Json& point) {
  return text_of(point["status"]) == "ok";
}

std::string missed_by(const Json& point) {
  std::string text;
  for (const Json& o : list_of(point["slo"])) {
    if (is_true(o["ok"])) continue;
    text += fmt::format("{}misses {}: {}", text.empty() ? "" : ", ", text_of(o["expr"]),
                        with_unit_of(number_of(o["value"]), text_of(o["metric"])));
  }
  return text;
}

double parsed(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : std::nan("");
}

// max_num_seqs 64, tensor_parallel_size 2: of the axes, in their order.
std::string place_of(const Json& at, std::string_view without = "") {
  std::string text;
  if (at.if_object() == nullptr) return text;
  for (const auto& [path, value] : *at.if_object()) {
    if (path != without) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", last_name(path), text_of(value));
  }
  return text;
}

// The metrics of the objectives that a curve can show, then the usual ones.
std::vector<std::string> shown_metrics(const Json& document) {
  std::vector<std::string> metrics;
  const auto add = [&](const std::string& key) {
    if (std::find(metrics.begin(), metrics.end(), key) == metrics.end()) metrics.push_back(key);
  };
  for (const Json& point : list_of(document["points"])) {
    for (const Json& o : list_of(point["slo"])) {
      const std::string metric = text_of(o["metric"]);
      if (!std::isnan(number_of(point["summary"][metric]))) add(metric);
    }
  }
  if (metrics.size() > 2) metrics.resize(2);
  for (const char* usual : {"p99_ttft_ms", "p99_tpot_ms", "output_throughput"}) add(usual);
  metrics.resize(std::min<std::size_t>(metrics.size(), 4));
  return metrics;
}

void add_limits(Panel& panel, const Json& document, const std::string& metric) {
  for (const Json& point : list_of(document["points"])) {
    if (!is_ok(point)) continue;
    for (const Json& o : list_of(point["slo"]))
      if (text_of(o["metric"]) == metric) panel.rules.push_back({false, number_of(o["limit"]), text_of(o["expr"])});
    return;  // the same at all points
  }
}

void add_point(Series& s, double x, const Json& point, const std::string& metric) {
  const double y = number_of(point["summary"][metric]);
  const double half = number_of(point["half_widths_95"][metric]);
  s.x.push_back(x);
  s.y.push_back(y);
  s.low.push_back(std::isnan(half) ? y : y - half);
  s.high.push_back(std::isnan(half) ? y : y + half);
  const std::string missed = missed_by(point);
  s.labels.push_back(place_of(point["at"]) + (missed.empty() ? "" : "; " + missed));
}

// One row per point: where it is, what became of it, its figures.
Table points_table(const Json& document, const std::vector<std::string>& metrics) {
  Table table;
  for (const Json& axis : list_of(document["axes"])) table.head.emplace_back(last_name(text_of(axis["path"])));
  table.head.emplace_back("status");
  for (const std::string& m : metrics) table.head.push_back(metric_label(m));
  table.head.emplace_back("objectives");
  for (const Json& point : list_of(document["points"])) {
    std::vector<std::string> row;
    for (const Json& axis : list_of(document["axes"])) row.push_back(text_of(point["at"][text_of(axis["path"])]));
    row.push_back(text_of(point["status"]) + (is_ok(point) ? "" : ": " + text_of(point["reason"])));
    for (const std::string& m : metrics) row.push_back(readable(number_of(point["summary"][m])));
    const std::string missed = missed_by(point);
    row.push_back(!is_ok(point) || list_of(point["slo"]).empty() ? "" : missed.empty() ? "met" : missed);
    table.rows.push_back(std::move(row));
  }
  return table;
}

// A panel per metric; the series are lines of points, given as indices, over x.
struct Curve {
  std::string name;
  std::vector<std::size_t> points;
  std::vector<double> x;
};
void add_curves(Charts& charts, const Json& document, Chart chart, const std::vector<Curve>& curves) {
  const std::vector<std::string> metrics = shown_metrics(document);
  const Json::Array& points = list_of(document["points"]);
  for (const std::string& metric : metrics) {
    Panel panel;
    panel.y.label = metric_label(metric);
    const bool latency = metric.ends_with("_ms");
    double least = INFINITY, most = 0;
    for (std::size_t c = 0; c < curves.size(); ++c) {
      Series s;
      s.name = curves[c].name;
      s.color = c;
      for (std::size_t i = 0; i < curves[c].points.size(); ++i)
        add_point(s, curves[c].x[i], points[curves[c].points[i]], metric);
      for (const double y : s.y) {
        if (!(y > 0) || std::isinf(y)) continue;
        least = std::min(least, y);
        most = std::max(most, y);
      }
      panel.series.push_back(std::move(s));
    }
    // Beyond the knee a latency grows by orders of magnitude.
    if (latency && most > 20 * least)
      panel.y.scale = Axis::Scale::log;
    else
      panel.y.min = 0;
    add_limits(panel, document, metric);
    chart.panels.push_back(std::move(panel));
  }
  chart.table = points_table(document, metrics);
  charts.push_back(std::move(chart));
}

void add_axis_curves(Charts& charts, const Json& document, const Json& axis) {
  Chart chart;
  chart.name = "sweep";
  const std::string path = text_of(axis["path"]);
  chart.title = fmt::format("What {} does", last_name(path));
  chart.x = {path, Axis::Scale::category, {}, {}, {}};
  Curve curve;
  const Json::Array& points = list_of(document["points"]);
  for (const Json& v : list_of(axis["values"])) chart.x.categories.push_back(text_of(v));
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!is_ok(points[i])) continue;
    const auto& names = chart.x.categories;
    const auto at = std::find(names.begin(), names.end(), text_of(points[i]["at"][path]));
    curve.points.push_back(i);
    curve.x.push_back(static_cast<double>(at - names.begin()));
  }
  if (curve.points.empty()) return;
  chart.caption = fmt::format("Latencies and throughput by {}; points that cannot run are in the table.", path);
  add_curves(charts, document, std::move(chart), {curve});
}

// Those that no other beats in both; larger is better in y, and in x unless `smaller_x`.
std::vector<std::size_t> best_points(const std::vector<double>& x, const std::vector<double>& y) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (std::isfinite(x[i]) && std::isfinite(y[i])) order.push_back(i);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return x[a] != x[b] ? x[a] > x[b] : y[a] > y[b]; });
  std::vector<std::size_t> front;
  double best = -INFINITY;
  for (const std::size_t i : order) {
    if (!(y[i] > best)) continue;
    best = y[i];
    front.push_back(i);
  }
  return front;
}

void add_front(Charts& charts, const Json& document) {
  const Json::Array& points = list_of(document["points"]);
  const Json& asked = document["front"];
  const std::string mx = asked.is_null() ? "interactivity_tok_s" : text_of(asked["x"]["metric"]);
  const std::string my = asked.is_null() ? "tokens_per_s_per_gpu" : text_of(asked["y"]["metric"]);
  Chart chart;
  chart.name = "front";
  chart.title = asked.is_null() ? "Pareto front: tokens/s per user against tokens/s per GPU" : "Pareto front";
  chart.x = {asked.is_null() ? "tokens/s per user (1/TPOT)" : metric_label(mx), Axis::Scale::linear, {}, {}, {}};
  Series meets, misses, front;
  meets.name = "meets all objectives";
  misses.name = "misses one";
  misses.hollow = true;
  misses.color = 1;
  std::vector<double> x, y;
  bool objectives = false;
  for (const Json& point : points) {
    x.push_back(number_of(point["summary"][mx]));
    y.push_back(number_of(point["summary"][my]));
    const std::string missed = missed_by(point);
    objectives |= !list_of(point["slo"]).empty();
    if (!is_ok(point)) continue;
    Series& s = missed.empty() ? meets : misses;
    s.x.push_back(x.back());
    s.y.push_back(y.back());
    s.labels.push_back(place_of(point["at"]));
  }
  if (!objectives) meets.name = "points";
  std::vector<std::size_t> best;
  if (asked.is_null()) best = best_points(x, y);
  for (const Json& i : list_of(asked["points"])) best.push_back(static_cast<std::size_t>(number_of(i)));
  for (const std::size_t i : best) {
    front.x.push_back(x[i]);
    front.y.push_back(y[i]);
  }
  if (meets.x.size() + misses.x.size() < 3) return;
  front.name = "front";
  front.color = 7;
  front.dashed = true;
  chart.caption = fmt::format("{} against {}; {} of {} points are on the front, the others have one that beats them.",
                              metric_title(my), metric_title(mx), best.size(), meets.x.size() + misses.x.size());
  Panel panel;
  panel.y = {asked.is_null() ? "tokens/s per GPU" : metric_label(my), Axis::Scale::linear, {}, {}, {}};
  panel.series.push_back(std::move(front));
  for (Series* s : {&meets, &misses}) {
    s->mark = Series::Mark::dots;
    s->show_labels = true;
    if (!s->x.empty()) panel.series.push_back(std::move(*s));
  }
  chart.panels.push_back(std::move(panel));
  chart.table = points_table(document, {mx, my});
  charts.push_back(std::move(chart));
}

void add_map(Charts& charts, const Json& document, const Json& across, const Json& down, const std::string& metric,
             std::string name) {
  Chart chart;
  chart.name = std::move(name);
  chart.title = fmt::format("Map of {}", metric_title(metric));
  const std::string px = text_of(across["path"]), py = text_of(down["path"]);
  chart.x = {px, Axis::Scale::category, {}, {}, {}};
  Panel panel;
  panel.y = {std::string(last_name(py)), Axis::Scale::category, {}, {}, {}};
  for (const Json& v : list_of(across["values"])) chart.x.categories.push_back(text_of(v));
  for (const Json& v : list_of(down["values"])) panel.y.categories.push_back(text_of(v));
  const auto index = [](const std::vector<std::string>& names, const std::string& value) {
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), value) - names.begin());
  };
  std::vector<bool> taken(chart.x.categories.size() * panel.y.categories.size(), false);
  bool more = false;
  for (const Json& point : list_of(document["points"])) {
    Cell cell;
    cell.x = index(chart.x.categories, text_of(point["at"][px]));
    cell.y = index(panel.y.categories, text_of(point["at"][py]));
    const std::size_t place = cell.y * chart.x.categories.size() + cell.x;
    more |= taken[place];
    if (taken[place]) continue;  // another value of a third axis
    taken[place] = true;
    if (is_ok(point)) cell.value = number_of(point["summary"][metric]);
    cell.note = is_ok(point) ? missed_by(point) : text_of(point["status"]) + ": " + text_of(point["reason"]);
    cell.refused = !cell.note.empty();
    chart.cells.push_back(std::move(cell));
  }
  chart.cell_label = metric_label(metric);
  chart.caption = fmt::format(
      "{} by {} and {}: dark is little, bright is much. Hatched points do not fit or miss an objective; the table says "
      "why.{}",
      metric_label(metric), px, py, more ? " The other axes stand at their first value." : "");
  chart.panels.push_back(std::move(panel));
  chart.table = points_table(document, {metric});
  charts.push_back(std::move(chart));
}

}  // namespace

void add_load_curves(Charts& charts, const Json& document) {
  const Json::Array& list = list_of(document["load_curves"]);
  if (list.empty()) return;
  constexpr std::size_t kMost = 8;
  const Json::Array& points = list_of(document["points"]);
  const std::string path = text_of(list.front()["axis"]);
  std::vector<Curve> curves;
  double least = INFINITY, most = 0;
  for (const Json& entry : list) {
    if (text_of(entry["axis"]) != path || curves.size() == kMost) continue;
    Curve curve;
    curve.name = place_of(entry["at"]);
    for (const Json& i : list_of(entry["points"])) {
      curve.points.push_back(static_cast<std::size_t>(number_of(i)));
      curve.x.push_back(parsed(text_of(points[curve.points.back()]["at"][path])));
      if (curve.x.back() > 0) least = std::min(least, curve.x.back());
      most = std::max(most, curve.x.back());
    }
    curves.push_back(std::move(curve));
  }
  Chart chart;
  chart.name = "load";
  chart.title = "Load curve";
  chart.x = {path, most > 30 * least ? Axis::Scale::log : Axis::Scale::linear, {}, {}, {}};
  chart.caption = fmt::format("Latencies and throughput against {}{}.", path,
                              list.size() > curves.size() ? "; the first curves of many" : "");
  const std::size_t at = charts.size();
  add_curves(charts, document, std::move(chart), curves);
  if (curves.size() > 1) return;
  const Json& knee = list.front()["knee"];
  if (!knee.is_null() && !is_true(knee["at_end"])) {
    for (std::size_t i = 0; i < charts[at].panels.size(); ++i)
      charts[at].panels[i].rules.push_back({true, number_of(knee["load"]), i == 0 ? "knee of the latency" : ""});
  }
}

void add_sweep(Charts& charts, const Json& document) {
  if (list_of(document["points"]).empty() || list_of(document["axes"]).empty()) return;
  std::vector<const Json*> moving;
  for (const Json& axis : list_of(document["axes"]))
    if (list_of(axis["values"]).size() > 1) moving.push_back(&axis);
  if (moving.empty()) return;
  if (moving.size() == 1 && list_of(document["load_curves"]).empty()) add_axis_curves(charts, document, *moving[0]);
  add_front(charts, document);
  if (moving.size() < 2) return;
  const Json& across = *moving[moving.size() - 1];
  const Json& down = *moving[moving.size() - 2];
  const std::vector<std::string> metrics = shown_metrics(document);
  add_map(charts, document, across, down, metrics.front(), "map");
  if (metrics.front() != "output_throughput")
    add_map(charts, document, across, down, "output_throughput", "map-throughput");
}

}  // namespace foretoken
