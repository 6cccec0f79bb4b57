// Verdict, bounds and fixes in columns.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/report/report.hpp"
#include "foretoken/study/check.hpp"
#include "report/common.hpp"
#include "report/load_slots_report.hpp"
#include "report/sections.hpp"
#include "report/uncertainty_report.hpp"

namespace foretoken {
namespace {

std::string range_of(const Interval& i) {
  if (std::isnan(i.value)) return "-";
  return fmt::format("[{}, {}]", readable(i.low), readable(i.high));
}

// Nothing in the load is random: the replications are one run over again, and an interval of them says nothing.
bool is_one_run(const Verdict& v) {
  return v.replications > 1 && !v.objectives.empty() &&
         std::all_of(v.objectives.begin(), v.objectives.end(),
                     [](const ObjectiveVerdict& o) { return o.interval.low == o.interval.high; });
}

std::string objectives_section(const CheckResult& r, const TextStyle& style) {
  const Verdict& v = *r.verdict;
  TextTable table("lllrlrr", "0000132");
  table.row({"", "objective", "verdict", "figure", fmt::format("{} interval", percent(r.scenario.study.confidence)),
             "room", "P(meets)"});
  std::string reasons;
  for (std::size_t i = 0; i < v.objectives.size(); ++i) {
    const ObjectiveVerdict& o = v.objectives[i];
    const bool known = r.uncertainty && i < r.uncertainty->figures.size() && r.uncertainty->figures[i].meets;
    table.row({mark_of(o.decision), o.line.expression, std::string(to_string(o.decision)),
               with_unit_of(o.interval.value, o.line.metric), is_one_run(v) ? "-" : range_of(o.interval),
               percent(o.margin), known ? probability_text(*r.uncertainty->figures[i].meets) : "-"});
    if (!o.reason.empty()) reasons += fmt::format("  {}: {}\n", o.line.metric, o.reason);
  }
  for (const PrecisionVerdict& p : v.precision) {
    table.row({p.reached ? "✓" : "?", p.goal.expression, p.reached ? "reached" : "not reached",
               with_unit_of(p.interval.value, p.goal.metric), range_of(p.interval), "", ""});
  }
  return table.text(style, "  ") + reasons;
}

std::string basis_section(const CheckResult& r) {
  const Verdict& v = *r.verdict;
  const SteadyState& s = v.steady;
  if (!s.exists || s.measured == 0) {
    const bool one_run = v.replications == 1;
    return fmt::format("  {} of {} requests in all, judged as {}: this load has an end\n",
                       one_run ? "one run" : fmt::format("{} runs", readable(std::int64_t{v.replications})),
                       readable(v.requests),
                       one_run ? "a whole; its interval comes from sixteen parts of it" : "wholes");
  }
  std::string text = fmt::format(
      "  {} runs of a load without end, {} requests; of each run {} requests are measured after {} of warm-up "
      "(a pilot of {} requests found how long; workload.num_prompts does not matter here)\n",
      v.replications, readable(v.requests), readable(s.measured), readable(s.warmup), readable(v.pilot_requests));
  if (is_one_run(v)) text += "  nothing in this load is random: all runs are the same, and no interval can be given\n";
  if (s.stability_limit) {
    text += fmt::format("  saturated, the deployment lets through {} ± {} of such requests a second; {} arrive\n",
                        readable(s.stability_limit->value), readable(s.stability_limit->half_width()),
                        readable(s.arrival_rate));
  }
  if (!s.settled) {
    text += fmt::format("  within the budget (study.max_requests) it has not settled: about {} requests would tell\n",
                        readable(s.needed));
  }
  return text;
}

// What equal outputs do to the figures, and what they would be without.
std::string equal_outputs_lines(const CheckResult& r) {
  if (!r.spread_outputs) return {};
  const SpreadOutputs& e = *r.spread_outputs;
  std::string figures;
  for (std::size_t i = 0; i < e.figures.size(); ++i) {
    if (!e.figures[i]) continue;
    const ObjectiveVerdict& o = r.verdict->objectives[i];
    figures +=
        fmt::format("{}{} {} instead of {}", figures.empty() ? "" : ", ", o.line.metric,
                    with_unit_of(e.figures[i]->value, o.line.metric), with_unit_of(o.interval.value, o.line.metric));
  }
  std::string text = fmt::format(
      "  every output has {} tokens: requests admitted together finish together, and their places are filled together, "
      "so they move in groups of {:.1f} ({:.1f} with outputs of ±{}); by their schedulers engines should do so under "
      "such a "
      "benchmark, but not under traffic whose outputs differ",
      readable(e.tokens), e.group, e.group_spread, percent(e.share));
  if (!figures.empty()) text += fmt::format(". With ±{}: {}", percent(e.share), figures);
  return text + "\n";
}

std::string set_text(const std::vector<std::string>& set) {
  std::string text;
  for (const std::string& s : set) text += fmt::format("{}--set {}", text.empty() ? "" : " ", s);
  return text;
}

// Money where it is known, and what it buys.
std::string cost_text(const FixCost& cost) {
  std::string text =
      cost.gpus_added > 0 ? fmt::format("+{} GPU{}", cost.gpus_added, cost.gpus_added == 1 ? "" : "s") : "";
  if (cost.other_gpu) text += text.empty() ? "other GPU" : ", other GPU";
  if (text.empty()) return "settings";
  if (!cost.usd_per_hour_added) return text;
  const double usd = *cost.usd_per_hour_added;
  return fmt::format("{}{} $/h ({})", usd < 0 ? "" : "+", dollars(usd), text);
}

// 81.2 -> 40.1 ms (-41.1 +- 0.3), or the bound where nothing was simulated.
std::string effect_text(const CheckResult& r, const Fix& fix, const FixEffect& e) {
  const std::string& metric = r.scenario.slo[e.objective].metric;
  if (!fix.simulated) return std::isnan(e.after.value) ? "-" : "at least " + with_unit_of(e.after.value, metric);
  return fmt::format("{} -> {} ({}{} ± {})", readable(e.before), with_unit_of(e.after.value, metric),
                     e.paired.difference.value > 0 ? "+" : "", readable(e.paired.difference.value),
                     readable(e.paired.difference.half_width()));
}

// Meets, or gains for sure, or is not forbidden: the rest would only hide these.
bool is_worth_a_line(const CheckResult& r, const Fix& fix) {
  if (fix.status != PointStatus::ok) return false;
  if (fix.decision != Decision::misses) return true;
  if (!fix.simulated) return false;
  const FixEffect& worst = fix.effects.front();
  const bool upper = is_upper_limit(r.scenario.slo[worst.objective].comparison);
  return upper ? worst.paired.difference.high < 0 : worst.paired.difference.low > 0;
}

std::string fixes_section(const CheckResult& r, const TextStyle& style) {
  TextTable table("llllrl", "001042");
  std::size_t shown = 0, refused = 0, useless = 0;
  std::string first;
  for (const Fix& fix : r.fixes) {
    if (!is_worth_a_line(r, fix)) {
      useless += fix.status == PointStatus::ok ? 1 : 0;
      refused += fix.status == PointStatus::does_not_fit || fix.status == PointStatus::invalid ? 1 : 0;
      continue;
    }
    const FixEffect& worst = fix.effects.front();
    if (shown++ == 0) table.row({"", "change", "cost", r.scenario.slo[worst.objective].metric, "saves", "to try it"});
    if (first.empty()) first = set_text(fix.set);
    const double reduction = worst.paired.variance_reduction;
    table.row({mark_of(fix.decision), fix.change, cost_text(fix.cost), effect_text(r, fix, worst),
               std::isnan(reduction) ? "" : readable(reduction) + "x", set_text(fix.set)});
  }
  std::string text = table.text(style, "  ");
  if (shown > 0) text += shell_command("to try the first: " + first, style, "  ");
  if (shown > 0 && r.price) text += fmt::format("  now {}\n", price_sentence(*r.price));
  if (shown > 0) {
    text +=
        r.impossible
            ? "  not simulated: no bound forbids these\n"
            : "  ✓ = all objectives met; ± of the difference on the same random numbers (saves: independent runs would "
              "need so many times more)\n";
  }
  if (useless > 0) text += fmt::format("  {} changes tried do not help", useless);
  if (refused > 0) text += fmt::format("{}{} are not possible here", useless > 0 ? ", " : "  ", refused);
  if (useless + refused > 0) text += " (--format json lists them)\n";
  return text;
}

// The statistics above are of the simulation; this is of the model that it simulates.
std::string model_section(const CheckResult& r, const TextStyle& style) {
  std::string text = fmt::format("  {}\n", model_sentence(r.band));
  if (r.uncertainty) text += uncertainty_lines(*r.uncertainty, style);
  return text;
}

// The verdict is of the model; what that is worth stands beside it.
std::string headline(const CheckResult& r) {
  if (r.impossible)
    return fmt::format("IMPOSSIBLE{}: an objective lies beyond what any scheduler could reach\n",
                       spare_clause(r.scenario));
  std::string text = r.overall == Decision::meets    ? "MEETS its objectives"
                     : r.overall == Decision::misses ? "MISSES its objectives"
                                                     : "NOT DECIDED within the budget";
  text += spare_clause(r.scenario);
  if (r.uncertainty && r.uncertainty->meets_all)
    text += fmt::format("; with the model's error as measured they hold with probability {}",
                        probability_text(*r.uncertainty->meets_all));
  return text + "\n";
}

}  // namespace

std::string to_text(const CheckResult& r, const TextStyle& style) {
  std::string out = title(r.scenario, style);
  if (!r.feasible) {
    out += section("Memory of one GPU", memory_section(r.memory, style), style);
    return within_width(out + fmt::format("Does not fit: {}\n", r.memory.verdict), style);
  }
  if (r.interrupted) out += "INTERRUPTED: judged by what had finished\n";
  out += headline(r);
  const auto ticked = [&](const std::string& text) { return style.color ? colored_ticks(text) : text; };
  if (const std::string worst = worst_slot_sentence(r.load_slots); !worst.empty()) out += ticked(worst + "\n");
  if (r.verdict) {
    out += ticked(objectives_section(r, style));
  }
  out += section("Through the day of the load", ticked(load_slots_section(r.load_slots, style)), style);
  std::string bounds;
  for (const Bound& b : r.bounds) {
    if (r.impossible && !b.impossible) continue;
    bounds += fmt::format("  {}: {}\n", r.scenario.slo[b.objective].expression, b.text);
  }
  out += section(r.impossible ? "Why" : "Bounds that no engine can beat", bounds, style);
  if (!r.fixes.empty()) {
    out += section(r.impossible ? "Changes that might make it possible" : "Cheapest fixes first",
                   ticked(fixes_section(r, style)), style);
  }
  if (r.verdict) {
    out += section("How good the model is here", model_section(r, style), style);
    out += section("What this rests on", basis_section(r) + equal_outputs_lines(r), style);
  }
  out += about_section(r.scenario, style);
  return within_width(out, style);
}

}  // namespace foretoken
