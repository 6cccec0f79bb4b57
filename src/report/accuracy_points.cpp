// Serving runs against their measurements.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/report/accuracy_report.hpp"
#include "report/accuracy_common.hpp"
#include "report/common.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kWorstCells = 12;

SkippedRows skipped_rows(const PointAccuracy& accuracy) {
  SkippedRows skipped;
  for (const PointRow& row : accuracy.rows) {
    if (!row.skipped.empty()) skipped.add(row.skipped);
  }
  return skipped;
}

std::int64_t predicted_rows(const PointAccuracy& accuracy) {
  return std::count_if(accuracy.rows.begin(), accuracy.rows.end(), [](const PointRow& r) { return r.skipped.empty(); });
}

Json figures_json(const ServingFigures& figures) {
  Json json = Json::object();
  for (std::size_t m = 0; m < kServingMetrics; ++m) {
    if (figures[m]) json[to_string(static_cast<ServingMetric>(m))] = *figures[m];
  }
  return json;
}

Json row_of(const PointRow& row) {
  Json json = Json::object();
  json["id"] = row.id;
  json["grade"] = row.grade;
  json["cell"] = row.cell;
  if (!row.skipped.empty()) {
    json["skipped"] = row.skipped;
    return json;
  }
  json["scored"] = row.scored;
  json["measured"] = figures_json(row.measured);
  json["predicted"] = figures_json(row.predicted);
  json["error_pct"] = figures_json(row.error_percent);
  if (row.band_percent > 0) json["tpot_band_pct"] = row.band_percent;
  json["inside_calibrated_range"] = row.inside_range;
  return json;
}

Json errors_json(const std::vector<PointErrors>& list) {
  Json json = Json::array();
  for (const PointErrors& e : list) {
    Json entry = Json::object();
    entry["grade"] = e.grade;
    if (!e.group.empty()) entry["group"] = e.group;
    if (!e.cell.empty()) entry["cell"] = e.cell;
    entry["metric"] = to_string(e.metric);
    entry["error"] = to_json(e.errors);
    json.push_back(std::move(entry));
  }
  return json;
}

Json bands_json(const std::vector<BandCoverage>& bands) {
  Json json = Json::array();
  for (const BandCoverage& b : bands) {
    Json entry = Json::object();
    entry["inside_calibrated_range"] = b.inside_range;
    entry["rows"] = b.rows;
    entry["half_width_pct"] = b.half_width_percent;
    entry["covered"] = b.covered;
    json.push_back(std::move(entry));
  }
  return json;
}

std::string bands_text(const std::vector<BandCoverage>& bands) {
  std::string text;
  for (const BandCoverage& b : bands) {
    if (b.rows == 0) continue;
    text += fmt::format("  {} the calibrated range: {:.0f} % of {} rows (median half-width {:.0f} %)\n",
                        b.inside_range ? "inside" : "outside", 100 * b.covered, b.rows, b.half_width_percent);
  }
  return text;
}

std::vector<std::string> line_of(std::vector<std::string> names, const ErrorStatistics& errors) {
  for (std::string& cell : error_cells(errors)) names.push_back(std::move(cell));
  return names;
}

std::string table_of(const std::vector<PointErrors>& list, std::string_view what) {
  TextTable table(std::string("lll") + kErrorAlignments);
  std::vector<std::string> titles = {"grade", std::string(what), "metric"};
  for (std::string& title : error_titles()) titles.push_back(std::move(title));
  table.row(std::move(titles));
  for (const PointErrors& e : list) {
    const std::string name = !e.cell.empty() ? e.cell : !e.group.empty() ? e.group : "all scored";
    table.row(line_of({e.grade, name, std::string(to_string(e.metric))}, e.errors));
  }
  return table.text("  ");
}

// By median error, of the metrics that the grades are judged by.
std::vector<PointErrors> worst_cells(const PointAccuracy& accuracy) {
  std::vector<PointErrors> cells;
  for (const PointErrors& e : accuracy.cells) {
    const bool primary = e.metric == ServingMetric::e2e || e.metric == ServingMetric::tpot ||
                         (e.grade == "C" && e.metric == ServingMetric::output_throughput) ||
                         (e.grade == "D" && e.metric == ServingMetric::ttft);
    if (primary) cells.push_back(e);
  }
  std::stable_sort(cells.begin(), cells.end(),
                   [](const PointErrors& a, const PointErrors& b) { return a.errors.median > b.errors.median; });
  cells.resize(std::min(cells.size(), kWorstCells));
  return cells;
}

}  // namespace

Json to_json(const PointAccuracy& accuracy) {
  Json json = accuracy_head("points", accuracy.path);
  Json summary = Json::object();
  summary["rows"] = static_cast<std::int64_t>(accuracy.rows.size());
  summary["predicted"] = predicted_rows(accuracy);
  summary["overall"] = errors_json(accuracy.overall);
  summary["groups"] = errors_json(accuracy.groups);
  summary["cells"] = errors_json(accuracy.cells);
  summary["tpot_bands"] = bands_json(accuracy.bands);
  summary["skipped"] = skipped_rows(accuracy).json();
  json["summary"] = std::move(summary);
  Json rows = Json::array();
  for (const PointRow& row : accuracy.rows) rows.push_back(row_of(row));
  json["rows"] = std::move(rows);
  return json;
}

std::string to_text(const PointAccuracy& accuracy, bool by_cell, const TextStyle& style) {
  std::string out = section("Overall", table_of(accuracy.overall, "rows of"), style);
  out += section("By engine", table_of(accuracy.groups, "engine"), style);
  if (by_cell) out += section("By cell", table_of(accuracy.cells, "cell"), style);
  const std::vector<PointErrors> worst = worst_cells(accuracy);
  if (!worst.empty()) out += section("Worst cells (median error)", table_of(worst, "cell"), style);
  const std::string bands = bands_text(accuracy.bands);
  if (!bands.empty()) out += section("Measured TPOT within the 95 % band of the predicted step", bands, style);
  const SkippedRows skipped = skipped_rows(accuracy);
  out += section(fmt::format("Rows without a prediction: {} of {}", skipped.total(), accuracy.rows.size()),
                 skipped.text(), style);
  return out +
         section("Conventions",
                 "  error = predicted / measured - 1; median and p90 of its size, bias its mean with sign\n"
                 "  a cell is one model, GPU, engine, precision and split; cells have equal weight\n"
                 "  TPOT = (finish - first token) / (N - 1); figures are means, of static batches the whole batch\n",
                 style);
}

}  // namespace foretoken
