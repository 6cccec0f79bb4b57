// What the looks say, in figures and in words.
#include "study/capacity/answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/math.hpp"
#include "experiment/latency_key.hpp"
#include "study/capacity/look.hpp"

namespace foretoken {
namespace {

const CapacityLook* look_at(const CapacityResult& r, const std::optional<double>& load) {
  const auto at =
      std::find_if(r.looks.begin(), r.looks.end(), [&](const CapacityLook& l) { return load && l.load == *load; });
  return at == r.looks.end() ? nullptr : &*at;
}

// The objective with the least room among those of this decision.
std::optional<std::size_t> tightest(const Verdict& v, Decision decision) {
  std::optional<std::size_t> tightest;
  const auto margin = [&](std::size_t i) {
    const ObjectiveVerdict& o = v.objectives[i];
    return std::isnan(o.margin) ? std::numeric_limits<double>::infinity() : o.margin;
  };
  for (std::size_t i = 0; i < v.objectives.size(); ++i) {
    if (v.objectives[i].decision != decision) continue;
    if (!tightest || margin(i) < margin(*tightest)) tightest = i;
  }
  return tightest;
}

void name_binding(CapacityResult& r) {
  const CapacityLook* missed = look_at(r, r.missed);
  if (missed == nullptr && r.outcome == CapacityOutcome::nothing_meets && !r.looks.empty()) missed = &r.looks.front();
  if (missed != nullptr && missed->bound) {
    r.binding = missed->bound;
    r.binding_reason = missed->impossible;
    return;
  }
  if (missed != nullptr && missed->verdict) {
    r.binding = tightest(*missed->verdict, Decision::misses);
    if (r.binding) r.binding_reason = missed->verdict->objectives[*r.binding].reason;
    if (r.binding) return;
  }
  if (const CapacityLook* met = look_at(r, r.capacity); met != nullptr && met->verdict)
    r.binding = tightest(*met->verdict, Decision::meets);
}

void find_contradictions(CapacityResult& r) {
  const CapacityLook* missed = nullptr;
  for (const CapacityLook& look : r.looks) {
    const LoadSide side = side_of(look);
    if (side == LoadSide::misses && missed == nullptr) missed = &look;
    if (side != LoadSide::meets || missed == nullptr) continue;
    r.not_monotone.push_back({missed->load, look.load});
    missed = nullptr;
  }
}

void name_outcome(CapacityResult& r, const SearchRange& range) {
  const bool undecided = std::any_of(r.looks.begin(), r.looks.end(),
                                     [](const CapacityLook& l) { return l.decision == Decision::not_decided; });
  if (r.capacity && r.missed) {
    r.outcome = CapacityOutcome::found;
    const double width = *r.missed - *r.capacity;
    r.precise = width <= range.precision * *r.capacity || (range.whole && width <= 1);
    if (!r.precise && !r.interrupted)
      r.reason =
          "loads in between are not decided within the budget of a verdict (study.max_replications, "
          "study.max_requests)";
    return;
  }
  if (r.interrupted) {
    r.reason = "interrupted before both ends were found";
    return;
  }
  if (!r.capacity && !r.not_monotone.empty() && side_of(r.looks.front()) == LoadSide::misses) {
    r.outcome = CapacityOutcome::nothing_meets;
    r.reason = fmt::format("{:g} {} misses, and so may any load below it, although {:g}, which is higher, meets",
                           r.not_monotone.front().misses, r.unit, r.not_monotone.front().meets);
    return;
  }
  if (r.capacity && !undecided) {
    r.outcome = CapacityOutcome::everything_meets;
    r.reason = fmt::format(
        "met up to {:g} {}, the largest tried: beyond it requests only wait longer, and no objective "
        "limits that, or the run is too short to show it",
        r.looks.back().load, r.unit);
    return;
  }
  if (undecided) {
    r.reason =
        "the verdicts that would say it are not decided within the budget (study.max_replications, "
        "study.max_requests)";
    return;
  }
  r.outcome = CapacityOutcome::nothing_meets;
  const bool floors = std::any_of(r.looks.begin(), r.looks.end(), [](const CapacityLook& l) { return l.too_little; });
  r.reason = floors ? "where one objective begins to have load enough, another already has too much, or none ever has"
                    : fmt::format("missed even at {:g} {}, where a request has its replica nearly to itself",
                                  r.looks.empty() ? range.least : r.looks.front().load, r.unit);
}

double figure_of(const CapacityLook& look, std::size_t objective, const std::string& metric) {
  if (!look.verdict) return std::nan("");
  const Verdict& v = *look.verdict;
  if (objective < v.objectives.size() && v.objectives[objective].line.metric == metric)
    return v.objectives[objective].interval.value;
  for (std::size_t i = 0; i < v.also.size(); ++i) {
    if (metric == kLookMetrics[i]) return v.also[i].value;
  }
  return std::nan("");
}

// The curve of the binding latency; of mean E2E when what binds is none.
void add_knee(CapacityResult& r) {
  const std::size_t binding = r.binding.value_or(0);
  const SloLine& line = r.scenario.slo[binding];
  const std::string metric =
      latency_key_parts(line.metric) && is_upper_limit(line.comparison) ? line.metric : "mean_e2el_ms";
  std::vector<CurvePoint> curve;
  for (const CapacityLook& look : r.looks) {
    // A latency of an overload depends on how long it lasted.
    const bool settled = look.verdict && !look.verdict->steady.overloaded;
    curve.push_back({look.load, settled ? figure_of(look, binding, metric) : std::nan("")});
  }
  r.knee = find_knee(curve);
  if (r.knee) r.knee->metric = metric;
}

}  // namespace

std::string_view to_string(CapacityOutcome outcome) {
  switch (outcome) {
    case CapacityOutcome::found:
      return "found";
    case CapacityOutcome::everything_meets:
      return "everything meets";
    case CapacityOutcome::nothing_meets:
      return "nothing meets";
    case CapacityOutcome::not_decided:
      return "not decided";
  }
  return "unknown";
}

std::optional<Knee> find_knee(const std::vector<CurvePoint>& curve) {
  std::vector<CurvePoint> points = curve;
  std::erase_if(points, [](const CurvePoint& p) { return !(p.value > 0) || std::isinf(p.value) || !(p.load > 0); });
  if (points.size() < 3) return std::nullopt;
  const auto power = [](const CurvePoint& p) { return p.load / p.value; };
  const auto best = std::max_element(points.begin(), points.end(),
                                     [&](const CurvePoint& a, const CurvePoint& b) { return power(a) < power(b); });
  Knee knee;
  knee.load = best->load;
  knee.value = best->value;
  knee.low = best == points.begin() ? best->load : std::prev(best)->load;
  knee.at_end = std::next(best) == points.end();
  knee.high = knee.at_end ? best->load : std::next(best)->load;
  return knee;
}

double days_until(double from, double to, const GrowthRate& growth) {
  if (to <= from) return 0;
  if (!(growth.share > 0)) return std::numeric_limits<double>::infinity();
  return growth.period_days * exact_log(to / from) / exact_log(1 + growth.share);
}

void conclude(CapacityResult& r, const LoadSearch& search, const SearchRange& range) {
  std::sort(r.looks.begin(), r.looks.end(),
            [](const CapacityLook& a, const CapacityLook& b) { return a.load < b.load; });
  r.interrupted = search.interrupted();
  r.capacity = search.largest_met();
  r.missed = search.smallest_missed();
  find_contradictions(r);
  name_outcome(r, range);
  name_binding(r);
  add_knee(r);
  for (const CapacityLook& look : r.looks) {
    const bool below = r.capacity && look.load < *r.capacity;
    if (below && look.too_little) r.least.reset();
    if (r.capacity && look.load <= *r.capacity && look.decision == Decision::meets && !r.least) r.least = look.load;
  }
  const bool has_floor =
      std::any_of(r.looks.begin(), r.looks.end(), [](const CapacityLook& l) { return l.too_little; });
  if (!has_floor) r.least.reset();
  if (!r.capacity || !(r.offered > 0)) return;
  r.headroom = *r.capacity / r.offered - 1;
  const std::optional<GrowthRate>& growth = r.scenario.capacity.growth;
  if (!growth) return;
  r.days_until_full = days_until(r.offered, *r.capacity, *growth);
  if (r.missed) r.days_until_missed = days_until(r.offered, *r.missed, *growth);
}

}  // namespace foretoken
