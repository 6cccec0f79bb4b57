// What a run answers, on one screen: the verdict first. All else is for --full and JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/common.hpp"
#include "report/fleet_report.hpp"
#include "report/load_slots_report.hpp"
#include "report/run_parts.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kMostObjectives = 4;
constexpr std::size_t kMostClasses = 3;
constexpr std::size_t kMostWarnings = 1;
constexpr std::size_t kMostOfAWarning = 190;  // characters: two lines

std::string verdict_line(const RunResult& r) {
  if (r.slo.empty()) return "No objectives to judge: give some under `slo`\n";
  const auto missed = std::count_if(r.slo.begin(), r.slo.end(), [](const SloVerdict& v) { return !v.ok; });
  const auto all = static_cast<std::int64_t>(r.slo.size());
  if (missed == 0)
    return fmt::format("MEETS {} in this run\n",
                       all == 1 ? "its objective" : fmt::format("its {} objectives", readable(all)));
  return all == 1 ? std::string("MISSES its objective in this run\n")
                  : fmt::format("MISSES {} of {} objectives in this run\n", readable(static_cast<std::int64_t>(missed)),
                                readable(all));
}

std::string load_section(const RunResult& r) {
  const Summary& s = r.summary;
  std::string text = fmt::format("  {} requests in {} s", readable(static_cast<std::int64_t>(s["num_prompts"])),
                                 readable(s["duration"]));
  if (!std::isnan(s["offered_request_rate"]))
    text += fmt::format(", {} a second offered", readable(s["offered_request_rate"]));
  text += fmt::format(", {} completed a second", readable(s["request_throughput"]));
  if (s["failed"] > 0) text += fmt::format("; {} FAILED", readable(static_cast<std::int64_t>(s["failed"])));
  text += fmt::format("\n  {} running at once in the mean, {} waiting; KV cache at most {} full",
                      readable(s["mean_num_requests_running"]), readable(s["mean_num_requests_waiting"]),
                      percent(s["max_kv_cache_usage_perc"]));
  if (s["preemption_count"] > 0)
    text += fmt::format(", {} preemptions", readable(static_cast<std::int64_t>(s["preemption_count"])));
  return text + "\n";
}

std::string latency_section_short(const RunResult& r, const TextStyle& style) {
  TextTable table("lrrrrrr", "0201304");
  table.row({"ms", "mean", "p50", "p90", "p95", "p99", "max"});
  add_latency_rows(table, r.summary, false);
  return table.text(style, "  ");
}

std::string throughput_section(const RunResult& r) {
  const Summary& s = r.summary;
  std::string text = fmt::format("  {} output tok/s", readable(s["output_throughput"]));
  if (r.scenario.num_gpus > 1) text += fmt::format(" ({} per GPU)", readable(s["tokens_per_s_per_gpu"]));
  text += fmt::format(", {} tok/s in and out; one user sees {} tok/s\n", readable(s["total_token_throughput"]),
                      readable(s["interactivity_tok_s"]));
  if (!std::isnan(s["slo_attainment"]))
    text += fmt::format("  goodput: {} of the requests keep its limits, {} req/s\n", percent(s["slo_attainment"]),
                        readable(s["request_goodput"]));
  if (!std::isnan(s["cost_per_hour"]))
    text += fmt::format("  {} $ per hour{}, {} $ per 1M tokens (in + out)\n", dollars(s["cost_per_hour"]),
                        s["example_price"] == 1 ? " at an EXAMPLE PRICE" : "", readable(s["cost_per_1m_tokens"]));
  return text;
}

// The parts of the end-to-end time that matter, largest first.
std::string time_line(const RunResult& r) {
  struct Part {
    double ms = 0;
    std::string name;
  };
  std::vector<Part> parts;
  double total = 0;
  for (int i = 0; i < kAttributionParts; ++i) {
    std::string name(to_string(static_cast<AttributionPart>(i)));
    std::replace(name.begin(), name.end(), '_', ' ');
    parts.push_back({r.attribution.e2e_ms[i], std::move(name)});
    total += r.attribution.e2e_ms[i];
  }
  if (!(total > 0)) return {};
  std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.ms > b.ms; });
  constexpr std::size_t kParts = 3;
  constexpr double kLeastShare = 0.01;
  std::string text;
  for (std::size_t i = 0; i < std::min(kParts, parts.size()) && parts[i].ms >= kLeastShare * total; ++i)
    text += fmt::format("{}{} {}", i > 0 ? ", " : "", parts[i].name, percent(parts[i].ms / total));
  return fmt::format("  of the end-to-end time: {}\n", text);
}

std::string classes_section(const RunResult& r, const TextStyle& style) {
  if (r.classes.empty()) return {};
  TextTable table("lrrrr");
  table.row({"class", "completed", "p99 TTFT ms", "p99 TPOT ms", "p99 E2E ms"});
  for (std::size_t i = 0; i < std::min(kMostClasses, r.classes.size()); ++i) {
    const Summary& s = r.classes[i].summary;
    table.row({r.classes[i].name, readable(static_cast<std::int64_t>(s["completed"])), readable(s["p99_ttft_ms"]),
               readable(s["p99_tpot_ms"]), readable(s["p99_e2el_ms"])});
  }
  return table.text(style, "  ") +
         (r.classes.size() > kMostClasses ? fmt::format("  and {} more\n", r.classes.size() - kMostClasses) : "");
}

std::string advice(const RunResult& r) {
  std::string text;
  std::vector<std::string> warnings = r.warnings;
  std::erase(warnings, r.overload);  // it stands at the head
  for (std::size_t i = 0; i < std::min(kMostWarnings, warnings.size()); ++i) {
    const std::string line = "warning: " + warnings[i];
    text +=
        line.size() > kMostOfAWarning ? line.substr(0, line.find_last_of(' ', kMostOfAWarning)) + " …\n" : line + "\n";
  }
  if (warnings.size() > kMostWarnings) text += fmt::format("and {} more warnings\n", warnings.size() - kMostWarnings);
  if (std::any_of(r.slo.begin(), r.slo.end(), [](const SloVerdict& v) { return !v.ok; }))
    text += "Advice: `foretoken check` tries the changes that would help and says what they cost.\n";
  return text;
}

}  // namespace

std::string short_answer(const RunResult& r, const TextStyle& style) {
  std::string out = title(r.scenario, style);
  if (r.interrupted) out += "INTERRUPTED: figures are of what had finished\n";
  if (!r.overload.empty()) out += r.overload + "\n";
  out += verdict_line(r) + slo_section(r, style, kMostObjectives);
  if (const std::string worst = worst_slot_sentence(r.load_slots); !worst.empty())
    out += fmt::format("  {} (--full: all)\n", worst);
  out += section("Load", load_section(r), style);
  out += section("Latency", latency_section_short(r, style) + classes_section(r, style), style);
  out += section("Throughput", throughput_section(r), style);
  out += section("Pools", pools_section(r, style), style);
  out += section("Fleet and clients", fleet_lines(r), style);
  out +=
      section("What bound it", bound_line("prefill", r.prefill) + bound_line("decode", r.decode) + time_line(r), style);
  out += "\n" + advice(r);
  return out + fmt::format("seed {}, scenario {}; --full shows steady state, grades, device, memory, conventions\n",
                           r.scenario.seed, scenario_sha256(r.scenario).substr(0, 12));
}

}  // namespace foretoken
