// What a sweep would run: one line per point, with the reason where it cannot.
#include <fmt/format.h>

#include <functional>

#include "report/common.hpp"
#include "report/sections.hpp"
#include "report/sweep_report.hpp"

namespace foretoken {
namespace {

std::string_view state_of(const SweepPoint& point) {
  return point.status == PointStatus::skipped ? "to run" : to_string(point.status);
}

void for_each_point(const SweepTable& sweep, const SweepPart& part,
                    const std::function<void(std::size_t, const SweepPoint&)>& body) {
  for (std::size_t i = part.index; i < sweep.points.size(); i += part.count) body(i, sweep.points[i]);
}

}  // namespace

std::string plan_text(const SweepTable& sweep, const SweepPart& part, const TextStyle& style) {
  TextTable table("r" + std::string(sweep.axes.size(), 'r') + "ll");
  std::vector<std::string> header{"point"};
  for (const SweepAxis& axis : sweep.axes) header.push_back(axis.path);
  header.emplace_back("");
  table.row(std::move(header));
  std::size_t count = 0, runnable = 0;
  for_each_point(sweep, part, [&](std::size_t index, const SweepPoint& point) {
    std::vector<std::string> cells{fmt::format("{}", index)};
    cells.insert(cells.end(), point.values.begin(), point.values.end());
    cells.emplace_back(state_of(point));
    cells.push_back(point.reason.substr(0, point.reason.find('\n')));
    table.row(std::move(cells));
    ++count;
    runnable += point.status == PointStatus::skipped ? 1 : 0;
  });
  std::string title = fmt::format("Points: {}, of which {} can run", readable(static_cast<std::int64_t>(count)),
                                  readable(static_cast<std::int64_t>(runnable)));
  if (part.count > 1) title += fmt::format("; shard {}/{} of {}", part.index, part.count, sweep.points.size());
  return within_width(heading(sweep.head, style) + section(title, table.text(style, "  "), style), style);
}

Json plan_json(const SweepTable& sweep, const SweepPart& part) {
  Json json = Json::object();
  json["schema"] = "foretoken.sweep_plan/1";
  json["foretoken_version"] = sweep.head.version;
  json["scenario"] = sweep.head.name;
  json["scenario_sha256"] = sweep.head.scenario_sha256;
  Json points = Json::array();
  for_each_point(sweep, part, [&](std::size_t index, const SweepPoint& point) {
    Json entry = Json::object();
    entry["point"] = static_cast<std::int64_t>(index);
    Json at = Json::object();
    for (std::size_t i = 0; i < sweep.axes.size(); ++i) at[sweep.axes[i].path] = point.values[i];
    entry["at"] = std::move(at);
    entry["status"] = state_of(point);
    if (!point.reason.empty()) entry["reason"] = point.reason;
    points.push_back(std::move(entry));
  });
  json["points"] = std::move(points);
  return json;
}

std::string plan_csv(const SweepTable& sweep, const SweepPart& part) {
  std::string out = "point";
  for (const SweepAxis& axis : sweep.axes) out += "," + csv_text(axis.path);
  out += ",status,reason\n";
  for_each_point(sweep, part, [&](std::size_t index, const SweepPoint& point) {
    out += fmt::format("{}", index);
    for (const std::string& value : point.values) out += "," + csv_text(value);
    out += fmt::format(",{},{}\n", state_of(point), csv_text(point.reason));
  });
  return out;
}

}  // namespace foretoken
