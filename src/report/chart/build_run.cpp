// Charts of a run: its latencies, its course, single requests, where their time went.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/chart/build.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

std::vector<double> percent_of(std::vector<double> shares) {
  for (double& s : shares) s *= 100;
  return shares;
}

// ttft of p99_ttft_ms.
bool is_about(std::string_view key, std::string_view metric) {
  return key.find("_" + std::string(metric) + "_ms") != std::string_view::npos;
}

constexpr double kShownShares[] = {0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1};

Table quantile_table(const std::vector<double>& shares, const Panel& panel) {
  Table table;
  table.head.emplace_back("share of requests");
  for (const Series& s : panel.series) table.head.push_back(s.name + " (ms)");
  for (const double share : kShownShares) {
    const auto at = std::find(shares.begin(), shares.end(), share);
    if (at == shares.end()) continue;
    const auto i = static_cast<std::size_t>(at - shares.begin());
    std::vector<std::string> row{percent(share)};
    for (const Series& s : panel.series) {
      std::string cell = readable(s.x[i]);
      if (!s.low.empty()) cell += fmt::format(" ({} to {})", readable(s.low[i]), readable(s.high[i]));
      row.push_back(std::move(cell));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Rows of a long series, evenly apart.
Table series_table(const std::vector<double>& time,
                   const std::vector<std::pair<std::string, std::vector<double>>>& columns) {
  constexpr std::size_t kMost = 50;
  Table table;
  table.head.emplace_back("time (s)");
  for (const auto& c : columns) table.head.push_back(c.first);
  const std::size_t every = (time.size() + kMost - 1) / kMost;
  for (std::size_t i = 0; i < time.size(); i += std::max<std::size_t>(1, every)) {
    std::vector<std::string> row{readable(time[i])};
    for (const auto& c : columns) row.push_back(readable(c.second[i]));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Series line(std::string name, std::size_t color, const std::vector<double>& x, std::vector<double> y) {
  Series s;
  s.name = std::move(name);
  s.color = color;
  s.x = x;
  s.y = std::move(y);
  return s;
}

// `top` of `above`, which stands on it.
Series area(std::string name, std::size_t color, const std::vector<double>& x, const std::vector<double>& bottom,
            const std::vector<double>& height) {
  Series s;
  s.name = std::move(name);
  s.mark = Series::Mark::area;
  s.color = color;
  s.x = x;
  s.low = bottom;
  for (std::size_t i = 0; i < x.size(); ++i) s.high.push_back(bottom[i] + height[i]);
  s.y = s.high;
  return s;
}

struct Phase {
  const char* name;
  const char* from;
  const char* to;
};
constexpr Phase kPhases[] = {{"queue", "arrival_s", "scheduled_s"},
                             {"prefill", "scheduled_s", "first_token_s"},
                             {"decode", "first_token_s", "finish_s"}};

// `aligned`: every request from its own arrival on.
void add_gantt(Charts& charts, const Json& requests, bool aligned, Chart chart) {
  const Json::Array& list = list_of(requests);
  if (list.empty()) return;
  Panel panel;
  panel.y.scale = Axis::Scale::category;
  chart.table.head = {"request",       "arrival (s)",   "queue (ms)",  "prefill (ms)", "decode (ms)",
                      "prompt tokens", "output tokens", "preemptions", "outcome"};
  for (std::size_t p = 0; p < std::size(kPhases); ++p) {
    panel.series.emplace_back();
    panel.series.back().name = kPhases[p].name;
    panel.series.back().mark = Series::Mark::rects;
    panel.series.back().color = p;
  }
  for (std::size_t row = 0; row < list.size(); ++row) {
    const Json& r = list[row];
    const std::string index =
        readable(number_of(r["index"]) < 1e15 ? static_cast<std::int64_t>(number_of(r["index"])) : 0);
    panel.y.categories.push_back("request " + index);
    const double origin = aligned ? number_of(r["arrival_s"]) : 0;
    std::vector<std::string> cells{index, readable(number_of(r["arrival_s"]))};
    for (std::size_t p = 0; p < std::size(kPhases); ++p) {
      const double from = number_of(r[kPhases[p].from]), to = number_of(r[kPhases[p].to]);
      cells.push_back(readable((to - from) * 1e3));
      if (!(to >= from)) continue;
      Series& s = panel.series[p];
      s.x.push_back(to - origin);
      s.y.push_back(static_cast<double>(row));
      s.low.push_back(from - origin);
      s.high.push_back(to - origin);
      s.labels.push_back(fmt::format("request {}, {}: {} ms", index, kPhases[p].name, readable((to - from) * 1e3)));
    }
    for (const char* key : {"prompt_tokens", "output_tokens", "preemptions"})
      cells.push_back(readable(static_cast<std::int64_t>(number_of(r[key]))));
    std::string outcome = text_of(r["outcome"]);
    std::replace(outcome.begin(), outcome.end(), '_', ' ');
    cells.push_back(std::move(outcome));
    chart.table.rows.push_back(std::move(cells));
  }
  chart.panels.push_back(std::move(panel));
  charts.push_back(std::move(chart));
}

}  // namespace

void add_latency_curves(Charts& charts, const Json& document) {
  const Json& curves = document["curves"];
  if (list_of(curves["metrics"]).empty()) return;
  const std::vector<double> shares = numbers_of(curves["shares"]);
  Chart chart;
  chart.name = "latency";
  chart.title = "Latencies: share of requests that are done within";
  chart.x = {"time (ms)", Axis::Scale::log, {}, {}, {}};
  Panel panel;
  panel.y = {"requests (%)", Axis::Scale::linear, {}, 0.0, 100.0};
  for (const Json& curve : list_of(curves["metrics"])) {
    const std::string metric = text_of(curve["metric"]);
    Series s = line(metric_title(metric), panel.series.size(), numbers_of(curve["ms"]), percent_of(shares));
    s.low = numbers_of(curve["low"]);
    s.high = numbers_of(curve["high"]);
    s.along_x = true;
    panel.series.push_back(std::move(s));
    const Json& objectives = list_of(document["slo"]).empty() ? document["study"]["objectives"] : document["slo"];
    for (const Json& o : list_of(objectives))
      if (is_about(text_of(o["metric"]), metric))
        panel.rules.push_back({true, number_of(o["limit"]), text_of(o["expr"])});
  }
  const auto replications = static_cast<std::int64_t>(number_of(curves["replications"]));
  chart.caption = replications > 1
                      ? fmt::format(
                            "Cumulative share of completed requests by latency, mean of {} replications; the "
                            "bands are 95 % intervals of each percentile.",
                            replications)
                      : "Cumulative share of completed requests by latency, of one run. More replications "
                        "(replications: 5) give intervals.";
  chart.table = quantile_table(shares, panel);
  chart.panels.push_back(std::move(panel));
  charts.push_back(std::move(chart));
}

void add_timeline(Charts& charts, const Json& document) {
  const Json& t = document["timeseries"];
  const std::vector<double> time = numbers_of(t["time_s"]);
  if (time.empty()) return;
  const auto column = [&](const char* key) {
    std::vector<double> values = numbers_of(t[key]);
    values.resize(time.size(), std::nan(""));
    return values;
  };
  Chart chart;
  chart.name = "timeline";
  chart.title = "The run over time";
  chart.zoom = true;
  chart.x = {"simulated time (s)", Axis::Scale::linear, {}, 0.0, time.back() + number_of(t["bucket_s"])};
  const std::vector<double> running = column("num_requests_running"), waiting = column("num_requests_waiting");
  chart.panels.push_back({{"requests", Axis::Scale::linear, {}, 0.0, {}},
                          {line("running", 0, time, running), line("waiting", 1, time, waiting)},
                          {}});
  const std::vector<double> zero(time.size(), 0), decode = column("decode_tokens_per_step"),
                                                  prefill = column("prefill_tokens_per_step");
  chart.panels.push_back(
      {{"tokens per step", Axis::Scale::linear, {}, 0.0, {}},
       {area("decode tokens", 2, time, zero, decode), area("prefill tokens", 4, time, decode, prefill)},
       {}});
  const std::vector<double> kv = percent_of(column("kv_cache_usage_perc"));
  const std::vector<double> most_kv = percent_of(column("most_kv_cache_usage_perc"));
  const std::vector<double> preemptions = column("num_preemptions");
  chart.panels.push_back({{"KV cache (%)", Axis::Scale::linear, {}, 0.0, {}},
                          {line("KV used, mean", 3, time, kv), line("KV used, peak of a replica", 6, time, most_kv)},
                          {}});
  double preempted = 0;
  for (const double p : preemptions) preempted += p;
  if (preempted > 0) {
    Series s = line("preemptions", 1, time, preemptions);
    s.mark = Series::Mark::columns;
    chart.panels.push_back({{"preemptions", Axis::Scale::linear, {}, 0.0, {}}, {std::move(s)}, {}});
  }
  chart.caption = fmt::format(
      "Requests running and waiting, tokens of a mean step, and KV blocks in use, all replicas together, in {} buckets "
      "of {} s; {}. First replication.",
      time.size(), readable(number_of(t["bucket_s"])),
      preempted > 0 ? readable(static_cast<std::int64_t>(preempted)) + " preemptions" : "no preemptions");
  chart.table = series_table(time, {{"running", running},
                                    {"waiting", waiting},
                                    {"prefill tokens per step", prefill},
                                    {"decode tokens per step", decode},
                                    {"KV used, mean (%)", kv},
                                    {"KV used, peak of a replica (%)", most_kv},
                                    {"preemptions", preemptions}});
  charts.push_back(std::move(chart));
}

void add_requests(Charts& charts, const Json& document) {
  Chart neighbours;
  neighbours.name = "requests";
  neighbours.title = "Requests one after the other";
  neighbours.caption =
      "Requests that arrived in a row, from near the middle of the run: waiting, prefill, decode. First replication.";
  neighbours.x = {"simulated time (s)", Axis::Scale::linear, {}, {}, {}};
  neighbours.zoom = true;
  add_gantt(charts, document["requests"]["neighbours"], false, std::move(neighbours));
  Chart slowest;
  slowest.name = "slowest";
  slowest.title = "The requests that waited longest for their first token";
  slowest.caption = "Each from its own arrival: waiting, prefill, decode. First replication.";
  slowest.x = {"time since arrival (s)", Axis::Scale::linear, {}, 0.0, {}};
  add_gantt(charts, document["requests"]["slowest"], true, std::move(slowest));
}

void add_attribution(Charts& charts, const Json& document) {
  const Json& means = document["attribution"];
  if (means["ttft_ms"].if_object() == nullptr) return;
  std::vector<std::string> names;
  for (const auto& [key, value] : *means["ttft_ms"].if_object()) {
    names.push_back(key);
    std::replace(names.back().begin(), names.back().end(), '_', ' ');
  }
  std::vector<Stack> ms;
  const auto add = [&](const Json& parts, const std::string& title) {
    if (parts.if_object() == nullptr) return;
    Stack stack{title, {}};
    double total = 0;
    for (const auto& [key, value] : *parts.if_object()) {
      stack.parts.push_back(number_of(value));
      total += number_of(value);
    }
    stack.row += fmt::format(", {} ms", readable(total));
    ms.push_back(std::move(stack));
  };
  add(means["ttft_ms"], "TTFT, mean");
  for (const Json& group : list_of(document["attribution_groups"]))
    add(group["ttft_ms"], "TTFT, " + text_of(group["name"]));
  add(means["e2el_ms"], "E2E, mean");
  for (const Json& group : list_of(document["attribution_groups"]))
    add(group["e2el_ms"], "E2E, " + text_of(group["name"]));
  std::vector<Stack> shares = ms;
  for (Stack& s : shares) {
    double total = 0;
    for (const double part : s.parts) total += part;
    for (double& part : s.parts) part = total > 0 ? part / total * 100 : 0;
  }
  Chart chart;
  chart.name = "attribution";
  chart.title = "Where the time of a request goes";
  chart.caption = "Shares of the time to the first token and of the whole request; the table has milliseconds.";
  chart.x = {"share of the time (%)", Axis::Scale::linear, {}, 0.0, 100.0};
  chart.panels.push_back(stacked(names, shares, "%"));
  chart.table = table_of("part (ms)", names, ms);
  charts.push_back(std::move(chart));
}

void add_hours(Charts& charts, const Json& document) {
  const Json::Array& slots = list_of(document["load_slots"]["slots"]);
  if (slots.empty()) return;
  Chart chart;
  chart.name = "hours";
  chart.title = "The load through the day";
  chart.x.scale = Axis::Scale::category;
  Series load = line("offered load", 0, {}, {});
  load.mark = Series::Mark::columns;
  Series ttft = line("p99 TTFT", 1, {}, {}), tpot = line("p99 TPOT", 2, {}, {});
  chart.table.head = {"slot", "requests/s", "p99 TTFT (ms)", "p99 TPOT (ms)"};
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Json& slot = slots[i];
    const auto at = static_cast<double>(i);
    chart.x.categories.push_back(text_of(slot["name"]));
    const double rate = number_of(slot["offered_request_rate"]);
    load.x.push_back(at);
    load.y.push_back(rate);
    ttft.x.push_back(at);
    ttft.y.push_back(number_of(slot["p99_ttft_ms"]));
    tpot.x.push_back(at);
    tpot.y.push_back(number_of(slot["p99_tpot_ms"]));
    chart.table.rows.push_back(
        {chart.x.categories.back(), readable(rate), readable(ttft.y.back()), readable(tpot.y.back())});
  }
  chart.caption = "Offered load and the 99th percentiles of TTFT and TPOT, slot by slot.";
  chart.panels.push_back({{"requests/s", Axis::Scale::linear, {}, 0.0, {}}, {std::move(load)}, {}});
  chart.panels.push_back({{"ms", Axis::Scale::log, {}, {}, {}}, {std::move(ttft), std::move(tpot)}, {}});
  charts.push_back(std::move(chart));
}

}  // namespace foretoken
