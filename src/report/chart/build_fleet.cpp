// Replicas over the time of a run: what is paid, what of it is ready, and how many were wanted.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/chart/build.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

// Numbers that hold until the next change, as corners of a line.
struct Stairs {
  std::vector<double> x, y;
  void to(double at, double value) {
    if (!y.empty() && at > x.back()) {
      x.push_back(at);
      y.push_back(y.back());
    }
    x.push_back(at);
    y.push_back(value);
  }
  void until(double end) {
    if (!(end > x.back())) return;
    x.push_back(end);
    y.push_back(y.back());
  }
};

// More corners than a screen has columns show nothing more: of each stretch of time its last change stays.
constexpr std::size_t kMostCorners = 2000;

std::vector<std::size_t> shown(const Json::Array& counts) {
  std::vector<std::size_t> all(counts.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  if (all.size() <= kMostCorners) return all;
  const double end = number_of(counts.back()["at_s"]), width = end / kMostCorners;
  std::vector<std::size_t> kept;
  for (const std::size_t i : all) {
    const bool same = !kept.empty() && std::floor(number_of(counts[kept.back()]["at_s"]) / width) ==
                                           std::floor(number_of(counts[i]["at_s"]) / width);
    if (same)
      kept.back() = i;
    else
      kept.push_back(i);
  }
  return kept;
}

Series area_between(std::string name, std::size_t color, const std::vector<double>& x, std::vector<double> low,
                    std::vector<double> high) {
  Series s;
  s.name = std::move(name);
  s.mark = Series::Mark::area;
  s.color = color;
  s.x = x;
  s.y = high;
  s.low = std::move(low);
  s.high = std::move(high);
  return s;
}

std::string whole(double number) {
  return readable(static_cast<std::int64_t>(number));
}

std::string figure_of(const Json& summary, const char* key) {
  const double value = number_of(summary[key]);
  return std::isnan(value) ? "-" : readable(value);
}

// Of one pool, or of all together.
void add_replicas(Charts& charts, const Json& fleet, const Json& summary, const std::string& pool) {
  const Json::Array& counts = list_of(fleet["replicas"]);
  if (counts.empty()) return;
  double end = number_of(fleet["end_s"]);
  Stairs ready, paid, wanted;
  Chart chart;
  chart.table.head = {"time (s)", "paid", "ready", "wanted"};
  const Json::Array& decisions = list_of(fleet["decisions"]);
  std::size_t decision = 0;
  std::string last_wanted = "-";
  for (const std::size_t i : shown(counts)) {
    const Json& c = counts[i];
    const double at = number_of(c["at_s"]);
    ready.to(at, number_of(c["ready"]));
    paid.to(at, number_of(c["paid"]));
    for (; decision < decisions.size() && number_of(decisions[decision]["at_s"]) <= at; ++decision)
      last_wanted = whole(number_of(decisions[decision]["wanted"]));
    chart.table.rows.push_back({readable(at), whole(paid.y.back()), whole(ready.y.back()), last_wanted});
  }
  if (std::isnan(end) || end < ready.x.back()) end = ready.x.back();
  ready.until(end);
  paid.until(end);
  Panel panel;
  panel.y = {"replicas", Axis::Scale::linear, {}, 0.0, {}};
  panel.series.push_back(area_between("ready", 2, ready.x, std::vector<double>(ready.x.size(), 0), ready.y));
  panel.series.push_back(area_between("starting or draining", 1, ready.x, ready.y, paid.y));
  if (!decisions.empty()) {
    for (const Json& d : decisions) wanted.to(number_of(d["at_s"]), number_of(d["wanted"]));
    wanted.until(end);
    Series line;
    line.name = "wanted";
    line.color = 0;
    line.plain = true;
    line.dashed = true;
    line.x = wanted.x;
    line.y = wanted.y;
    panel.series.push_back(std::move(line));
  }
  chart.name = pool.empty() ? "replicas" : "replicas-" + pool;
  chart.title = pool.empty() ? "Replicas over time" : fmt::format("Replicas of {} over time", pool);
  chart.zoom = true;
  chart.x = {"simulated time (s)", Axis::Scale::linear, {}, 0.0, end};
  chart.caption = fmt::format(
      "Replicas that are paid, and what of them is ready: {} ready in the mean, {} paid, {} GPU-hours, {} cold starts. "
      "First replication.",
      figure_of(summary, "mean_replicas_ready"), figure_of(summary, "mean_replicas_paid"),
      figure_of(summary, "gpu_hours"), readable_count(number_of(summary["cold_starts"])));
  chart.panels.push_back(std::move(panel));
  charts.push_back(std::move(chart));
}

}  // namespace

void add_replicas(Charts& charts, const Json& document) {
  const Json& fleet = document["fleet"];
  add_replicas(charts, fleet, document["summary"], "");
  const Json::Object* pools = fleet["pools"].if_object();
  if (pools == nullptr) return;
  for (const auto& [name, pool] : *pools) add_replicas(charts, pool, document["pools"][name]["summary"], name);
}

}  // namespace foretoken
