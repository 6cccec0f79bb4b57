// Tables whose columns are configurations.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "foretoken/base/json.hpp"
#include "report/chart/chart.hpp"

namespace foretoken {

// good, bad: judged against an objective; plain: not.
struct RowCell {
  double value = std::nan("");
  std::string text;
  const char* tone = "plain";
};

// Rows in the order in which they were first filled; what a configuration does not have stays empty.
class Rows {
 public:
  explicit Rows(std::size_t configurations) : count_(configurations) {}

  void put(std::size_t configuration, std::string_view key, std::string_view label, RowCell cell) {
    if (std::isnan(cell.value) && cell.text.empty()) return;
    Json& row = row_of(key, label);
    Json json = Json::object();
    if (std::isfinite(cell.value)) json["value"] = cell.value;
    json["text"] = std::move(cell.text);
    json["tone"] = cell.tone;
    Json::Array cells = *row["cells"].if_array();
    cells[configuration] = std::move(json);
    row["cells"] = Json(std::move(cells));
  }
  [[nodiscard]] Json take() { return Json(std::move(rows_)); }

 private:
  Json& row_of(std::string_view key, std::string_view label) {
    for (Json& row : rows_)
      if (*row["key"].if_string() == key) return row;
    Json row = Json::object();
    row["key"] = key;
    row["label"] = label;
    row["cells"] = Json(Json::Array(count_));
    rows_.push_back(std::move(row));
    return rows_.back();
  }

  std::size_t count_;
  Json::Array rows_;
};

// Those of a document of any kind, for what draws them in the page.
[[nodiscard]] inline Json charts_json(const Json& document) {
  Json charts = Json::array();
  for (const Chart& chart : charts_of(document)) charts.push_back(to_json(chart));
  return charts;
}

}  // namespace foretoken
