// All that a run tells: objectives, load, latencies, throughput, where the time and the memory went.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/experiment/version.hpp"
#include "foretoken/report/report.hpp"
#include "report/common.hpp"
#include "report/fleet_report.hpp"
#include "report/load_slots_report.hpp"
#include "report/run_parts.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

constexpr double kPerMillisecond = 1e-3;

// Zero counts of trouble and figures of no interest to most stay out of the table; JSON has them.
bool shown(const Column& column, double value) {
  if (std::isnan(value)) return false;
  if (column.key == "preemption_count" || column.key == "num_prompts") return true;
  const bool trouble = column.key == "rejected" || column.key == "timed_out" || column.key == "unfinished" ||
                       column.key == "lost_transfers" || column.key == "aborted" ||
                       column.key == "stale_admission_signals" || column.key == "mean_client_queue_time_ms" ||
                       column.key == "prefix_cache_hit_rate" || column.key == "kv_fetched_gb" ||
                       column.key.ends_with("_prefix_hits");
  if (column.key == "prefix_cache_queries" || column.key == "prefix_cache_hits") return false;  // the rate says it
  if (column.key == "stale_choices" || column.key == "rebinds") return false;  // of each router in a table of its own
  return !trouble || value != 0;
}

bool is_share(const Column& c) {
  return c.key == "slo_attainment" || c.key == "mfu" || c.key == "mbu" || c.key == "engine_busy" ||
         c.key == "idle_cost_share" || c.key == "adapter_load_time_share" || c.key.ends_with("_perc") ||
         c.key.ends_with("_hit_rate");
}

std::string cell(const Column& column, double value) {
  if (is_share(column)) return percent(value);
  std::string text = column.integer ? readable(static_cast<std::int64_t>(std::llround(value))) : readable(value);
  if (!column.unit.empty()) text += fmt::format(" {}", column.unit);
  return text;
}

std::string group_table(const RunResult& r, ColumnGroup group, const TextStyle& style) {
  TextTable table("lrr");
  table.without_headings();
  for (const Column& column : columns()) {
    const double value = r.summary[column.key];
    if (column.group != group || !shown(column, value)) continue;
    std::vector<std::string> cells{std::string(column.title), cell(column, value)};
    const double half = r.half_widths[column.key];
    if (!std::isnan(half)) cells.push_back(is_share(column) ? "± " + percent(half) : "± " + readable(half));
    table.row(std::move(cells));
  }
  return table.text(style, "  ");
}

std::string latency_section(const RunResult& r, const TextStyle& style) {
  TextTable table("lrrrrrr");
  table.row({"ms", "mean", "p50", "p90", "p95", "p99", "max"});
  add_latency_rows(table, r.summary);
  std::string text = table.text(style, "  ");
  if (r.summary["failed"] > 0) {
    TextTable offered("lrrrr");
    offered.row({"over offered requests, failed = inf", "p50", "p90", "p95", "p99"});
    for (const char* metric : {"ttft", "tpot", "e2el"}) {
      std::vector<std::string> cells{metric};
      for (const char* p : {"p50", "p90", "p95", "p99"})
        cells.push_back(readable(r.summary[fmt::format("offered_{}_{}_ms", p, metric)]));
      offered.row(std::move(cells));
    }
    text += offered.text(style, "  ");
  }
  return text;
}

std::string steady_section(const RunResult& r, const TextStyle& style) {
  if (r.steady_state.entries.empty()) return {};
  TextTable table("lrrrrrr");
  table.row({"ms", "mean", "p50", "p90", "p95", "p99", "max"});
  add_latency_rows(table, r.steady_state);
  std::string text = table.text(style, "  ");
  const Summary& s = r.steady_state;
  if (!std::isnan(s["request_throughput"])) {
    text += fmt::format("  over {} s: {} req/s, {} output tok/s, {} tok/s in all\n", readable(s["duration"]),
                        readable(s["request_throughput"]), readable(s["output_throughput"]),
                        readable(s["total_token_throughput"]));
  }
  return text;
}

std::string class_section(const RunResult& r, const TextStyle& style) {
  TextTable table("lrrrrrrr", "03101020");
  table.row({"class", "completed", "p50 TTFT", "p99 TTFT", "p50 TPOT", "p99 TPOT", "p99 E2E", "attainment"});
  for (const NamedSummary& c : r.classes) {
    const Summary& s = c.summary;
    table.row({c.name, readable(s["completed"]), readable(s["p50_ttft_ms"]), readable(s["p99_ttft_ms"]),
               readable(s["p50_tpot_ms"]), readable(s["p99_tpot_ms"]), readable(s["p99_e2el_ms"]),
               percent(s["slo_attainment"])});
  }
  return table.text(style, "  ");
}

// Those that were asked for most; the others are in JSON.
std::string adapter_section(const RunResult& r, const TextStyle& style) {
  constexpr std::size_t kShownAdapters = 12;
  std::vector<const NamedSummary*> by_requests;
  for (const NamedSummary& a : r.adapters) by_requests.push_back(&a);
  std::stable_sort(by_requests.begin(), by_requests.end(), [](const NamedSummary* a, const NamedSummary* b) {
    return a->summary["num_prompts"] > b->summary["num_prompts"];
  });
  TextTable table("lrrrrrr", "0310120");
  table.row({"adapter", "completed", "p50 TTFT", "p99 TTFT", "p50 TPOT", "p99 TPOT", "p99 E2E"});
  const std::size_t shown_adapters = std::min(kShownAdapters, by_requests.size());
  for (std::size_t i = 0; i < shown_adapters; ++i) {
    const NamedSummary* a = by_requests[i];
    const Summary& s = a->summary;
    if (!(s["num_prompts"] > 0)) break;
    table.row({a->name, readable(s["completed"]), readable(s["p50_ttft_ms"]), readable(s["p99_ttft_ms"]),
               readable(s["p50_tpot_ms"]), readable(s["p99_tpot_ms"]), readable(s["p99_e2el_ms"])});
  }
  std::string text = table.text(style, "  ");
  if (by_requests.size() > shown_adapters)
    text += fmt::format("  and {} more, asked for less\n", by_requests.size() - shown_adapters);
  return text;
}

std::string grade_section(const RunResult& r, const TextStyle& style) {
  const Summary& s = r.summary;
  TextTable table("llll");
  table.without_headings();
  for (const char* p : {"p50", "p99"}) {
    const double ttft = s[fmt::format("{}_ttft_ms", p)];
    const double tpot = s[fmt::format("{}_tpot_ms", p)];
    table.row({fmt::format("{} TTFT", p), std::string(ttft_grade(ttft)), fmt::format("{} TPOT", p),
               std::isnan(tpot)
                   ? "-"
                   : fmt::format("{} ({} tok/s)", tpot_grade(tpot), readable(1 / (tpot * kPerMillisecond)))});
  }
  return table.text(style, "  ") +
         "  TTFT: excellent < 200 ms, acceptable < 1 s, stuck > 3 s; people read 3 to 5 tokens per second\n";
}

std::string attribution_section(const RunResult& r, const TextStyle& style) {
  const AttributionMeans& a = r.attribution;
  double ttft = 0, e2e = 0;
  for (int i = 0; i < kAttributionParts; ++i) {
    ttft += a.ttft_ms[i];
    e2e += a.e2e_ms[i];
  }
  if (!(e2e > 0)) return {};
  TextTable table("lrrlrrrrrr", "0024013333");
  std::vector<std::string> head{"mean per request", "TTFT ms", "share", "", "E2E ms", "share"};
  for (const AttributionGroup& g : r.attribution_groups) {
    head.push_back(fmt::format("{} ({}): TTFT", g.name, readable(g.requests)));
    head.emplace_back("E2E");
  }
  table.row(std::move(head));
  for (int i = 0; i < kAttributionParts; ++i) {
    if (a.e2e_ms[i] <= 0 && a.ttft_ms[i] <= 0) continue;
    std::string name(to_string(static_cast<AttributionPart>(i)));
    for (char& c : name) c = c == '_' ? ' ' : c;
    std::vector<std::string> cells{std::move(name),
                                   readable(a.ttft_ms[i]),
                                   ttft > 0 ? percent(a.ttft_ms[i] / ttft) : "-",
                                   bar(a.e2e_ms[i] / e2e, 16),
                                   readable(a.e2e_ms[i]),
                                   percent(a.e2e_ms[i] / e2e)};
    for (const AttributionGroup& g : r.attribution_groups) {
      cells.push_back(readable(g.means.ttft_ms[i]));
      cells.push_back(readable(g.means.e2e_ms[i]));
    }
    table.row(std::move(cells));
  }
  std::string text = table.text(style, "  ");
  if (!r.attribution_groups.empty()) {
    text += "  slowest: by TTFT for its parts, by E2E for those of E2E, to 1 % of the latency";
    text += r.attribution_groups.size() > 1 ? "; violators missed a limit of goodput or objectives\n" : "\n";
  }
  return text;
}

std::string pools_section_of(const std::vector<PoolResult>& pools, const TextStyle& style) {
  TextTable table("lrrrrrrrrl", "0021013452");
  table.row({"pool", "replicas", "GPUs", "busy", "KV peak", "decode batch", "prefill tok/s", "decode tok/s",
             "preempted", "bound by"});
  for (const PoolResult& pool : pools) {
    const Summary& s = pool.summary;
    const bool prompts = pool.role == PoolRole::prefill || pool.role == PoolRole::encoder;
    table.row({pool.name, readable(std::int64_t{pool.replicas}), readable(std::int64_t{pool.gpus}),
               percent(s["engine_busy"]), percent(s["max_kv_cache_usage_perc"]), readable(s["mean_decode_batch"]),
               readable(s["prefill_throughput"]), readable(s["decode_throughput"]),
               readable(static_cast<std::int64_t>(s["preemption_count"])),
               std::string(prompts ? pool.prefill.bound : pool.decode.bound)});
  }
  return table.text(style, "  ");
}

std::string cost_section(const RunResult& r, const TextStyle& style) {
  const std::optional<HourlyPrice> price = price_per_hour(r.scenario);
  if (!price) return {};
  return fmt::format("  {}\n", price_sentence(*price)) + group_table(r, ColumnGroup::money, style) +
         "  input and output share the price by the time of prefill and decode in steps; idle time goes with them\n";
}

// Only for whoever asks about money: it is outside what was calibrated.
std::string energy_section(const RunResult& r, const TextStyle& style) {
  if (!r.scenario.prices.given) return {};
  const std::optional<PowerFigures> power = power_of(r.scenario.deployment);
  if (!power) return fmt::format("  not available: {}\n", why_no_power(r.scenario.deployment));
  return group_table(r, ColumnGroup::energy, style) +
         fmt::format(
             "  of the GPUs alone: {} W idle{}, of {} W (TDP) a floor while steps run, and more by the bandwidth and "
             "the "
             "FLOPs\n"
             "  that they reach; 7 % off in the median on H100 and B200, elsewhere a guess\n",
             readable(power->idle_watts), power->idle_is_guess ? " (a guess)" : "", readable(power->tdp_watts));
}

std::string conventions_section(const RunResult& r) {
  std::string sketched;
  for (const std::string_view metric : r.sketched)
    sketched += fmt::format("{}{}", sketched.empty() ? "" : ", ", metric);
  const std::string precision =
      sketched.empty() ? "exact"
                       : fmt::format("of {} (more than {} values) within {} by a sketch", sketched,
                                     readable(Distribution::kExactLimit), percent(Distribution::kRelativeError));
  return fmt::format(
             "  TPOT = {}\n  percentiles: linear interpolation over completed requests, {}; objectives count failed "
             "requests as "
             "infinite\n  steady state: rates within the window, latencies by request index\n  cost model: {}\n",
             tpot_definition(r.scenario.tpot), precision, to_string(r.scenario.deployment.level)) +
         (r.band ? fmt::format("  {}\n", model_sentence(*r.band)) : "");
}

}  // namespace

std::string pools_section(const RunResult& r, const TextStyle& style) {
  if (r.pools.empty()) return {};
  return pools_section_of(r.pools, style) + (r.roles.empty() ? "" : pools_section_of(r.roles, style));
}

void add_latency_rows(TextTable& table, const Summary& s, bool parts) {
  for (const LatencyMetric& metric : latency_metrics()) {
    if (std::isnan(s[fmt::format("mean_{}_ms", metric.name)])) continue;
    if (!parts && metric.name == "queue_time") continue;
    std::vector<std::string> cells{std::string(metric.title)};
    for (const char* statistic : {"mean", "p50", "p90", "p95", "p99", "max"}) {
      cells.push_back(readable(s[fmt::format("{}_{}_ms", statistic, metric.name)]));
    }
    table.row(std::move(cells));
  }
}

std::string bound_line(const char* phase, const Bottleneck& b) {
  std::string shares;
  for (int i = 0; i < kTimeParts; ++i) {
    if (b.share[i] < 0.0005) continue;
    shares +=
        fmt::format("{}{} {}", shares.empty() ? "" : ", ", to_string(static_cast<TimePart>(i)), percent(b.share[i]));
  }
  return fmt::format("  {:<8} {:<9} {}\n", phase, b.bound, shares);
}

std::string slo_section(const RunResult& r, const TextStyle& style, std::size_t most) {
  TextTable table("llrl", "0001");
  table.without_headings();
  std::vector<SloVerdict> lines = r.slo;
  if (lines.size() > most) std::stable_partition(lines.begin(), lines.end(), [](const SloVerdict& v) { return !v.ok; });
  const std::size_t behind = lines.size() - std::min(most, lines.size());
  lines.resize(lines.size() - behind);
  for (const SloVerdict& v : lines) {
    const std::string room =
        std::isnan(v.margin) || std::isinf(v.margin)
            ? ""
            : fmt::format("{} {}", percent(std::abs(v.margin)), v.ok ? "to spare" : "off the limit");
    const std::string unit(metric_unit(v.line.metric));
    table.row({v.ok ? "✓" : "✗", v.line.expression, readable(v.value) + (unit.empty() ? "" : " " + unit), room});
  }
  std::string text = table.text(style, "  ");
  if (behind > 0) text += fmt::format("  and {} more (--full shows them)\n", behind);
  if (style.color) text = colored_ticks(text);
  return text;
}

std::string to_text(const RunResult& r, const TextStyle& style) {
  std::string out = heading(r.scenario, style);
  if (!r.feasible) {
    out += section("Memory of one GPU", memory_section(r.memory, style), style);
    return within_width(out + fmt::format("Does not fit: {}\n", r.memory.verdict), style);
  }
  if (!style.full) return within_width(short_answer(r, style), style);
  if (r.interrupted) out += "INTERRUPTED: figures are of what had finished\n";
  if (!r.overload.empty()) out += r.overload + "\n";
  if (const std::string worst = worst_slot_sentence(r.load_slots); !worst.empty()) out += worst + "\n";
  // In the order of questions: does it do, how fast, why, with what, and by which rules.
  if (!r.slo.empty()) out += section("Objectives", slo_section(r, style, r.slo.size()), style);
  out += section("Load", group_table(r, ColumnGroup::load, style), style);
  out += section("Through the day of the load (by arrival)", load_slots_section(r.load_slots, style), style);
  out += section("Latency, whole run", latency_section(r, style), style);
  out +=
      section(fmt::format("Latency, steady state (without the first and last {})", percent(r.scenario.warmup_fraction)),
              steady_section(r, style), style);
  if (!r.classes.empty()) out += section("Classes (ms)", class_section(r, style), style);
  if (!r.adapters.empty())
    out += section("Adapters (ms)", adapter_section(r, style) + group_table(r, ColumnGroup::adapters, style), style);
  if (r.scenario.workload.answers.on()) out += section("Answers", group_table(r, ColumnGroup::answers, style), style);
  out += section("Grades", grade_section(r, style), style);
  out += section("Throughput", group_table(r, ColumnGroup::throughput, style), style);
  if (!std::isnan(r.summary["slo_attainment"]))
    out += section("Goodput", group_table(r, ColumnGroup::goodput, style), style);
  out += section("What bound it", bound_line("prefill", r.prefill) + bound_line("decode", r.decode), style);
  out += section("Where the time went", attribution_section(r, style), style);
  out += section("Cost", cost_section(r, style), style);
  out += section("Energy (estimate)", energy_section(r, style), style);
  out += section("Pools", pools_section(r, style), style);
  if (r.scenario.cluster.fleet.on)
    out += section("Fleet", group_table(r, ColumnGroup::fleet, style) + fleet_section(r, style), style);
  out += section("Routers", routers_section(r, style), style);
  if (r.scenario.workload.client.on) out += section("Clients", group_table(r, ColumnGroup::clients, style), style);
  out += section("Requests", group_table(r, ColumnGroup::requests, style), style);
  out += section("Device", group_table(r, ColumnGroup::device, style), style);
  if (r.pools.empty()) out += section("Memory of one GPU", memory_section(r.memory, style), style);
  for (const PoolResult& pool : r.pools)
    out += section(fmt::format("Pool {} ({}): memory of one GPU", pool.name, to_string(pool.role)),
                   memory_section(*pool.memory, style), style);
  out += section("Conventions", conventions_section(r), style);
  for (const std::string& warning : r.warnings) {
    if (warning != r.overload) out += fmt::format("warning: {}\n", warning);
  }
  return within_width(out, style);
}

}  // namespace foretoken
