// A small table by hand.
#include "report/measured_loads.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/csv.hpp"
#include "foretoken/metrics/summary.hpp"

namespace foretoken {
namespace {

// Which column is which key; the load's is the variable's own name.
std::vector<std::string> checked_head(const std::vector<std::string>& head, std::string_view variable,
                                      const SourceLocation& where, Diagnostics& problems) {
  std::vector<std::string> keys;
  for (const std::string& name : head) {
    keys.push_back(name == variable ? "load" : canonical_metric(name));
    if (keys.back().empty())
      problems.error(where, fmt::format("'{}' is neither the load ({}) nor a figure of a run", name, variable),
                     "`foretoken catalog metrics` lists the figures");
  }
  if (std::find(keys.begin(), keys.end(), "load") == keys.end())
    problems.error(where, fmt::format("no column '{}' tells the load", variable));
  return keys;
}

}  // namespace

Result<Json> read_measured_loads(const std::string& path, std::string_view variable) {
  Result<LineReader> lines = LineReader::open(path);
  if (!lines) return lines.error();
  Json document = Json::object();
  std::string source;
  std::vector<std::string> keys;
  Json points = Json::array();
  Diagnostics problems;
  for (std::string line; lines->next(line);) {
    const SourceLocation where{path, lines->line_number(), 1};
    if (line.starts_with('#')) {
      source += (source.empty() ? "" : " ") + line.substr(std::min(line.size(), line.find_first_not_of("# ")));
      continue;
    }
    if (line.empty()) continue;
    const std::vector<std::string> cells = split_csv(line);
    if (keys.empty()) {
      keys = checked_head(cells, variable, where, problems);
      continue;
    }
    Json point = Json::object();
    for (std::size_t i = 0; i < std::min(cells.size(), keys.size()); ++i) {
      double number = 0;
      if (cells[i].empty()) continue;
      if (parse_number(cells[i], number))
        point[keys[i]] = number;
      else
        problems.error(where, fmt::format("'{}' is no number", cells[i]));
    }
    if (cells.size() != keys.size())
      problems.error(where, fmt::format("{} cells under {} names", cells.size(), keys.size()));
    points.push_back(std::move(point));
  }
  problems.append(lines->diagnostics());
  if (keys.empty() && !problems.has_errors()) problems.error({path, 0, 0}, "the file is empty");
  if (problems.has_errors()) return problems;
  document["source"] = source;
  document["points"] = std::move(points);
  return document;
}

}  // namespace foretoken
