// Charts of how much fits: a capacity, batch sizes, recommended deployments, predictions beside measurements.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/chart/build.hpp"
#include "report/chart/scale.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

void add_interval(Series& s, double x, const Json& interval, double factor = 1) {
  s.x.push_back(x);
  s.y.push_back(number_of(interval["value"]) * factor);
  s.low.push_back(number_of(interval["low"]) * factor);
  s.high.push_back(number_of(interval["high"]) * factor);
}

void add_load_rules(Chart& chart, const Json& document) {
  const auto rule = [&](const Json& value, const std::string& words) {
    const double at = number_of(value);
    for (std::size_t i = 0; std::isfinite(at) && i < chart.panels.size(); ++i)
      chart.panels[i].rules.push_back({true, at, i == 0 ? words + " " + tick_label(at) : ""});
  };
  rule(document["offered"], "now");
  rule(document["capacity"], "capacity");
  if (!is_true(document["knee"]["at_end"])) rule(document["knee"]["load"], "knee");
}

Panel objectives_panel(const Json& document) {
  Panel panel;
  panel.y = {"share of the limit (%)", Axis::Scale::linear, {}, 0.0, {}};
  double most = 0;
  for (const Json& look : list_of(document["looks"])) {
    for (const Json& o : list_of(look["objectives"])) {
      const std::string expr = text_of(o["expr"]);
      auto at = std::find_if(panel.series.begin(), panel.series.end(), [&](const Series& s) { return s.name == expr; });
      if (at == panel.series.end()) {
        Series s;
        s.name = expr;
        s.color = panel.series.size();
        at = panel.series.insert(panel.series.end(), std::move(s));
      }
      add_interval(*at, number_of(look["load"]), o["interval"], 100 / number_of(o["limit"]));
      at->labels.push_back(text_of(o["verdict"]));
      if (std::isfinite(at->y.back())) most = std::max(most, at->y.back());
    }
  }
  constexpr double kMost = 300;  // an overloaded point is anywhere above
  if (most > kMost) panel.y.max = kMost;
  panel.rules.push_back({false, 100, "limit"});
  return panel;
}

// Beyond the capacity a latency is anything: what lies far above it must not flatten the rest.
void keep_capacity_in_view(Panel& panel, const Json& document) {
  constexpr double kTimes = 3;
  const double capacity = number_of(document["capacity"]);
  const Series& s = panel.series.front();
  double within = 0, most = 0;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    if (s.x[i] <= capacity && std::isfinite(s.y[i])) within = std::max(within, s.y[i]);
    if (std::isfinite(s.y[i])) most = std::max(most, s.y[i]);
  }
  if (within > 0 && most > kTimes * within) panel.y.max = kTimes * within;
}

// Real runs beside the simulated ones, where they have what a panel shows.
void add_measured(Panel& panel, const Json& document, const char* key) {
  Series s;
  s.name = "measured";
  s.mark = Series::Mark::dots;
  s.color = 1;
  for (const Json& point : list_of(document["measured"]["points"])) {
    const double figure = number_of(point[key]);
    if (!std::isfinite(figure)) continue;
    s.x.push_back(number_of(point["load"]));
    s.y.push_back(figure);
    s.labels.push_back(fmt::format("measured {}", readable(figure)));
  }
  if (!s.x.empty()) panel.series.push_back(std::move(s));
}

// As shares of the limit; one name for the dots of all objectives.
void add_measured_shares(Panel& panel, const Json& document) {
  std::vector<std::pair<std::string, double>> limits;
  for (const Json& look : list_of(document["looks"])) {
    for (const Json& o : list_of(look["objectives"])) {
      const std::string metric = text_of(o["metric"]);
      const auto known = [&](const auto& l) { return l.first == metric; };
      if (std::none_of(limits.begin(), limits.end(), known)) limits.emplace_back(metric, number_of(o["limit"]));
    }
  }
  Series s;
  s.name = "measured";
  s.mark = Series::Mark::dots;
  s.color = 1;
  for (const auto& [metric, limit] : limits) {
    for (const Json& point : list_of(document["measured"]["points"])) {
      const double figure = number_of(point[metric]);
      if (!std::isfinite(figure)) continue;
      s.x.push_back(number_of(point["load"]));
      s.y.push_back(100 * figure / limit);
      s.labels.push_back(fmt::format("{} measured {}", metric_title(metric), readable(figure)));
    }
  }
  if (!s.x.empty()) panel.series.push_back(std::move(s));
}

}  // namespace

void add_capacity(Charts& charts, const Json& document) {
  const Json::Array& looks = list_of(document["looks"]);
  if (looks.empty()) return;
  const std::string unit = text_of(document["unit"]);
  Chart chart;
  chart.name = "load";
  chart.title = "How much load fits";
  chart.x = {fmt::format("{} ({})", text_of(document["variable"]), unit), Axis::Scale::linear, {}, {}, {}};
  chart.panels.push_back(objectives_panel(document));
  add_measured_shares(chart.panels.back(), document);
  Series latency, throughput;
  latency.name = "mean E2E";
  latency.color = 4;
  throughput.name = "output throughput";
  throughput.color = 2;
  chart.table.head = {unit, "verdict", "objectives", "mean E2E (ms)", "tokens/s", "requests simulated"};
  for (const Json& look : looks) {
    const double load = number_of(look["load"]);
    std::string figures = text_of(look["reason"]);
    for (const Json& o : list_of(look["objectives"]))
      figures += fmt::format("{}{}: {} ({})", figures.empty() ? "" : "; ", text_of(o["expr"]), text_of(o["verdict"]),
                             interval_text(o["interval"]));
    chart.table.rows.push_back({readable(load), text_of(look["verdict"]), figures, interval_text(look["mean_e2el_ms"]),
                                interval_text(look["output_throughput"]), readable(number_of(look["requests"]))});
    if (look["mean_e2el_ms"].is_null()) continue;
    add_interval(latency, load, look["mean_e2el_ms"]);
    add_interval(throughput, load, look["output_throughput"]);
  }
  chart.panels.push_back({{"E2E (ms)", Axis::Scale::linear, {}, 0.0, {}}, {std::move(latency)}, {}});
  keep_capacity_in_view(chart.panels.back(), document);
  add_measured(chart.panels.back(), document, "mean_e2el_ms");
  chart.panels.push_back({{"tokens/s", Axis::Scale::linear, {}, 0.0, {}}, {std::move(throughput)}, {}});
  add_measured(chart.panels.back(), document, "output_throughput");
  add_load_rules(chart, document);
  chart.caption = fmt::format(
      "Each objective relative to its limit, the mean latency and the throughput, with 95 % "
      "intervals, at every load that was looked at. Outcome: {}{}.",
      text_of(document["outcome"]),
      std::isfinite(number_of(document["capacity"]))
          ? fmt::format(", {} {}", readable(number_of(document["capacity"])), unit)
          : "");
  if (const std::string source = text_of(document["measured"]["source"]); !source.empty())
    chart.caption += fmt::format(" Measured: {}", source);
  charts.push_back(std::move(chart));
  if (list_of(document["confidence"]).empty()) return;
  Chart sure;
  sure.name = "confidence";
  sure.title = "How likely all objectives hold";
  sure.caption = "The chance that all objectives hold at a load when the model errs as it was measured to.";
  sure.x = chart.x;
  sure.x.label = fmt::format("{} ({})", text_of(document["variable"]), unit);
  Series chance;
  sure.table.head = {unit, "chance"};
  for (const Json& c : list_of(document["confidence"])) {
    chance.x.push_back(number_of(c["load"]));
    chance.y.push_back(number_of(c["p_meets_all"]["value"]) * 100);
    sure.table.rows.push_back({readable(chance.x.back()), percent(chance.y.back() / 100)});
  }
  sure.panels.push_back({{"chance (%)", Axis::Scale::linear, {}, 0.0, 100.0}, {std::move(chance)}, {}});
  for (const Json& p : list_of(document["promised"])) {
    if (std::isfinite(number_of(p["load"])))
      sure.panels[0].rules.push_back(
          {true, number_of(p["load"]), fmt::format("{} sure", percent(number_of(p["probability"])))});
  }
  charts.push_back(std::move(sure));
}

void add_batch(Charts& charts, const Json& document) {
  const Json::Array& sizes = list_of(document["sizes"]);
  if (sizes.empty()) return;
  Chart chart;
  chart.name = "batch";
  chart.title = "Sports car or coach: what the batch does";
  chart.x = {"batch", Axis::Scale::log, {}, {}, {}};
  Series tpot, one_tpot, tps, one_tps;
  tpot.name = tps.name = "continuous batching, simulated";
  one_tpot.name = one_tps.name = "static batch, closed form";
  one_tpot.color = one_tps.color = 1;
  Chart trade;
  trade.name = "tradeoff";
  trade.title = "Tokens/s per user against tokens/s per GPU";
  trade.x = {"tokens/s per user (1/TPOT)", Axis::Scale::linear, {}, 0.0, {}};
  Series users;
  users.mark = Series::Mark::dots;
  users.show_labels = true;
  chart.table.head = {"batch", "verdict", "TPOT (ms)",       "p99 TTFT (ms)",   "tokens/s",
                      "MFU",   "MBU",     "KV needed (GiB)", "static TPOT (ms)"};
  for (const Json& size : sizes) {
    const double batch = number_of(size["batch"]);
    const Json& c = size["continuous"];
    const Json& s = size["static"];
    if (!s.is_null()) {
      one_tpot.x.push_back(batch);
      one_tpot.y.push_back(number_of(s["tpot_ms"]));
      one_tps.x.push_back(batch);
      one_tps.y.push_back(number_of(s["output_throughput"]));
    }
    chart.table.rows.push_back({tick_label(batch), c.is_null() ? text_of(size["reason"]) : text_of(c["verdict"]),
                                interval_text(c["mean_tpot_ms"]), interval_text(c["p99_ttft_ms"]),
                                interval_text(c["output_throughput"]), percent(number_of(c["mfu"])),
                                percent(number_of(c["mbu"])), readable(number_of(size["kv_needed_gib"])),
                                readable(number_of(s["tpot_ms"]))});
    if (c.is_null()) continue;
    add_interval(tpot, batch, c["mean_tpot_ms"]);
    add_interval(tps, batch, c["output_throughput"]);
    users.x.push_back(number_of(c["interactivity_tok_s"]));
    users.y.push_back(number_of(c["tokens_per_s_per_gpu"]));
    users.labels.push_back("batch " + tick_label(batch));
  }
  trade.table = chart.table;
  chart.panels.push_back(
      {{"mean TPOT (ms)", Axis::Scale::linear, {}, 0.0, {}}, {std::move(tpot), std::move(one_tpot)}, {}});
  chart.panels.push_back({{"tokens/s", Axis::Scale::linear, {}, 0.0, {}}, {std::move(tps), std::move(one_tps)}, {}});
  const double best = number_of(document["best_batch"]), full = number_of(document["kv_limited_batch"]);
  for (std::size_t i = 0; i < chart.panels.size(); ++i) {
    if (best > 0)
      chart.panels[i].rules.push_back({true, best, i == 0 ? "largest that meets: " + tick_label(best) : ""});
    if (full > 0) chart.panels[i].rules.push_back({true, full, i == 0 ? "KV cache full: " + tick_label(full) : ""});
  }
  chart.caption =
      "TPOT and throughput by batch size, with 95 % intervals: a small batch answers fast, a large one carries "
      "more and lets everyone wait.";
  trade.caption = "Each batch size by what a user gets and what a GPU gives.";
  trade.panels.push_back({{"tokens/s per GPU", Axis::Scale::linear, {}, 0.0, {}}, {std::move(users)}, {}});
  charts.push_back(std::move(chart));
  charts.push_back(std::move(trade));
}

namespace {

// Deployments that hardly differ stand together: ticks would show their digits and no difference.
void keep_together(Axis& axis, std::vector<double> values) {
  constexpr double kAlike = 0.02, kAround = 0.05;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  if (values.empty() || *most - *least > kAlike * *most) return;
  axis.min = *least * (1 - kAround);
  axis.max = *most * (1 + kAround);
}

}  // namespace

void add_recommend(Charts& charts, const Json& document) {
  const Json::Array& ranked = list_of(document["ranked"]);
  const Json::Array& front = list_of(document["throughput_front"]);
  if (ranked.empty() && front.empty()) return;
  Chart chart;
  chart.name = "candidates";
  chart.title = "Deployments: what a user gets and what a GPU gives";
  chart.x = {"tokens/s per user (1/TPOT)", Axis::Scale::linear, {}, {}, {}};
  chart.table.head = {"rank",         "GPUs", "deployment", "verdict", "$/h", "tokens/s per GPU", "tokens/s per user",
                      "p99 TTFT (ms)"};
  Panel panel;
  panel.y = {"tokens/s per GPU", Axis::Scale::linear, {}, {}, {}};
  const auto add = [&](const Json::Array& list, const char* name, std::size_t color, bool line) {
    Series s;
    s.name = name;
    s.mark = line ? Series::Mark::line : Series::Mark::dots;
    s.color = color;
    s.dashed = line;
    s.show_labels = !line;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Json& c = list[i];
      const std::string deployment =
          fmt::format("{} x {}, TP {}, replicas {}", tick_label(number_of(c["gpus"])), text_of(c["gpu"]),
                      tick_label(number_of(c["tensor_parallel_size"])), tick_label(number_of(c["replicas"])));
      if (!line)
        chart.table.rows.push_back(
            {fmt::format("{}", i + 1), tick_label(number_of(c["gpus"])), deployment, text_of(c["verdict"]),
             dollars(number_of(c["usd_per_hour"])), readable(number_of(c["tokens_per_s_per_gpu"])),
             readable(number_of(c["interactivity_tok_s"])), readable(number_of(c["p99_ttft_ms"]))});
      if (std::isnan(number_of(c["interactivity_tok_s"]))) continue;
      s.x.push_back(number_of(c["interactivity_tok_s"]));
      s.y.push_back(number_of(c["tokens_per_s_per_gpu"]));
      s.labels.push_back(fmt::format("{}: {}", i + 1, deployment));
    }
    if (!s.x.empty()) panel.series.push_back(std::move(s));
  };
  add(front, "front", 7, true);
  add(ranked, "ranked", 0, false);
  if (panel.series.empty()) return;
  std::vector<double> x, y;
  for (const Series& s : panel.series) {
    x.insert(x.end(), s.x.begin(), s.x.end());
    y.insert(y.end(), s.y.begin(), s.y.end());
  }
  keep_together(chart.x, std::move(x));
  keep_together(panel.y, std::move(y));
  chart.caption = "The ranked deployments, which all meet the objectives, the cheapest first.";
  chart.panels.push_back(std::move(panel));
  charts.push_back(std::move(chart));
}

void add_validation(Charts& charts, const Json& document) {
  const Json::Array& runs = list_of(document["runs"]);
  if (runs.empty() || list_of(runs.front()["figures"]).empty()) return;
  Chart chart;
  chart.name = "accuracy";
  chart.title = "Predicted and measured";
  chart.x = {"predicted / measured (%)", Axis::Scale::linear, {}, {}, {}};
  chart.caption =
      "Each figure's prediction as a share of the measurement; the interval is what the model's error allows.";
  chart.table.head = {"run", "figure", "unit", "measured", "predicted", "error (%)", "inside the model's band"};
  Panel panel;
  panel.y.scale = Axis::Scale::category;
  Series s;
  s.mark = Series::Mark::dots;
  s.along_x = true;
  for (const Json& run : runs) {
    for (const Json& f : list_of(run["figures"])) {
      const double measured = number_of(f["measured"]);
      const std::string metric = text_of(f["metric"]);
      chart.table.rows.push_back({text_of(run["file"]), metric_title(metric), text_of(f["unit"]), readable(measured),
                                  readable(number_of(f["predicted"])), readable_signed(number_of(f["error_pct"])),
                                  f["inside_model"].is_null()  ? ""
                                  : is_true(f["inside_model"]) ? "yes"
                                                               : "no"});
      if (!(measured > 0)) continue;
      s.y.push_back(static_cast<double>(panel.y.categories.size()));
      panel.y.categories.push_back(runs.size() > 1 ? fmt::format("{}, {}", metric_title(metric), text_of(run["file"]))
                                                   : metric_title(metric));
      s.x.push_back(number_of(f["predicted"]) / measured * 100);
      s.low.push_back(number_of(f["model_low"]) / measured * 100);
      s.high.push_back(number_of(f["model_high"]) / measured * 100);
      s.labels.push_back(
          fmt::format("{}: {} for {}", metric_title(metric), readable(number_of(f["predicted"])), readable(measured)));
    }
  }
  panel.series.push_back(std::move(s));
  panel.rules.push_back({true, 100, "as measured"});
  chart.panels.push_back(std::move(panel));
  charts.push_back(std::move(chart));
}

}  // namespace foretoken
