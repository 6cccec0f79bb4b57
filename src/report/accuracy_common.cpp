// Error statistics in cells, and the rows that were left out.
#include "report/accuracy_common.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "foretoken/experiment/version.hpp"
#include "report/accuracy_report.hpp"
#include "report/common.hpp"

namespace foretoken {

std::string signed_percent(double percent) {
  return fmt::format("{:+.1f}", percent);
}

std::vector<std::string> error_titles() {
  return {"rows", "cells", "median %", "p90 %", "bias %", "worst %", "worst row"};
}

std::vector<std::string> error_cells(const ErrorStatistics& e) {
  if (e.rows == 0) return {"0", "0", "-", "-", "-", "-", ""};
  return {readable(e.rows),
          readable(e.cells),
          fmt::format("{:.1f}", e.median),
          fmt::format("{:.1f}", e.p90),
          signed_percent(e.bias),
          signed_percent(e.worst),
          e.worst_row};
}

Json to_json(const ErrorStatistics& e) {
  Json json = Json::object();
  json["rows"] = e.rows;
  json["cells"] = e.cells;
  if (e.rows == 0) return json;
  json["median_ape_pct"] = e.median;
  json["p90_ape_pct"] = e.p90;
  json["mean_ape_pct"] = e.mean;
  json["bias_pct"] = e.bias;
  json["worst_pct"] = e.worst;
  json["worst_row"] = e.worst_row;
  return json;
}

Json accuracy_head(const char* kind, const std::string& path) {
  Json json = Json::object();
  json["schema"] = "foretoken.accuracy/1";
  json["foretoken_version"] = version();
  json["kind"] = kind;
  json["source"] = path;
  return json;
}

std::int64_t SkippedRows::total() const {
  std::int64_t sum = 0;
  for (const auto& [reason, rows] : reasons_) sum += rows;
  return sum;
}

std::vector<std::pair<std::string, std::int64_t>> SkippedRows::ordered() const {
  std::vector<std::pair<std::string, std::int64_t>> list(reasons_.begin(), reasons_.end());
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return list;
}

std::string SkippedRows::text(const TextStyle& style) const {
  TextTable table("rl");
  table.without_headings();
  for (const auto& [reason, rows] : ordered()) table.row({readable(rows), reason});
  return table.text(style, "  ");
}

Json SkippedRows::json() const {
  Json list = Json::array();
  for (const auto& [reason, rows] : ordered()) {
    Json entry = Json::object();
    entry["rows"] = rows;
    entry["reason"] = reason;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace foretoken
