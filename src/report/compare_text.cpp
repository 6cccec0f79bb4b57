// What was changed, what that does, and which change does it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/experiment/version.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/compare.hpp"
#include "report/common.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

// The figures that a table for people shows; the document has all.
constexpr const char* kShownFigures[] = {"request_throughput",
                                         "output_throughput",
                                         "tokens_per_s_per_gpu",
                                         "slo_attainment",
                                         "request_goodput",
                                         "mean_ttft_ms",
                                         "p50_ttft_ms",
                                         "p99_ttft_ms",
                                         "mean_tpot_ms",
                                         "p99_tpot_ms",
                                         "mean_e2el_ms",
                                         "p99_e2el_ms",
                                         "mean_queue_time_ms",
                                         "mean_decode_batch",
                                         "max_kv_cache_usage_perc",
                                         "preemption_count",
                                         "engine_busy",
                                         "mfu",
                                         "mbu"};

std::string difference_text(const MetricChange& m) {
  const Interval& d = m.change.difference;
  if (!std::isfinite(d.half_width())) return readable_signed(d.value);
  return fmt::format("{} ± {}", readable_signed(d.value), readable(d.half_width()));
}

std::string ratio_text(const MetricChange& m) {
  const double ratio = m.ratio();
  return std::isfinite(ratio) ? fmt::format("{:.3g}x", ratio) : "-";
}

std::string reduction_text(const MetricChange& m) {
  const double r = m.change.variance_reduction;
  return std::isnan(r) ? "" : readable(r) + "x";
}

const char* sure_text(const MetricChange& m) {
  if (m.before == m.after) return "the same";
  if (!std::isfinite(m.change.difference.half_width())) return "";
  return m.is_sure() ? (m.change.difference.value > 0 ? "more" : "less") : "not sure";
}

std::string fields_section(const CompareResult& r, const TextStyle& style) {
  TextTable table("llll", "0001");
  std::size_t derived = 0;
  table.row({"field", "before", "after", ""});
  for (const ChangedField& f : r.fields) {
    if (!f.given) {
      ++derived;
      continue;
    }
    table.row({f.path, f.before.empty() ? "-" : f.before, f.after.empty() ? "-" : f.after,
               f.simulated ? "" : "no run depends on it"});
  }
  if (r.fields.empty()) return "  nothing: the two resolve to the same values\n";
  std::string text = r.fields.size() > derived ? table.text(style, "  ") : "";
  if (derived > 0) text += fmt::format("  {} more follow from these (--format json lists them)\n", derived);
  return text;
}

std::string objectives_section(const CompareResult& r, const TextStyle& style) {
  if (r.objectives.empty()) return {};
  TextTable table("lrlrlrrl", "00000021");
  table.row({"objective", "before", "", "after", "", "difference", "saves", ""});
  for (const ObjectiveChange& o : r.objectives) {
    table.row({o.line.expression, readable(o.change.before), o.met_before ? "✓" : "✗", readable(o.change.after),
               o.met_after ? "✓" : "✗", difference_text(o.change), reduction_text(o.change), sure_text(o.change)});
  }
  return table.text(style, "  ") + "  by the mean figure; `check` says how sure that is\n";
}

std::string metrics_section(const CompareResult& r, const TextStyle& style) {
  TextTable table("lrrrrrl", "0000231");
  table.row({"", "before", "after", "difference", "ratio", "saves", ""});
  for (const char* shown : kShownFigures) {
    const auto at =
        std::find_if(r.metrics.begin(), r.metrics.end(), [&](const MetricChange& m) { return m.metric == shown; });
    if (at == r.metrics.end()) continue;
    table.row({at->metric, readable(at->before), readable(at->after), difference_text(*at), ratio_text(*at),
               reduction_text(*at), sure_text(*at)});
  }
  return table.text(style, "  ");
}

std::string alone_section(const CompareResult& r, const TextStyle& style) {
  if (r.alone.empty()) return {};
  std::vector<std::string> names;
  for (const ChangeAlone& a : r.alone) {
    for (const MetricChange& m : a.metrics) {
      if (std::find(names.begin(), names.end(), m.metric) == names.end()) names.push_back(m.metric);
    }
  }
  TextTable table("l" + std::string(names.size(), 'r'), "0" + std::string(names.size(), '1'));
  std::vector<std::string> head{"only this"};
  head.insert(head.end(), names.begin(), names.end());
  table.row(head);
  const auto row = [&](const std::string& title, const std::vector<MetricChange>& metrics) {
    std::vector<std::string> cells{title};
    for (const std::string& name : names) {
      const auto at =
          std::find_if(metrics.begin(), metrics.end(), [&](const MetricChange& m) { return m.metric == name; });
      cells.push_back(at == metrics.end() ? "-" : difference_text(*at));
    }
    table.row(std::move(cells));
  };
  std::string refused;
  for (const ChangeAlone& a : r.alone) {
    if (a.status == PointStatus::ok)
      row(a.set.front(), a.metrics);
    else
      refused += fmt::format("  {} alone: {}: {}\n", a.set.front(), to_string(a.status), a.why_not);
  }
  row("all together", r.metrics);
  return table.text(style, "  ") + refused;
}

std::string why_section(const CompareResult& r) {
  if (!r.why) return {};
  std::string text;
  for (const std::string& sentence : r.why->sentences) text += "  " + sentence + "\n";
  return text;
}

std::string basis_section(const CompareResult& r) {
  std::string text = fmt::format("  {} replication{} of each", r.replications, r.replications == 1 ? "" : "s");
  text += r.requests > 0 ? fmt::format(", {} requests simulated\n", readable(r.requests)) : "\n";
  switch (r.pairing) {
    case Pairing::paired:
      return text +
             fmt::format(
                 "  ± {} of the difference on the same random numbers; saves: independent runs would need so many "
                 "times more\n",
                 percent(r.confidence));
    case Pairing::unpaired:
      return text +
             fmt::format(
                 "  ± {} of the difference of independent runs: seeds or loads differ, so luck does not cancel\n",
                 percent(r.confidence));
    case Pairing::not_kept:
      return text + fmt::format(
                        "  ± {} as if the runs were independent. They share seed and load, so the truth is closer: "
                        "compare the scenarios for the paired interval\n",
                        percent(r.confidence));
    case Pairing::no_interval:
      return text + "  no interval: a result of one replication does not say how sure it is (--set replications=10)\n";
  }
  return text;
}

}  // namespace

std::string to_text(const CompareResult& r, const TextStyle& style) {
  const auto ticked = [&](const std::string& text) { return style.color ? colored_ticks(text) : text; };
  constexpr std::size_t kHash = 12;
  std::string out =
      fmt::format("before: {} ({})\nafter:  {} ({})\nforetoken {}\n", r.before_name, r.before_sha256.substr(0, kHash),
                  r.after_name, r.after_sha256.substr(0, kHash), version());
  out += section("What differs", fields_section(r, style), style);
  for (const std::string& verdict : r.does_not_fit) out += fmt::format("\nDoes not fit: {}\n", verdict);
  if (!r.does_not_fit.empty()) return within_width(out, style);
  for (const std::string& warning : r.warnings) out += fmt::format("\n{}\n", warning);
  if (r.interrupted) out += "\nINTERRUPTED: figures are of what had finished\n";
  out += section("Objectives", ticked(objectives_section(r, style)), style);
  out += section("Figures", metrics_section(r, style), style);
  out += section("Why (a run of each)", why_section(r), style);
  out += section("Each change alone", alone_section(r, style), style);
  return within_width(out + section("What this rests on", basis_section(r), style), style);
}

}  // namespace foretoken
