// A sweep for programs: JSON with everything, CSV with a row per point.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiment/sweep/point_figures.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/experiment/version.hpp"
#include "foretoken/report/report.hpp"
#include "report/common.hpp"
#include "report/json_parts.hpp"
#include "report/sweep_front_report.hpp"
#include "report/sweep_report.hpp"

namespace foretoken {
namespace {

Json point_entry(const std::vector<SweepAxis>& axes, const SweepPoint& point) {
  Json entry = Json::object();
  Json at = Json::object();
  for (std::size_t i = 0; i < axes.size(); ++i) at[axes[i].path] = point.values[i];
  entry["at"] = std::move(at);
  entry["status"] = to_string(point.status);
  if (!point.reason.empty()) entry["reason"] = point.reason;
  if (point.status != PointStatus::ok) return entry;
  const PointFigures& f = point.figures;
  entry["scenario_sha256"] = f.scenario_sha256;
  entry["summary"] = to_json(f.summary);
  if (!f.half_widths.entries.empty()) entry["half_widths_95"] = to_json(f.half_widths);
  entry["slo"] = slo_of(f.slo);
  entry["bottleneck"] = bottlenecks_of(f.prefill, f.decode);
  return entry;
}

// Keys of all summaries, in the order of their first appearance.
std::vector<std::string> summary_keys(const std::vector<SweepPoint>& points) {
  std::vector<std::string> keys;
  for (const SweepPoint& point : points) {
    for (const SummaryEntry& e : point.figures.summary.entries) {
      if (std::find(keys.begin(), keys.end(), e.key) == keys.end()) keys.push_back(e.key);
    }
  }
  return keys;
}

// Empty when the point has no such figure.
std::string csv_figure(const Summary& summary, const std::string& key) {
  const auto& entries = summary.entries;
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const SummaryEntry& e) { return e.key == key; });
  if (at == entries.end() || std::isnan(at->value)) return {};
  if (at->integer && std::isfinite(at->value)) return fmt::format("{}", static_cast<std::int64_t>(at->value));
  return fmt::format("{}", at->value);
}

}  // namespace

SweepHead sweep_head(const Scenario& base) {
  SweepHead head{base.name,
                 base.description,
                 deployment_line(base),
                 std::string(version()),
                 scenario_sha256(base),
                 base.seed,
                 to_json(base),
                 origins_of(base),
                 {},
                 base.tpot};
  for (const SloLine& line : base.slo) head.slo.push_back(line.expression);
  return head;
}

SweepTable sweep_table(const SweepResult& result) {
  return {sweep_head(result.base), result.axes, result.points, result.frontiers, result.interrupted};
}

Json to_json(const SweepResult& result) {
  return to_json(sweep_table(result));
}

Json to_json(const SweepTable& sweep) {
  Json json = Json::object();
  json["schema"] = "foretoken.sweep/1";
  json["foretoken_version"] = sweep.head.version;
  json["scenario"] = sweep.head.name;
  json["scenario_sha256"] = sweep.head.scenario_sha256;
  json["seed"] = sweep.head.seed;
  json["config"] = sweep.head.config;
  json["origins"] = sweep.head.origins;
  Json axes = Json::array();
  for (const SweepAxis& axis : sweep.axes) {
    Json entry = Json::object();
    entry["path"] = axis.path;
    entry["values"] = texts(axis.values);
    axes.push_back(std::move(entry));
  }
  json["axes"] = std::move(axes);
  Json points = Json::array();
  for (const SweepPoint& point : sweep.points) points.push_back(point_entry(sweep.axes, point));
  json["points"] = std::move(points);
  Json frontiers = Json::array();
  for (const SweepFrontier& f : sweep.frontiers) {
    Json entry = Json::object();
    Json at = Json::object();
    for (std::size_t i = 0; i < f.values.size(); ++i) at[sweep.axes[i].path] = f.values[i];
    entry["at"] = std::move(at);
    entry["axis"] = sweep.axes.back().path;
    entry["largest"] = f.largest.empty() ? Json() : Json(f.largest);
    frontiers.push_back(std::move(entry));
  }
  json["frontiers"] = std::move(frontiers);
  json["interrupted"] = sweep.interrupted;
  return json;
}

std::string to_csv(const SweepTable& sweep) {
  return to_csv(sweep, std::nullopt);
}

std::string to_csv(const RunResult& result) {
  SweepTable alone;
  alone.points.push_back(point_of(result.scenario, result, {}));
  return to_csv(alone);
}

std::string to_csv(const SweepTable& sweep, const std::optional<SweepFront>& front) {
  const std::vector<std::string> keys = summary_keys(sweep.points);
  std::string out;
  for (const SweepAxis& axis : sweep.axes) out += csv_text(axis.path) + ",";
  out += "status,reason";
  for (const std::string& key : keys) out += "," + csv_text(key);
  out += fmt::format(",prefill_bound,decode_bound,slo_ok{}\n", front ? ",on_front" : "");
  std::vector<bool> on_front(sweep.points.size(), false);
  if (front) {
    for (const std::size_t i : front->points) on_front[i] = true;
  }
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    const SweepPoint& point = sweep.points[i];
    for (const std::string& value : point.values) out += csv_text(value) + ",";
    out += fmt::format("{},{}", to_string(point.status), csv_text(point.reason));
    const PointFigures& f = point.figures;
    for (const std::string& key : keys) out += "," + csv_figure(f.summary, key);
    const bool ok = std::all_of(f.slo.begin(), f.slo.end(), [](const SloVerdict& v) { return v.ok; });
    out += fmt::format(",{},{},{}{}\n", f.prefill.bound, f.decode.bound,
                       f.slo.empty() ? ""
                       : ok          ? "true"
                                     : "false",
                       !front        ? ""
                       : on_front[i] ? ",true"
                                     : ",false");
  }
  return out;
}

}  // namespace foretoken
