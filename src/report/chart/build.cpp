// Which charts a document has, and what all of them share.
#include "report/chart/build.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/metrics/summary.hpp"
#include "foretoken/report/picture.hpp"
#include "report/common.hpp"
#include "report/uncertainty_report.hpp"

namespace foretoken {

double number_of(const Json& value) {
  double out = 0;
  return value.number(out) ? out : std::nan("");
}

std::string text_of(const Json& value) {
  const std::string* text = value.if_string();
  return text == nullptr ? std::string() : *text;
}

const Json::Array& list_of(const Json& value) {
  static const Json::Array kNone;
  const Json::Array* list = value.if_array();
  return list == nullptr ? kNone : *list;
}

std::vector<double> numbers_of(const Json& value) {
  std::vector<double> numbers;
  for (const Json& n : list_of(value)) numbers.push_back(number_of(n));
  return numbers;
}

bool is_true(const Json& value) {
  const bool* b = value.if_bool();
  return b != nullptr && *b;
}

std::string metric_title(std::string_view key) {
  for (const Column& column : columns())
    if (column.key == key) return std::string(column.title.substr(column.title.find_first_not_of(' ')));
  std::string title;
  const std::string_view unit = metric_unit(key);
  if (!unit.empty() && key.ends_with("_" + std::string(unit))) key.remove_suffix(unit.size() + 1);
  while (!key.empty()) {
    const std::size_t end = std::min(key.find('_'), key.size());
    std::string word(key.substr(0, end));
    if (word == "ttft" || word == "tpot" || word == "itl" || word == "kv" || word == "mfu" || word == "mbu")
      std::transform(word.begin(), word.end(), word.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
    else if (word == "e2el")
      word = "E2E";
    title += (title.empty() ? "" : " ") + word;
    key.remove_prefix(std::min(end + 1, key.size()));
  }
  return title;
}

std::string metric_label(std::string_view key) {
  const std::string_view unit = metric_unit(key);
  return unit.empty() ? metric_title(key) : fmt::format("{} ({})", metric_title(key), unit);
}

std::string_view last_name(std::string_view path) {
  if (path.ends_with(".name")) path.remove_suffix(5);
  return path.substr(path.find_last_of('.') + 1);
}

std::string interval_text(const Json& interval) {
  const double value = number_of(interval["value"]), low = number_of(interval["low"]);
  if (std::isnan(low) || low == number_of(interval["high"])) return readable(value);
  return fmt::format("{} ({} to {})", readable(value), readable(low), readable(number_of(interval["high"])));
}

Panel stacked(const std::vector<std::string>& names, const std::vector<Stack>& stacks, std::string_view unit) {
  Panel panel;
  panel.y.scale = Axis::Scale::category;
  for (const Stack& s : stacks) panel.y.categories.push_back(s.row);
  std::vector<double> at(stacks.size(), 0);
  for (std::size_t i = 0; i < names.size(); ++i) {
    Series series;
    series.name = names[i];
    series.mark = Series::Mark::rects;
    series.color = panel.series.size();
    for (std::size_t row = 0; row < stacks.size(); ++row) {
      const double part = i < stacks[row].parts.size() ? stacks[row].parts[i] : 0;
      if (!(part > 0)) continue;
      series.x.push_back(at[row] + part);
      series.y.push_back(static_cast<double>(row));
      series.low.push_back(at[row]);
      series.high.push_back(at[row] + part);
      series.labels.push_back(fmt::format("{}: {} {}", names[i], readable(part), unit));
      at[row] += part;
    }
    if (!series.x.empty()) panel.series.push_back(std::move(series));
  }
  return panel;
}

Table table_of(std::string_view rows, const std::vector<std::string>& names, const std::vector<Stack>& stacks) {
  Table table;
  table.head.emplace_back(rows);
  for (const Stack& s : stacks) table.head.push_back(s.row);
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::vector<std::string> row{names[i]};
    bool any = false;
    for (const Stack& s : stacks) {
      const double part = i < s.parts.size() ? s.parts[i] : 0;
      any |= part > 0;
      row.push_back(readable(part));
    }
    if (any) table.rows.push_back(std::move(row));
  }
  return table;
}

std::vector<std::string_view> all_picture_names() {
  return {"load",     "objectives", "fixes",       "front",    "map",        "map-throughput", "sweep",
          "batch",    "tradeoff",   "differences", "tornado",  "candidates", "plans",          "demands",
          "parallel", "confidence", "accuracy",    "latency",  "hours",      "timeline",       "replicas",
          "requests", "slowest",    "attribution", "roofline", "breakdown",  "memory"};
}

std::vector<Chart> charts_of(const Json& document) {
  Charts charts;
  // The answer to the question first, then the run behind it, then what it is made of.
  add_capacity(charts, document);
  add_objectives(charts, document);
  add_fixes(charts, document);
  add_load_curves(charts, document);
  add_sweep(charts, document);
  add_batch(charts, document);
  add_compare(charts, document);
  add_tornado(charts, document);
  add_recommend(charts, document);
  add_placement(charts, document);
  add_validation(charts, document);
  add_calibration(charts, document);
  add_parallel(charts, document);
  add_latency_curves(charts, document);
  add_hours(charts, document);
  add_timeline(charts, document);
  add_replicas(charts, document);
  add_requests(charts, document);
  add_attribution(charts, document);
  const Json& explanation =
      text_of(document["schema"]) == "foretoken.explanation/1" ? document : document["explanation"];
  add_roofline(charts, explanation);
  add_breakdown(charts, explanation);
  add_memory(charts, document);
  return charts;
}

std::string chance_text(const Json& probability) {
  if (probability.is_null()) return "-";
  Probability chance;
  chance.value = number_of(probability["value"]);
  const std::string bound = text_of(probability["bound"]);
  if (!bound.empty()) chance.end = bound == "at least" ? Probability::End::at_least : Probability::End::at_most;
  return probability_text(chance);
}

}  // namespace foretoken
