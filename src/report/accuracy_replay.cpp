// A recorded run against its simulation.
#include <fmt/format.h>

#include "report/accuracy_common.hpp"
#include "report/accuracy_report.hpp"
#include "report/common.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

double error_of(double measured, double predicted) {
  return (predicted / measured - 1) * 100;
}

Json times_json(const RequestTimes& times) {
  Json json = Json::object();
  for (std::size_t m = 0; m < kReplayMetrics; ++m) {
    if (times[m] == times[m]) json[to_string(static_cast<ReplayMetric>(m))] = times[m];
  }
  return json;
}

Json numbers_json(const std::vector<double>& values) {
  Json json = Json::array();
  for (const double v : values) json.push_back(v);
  return json;
}

Json distribution_json(const ReplayDistribution& d) {
  Json json = Json::object();
  json["metric"] = to_string(d.metric);
  for (const ReplayDistribution::Line& line : d.lines) {
    Json entry = Json::object();
    entry["measured"] = line.measured;
    entry["predicted"] = line.predicted;
    if (line.measured > 0) entry["error_pct"] = error_of(line.measured, line.predicted);
    json[line.statistic] = std::move(entry);
  }
  json["per_request"] = to_json(d.per_request);
  return json;
}

Json series_json(const ReplaySeries& s) {
  Json json = Json::object();
  json["name"] = s.name;
  json["mean_measured"] = s.mean_measured;
  json["mean_predicted"] = s.mean_predicted;
  json["mean_distance"] = s.mean_distance;
  json["measured"] = numbers_json(s.measured);
  json["predicted"] = numbers_json(s.predicted);
  return json;
}

std::string distributions_text(const ReplayAccuracy& accuracy, const TextStyle& style) {
  TextTable table("llrrrrr", "0000012");
  table.row({"metric", "", "measured", "predicted", "error %", "per request: median %", "p90 %"});
  for (const ReplayDistribution& d : accuracy.distributions) {
    for (std::size_t i = 0; i < d.lines.size(); ++i) {
      const ReplayDistribution::Line& line = d.lines[i];
      const bool first = i == 0 && d.per_request.rows > 0;
      table.row({i == 0 ? std::string(to_string(d.metric)) : "", line.statistic, readable(line.measured),
                 readable(line.predicted),
                 line.measured > 0 ? signed_percent(error_of(line.measured, line.predicted)) : "-",
                 first ? fmt::format("{:.1f}", d.per_request.median) : "",
                 first ? fmt::format("{:.1f}", d.per_request.p90) : ""});
    }
  }
  return table.text(style, "  ");
}

}  // namespace

Json to_json(const ReplayAccuracy& accuracy) {
  Json json = accuracy_head("replay", accuracy.path);
  json["deployment"] = accuracy.deployment;
  json["clock_offset_seconds"] = accuracy.clock_offset_seconds;
  Json ignored = Json::array();
  for (const std::string& argument : accuracy.not_modelled) ignored.push_back(argument);
  json["not_modelled"] = std::move(ignored);
  Json summary = Json::array();
  for (const ReplayDistribution& d : accuracy.distributions) summary.push_back(distribution_json(d));
  json["summary"] = std::move(summary);
  json["seconds"] = numbers_json(accuracy.seconds);
  Json series = Json::array();
  for (const ReplaySeries& s : accuracy.series) series.push_back(series_json(s));
  json["series"] = std::move(series);
  Json rows = Json::array();
  for (const ReplayRequest& r : accuracy.requests) {
    Json row = Json::object();
    row["id"] = r.id;
    row["arrival_s"] = r.arrival_seconds;
    row["measured"] = times_json(r.measured);
    row["predicted"] = times_json(r.predicted);
    rows.push_back(std::move(row));
  }
  json["rows"] = std::move(rows);
  return json;
}

std::string to_text(const ReplayAccuracy& accuracy, const TextStyle& style) {
  std::string out =
      fmt::format("{}\n{} requests; engine clock = client clock {:+.3f} s\n", accuracy.deployment,
                  readable(static_cast<std::int64_t>(accuracy.requests.size())), accuracy.clock_offset_seconds);
  out += section("Requests", distributions_text(accuracy, style), style);
  TextTable table("lrrr");
  table.row({"series", "mean measured", "mean predicted", "mean distance"});
  for (const ReplaySeries& s : accuracy.series) {
    table.row({s.name, readable(s.mean_measured), readable(s.mean_predicted), readable(s.mean_distance)});
  }
  out += section("Every second", table.text(style, "  "), style);
  std::string ignored;
  for (const std::string& argument : accuracy.not_modelled) ignored += "  " + argument + "\n";
  return within_width(out + section("Arguments that are not modelled", ignored, style), style);
}

}  // namespace foretoken
