// Reads measurement files.
#include "measurement/tables/csv_table.hpp"

#include <fmt/format.h>

#include <limits>

namespace foretoken {
namespace {

bool parse_cell(const std::string& text, bool infinite, double& out) {
  if (infinite && text == "inf") {
    out = std::numeric_limits<double>::infinity();
    return true;
  }
  return parse_number(text, out);
}

std::string shortened(const std::string& text) {
  constexpr std::size_t kShown = 40;
  return text.size() <= kShown ? text : text.substr(0, kShown) + "...";
}

}  // namespace

Diagnostics first_problems(const Diagnostics& problems, const std::string& path) {
  if (problems.items().size() <= kListedProblems) return problems;
  Diagnostics first;
  for (std::size_t i = 0; i < kListedProblems; ++i) {
    const Diagnostic& d = problems.items()[i];
    first.error(d.where, d.message, d.hint, d.source_line);
  }
  first.error({path, 0, 0}, fmt::format("and {} more problems", problems.items().size() - kListedProblems));
  return first;
}

Result<CsvTable> CsvTable::read(const std::string& path, const Columns& columns) {
  auto lines = LineReader::open(path);
  if (!lines) return lines.error();
  CsvTable table;
  table.path_ = path;
  Diagnostics problems;
  std::string line;
  bool header = false;
  while (lines->next(line)) {
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    if (!header) {
      table.read_header(line, columns, problems);
      if (!problems.empty()) return problems;
      header = true;
    } else {
      table.read_row(line, lines->line_number(), columns, problems);
    }
  }
  problems.append(lines->diagnostics());
  if (!header && problems.empty()) problems.error({path, 0, 0}, "the file is empty: a header line is expected");
  if (header && table.rows_.empty() && problems.empty()) {
    problems.error({path, 1, 0}, "the file has a header and no rows: there is nothing to compare");
  }
  if (!problems.empty()) return first_problems(problems, path);
  return table;
}

void CsvTable::read_header(const std::string& line, const Columns& columns, Diagnostics& problems) {
  std::vector<std::string> names = split_csv(line);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!columns_.emplace(names[i], i).second) {
      problems.error({path_, 1, 0}, fmt::format("column '{}' appears twice", names[i]));
    }
  }
  for (const std::string_view required : columns.required) {
    if (columns_.find(required) != columns_.end()) continue;
    const std::string close = closest_match(required, names);
    problems.error({path_, 1, 0}, fmt::format("column '{}' is missing", required),
                   close.empty() ? std::string() : fmt::format("is '{}' meant?", close));
  }
}

void CsvTable::read_row(const std::string& line, int number, const Columns& columns, Diagnostics& problems) {
  if (ends_inside_quotes(line)) {
    problems.error({path_, number, 0}, "a quoted value does not end on its line");
    return;
  }
  Row row{number, split_csv(line)};
  if (row.cells.size() != columns_.size()) {
    problems.error({path_, number, 0},
                   fmt::format("{} values, but the header names {} columns", row.cells.size(), columns_.size()));
    return;
  }
  for (const std::string_view column : columns.numbers) check(row, column, false, problems);
  for (const std::string_view column : columns.infinite_numbers) check(row, column, true, problems);
  rows_.push_back(std::move(row));
}

void CsvTable::check(const Row& row, std::string_view column, bool infinite, Diagnostics& problems) const {
  const auto at = columns_.find(column);
  if (at == columns_.end() || row.cells[at->second].empty()) return;
  const std::string& text = row.cells[at->second];
  double value = 0;
  if (parse_cell(text, infinite, value) && value >= 0) return;
  problems.error({path_, row.line, 0}, fmt::format("{} is '{}': a number of at least 0{} or nothing is expected",
                                                   column, shortened(text), infinite ? ", inf" : ""));
}

const std::string& CsvTable::text(std::size_t row, std::string_view column) const {
  static const std::string none;
  const auto at = columns_.find(column);
  return at == columns_.end() ? none : rows_[row].cells[at->second];
}

std::optional<double> CsvTable::number(std::size_t row, std::string_view column) const {
  double value = 0;
  if (!parse_cell(text(row, column), true, value)) return std::nullopt;
  return value;
}

}  // namespace foretoken
