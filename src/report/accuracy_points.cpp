// Serving runs against their measurements.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/math.hpp"
#include "report/accuracy_common.hpp"
#include "report/accuracy_report.hpp"
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
  if (row.drafts) {
    Json drafts = Json::object();
    drafts["method"] = row.drafts->method;
    drafts["tokens"] = row.drafts->tokens;
    drafts["length"] = row.drafts->length;
    drafts["possible"] = row.drafts->possible();
    json["speculation_hypothesis"] = std::move(drafts);
  }
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

std::string group_text(const RunErrors& e) {
  const std::string engine = e.engine.empty() ? "all" : e.engine;
  return e.inside_range ? fmt::format("{}, {}", engine, *e.inside_range ? "inside" : "outside") : engine;
}

Json run_errors_json(const RunErrorTable& table) {
  Json json = Json::array();
  for (const RunErrors& e : table.groups) {
    Json entry = Json::object();
    entry["metric"] = to_string(e.metric);
    if (!e.engine.empty()) entry["engine"] = e.engine;
    if (e.inside_range) entry["inside_calibrated_range"] = *e.inside_range;
    entry["cells"] = e.cells;
    Json levels = Json::array(), quantiles = Json::array();
    for (const double level : RunErrors::kLevels) levels.push_back(level);
    for (const double q : e.quantiles) quantiles.push_back(exact_exp(q));
    entry["levels"] = std::move(levels);
    entry["measured_over_predicted"] = std::move(quantiles);
    json.push_back(std::move(entry));
  }
  return json;
}

std::string run_errors_text(const RunErrorTable& table, const TextStyle& style) {
  TextTable text("llrrrrrr", "00312021");
  text.row({"metric", "engine, calibrated range", "cells", "5 %", "25 %", "median", "75 %", "95 %"});
  for (const RunErrors& e : table.groups) {
    std::vector<std::string> cells{std::string(to_string(e.metric)), group_text(e), readable(std::int64_t{e.cells})};
    for (const std::size_t i : {1, 3, 4, 5, 7}) cells.push_back(fmt::format("{:.2f}", exact_exp(e.quantiles[i])));
    text.row(std::move(cells));
  }
  return text.text(style, "  ");
}

Json reliability_json(const std::vector<ReliabilityBin>& bins) {
  Json json = Json::array();
  for (const ReliabilityBin& b : bins) {
    Json entry = Json::object();
    entry["metric"] = b.metric ? to_string(*b.metric) : std::string_view("TTFT and TPOT");
    entry["from"] = b.from;
    entry["to"] = b.to;
    entry["stated"] = b.stated;
    entry["observed"] = b.observed;
    entry["cells"] = b.cells;
    json.push_back(std::move(entry));
  }
  return json;
}

// A column of each metric: mean of what was stated and, behind it, what came true.
std::string reliability_text(const std::vector<ReliabilityBin>& bins, const TextStyle& style) {
  std::vector<std::string> names;
  std::map<double, std::map<std::string, std::string>> lines;
  std::map<double, double> ends;
  for (const ReliabilityBin& b : bins) {
    const std::string name(b.metric ? to_string(*b.metric) : "TTFT and TPOT");
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    lines[b.from][name] = fmt::format("{:.0f} -> {:.0f}", 100 * b.stated, 100 * b.observed);
    ends[b.from] = b.to;
  }
  TextTable table("l" + std::string(names.size(), 'r'), "0" + std::string(names.size(), '1'));
  std::vector<std::string> head{"P(meets) %"};
  head.insert(head.end(), names.begin(), names.end());
  table.row(std::move(head));
  for (auto& [from, line] : lines) {
    std::vector<std::string> cells{fmt::format("{:.0f} to {:.0f}", 100 * from, 100 * ends[from])};
    for (const std::string& name : names) cells.push_back(line[name]);
    table.row(std::move(cells));
  }
  return table.text(style, "  ");
}

std::vector<std::string> line_of(std::vector<std::string> names, const ErrorStatistics& errors) {
  for (std::string& cell : error_cells(errors)) names.push_back(std::move(cell));
  return names;
}

std::string table_of(const std::vector<PointErrors>& list, std::string_view what, const TextStyle& style) {
  TextTable table(std::string("lll") + kErrorAlignments, std::string("000") + kErrorImportance);
  std::vector<std::string> titles = {"grade", std::string(what), "metric"};
  for (std::string& title : error_titles()) titles.push_back(std::move(title));
  table.row(std::move(titles));
  for (const PointErrors& e : list) {
    const std::string name = !e.cell.empty() ? e.cell : !e.group.empty() ? e.group : "all scored";
    table.row(line_of({e.grade, name, std::string(to_string(e.metric))}, e.errors));
  }
  return table.text(style, "  ");
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// By cell: the tokens that a row would have to put out, for how many of its runs that can be, and what is measured.
std::string hypotheses_text(const PointAccuracy& accuracy, const TextStyle& style) {
  constexpr auto kTpot = static_cast<std::size_t>(ServingMetric::tpot);
  struct Cell {
    std::string drafts;
    std::vector<double> lengths, ratios;
    std::int64_t possible = 0;
  };
  std::map<std::string, Cell> cells;
  for (const PointRow& row : accuracy.rows) {
    if (!row.drafts) continue;
    Cell& cell = cells[row.cell];
    cell.drafts = fmt::format("{} {}", row.drafts->method, row.drafts->tokens);
    cell.lengths.push_back(row.drafts->length);
    cell.ratios.push_back(*row.measured[kTpot] / *row.predicted[kTpot]);
    if (row.drafts->possible()) ++cell.possible;
  }
  if (cells.empty()) return {};
  TextTable table("lrrlrr", "001000");
  table.row({"cell", "runs", "measured / predicted", "with", "tokens a row", "possible"});
  for (const auto& [name, cell] : cells)
    table.row({name, readable(static_cast<std::int64_t>(cell.lengths.size())), readable(median_of(cell.ratios)),
               cell.drafts, readable(median_of(cell.lengths)), readable(cell.possible)});
  return table.text(style, "  ") +
         "  a hypothesis, not a measurement: what the mean acceptance length would have to be; possible: runs where it "
         "is between 1 and 1 + drafts\n";
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
  summary["run_errors"] = run_errors_json(accuracy.run_errors);
  summary["reliability"] = reliability_json(accuracy.reliability);
  summary["skipped"] = skipped_rows(accuracy).json();
  json["summary"] = std::move(summary);
  Json rows = Json::array();
  for (const PointRow& row : accuracy.rows) rows.push_back(row_of(row));
  json["rows"] = std::move(rows);
  return json;
}

std::string to_text(const PointAccuracy& accuracy, bool by_cell, const TextStyle& style) {
  std::string out = section("Overall", table_of(accuracy.overall, "rows of", style), style);
  out += section("By engine", table_of(accuracy.groups, "engine", style), style);
  if (by_cell) out += section("By cell", table_of(accuracy.cells, "cell", style), style);
  const std::vector<PointErrors> worst = worst_cells(accuracy);
  if (!worst.empty()) out += section("Worst cells (median error)", table_of(worst, "cell", style), style);
  if (const std::string drafts = hypotheses_text(accuracy, style); !drafts.empty())
    out += section("Would speculation explain it? TPOT where it was on or not stated; never scored", drafts, style);
  const std::string bands = bands_text(accuracy.bands);
  if (!bands.empty()) out += section("Measured TPOT within the 95 % band of the predicted step", bands, style);
  if (!accuracy.run_errors.groups.empty()) {
    out += section("Measured / predicted of whole runs, what P(meets) rests on",
                   run_errors_text(accuracy.run_errors, style), style);
    out += section(
        "P(meets) stated -> observed, fitted to half of the cells and asked about the other half (limits from 0.5 to 2 "
        "times the prediction, 20 splits)",
        reliability_text(accuracy.reliability, style), style);
  }
  const SkippedRows skipped = skipped_rows(accuracy);
  out += section(fmt::format("Rows without a prediction: {} of {}", skipped.total(), accuracy.rows.size()),
                 skipped.text(style), style);
  return within_width(
      out + section("Conventions",
                    "  error = predicted / measured - 1; median and p90 of its size, bias its mean with sign\n"
                    "  a cell is one model, GPU, engine, precision and split; cells have equal weight\n"
                    "  TPOT = (finish - first token) / (N - 1); figures are means, of static batches the whole batch\n",
                    style),
      style);
}

std::string to_source(const RunErrorTable& table) {
  std::string text =
      "// Logarithms of measured / predicted of whole runs: quantiles by metric, engine and calibrated range, in which "
      "every measured\n"
      "// system has the same weight. Runs of shared/truth/points_dev.csv; written by\n"
      "//   foretoken accuracy points_dev.csv --format errors -o src/experiment/uncertainty/measured_errors.inc\n";
  for (const RunErrors& e : table.groups) {
    constexpr std::string_view kNames[kErrorMetrics] = {"ttft", "tpot", "e2e", "throughput"};
    text += fmt::format("GROUP({}, \"{}\", {}, {}", kNames[static_cast<std::size_t>(e.metric)], e.engine,
                        !e.inside_range   ? "any"
                        : *e.inside_range ? "inside"
                                          : "outside",
                        e.cells);
    for (const double q : e.quantiles) text += fmt::format(", {:.4f}", q);
    text += ")\n";
  }
  for (const auto& row : table.correlation) text += fmt::format("CORRELATION({:.3f})\n", fmt::join(row, ", "));
  return text;
}

}  // namespace foretoken
