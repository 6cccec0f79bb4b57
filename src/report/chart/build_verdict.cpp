// Charts of verdicts and differences: dots with intervals in rows.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/chart/build.hpp"
#include "report/chart/scale.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

// Rows of dots with intervals along x.
struct Rows {
  std::vector<std::string> names;
  Series dots;
  Rows() {
    dots.mark = Series::Mark::dots;
    dots.along_x = true;
  }
  void add(std::string name, double value, double low, double high, std::string label) {
    dots.y.push_back(static_cast<double>(names.size()));
    names.push_back(std::move(name));
    dots.x.push_back(value);
    dots.low.push_back(low);
    dots.high.push_back(high);
    dots.labels.push_back(std::move(label));
  }
  [[nodiscard]] Panel panel() && {
    Panel panel;
    panel.y.scale = Axis::Scale::category;
    panel.y.categories = std::move(names);
    panel.series.push_back(std::move(dots));
    return panel;
  }
};

std::string change_of(const Json& fix) {
  return text_of(fix["change"]);
}

// The effect on the objective that was missed by most: fixes are made for it.
const Json* main_effect(const Json& document, const Json& fix) {
  const Json* worst = nullptr;
  double margin = INFINITY;
  const Json::Array& objectives = list_of(document["study"]["objectives"]);
  const Json::Array& effects = list_of(fix["effects"]);
  for (const Json& effect : effects) {
    for (const Json& o : objectives) {
      if (text_of(o["expr"]) != text_of(effect["expr"]) || !(number_of(o["margin"]) < margin)) continue;
      margin = number_of(o["margin"]);
      worst = &effect;
    }
  }
  return worst;
}

double limit_of(const Json& document, const std::string& expr) {
  for (const Json& o : list_of(document["study"]["objectives"]))
    if (text_of(o["expr"]) == expr) return number_of(o["limit"]);
  return std::nan("");
}

}  // namespace

void add_objectives(Charts& charts, const Json& document) {
  const Json::Array& objectives = list_of(document["study"]["objectives"]);
  if (objectives.empty()) return;
  Chart chart;
  chart.name = "objectives";
  chart.title = "Objectives: the figure as a share of its limit";
  chart.x = {"share of the limit (%)", Axis::Scale::linear, {}, 0.0, {}};
  chart.table.head = {"objective", "verdict", "figure", "95 % interval", "margin", "P(meets)"};
  Rows rows;
  for (const Json& o : objectives) {
    const double limit = number_of(o["limit"]);
    const Json& i = o["interval"];
    const auto share = [&](const char* key) { return number_of(i[key]) / limit * 100; };
    rows.add(fmt::format("{}: {}", text_of(o["expr"]), text_of(o["verdict"])), share("value"), share("low"),
             share("high"), with_unit_of(number_of(i["value"]), text_of(o["metric"])));
    chart.table.rows.push_back({text_of(o["expr"]), text_of(o["verdict"]), readable(number_of(i["value"])),
                                fmt::format("{} to {}", readable(number_of(i["low"])), readable(number_of(i["high"]))),
                                percent(number_of(o["margin"])), chance_text(o["p_meets"])});
  }
  rows.dots.show_labels = true;
  Panel panel = std::move(rows).panel();
  panel.rules.push_back({true, 100, "limit"});
  chart.caption =
      "Each objective's figure with its 95 % interval, relative to its limit. `<=` has to be left of the line, `>=` "
      "right of it.";
  chart.panels.push_back(std::move(panel));
  charts.push_back(std::move(chart));
}

void add_fixes(Charts& charts, const Json& document) {
  Chart chart;
  chart.name = "fixes";
  chart.title = "What would help";
  chart.table.head = {"change", "verdict", "objective", "figure after it", "GPUs added", "how to set it"};
  Rows rows;
  std::string expr;
  for (const Json& fix : list_of(document["fixes"])) {
    std::string set;
    for (const Json& s : list_of(fix["set"])) set += (set.empty() ? "--set " : " --set ") + text_of(s);
    const Json* effect = main_effect(document, fix);
    if (effect == nullptr || !is_true(fix["simulated"])) {
      const std::string why = text_of(fix["reason"]);
      chart.table.rows.push_back({change_of(fix), why.empty() ? "not simulated: a bound says no" : why, "", "",
                                  tick_label(number_of(fix["gpus_added"])), set});
      continue;
    }
    expr = text_of((*effect)["expr"]);
    const double limit = limit_of(document, expr);
    const Json& after = (*effect)["after"];
    rows.add(fmt::format("{}: {}", change_of(fix), text_of(fix["verdict"])), number_of(after["value"]) / limit * 100,
             number_of(after["low"]) / limit * 100, number_of(after["high"]) / limit * 100,
             with_unit_of(number_of(after["value"]), text_of((*effect)["metric"])));
    chart.table.rows.push_back({change_of(fix), text_of(fix["verdict"]), expr, interval_text(after),
                                tick_label(number_of(fix["gpus_added"])), set});
  }
  if (rows.names.empty()) return;
  chart.x = {fmt::format("{} as a share of its limit (%)", expr), Axis::Scale::linear, {}, 0.0, {}};
  constexpr double kMost = 400;  // a change for the worse would push all others together
  if (std::any_of(rows.dots.x.begin(), rows.dots.x.end(), [](double x) { return x > kMost; })) chart.x.max = kMost;
  chart.caption = fmt::format(
      "The objective missed by most, after each change alone, with 95 % intervals. Every change was simulated.{}",
      chart.x.max ? " What lies beyond 400 % is in the table alone." : "");
  rows.dots.show_labels = true;
  Panel panel = std::move(rows).panel();
  panel.rules.push_back({true, 100, "limit"});
  chart.panels.push_back(std::move(panel));
  charts.push_back(std::move(chart));
}

void add_compare(Charts& charts, const Json& document) {
  const Json::Object* metrics = document["metrics"].if_object();
  if (metrics == nullptr || document["pairing"].is_null()) return;
  static constexpr std::string_view kShown[] = {"request_throughput",
                                                "output_throughput",
                                                "mean_ttft_ms",
                                                "p50_ttft_ms",
                                                "p99_ttft_ms",
                                                "mean_tpot_ms",
                                                "p99_tpot_ms",
                                                "mean_itl_ms",
                                                "p99_itl_ms",
                                                "mean_e2el_ms",
                                                "p99_e2el_ms",
                                                "mfu",
                                                "mbu",
                                                "mean_queue_time_ms"};
  Chart chart;
  chart.name = "differences";
  chart.title = "What the change does";
  chart.x = {"difference (%)", Axis::Scale::linear, {}, {}, {}};
  chart.table.head = {"figure", "before", "after", "difference", "beyond chance"};
  Rows rows;
  for (const auto& [key, m] : *metrics) {
    const double before = number_of(m["before"]);
    const Json& d = m["difference"];
    chart.table.rows.push_back({metric_label(key), readable(before), readable(number_of(m["after"])), interval_text(d),
                                is_true(m["sure"]) ? "yes" : "no"});
    if (std::find(std::begin(kShown), std::end(kShown), key) == std::end(kShown) || !(before > 0)) continue;
    if (number_of(d["value"]) == 0) continue;
    rows.add(metric_title(key) + (is_true(m["sure"]) ? "" : " (within chance)"), number_of(d["value"]) / before * 100,
             number_of(d["low"]) / before * 100, number_of(d["high"]) / before * 100,
             fmt::format("{} to {}", readable(before), readable(number_of(m["after"]))));
  }
  if (rows.names.empty()) return;
  chart.caption =
      fmt::format("Differences relative to the first scenario, {}, with 95 % intervals.", text_of(document["pairing"]));
  Panel panel = std::move(rows).panel();
  panel.rules.push_back({true, 0, ""});
  chart.panels.push_back(std::move(panel));
  charts.push_back(std::move(chart));
}

void add_tornado(Charts& charts, const Json& document) {
  const Json::Array& levers = list_of(document["levers"]);
  if (levers.empty()) return;
  constexpr std::size_t kMost = 25;
  const std::string metric = text_of(document["metric"]);
  const std::string by = percent(number_of(document["by"]));
  Chart chart;
  chart.name = "tornado";
  chart.title = fmt::format("What {} hangs on", metric_title(metric));
  chart.x = {fmt::format("change of {}", metric_label(metric)), Axis::Scale::linear, {}, {}, {}};
  chart.caption = fmt::format(
      "{} is {}; each figure moved by {} down and up, the largest effect first; no bar where it is "
      "not beyond chance. {}",
      metric_title(metric), interval_text(document["base"]), by, text_of(document["worth"]));
  chart.table.head = {"figure", "now", "unit", "down", "up", "elasticity", "beyond chance"};
  Panel panel;
  panel.y.scale = Axis::Scale::category;
  Series down, up;
  down.name = by + " less of it";
  up.name = by + " more of it";
  up.color = 1;
  for (const Json& lever : levers) {
    const double row = static_cast<double>(panel.y.categories.size());
    const auto side = [&](const char* key, Series& s) {
      const Json& move = lever[key];
      const double d = number_of(move["difference"]["value"]);
      if (std::isnan(d))
        return std::string(move["possible"].is_null() || is_true(move["possible"]) ? "-" : "not possible");
      const bool beyond_chance = number_of(move["difference"]["low"]) > 0 || number_of(move["difference"]["high"]) < 0;
      if (beyond_chance && chart.table.rows.size() < kMost) {
        s.x.push_back(d);
        s.y.push_back(row);
        s.low.push_back(std::min(0.0, d));
        s.high.push_back(std::max(0.0, d));
        s.labels.push_back(
            fmt::format("{}, {}: {}", text_of(lever["name"]), s.name, interval_text(move["difference"])));
      }
      return interval_text(move["difference"]);
    };
    const std::string d = side("down", down), u = side("up", up);
    if (chart.table.rows.size() < kMost) panel.y.categories.push_back(text_of(lever["name"]));
    chart.table.rows.push_back({text_of(lever["name"]), readable(number_of(lever["now"])), text_of(lever["unit"]), d, u,
                                readable(number_of(lever["elasticity"])), is_true(lever["certain"]) ? "yes" : "no"});
  }
  for (Series* s : {&down, &up}) {
    s->mark = Series::Mark::rects;
    panel.series.push_back(std::move(*s));
  }
  panel.rules.push_back({true, 0, ""});
  chart.panels.push_back(std::move(panel));
  charts.push_back(std::move(chart));
}

}  // namespace foretoken
