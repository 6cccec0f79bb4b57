// Fronts and load curves from the figures that a sweep keeps.
#include "study/front/sweep_front.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/csv.hpp"
#include "experiment/latency_key.hpp"
#include "study/capacity/answer.hpp"

namespace foretoken {
namespace {

// Which way a plain figure is better; empty where it depends on what one wants.
std::optional<bool> smaller_is_better_by_itself(std::string_view metric) {
  if (latency_key_parts(metric)) return true;
  for (const char* smaller : {"duration", "failed", "rejected", "timed_out", "unfinished", "preemption_count",
                              "mean_num_requests_waiting", "mean_client_queue_time_ms"}) {
    if (metric == smaller) return true;
  }
  for (const char* larger : {"completed", "mfu", "mbu", "prefix_cache_hit_rate", "slo_attainment"}) {
    if (metric == larger) return false;
  }
  for (const Column& column : columns()) {
    if (column.key != metric || metric == "example_price") continue;
    if (column.group == ColumnGroup::throughput || column.group == ColumnGroup::goodput) return false;
    if (column.group == ColumnGroup::money || column.group == ColumnGroup::energy) return true;
  }
  return std::nullopt;
}

// One of the two, at `column` of the option.
FrontFigure read_figure(std::string_view word, int column, const std::string& text, Diagnostics& problems) {
  FrontFigure figure;
  const SourceLocation where{"--front", 1, column};
  const auto colon = word.find(':');
  const std::string_view sense = colon == std::string_view::npos ? "" : word.substr(colon + 1);
  const std::string_view name = word.substr(0, colon);
  figure.metric = canonical_metric(name);
  const std::vector<std::string> known = metric_names();
  if (std::find(known.begin(), known.end(), figure.metric) == known.end()) {
    std::vector<std::string> spellings = known;  // p99_ttft is as good as p99_ttft_ms
    for (const std::string& key : known) {
      if (key.ends_with("_ms")) spellings.push_back(key.substr(0, key.size() - 3));
    }
    const std::string close = closest_match(name, spellings);
    problems.error(where, fmt::format("'{}' is no figure that a sweep keeps of its points", name),
                   close.empty() ? "`foretoken catalog metrics` lists them" : fmt::format("did you mean '{}'?", close),
                   text);
    return figure;
  }
  if (sense == "min" || sense == "max") {
    figure.smaller_is_better = sense == "min";
    return figure;
  }
  const std::optional<bool> smaller = smaller_is_better_by_itself(figure.metric);
  if (colon != std::string_view::npos)
    problems.error({where.file, 1, column + static_cast<int>(colon) + 1},
                   fmt::format("'{}' is no sense; 'min' and 'max' are", sense), {}, text);
  else if (!smaller)
    problems.error(where, fmt::format("neither more nor less of '{}' is better by itself", figure.metric),
                   fmt::format("say which: {0}:min or {0}:max", figure.metric), text);
  figure.smaller_is_better = smaller.value_or(false);
  return figure;
}

// Larger is better.
double merit(const FrontFigure& figure, const SweepPoint& point) {
  const double value = point.status == PointStatus::ok ? point.figures.summary[figure.metric] : std::nan("");
  return figure.smaller_is_better ? -value : value;
}

bool is_load(const SweepAxis& axis) {
  double number = 0;
  return (axis.path == "workload.request_rate" || axis.path == "workload.max_concurrency") &&
         std::all_of(axis.values.begin(), axis.values.end(),
                     [&](const std::string& v) { return parse_number(v, number); });
}

double load_of_point(const SweepPoint& point, std::size_t axis) {
  double load = 0;
  return parse_number(point.values[axis], load) ? load : 0;
}

// The latency of an overload depends on how long the run lasted: a point that left much of its load unserved has none.
double lasting_latency(const Summary& s) {
  constexpr double kServed = 0.9;
  const double offered = s["offered_request_rate"];
  return s["request_throughput"] < kServed * offered ? std::nan("") : s["mean_e2el_ms"];
}

void judge_curve(LoadCurve& curve, const std::vector<SweepPoint>& points) {
  std::vector<CurvePoint> latency;
  for (const std::size_t i : curve.points) {
    const PointFigures& f = points[i].figures;
    latency.push_back({load_of_point(points[i], curve.axis), lasting_latency(f.summary)});
    if (f.slo.empty() || curve.first_missed) continue;
    if (std::all_of(f.slo.begin(), f.slo.end(), [](const SloVerdict& v) { return v.ok; }))
      curve.last_met = i;
    else
      curve.first_missed = i;
  }
  curve.knee = find_knee(latency);
  if (curve.knee) curve.knee->metric = "mean_e2el_ms";
}

}  // namespace

bool SweepFront::holds(std::size_t point) const {
  return std::find(points.begin(), points.end(), point) != points.end();
}

Result<SweepFront> parse_front(const std::string& text) {
  Diagnostics problems;
  std::vector<FrontFigure> figures;
  for (std::size_t at = 0, end = 0; at <= text.size(); at = end + 1) {
    end = std::min(text.find(',', at), text.size());
    figures.push_back(
        read_figure(std::string_view(text).substr(at, end - at), static_cast<int>(at) + 1, text, problems));
  }
  if (figures.size() != 2)
    problems.error({"--front", 1, 1}, fmt::format("a front is of two figures, not of {}", figures.size()),
                   "for example --front p99_ttft,output_throughput", text);
  else if (!problems.has_errors() && figures[0].metric == figures[1].metric)
    problems.error({"--front", 1, 1}, "both figures are the same", "name two, as p99_ttft,output_throughput", text);
  if (problems.has_errors()) return problems;
  SweepFront front;
  front.x = figures[0];
  front.y = figures[1];
  return front;
}

void find_front(SweepFront& front, const std::vector<SweepPoint>& points) {
  struct Place {
    double x = 0, y = 0;
    std::size_t index = 0;
  };
  std::vector<Place> places;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Place place{merit(front.x, points[i]), merit(front.y, points[i]), i};
    if (std::isfinite(place.x) && std::isfinite(place.y)) places.push_back(place);
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    if (a.x != b.x) return a.x > b.x;
    return a.y != b.y ? a.y > b.y : a.index < b.index;
  });
  front.compared = places.size();
  front.points.clear();
  const Place* last = nullptr;  // that entered the front
  for (const Place& place : places) {
    if (last != nullptr && place.y <= last->y && !(place.x == last->x && place.y == last->y)) continue;
    front.points.push_back(place.index);
    last = &place;
  }
}

std::vector<LoadCurve> load_curves(const std::vector<SweepAxis>& axes, const std::vector<SweepPoint>& points) {
  constexpr std::size_t kFewestPoints = 3;
  const auto load = std::find_if(axes.begin(), axes.end(), is_load);
  if (load == axes.end()) return {};
  const auto axis = static_cast<std::size_t>(load - axes.begin());
  std::vector<LoadCurve> curves;
  std::map<std::vector<std::string>, std::size_t> place;  // of the others' values among the curves
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].status != PointStatus::ok) continue;
    std::vector<std::string> others = points[i].values;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(axis));
    const auto [at, is_new] = place.emplace(others, curves.size());
    if (is_new) {
      LoadCurve curve;
      curve.axis = axis;
      curve.values = others;
      curves.push_back(std::move(curve));
    }
    curves[at->second].points.push_back(i);
  }
  std::erase_if(curves, [](const LoadCurve& c) { return c.points.size() < kFewestPoints; });
  for (LoadCurve& curve : curves) {
    std::stable_sort(curve.points.begin(), curve.points.end(), [&](std::size_t a, std::size_t b) {
      return load_of_point(points[a], axis) < load_of_point(points[b], axis);
    });
    judge_curve(curve, points);
  }
  return curves;
}

}  // namespace foretoken
