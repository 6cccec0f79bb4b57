// Parallel coordinates: what the points of a sweep or the deployments of a recommendation have in common, a line each
// from knob to knob and on to the figures.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/csv.hpp"
#include "report/chart/build.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kMostLines = 60;  // more of them are a carpet

// One upright scale: of numbers, or of words in the order they come.
struct ParallelScale {
  std::string title;
  std::function<Json(const Json& row)> value;
  std::vector<std::string> words;
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();

  [[nodiscard]] double place(const Json& row) const {
    const double number = position(row);
    return high > low ? (number - low) / (high - low) : 0.5;
  }
  [[nodiscard]] std::string shown(const Json& row) const {
    const Json json = value(row);
    const std::string* text = json.if_string();
    return text != nullptr ? *text : readable(number_of(json));
  }
  void see(const Json& row) {
    const Json json = value(row);
    const std::string* text = json.if_string();
    double number = 0;
    if (text != nullptr && !parse_number(*text, number) && std::find(words.begin(), words.end(), *text) == words.end())
      words.push_back(*text);
    const double at = position(row);
    if (std::isfinite(at)) low = std::min(low, at), high = std::max(high, at);
  }

 private:
  [[nodiscard]] double position(const Json& row) const {
    const Json json = value(row);
    const std::string* text = json.if_string();
    double number = 0;
    if (text == nullptr) return number_of(json);
    if (parse_number(*text, number)) return number;
    return static_cast<double>(std::find(words.begin(), words.end(), *text) - words.begin());
  }
};

Chart parallel_chart(std::vector<ParallelScale> scales, const std::vector<const Json*>& rows,
                     const std::function<bool(const Json&)>& is_good) {
  for (ParallelScale& scale : scales) {
    for (const Json* row : rows) scale.see(*row);
  }
  // What all have in common draws nobody apart.
  std::erase_if(scales, [](const ParallelScale& s) { return !(s.high > s.low); });
  Chart chart;
  if (scales.size() < 3 || rows.size() < 2) return chart;
  chart.name = "parallel";
  chart.x.scale = Axis::Scale::category;
  Panel panel;
  panel.y = {"from the lowest to the highest of each", Axis::Scale::linear, {}, 0.0, 1.0};
  for (const ParallelScale& scale : scales) {
    chart.x.categories.push_back(scale.title);
    chart.table.head.push_back(scale.title);
  }
  for (const Json* row : rows) {
    Series line;
    const bool good = is_good(*row);
    line.color = good ? 0 : 7;
    line.dashed = !good;
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < scales.size(); ++i) {
      line.x.push_back(static_cast<double>(i));
      line.y.push_back(scales[i].place(*row));
      line.labels.push_back(fmt::format("{} {}", scales[i].title, scales[i].shown(*row)));
      cells.push_back(scales[i].shown(*row));
    }
    chart.table.rows.push_back(std::move(cells));
    panel.series.push_back(std::move(line));
  }
  chart.panels.push_back(std::move(panel));
  return chart;
}

ParallelScale of_member(std::string title, std::string key) {
  return {std::move(title), [key = std::move(key)](const Json& row) { return row[key]; }, {}};
}
ParallelScale of_figure(std::string title, std::string_view key) {
  return {std::move(title), [key](const Json& row) { return row["summary"][key]; }, {}};
}

std::vector<const Json*> first_rows(const Json::Array& list, const std::function<bool(const Json&)>& wanted) {
  std::vector<const Json*> rows;
  for (const Json& row : list) {
    if (rows.size() < kMostLines && wanted(row)) rows.push_back(&row);
  }
  return rows;
}

bool meets_each_objective(const Json& point) {
  const Json::Array& slo = list_of(point["slo"]);
  return std::all_of(slo.begin(), slo.end(), [](const Json& o) { return is_true(o["ok"]); });
}

void add_of_sweep(Charts& charts, const Json& document) {
  std::vector<ParallelScale> scales;
  for (const Json& axis : list_of(document["axes"])) {
    const std::string path = text_of(axis["path"]);
    scales.push_back({std::string(last_name(path)), [path](const Json& row) { return row["at"][path]; }, {}});
  }
  if (scales.size() < 2) return;
  scales.push_back(of_figure("p99 TTFT (ms)", "p99_ttft_ms"));
  scales.push_back(of_figure("TPOT (ms)", "mean_tpot_ms"));
  scales.push_back(of_figure("tok/s", "output_throughput"));
  scales.push_back(of_figure("tok/s/GPU", "tokens_per_s_per_gpu"));
  const auto rows = first_rows(list_of(document["points"]), [](const Json& p) { return text_of(p["status"]) == "ok"; });
  Chart chart = parallel_chart(std::move(scales), rows, meets_each_objective);
  if (chart.name.empty()) return;
  chart.title = "Points side by side";
  chart.caption = fmt::format("A line per point{}; dashed: an objective is missed.",
                              rows.size() == kMostLines ? fmt::format(", the first {}", kMostLines) : "");
  charts.push_back(std::move(chart));
}

void add_of_recommendation(Charts& charts, const Json& document) {
  Json::Array all = list_of(document["ranked"]);
  for (const char* key : {"throughput_front", "cost_front"})
    all.insert(all.end(), list_of(document[key]).begin(), list_of(document[key]).end());
  std::vector<std::int64_t> known;
  const auto rows = first_rows(all, [&](const Json& c) {
    const std::int64_t* index = c["candidate"].if_int();
    if (index == nullptr || std::find(known.begin(), known.end(), *index) != known.end()) return false;
    known.push_back(*index);
    return std::isfinite(number_of(c["p99_ttft_ms"]));
  });
  Chart chart = parallel_chart(
      {of_member("GPU", "gpu"), of_member("GPUs", "gpus"), of_member("TP", "tensor_parallel_size"),
       of_member("replicas", "replicas"), of_member("seats", "max_num_seqs"), of_member("token budget", "token_budget"),
       of_member("$/h", "usd_per_hour"), of_member("p99 TTFT (ms)", "p99_ttft_ms"),
       of_member("TPOT (ms)", "mean_tpot_ms"), of_member("tok/s/GPU", "tokens_per_s_per_gpu")},
      rows, [](const Json& c) { return text_of(c["verdict"]) == "meets"; });
  if (chart.name.empty()) return;
  chart.title = "Deployments side by side";
  chart.caption = "A line per deployment, ranked or of a front; dashed: it has no verdict that it meets.";
  charts.push_back(std::move(chart));
}

}  // namespace

void add_parallel(Charts& charts, const Json& document) {
  add_of_sweep(charts, document);
  add_of_recommendation(charts, document);
}

}  // namespace foretoken
