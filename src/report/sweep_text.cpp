// A row per point: how latency, throughput and arithmetic intensity move along the axes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "report/common.hpp"
#include "report/sections.hpp"
#include "report/sweep_report.hpp"

namespace foretoken {
namespace {

// max_num_seqs of engine.max_num_seqs, and engine of engine.name.
std::string_view short_name(std::string_view path) {
  if (path.ends_with(".name")) path.remove_suffix(5);
  return path.substr(path.find_last_of('.') + 1);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

bool has_prices(const SweepTable& sweep) {
  return std::any_of(sweep.points.begin(), sweep.points.end(), [](const SweepPoint& p) {
    return p.status == PointStatus::ok && !std::isnan(p.figures.summary["cost_per_hour"]);
  });
}
bool has_example_prices(const SweepTable& sweep) {
  return std::any_of(sweep.points.begin(), sweep.points.end(), [](const SweepPoint& p) {
    return p.status == PointStatus::ok && p.figures.summary["example_price"] == 1;
  });
}

std::vector<std::string> header_of(const SweepTable& sweep, bool priced) {
  std::vector<std::string> cells;
  for (const SweepAxis& axis : sweep.axes) cells.emplace_back(short_name(axis.path));
  for (const char* name :
       {"TTFT ms", "p99 TTFT", "TPOT ms", "p99 TPOT", "E2E ms", "TPS", "tok/s/GPU", "FLOP/B", "bound"}) {
    cells.emplace_back(name);
  }
  if (priced) cells.emplace_back("$/1M out");
  if (!sweep.head.slo.empty()) cells.emplace_back("SLO");
  return cells;
}

std::vector<std::string> row_of(const SweepTable& sweep, const SweepPoint& point, bool priced) {
  std::vector<std::string> cells = point.values;
  if (point.status != PointStatus::ok) {
    cells.emplace_back(to_string(point.status));
    return cells;
  }
  const Summary& s = point.figures.summary;
  for (const char* key : {"mean_ttft_ms", "p99_ttft_ms", "mean_tpot_ms", "p99_tpot_ms", "mean_e2el_ms",
                          "output_throughput", "tokens_per_s_per_gpu", "arithmetic_intensity"}) {
    cells.push_back(readable(s[key]));
  }
  const bool compute_side = s["arithmetic_intensity"] >= s["ridge_point"];
  cells.push_back(fmt::format("{}{}", point.figures.decode.bound, compute_side ? " (past the ridge)" : ""));
  if (priced) cells.push_back(readable(s["cost_per_1m_output_tokens"]));
  if (!sweep.head.slo.empty()) {
    const auto& slo = point.figures.slo;
    cells.emplace_back(std::all_of(slo.begin(), slo.end(), [](const SloVerdict& v) { return v.ok; }) ? "✓" : "✗");
  }
  return cells;
}

std::string objectives_of(const SweepTable& sweep) {
  std::string text;
  for (const std::string& line : sweep.head.slo) text += fmt::format("{}{}", text.empty() ? "" : " and ", line);
  return text;
}

std::string frontier_line(const SweepTable& sweep, const SweepFrontier& frontier) {
  std::string where;
  for (std::size_t i = 0; i < frontier.values.size(); ++i) {
    where += fmt::format("{}{} {}", i > 0 ? ", " : "", short_name(sweep.axes[i].path), frontier.values[i]);
  }
  if (!where.empty()) where += ": ";
  const std::string_view axis = short_name(sweep.axes.back().path);
  if (frontier.largest.empty()) return fmt::format("  {}no {} has {}\n", where, axis, objectives_of(sweep));
  return fmt::format("  {}largest {} with {}: {}\n", where, axis, objectives_of(sweep), frontier.largest);
}

}  // namespace

std::string to_text(const SweepResult& result, const TextStyle& style) {
  return to_text(sweep_table(result), style);
}

std::string to_text(const SweepTable& sweep, const TextStyle& style) {
  std::string out = heading(sweep.head, style);
  if (sweep.interrupted) out += "INTERRUPTED: some points were not run\n";
  const bool priced = has_prices(sweep);
  const std::size_t axes = sweep.axes.size();
  TextTable table(std::string(axes, 'r') + (priced ? "rrrrrrrrlrl" : "rrrrrrrrll"),
                  std::string(axes, '0') + (priced ? "20034057600" : "2003405760"));
  table.row(header_of(sweep, priced));
  std::set<std::string> ridges;
  std::string reasons;
  for (const SweepPoint& point : sweep.points) {
    table.row(row_of(sweep, point, priced));
    if (point.status == PointStatus::ok) ridges.insert(readable(point.figures.summary["ridge_point"]));
    if (!point.reason.empty()) {
      std::string at;
      for (const std::string& value : point.values) at += (at.empty() ? "" : ", ") + value;
      reasons += fmt::format("  {}: {}\n", at, first_line(point.reason));
    }
  }
  std::string body = table.text(style, "  ");
  if (style.color) body = colored_ticks(body);
  out += section("What if", body, style);
  if (!ridges.empty() && !ridges.contains("-")) {
    out += fmt::format("  FLOP/B is the arithmetic intensity of the run; the ridge point of {} {}\n",
                       ridges.size() == 1 ? "this GPU is" : "these deployments is", fmt::join(ridges, ", "));
  }
  if (has_example_prices(sweep)) out += "  $ by the catalog's EXAMPLE PRICES, not a quote\n";
  std::string frontiers;
  for (const SweepFrontier& f : sweep.frontiers) frontiers += frontier_line(sweep, f);
  out += section("Verdict", frontiers, style);
  out += section("Points without figures", reasons, style);
  return within_width(
      out + section(
                "Conventions",
                fmt::format(
                    "  TPOT = {}\n  figures without a percentile are means; bound: what took most of the decode time\n",
                    tpot_definition(sweep.head.tpot)),
                style),
      style);
}

}  // namespace foretoken
