// The answer first, then what binds, then the curve it was read from.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/report/report.hpp"
#include "foretoken/study/capacity.hpp"
#include "report/common.hpp"
#include "report/sections.hpp"
#include "report/uncertainty_report.hpp"

namespace foretoken {
namespace {

std::string load_text(double load) {
  return load == std::round(load) && std::abs(load) < 1e15 ? readable(static_cast<std::int64_t>(load))
         : load >= 1e3                                     ? readable(load)
                                                           : fmt::format("{:.5g}", load);
}

std::string days_text(double days) {
  if (std::isinf(days)) return "never";
  return days >= 730 ? fmt::format("{:.1f} years", days / 365.25) : fmt::format("{:.0f} days", std::floor(days));
}

std::string headline(const CapacityResult& r) {
  switch (r.outcome) {
    case CapacityOutcome::found:
      if (!r.precise)
        return fmt::format("CAPACITY between {} {}, which meets the objectives, and {}, which misses\n",
                           load_text(*r.capacity), r.unit, load_text(*r.missed));
      return fmt::format("CAPACITY {} {}: meets its objectives there, misses at {}\n", load_text(*r.capacity), r.unit,
                         load_text(*r.missed));
    case CapacityOutcome::everything_meets:
      return fmt::format("CAPACITY at least {} {}\n", load_text(*r.capacity), r.unit);
    case CapacityOutcome::nothing_meets:
      return r.not_monotone.empty() ? "NO CAPACITY: no load meets the objectives\n"
                                    : "NO CAPACITY: already low loads miss the objectives\n";
    case CapacityOutcome::not_decided:
      break;
  }
  if (r.capacity)
    return fmt::format("NOT DECIDED: meets at {} {}; where it ends is open\n", load_text(*r.capacity), r.unit);
  if (r.missed) return fmt::format("NOT DECIDED: misses at {} {}; below it is open\n", load_text(*r.missed), r.unit);
  return "NOT DECIDED\n";
}

std::string growth_line(const CapacityResult& r) {
  const auto& growth = r.scenario.capacity.growth;
  if (!growth || !r.days_until_full) return {};
  const std::string rate = growth->expression;
  if (!(growth->share > 0)) return fmt::format("  full: never, the load does not grow ({})\n", rate);
  if (*r.days_until_full <= 0) return "  full: already\n";
  std::string text = fmt::format("  full: in {} at {}", days_text(*r.days_until_full), rate);
  if (r.days_until_missed && days_text(*r.days_until_missed) != days_text(*r.days_until_full))
    text += fmt::format(" (for sure in {})", days_text(*r.days_until_missed));
  return text + "\n";
}

// The capacity is the model's; what can be promised of a real deployment is less.
std::string promise_lines(const CapacityResult& r) {
  if (!r.no_confidence.empty()) return fmt::format("  with what probability: not known, {}\n", r.no_confidence);
  const auto at = [&](double load) {
    const auto found =
        std::find_if(r.confidence.begin(), r.confidence.end(), [&](const LoadConfidence& c) { return c.load == load; });
    return found == r.confidence.end() ? std::string("-") : probability_text(found->all_meet);
  };
  if (r.confidence.empty()) return {};
  std::string text =
      fmt::format("  with the model's error as measured: the objectives hold there with {}", at(*r.capacity));
  for (const PromisedLoad& p : r.promised) {
    text += p.load
                ? fmt::format(", with at least {:.0f} % up to {} {}", 100 * p.probability, load_text(*p.load), r.unit)
                : fmt::format(", with {:.0f} % at no load (at {} {}: {})", 100 * p.probability,
                              load_text(r.confidence.front().load), r.unit, at(r.confidence.front().load));
  }
  return text + "\n";
}

std::string meaning_section(const CapacityResult& r) {
  std::string text;
  if (!r.reason.empty()) text += fmt::format("  {}\n", r.reason);
  if (r.capacity) text += promise_lines(r);
  if (r.capacity && r.offered > 0) {
    text += *r.headroom >= 0 ? fmt::format("  headroom: {} more than today's {} {}\n", percent(*r.headroom),
                                           load_text(r.offered), r.unit)
                             : fmt::format("  headroom: none, today's {} {} are {} above the capacity\n",
                                           load_text(r.offered), r.unit, percent(r.offered / *r.capacity - 1));
  }
  if (r.stability_limit) {
    text += fmt::format(
        "  saturated, the deployment lets through {} ± {} requests/s: above that any queue grows without end\n",
        readable(r.stability_limit->value), readable(r.stability_limit->half_width()));
  }
  text += growth_line(r);
  if (r.binding) {
    text += fmt::format("  binds: {}", r.scenario.slo[*r.binding].expression);
    text += r.binding_reason.empty() || r.binding_reason == r.reason ? "\n" : fmt::format(" ({})\n", r.binding_reason);
  }
  for (const std::string& line : r.bottleneck) text += fmt::format("  there: {}\n", line);
  if (r.least)
    text += fmt::format("  a floor among the objectives needs load: met from {} {} on\n", load_text(*r.least), r.unit);
  return text;
}

std::string knee_section(const CapacityResult& r) {
  if (!r.knee) return {};
  const Knee& k = *r.knee;
  const std::string unit(metric_unit(k.metric));
  std::string text = k.at_end ? fmt::format("  {} has not bent up to {} {}, the largest load with a steady figure\n",
                                            k.metric, load_text(k.load), r.unit)
                              : fmt::format("  {} bends at about {} {} (between {} and {}), where it is {}{}{}\n",
                                            k.metric, load_text(k.load), r.unit, load_text(k.low), load_text(k.high),
                                            readable(k.value), unit.empty() ? "" : " ", unit);
  return text +
         "  knee = the load with the largest load / latency: beyond it 1 % more load costs more than 1 % of latency\n";
}

const char* mark_of(const CapacityLook& look) {
  if (look.decision == Decision::meets) return "✓";
  if (look.decision == Decision::not_decided) return "?";
  return "✗";
}

std::string decision_of(const CapacityLook& look) {
  if (look.too_little) return "too little load";
  std::string text(to_string(look.decision));
  if (!look.impossible.empty()) text += ", by a bound";
  if (look.verdict && look.verdict->steady.overloaded) text += ", no steady state";
  return text;
}

std::string with_interval(const Interval& i) {
  if (std::isnan(i.value)) return "-";
  if (!std::isfinite(i.half_width())) return readable(i.value);
  return fmt::format("{} ± {}", readable(i.value), readable(i.half_width()));
}

std::string curve_section(const CapacityResult& r, const TextStyle& style) {
  if (r.looks.empty()) return {};
  std::string alignments = "lrl", importance = "000";
  std::vector<std::string> head{"", r.unit, "verdict"};
  for (const SloLine& line : r.scenario.slo) {
    head.push_back(line.metric);
    alignments += 'r';
    importance += '1';
  }
  for (const char* more : {"tok/s", "mean TPOT ms", "requests"}) head.emplace_back(more);
  TextTable table(alignments + "rrr", importance + "234");
  table.row(head);
  for (const CapacityLook& look : r.looks) {
    std::vector<std::string> cells{mark_of(look), load_text(look.load), decision_of(look)};
    for (std::size_t i = 0; i < r.scenario.slo.size(); ++i)
      cells.push_back(look.verdict ? with_interval(look.verdict->objectives[i].interval) : "-");
    cells.push_back(look.verdict ? readable(look.verdict->also[0].value) : "-");
    cells.push_back(look.verdict ? readable(look.verdict->also[1].value) : "-");
    cells.push_back(look.verdict ? readable(look.verdict->requests + look.verdict->pilot_requests) : "0");
    table.row(std::move(cells));
  }
  std::string text = table.text(style, "  ");
  for (const NotMonotone& n : r.not_monotone) {
    text += fmt::format(
        "  not monotone: misses at {} {}, meets at {}; the answer is the largest load below which everything "
        "looked at meets\n",
        load_text(n.misses), r.unit, load_text(n.meets));
  }
  return text;
}

std::string basis_section(const CapacityResult& r) {
  std::string text =
      fmt::format("  {} loads looked at, {} requests simulated, on the same random numbers at every load\n",
                  readable(static_cast<std::int64_t>(r.looks.size())), readable(r.requests));
  text += fmt::format(
      "  each look is the verdict of `check` with {} intervals; the search stops when its ends are {} "
      "apart (capacity.precision)\n",
      percent(r.scenario.study.confidence), percent(r.scenario.capacity.precision));
  text += fmt::format("  {}\n", model_sentence(r.band));
  std::string set;
  for (const std::string& s : r.set) set += fmt::format(" --set '{}'", s);
  if (!set.empty()) text += fmt::format("  the scenario at its capacity:{}\n", set);
  return text;
}

}  // namespace

std::string to_text(const CapacityResult& r, const TextStyle& style) {
  std::string out = title(r.scenario, style);
  if (!r.feasible) {
    out += section("Memory of one GPU", memory_section(r.memory, style), style);
    return within_width(out + fmt::format("Does not fit: {}\n", r.memory.verdict), style);
  }
  if (r.interrupted) out += "INTERRUPTED: what was known by then\n";
  out += headline(r);
  if (r.scenario.replicas_down > 0)
    out += fmt::format("  judged{}: that much load it carries then (spare)\n", spare_clause(r.scenario));
  if (r.scenario.load_factor != 1)
    out += fmt::format("  today's load is taken x {:g} (workload.load_factor)\n", r.scenario.load_factor);
  out += meaning_section(r);
  const std::string curve = curve_section(r, style);
  out += section("Loads looked at", style.color ? colored_ticks(curve) : curve, style);
  out += section("Where latency bends", knee_section(r), style);
  return within_width(out + section("What this rests on", basis_section(r), style) + about_section(r.scenario, style),
                      style);
}

}  // namespace foretoken
