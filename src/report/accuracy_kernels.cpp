// Kernels against their measurements.
#include <fmt/format.h>

#include "report/accuracy_common.hpp"
#include "report/accuracy_report.hpp"
#include "report/common.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

SkippedRows skipped_rows(const KernelAccuracy& accuracy) {
  SkippedRows skipped;
  for (const KernelRow& row : accuracy.rows) {
    if (!row.skipped.empty()) skipped.add(row.skipped);
  }
  return skipped;
}

std::string gap_cell(const std::optional<double>& gap) {
  return gap ? fmt::format("{:.3f}", *gap) : "-";
}

Json row_of(const KernelRow& row) {
  Json json = Json::object();
  json["line"] = row.line;
  json["class"] = row.kernel_class;
  json["measured_us"] = row.measured_us;
  if (row.reference_us) json["reference_us"] = *row.reference_us;
  if (!row.skipped.empty()) {
    json["skipped"] = row.skipped;
    return json;
  }
  json["predicted_us"] = *row.predicted_us;
  json["error_pct"] = *row.error_percent;
  json["served_by"] = row.served_by;
  return json;
}

}  // namespace

Json to_json(const KernelAccuracy& accuracy) {
  Json json = accuracy_head("kernels", accuracy.path);
  Json summary = Json::object();
  summary["overall"] = to_json(accuracy.overall);
  if (accuracy.reference_gap_percent) summary["reference_gap_pct"] = *accuracy.reference_gap_percent;
  Json classes = Json::array();
  for (const KernelClass& c : accuracy.classes) {
    Json entry = Json::object();
    entry["class"] = c.name;
    entry["error"] = to_json(c.errors);
    if (c.reference_gap_percent) entry["reference_gap_pct"] = *c.reference_gap_percent;
    classes.push_back(std::move(entry));
  }
  summary["classes"] = std::move(classes);
  summary["skipped"] = skipped_rows(accuracy).json();
  json["summary"] = std::move(summary);
  Json rows = Json::array();
  for (const KernelRow& row : accuracy.rows) rows.push_back(row_of(row));
  json["rows"] = std::move(rows);
  return json;
}

std::string to_text(const KernelAccuracy& accuracy, const TextStyle& style) {
  TextTable table("lrrrrrrrl", "032001546");
  table.row({"class", "rows", "mean %", "median %", "p90 %", "bias %", "ref gap %", "worst %", "worst row"});
  const auto line = [&](const std::string& name, const ErrorStatistics& e, const std::optional<double>& gap) {
    const std::vector<std::string> cells = error_cells(e);
    table.row({name, cells[0], fmt::format("{:.1f}", e.mean), cells[2], cells[3], cells[4], gap_cell(gap), cells[5],
               cells[6]});
  };
  for (const KernelClass& c : accuracy.classes) line(c.name, c.errors, c.reference_gap_percent);
  line(fmt::format("all, {} classes of equal weight", accuracy.overall.cells), accuracy.overall,
       accuracy.reference_gap_percent);
  std::string out = section("Kernels against measurements", table.text(style, "  "), style);
  const SkippedRows skipped = skipped_rows(accuracy);
  out += section(fmt::format("Rows without a prediction: {}", skipped.total()), skipped.text(style), style);
  return within_width(
      out + section("Conventions",
                    "  error = predicted / measured - 1; mean, median and p90 of its size, bias its mean with sign\n"
                    "  ref gap: largest distance from the file's reference prediction (m3_us)\n",
                    style),
      style);
}

}  // namespace foretoken
