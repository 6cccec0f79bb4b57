// Two documents of `run --format json`, which keep means and half widths but no replications.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/version.hpp"
#include "study/compare/fields.hpp"
#include "study/compare/samples.hpp"

namespace foretoken {
namespace {

bool is_result(const Json& document) {
  const std::string* schema = document["schema"].if_string();
  return schema != nullptr && *schema == kResultSchema;
}

std::string text_at(const Json& document, std::string_view key) {
  const std::string* text = document[key].if_string();
  return text == nullptr ? "" : *text;
}

std::int64_t replications_of(const Json& document) {
  const Json::Array* list = document["replications"].if_array();
  return list == nullptr ? 1 : static_cast<std::int64_t>(list->size());
}

Result<Json> read(const Question& file, Diagnostics& problems) {
  Result<Json> document = parse_json(file.text, file.origin);
  if (!document) return document;
  const SourceLocation where = file.whole();
  const Json& json = *document;
  if (!is_result(json))
    problems.error(where, fmt::format("this is no result of schema {}", kResultSchema),
                   "compare two scenarios, or two files of `run --format json`");
  else if (json["summary"].if_object() == nullptr)
    problems.error(where, "the result has no summary: its model did not fit", "there is nothing to compare");
  return document;
}

MetricChange change_of(const std::string& metric, const Json& a, const Json& b, Pairing pairing) {
  constexpr double kConfidence = 0.95;  // of half_widths_95
  MetricChange change;
  change.metric = metric;
  (void)a["summary"][metric].number(change.before);
  (void)b["summary"][metric].number(change.after);
  double half_a = 0, half_b = 0;
  const bool known = a["half_widths_95"][metric].number(half_a) && b["half_widths_95"][metric].number(half_b);
  if (pairing != Pairing::no_interval && known) {
    change.change.difference = difference_of(change.before, half_a, change.after, half_b, kConfidence);
  } else {
    change.change.difference.value = change.after - change.before;
  }
  return change;
}

std::vector<ObjectiveChange> objectives_of(const Json& a, const Json& b, const std::vector<MetricChange>& metrics) {
  std::vector<ObjectiveChange> objectives;
  for (const Json* document : {&a, &b}) {
    const Json::Array* lines = (*document)["slo"].if_array();
    if (lines == nullptr) continue;
    for (const Json& entry : *lines) {
      const std::string expression = text_at(entry, "expr");
      const Result<SloLine> line = parse_slo_line(expression, {});
      const bool known = std::any_of(objectives.begin(), objectives.end(),
                                     [&](const ObjectiveChange& o) { return o.line.expression == expression; });
      if (!line || known) continue;
      const auto at =
          std::find_if(metrics.begin(), metrics.end(), [&](const MetricChange& m) { return m.metric == line->metric; });
      if (at == metrics.end()) continue;
      objectives.push_back({*line, *at, judge(*line, at->before).ok, judge(*line, at->after).ok});
    }
  }
  return objectives;
}

Pairing pairing_of(const Json& a, const Json& b) {
  if (a["half_widths_95"].is_null() || b["half_widths_95"].is_null()) return Pairing::no_interval;
  const bool same = a["seed"] == b["seed"] && a["config"]["workload"] == b["config"]["workload"];
  return same ? Pairing::not_kept : Pairing::unpaired;
}

}  // namespace

bool is_stored_result(const Question& file) {
  const auto first = file.text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || file.text[first] != '{') return false;
  const Result<Json> document = parse_json(file.text, file.origin);
  // A broken document is refused as what its name says it is.
  return document ? document->if_object() != nullptr && !(*document)["schema"].is_null()
                  : file.origin.ends_with(".json");
}

Result<CompareResult> compare_results(const Question& before, const Question& after) {
  Diagnostics problems;
  const Result<Json> a = read(before, problems), b = read(after, problems);
  if (!a) problems.append(a.error());
  if (!b) problems.append(b.error());
  if (problems.has_errors()) return problems;
  CompareResult result;
  result.before_name = text_at(*a, "scenario");
  result.after_name = text_at(*b, "scenario");
  result.before_sha256 = text_at(*a, "scenario_sha256");
  result.after_sha256 = text_at(*b, "scenario_sha256");
  result.pairing = pairing_of(*a, *b);
  result.replications = static_cast<int>(std::min(replications_of(*a), replications_of(*b)));
  result.fields = changed_fields(fields_of_result(*a), fields_of_result(*b));
  for (const auto& [metric, value] : *(*a)["summary"].if_object()) {
    double number = 0;
    if (!value.number(number) || !(*b)["summary"][metric].number(number)) continue;
    result.metrics.push_back(change_of(metric, *a, *b, result.pairing));
  }
  result.objectives = objectives_of(*a, *b, result.metrics);
  return result;
}

}  // namespace foretoken
