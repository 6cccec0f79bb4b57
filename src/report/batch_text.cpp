// The batch study on the terminal: the answer, both views side by side, the frontier, ridge points, KV cache.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/base/units.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/batch.hpp"
#include "report/batch_tables.hpp"
#include "report/common.hpp"
#include "report/scatter.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

const char* mark_of(const BatchSize& b) {
  if (!b.simulated) return "";
  return b.simulated->decision == Decision::meets ? "✓" : b.simulated->decision == Decision::misses ? "✗" : "?";
}

std::string bytes(double amount) {
  return format_quantity(amount, Dimension::bytes);
}

std::string objectives_of(const BatchStudy& s) {
  std::string text;
  for (const SloLine& line : s.scenario.slo) text += (text.empty() ? "" : ", ") + line.expression;
  return text + (s.default_objective ? " (the default: the scenario has no slo)" : "");
}

// What the planner asks: the coach that still arrives in time.
std::string answer_section(const BatchStudy& s) {
  std::string text;
  if (s.best) {
    const BatchSize& best = s.sizes[*s.best];
    const ContinuousBatch& c = *best.simulated;
    text += fmt::format(
        "BATCH {}: the largest throughput that keeps {}: {} tok/s (TPOT {} ms, TTFT {} ms, {} tok/s for one user)\n",
        readable(best.size), objectives_of(s), readable(c.tps.value), readable(c.tpot_ms.value),
        readable(c.ttft_ms.value), readable(c.interactivity));
    if (s.first_missed) {
      const BatchSize& next = s.sizes[*s.first_missed];
      std::string why;
      for (std::size_t i = 0; i < s.scenario.slo.size(); ++i) {
        const Interval& figure = next.simulated->objectives[i];
        if (judge(s.scenario.slo[i], figure.high).ok && judge(s.scenario.slo[i], figure.low).ok) continue;
        const std::string unit(metric_unit(s.scenario.slo[i].metric));
        why += fmt::format("{}{} is {}{}{}", why.empty() ? "" : ", ", s.scenario.slo[i].metric, readable(figure.value),
                           unit.empty() ? "" : " ", unit);
      }
      text += fmt::format("  at batch {}: {} ({})\n", readable(next.size), why,
                          next.simulated->decision == Decision::misses ? "missed" : "not decided");
    } else {
      text += "  no larger size of the study misses them\n";
    }
  } else {
    text += fmt::format("NONE of the sizes keeps {} for sure\n", objectives_of(s));
  }
  if (s.kv_limit) {
    text += fmt::format("  the KV cache holds {} requests of mean full length ({} tokens)\n", readable(*s.kv_limit),
                        readable(s.prompt_tokens + s.output_tokens));
  }
  return text;
}

std::string views_section(const BatchStudy& s, const TextStyle& style) {
  TextTable table("rlrrrrrrrrrr", "005016017028");
  table.row({"batch", "", "TPOT static", "TPOT ms", "p99 TPOT", "TTFT static", "TTFT ms", "p99 TTFT", "TPS static",
             "TPS", "tok/s/user", "tok/s/GPU"});
  std::string reasons;
  for (const BatchSize& b : s.sizes) {
    const std::string name = readable(b.size) + (b.refined ? "'" : "");
    if (b.status != PointStatus::ok) {
      reasons += fmt::format(
          "  batch {}: {}\n", name,
          b.status == PointStatus::skipped ? "interrupted" : fmt::format("{}: {}", to_string(b.status), b.reason));
      continue;
    }
    const StaticBatch& f = *b.in_closed_form;
    std::vector<std::string> cells{name, mark_of(b), readable(f.tpot_ms)};
    if (!b.simulated) reasons += fmt::format("  batch {} was not simulated: {}\n", name, b.why_not_simulated);
    const auto simulated = [&](auto figure) {
      cells.push_back(b.simulated ? readable(figure(*b.simulated)) : std::string("-"));
    };
    simulated([](const ContinuousBatch& c) { return c.tpot_ms.value; });
    simulated([](const ContinuousBatch& c) { return c.p99_tpot_ms.value; });
    cells.push_back(readable(f.ttft_ms));
    simulated([](const ContinuousBatch& c) { return c.ttft_ms.value; });
    simulated([](const ContinuousBatch& c) { return c.p99_ttft_ms.value; });
    cells.push_back(readable(f.tps));
    simulated([](const ContinuousBatch& c) { return c.tps.value; });
    simulated([](const ContinuousBatch& c) { return c.interactivity; });
    simulated([](const ContinuousBatch& c) { return c.tps_per_gpu; });
    table.row(std::move(cells));
  }
  return table.text(style, "  ") + reasons +
         fmt::format(
             "  static: {} prompts of {} tokens start and end together ({} out); TTFT of the last. The others: that "
             "many in "
             "flight all the time, means of {} runs of the steady state. ' = added where the objectives begin to be "
             "missed\n",
             "B", readable(s.prompt_tokens), readable(s.output_tokens), s.replications);
}

std::string hardware_section(const BatchStudy& s, const TextStyle& style) {
  TextTable table("rrrrrrlrrrr", "05040300213");
  table.row({"batch", "MFU static", "MFU", "MBU static", "MBU", "FLOP/B", "decode bound by", "KV needed", "available",
             "used, peak", "preemptions"});
  for (const BatchSize& b : s.sizes) {
    if (b.status != PointStatus::ok) continue;
    const StaticBatch& f = *b.in_closed_form;
    const auto share = [](double v) { return v > 0 ? percent(v) : std::string("-"); };
    const auto of = [&](double ContinuousBatch::*figure) { return b.simulated ? share((*b.simulated).*figure) : "-"; };
    const bool known = b.kv_available > 0;
    table.row({readable(b.size), share(f.mfu), of(&ContinuousBatch::mfu), share(f.mbu), of(&ContinuousBatch::mbu),
               f.decode_intensity > 0 ? readable(f.decode_intensity) : "-",
               fmt::format("{} ({})", to_string(f.bound), percent(f.bound_share)),
               known ? bytes(b.kv_needed) + (b.kv_fits ? "" : " !") : "-", known ? bytes(b.kv_available) : "-",
               of(&ContinuousBatch::kv_usage), b.simulated ? readable(b.simulated->preemptions) : "-"});
  }
  const bool too_small = std::any_of(s.sizes.begin(), s.sizes.end(), [](const BatchSize& b) { return !b.kv_fits; });
  return table.text(style, "  ") +
         "  utilisations are of prefill and decode together; FLOP/B and the bound are of a decode step\n" +
         (too_small ? "  ! more than the KV cache holds: seats stay empty or requests are preempted\n" : "");
}

std::string frontier_section(const BatchStudy& s, const TextStyle& style) {
  std::vector<ScatterPoint> points;
  for (const BatchSize& b : s.sizes) {
    if (b.in_closed_form) points.push_back({b.in_closed_form->tpot_ms, b.in_closed_form->tps, "·"});
  }
  std::string sizes;
  for (const BatchSize& b : s.sizes) {
    if (!b.simulated) continue;
    const bool best = s.best && &b == &s.sizes[*s.best];
    points.push_back({b.simulated->tpot_ms.value, b.simulated->tps.value,
                      best                                        ? "★"
                      : b.simulated->decision == Decision::misses ? "○"
                                                                  : "●"});
    if (b.on_frontier) sizes += (sizes.empty() ? "" : ", ") + readable(b.size);
  }
  if (sizes.empty()) return {};
  std::string text = scatter(points, "TPOT, ms", "TPS, tok/s (both axes logarithmic)", "  ", style);
  if (!text.empty()) text += "  ● continuous, ○ an objective is missed, ★ the answer, · static\n";
  return text + fmt::format("  on the frontier (no other size has less TPOT and more TPS): {}\n", sizes);
}

std::string ridge_section(const BatchStudy& s, const TextStyle& style) {
  const RidgeStudy& r = s.ridge;
  if (!(r.ridge_point > 0)) return {};
  TextTable table = ridge_table().table(r.operators);
  std::string never;
  for (const RidgeOperator& op : r.operators) {
    if (!op.by_datasheet && op.name.starts_with("attention"))
      never = fmt::format(
          "  {} never does: each sequence reads its own KV cache, so its FLOPs per byte do not grow with the batch\n",
          op.name);
  }
  table.row({"whole step", from_batch(r.step_by_datasheet), from_batch(r.step_as_priced)});
  return table.text(style, "  ") + never +
         fmt::format(
             "  ridge point {} FLOP per byte; searched up to batch {}; as priced: the larger term of the cost model, "
             "of the "
             "whole step the larger sum of times\n",
             readable(r.ridge_point), readable(r.searched));
}

std::string budget_section(const BatchStudy& s, const TextStyle& style) {
  if (s.budgets.empty()) return {};
  return budget_table().table(s.budgets).text(style, "  ") +
         "  requests: of mean full length, that the KV cache holds; decodes that share a full prefill step wait as "
         "long for their token\n";
}

}  // namespace

std::string to_text(const BatchStudy& s, const TextStyle& style) {
  std::string out = title(s.scenario, style);
  if (!s.feasible) {
    out += section("Memory of one GPU", memory_section(s.sizes.front().memory, style), style);
    return within_width(out + fmt::format("Does not fit: {}\n", s.sizes.front().reason), style);
  }
  if (s.interrupted) out += "INTERRUPTED: only what had finished\n";
  out += answer_section(s);
  const std::string views = views_section(s, style);
  out += section("Latency and throughput", style.color ? colored_ticks(views) : views, style);
  out += section("Frontier", frontier_section(s, style), style);
  out += section("Hardware and KV cache", hardware_section(s, style), style);
  out += section("Ridge points", ridge_section(s, style), style);
  out += section("What a token budget costs", budget_section(s, style), style);
  for (const std::string& note : s.notes) out += fmt::format("note: {}\n", note);
  return within_width(out + about_section(s.scenario, style), style);
}

}  // namespace foretoken
