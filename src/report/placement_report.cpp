// The placement, what it was chosen from, and its verdict.
#include "report/placement_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "foretoken/experiment/version.hpp"
#include "report/common.hpp"
#include "report/declared_table.hpp"
#include "report/json_parts.hpp"
#include "report/sections.hpp"
#include "report/uncertainty_report.hpp"

namespace foretoken {
namespace {

// A pool of the answer.
struct PlacedRow {
  PlacedPool pool;
  std::int64_t replicas = 0;
  std::string demands;  // chat, half of batch
};

std::string part_of(double share, const std::string& demand) {
  return share < 1 ? fmt::format("{:g} % of {}", share * 100, demand) : demand;
}

std::vector<PlacedRow> placed_rows(const Placement& p) {
  std::vector<PlacedRow> rows;
  if (!p.answer) return rows;
  const PlacementPlan& plan = p.tries[*p.answer].plan;
  for (std::size_t k = 0; k < p.pools.size(); ++k) {
    if (plan.replicas[k] == 0) continue;
    PlacedRow row{p.pools[k], plan.replicas[k], {}};
    for (std::size_t d = 0; d < p.demands.size(); ++d) {
      if (plan.share[d][k] > 0)
        row.demands += (row.demands.empty() ? "" : ", ") + part_of(plan.share[d][k], p.demands[d]);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

const auto kAsItIs = [](const std::string& text) { return text; };

DeclaredTable<PlacedRow> placed_table() {
  return DeclaredTable<PlacedRow>()
      .column(
          "pool", "pool", {'0', 'l'}, [](const PlacedRow& r) { return r.pool.name; }, kAsItIs)
      .column(
          "model", "model", {'1', 'l'}, [](const PlacedRow& r) { return r.pool.model; }, kAsItIs)
      .column(
          "gpu", "GPU", {'0', 'l'}, [](const PlacedRow& r) { return r.pool.gpu; }, kAsItIs)
      .column("replicas", "replicas", {'0'}, [](const PlacedRow& r) { return r.replicas; })
      .column("gpus", "GPUs", {'1'}, [](const PlacedRow& r) { return r.replicas * r.pool.gpus_per_replica; })
      .column(
          "usd_per_hour", "$/h", {'0'},
          [](const PlacedRow& r) { return static_cast<double>(r.replicas) * r.pool.usd_per_hour; }, dollars)
      .column(
          "demands", "serves", {'0', 'l'}, [](const PlacedRow& r) { return r.demands; }, kAsItIs);
}

DeclaredTable<DemandOnKind> capacity_table() {
  const auto rate = [](double v) { return v > 0 ? readable(v) : std::string("none"); };
  return DeclaredTable<DemandOnKind>()
      .column("demand", "demand", {'0', 'l'}, &DemandOnKind::demand, kAsItIs)
      .column("pool", "pool", {'0', 'l'}, &DemandOnKind::pool, kAsItIs)
      .column("rate", "wanted", {'1'}, &DemandOnKind::rate)
      .column("alone", "one replica", {'1'}, &DemandOnKind::alone, rate)
      .column("together", "of n", {'1'}, [](const DemandOnKind& d) { return std::int64_t{d.together}; })
      .column("each", "each", {'0'}, &DemandOnKind::each, rate)
      .column("most", "misses at", {'1'}, &DemandOnKind::most, rate)
      .cell("needs", {'0'},
            [](const DemandOnKind& d) { return d.most > 0 ? fmt::format("{:.2f}", d.rate / d.most) : "-"; })
      .entry("why_none",
             [](const DemandOnKind& d) { return d.why_none.empty() ? std::nullopt : std::optional(d.why_none); });
}

struct TryRow {
  const Placement& of;
  const PlacementTry& tried;
};

std::string replicas_text(const TryRow& row) {
  std::string text;
  for (std::size_t k = 0; k < row.of.pools.size(); ++k) {
    if (row.tried.plan.replicas[k] > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : " + ", row.tried.plan.replicas[k], row.of.pools[k].name);
  }
  return text;
}

std::vector<TryRow> try_rows(const Placement& p) {
  std::vector<TryRow> rows;
  for (const PlacementTry& tried : p.tries) rows.push_back({p, tried});
  return rows;
}

DeclaredTable<TryRow> tries_table() {
  const auto missed = [](const TryRow& r) { return fmt::format("{}", fmt::join(r.tried.missed, ", ")); };
  return DeclaredTable<TryRow>()
      .column("replicas", "replicas", {'0', 'l'}, replicas_text, kAsItIs)
      .column(
          "usd_per_hour", "$/h", {'0'}, [](const TryRow& r) { return r.tried.plan.cost; }, dollars)
      .column("gpus", "GPUs", {'1'}, [](const TryRow& r) { return std::int64_t{r.tried.plan.gpus}; })
      .column(
          "verdict", "verdict", {'0', 'l'}, [](const TryRow& r) { return std::string(to_string(r.tried.decision)); },
          kAsItIs)
      .column("missed", "not kept", {'2', 'l'}, missed, kAsItIs);
}

// An objective of the answer.
struct KeptRow {
  const ObjectiveVerdict& objective;
  std::optional<Probability> meets;
};

std::vector<KeptRow> kept_rows(const Placement& p) {
  std::vector<KeptRow> rows;
  if (!p.answer || !p.verdict) return rows;
  for (std::size_t i = 0; i < p.verdict->objectives.size(); ++i) {
    const bool known = p.uncertainty && i < p.uncertainty->figures.size();
    rows.push_back({p.verdict->objectives[i], known ? p.uncertainty->figures[i].meets : std::nullopt});
  }
  return rows;
}

std::string interval_text(const ObjectiveVerdict& o) {
  return fmt::format("{} to {}", readable(o.interval.low), with_unit_of(o.interval.high, o.line.metric));
}

DeclaredTable<KeptRow> kept_table() {
  const auto figure = [](const KeptRow& r) { return r.objective.interval.value; };
  return DeclaredTable<KeptRow>()
      .column(
          "expr", "objective", {'0', 'l'}, [](const KeptRow& r) { return r.objective.line.expression; }, kAsItIs)
      .entry("metric", [](const KeptRow& r) { return r.objective.line.metric; })
      .entry("verdict", [](const KeptRow& r) { return std::string(to_string(r.objective.decision)); })
      .entry("figure", figure)
      .entry("low", [](const KeptRow& r) { return r.objective.interval.low; })
      .entry("high", [](const KeptRow& r) { return r.objective.interval.high; })
      .cell("figure", {'0'},
            [](const KeptRow& r) { return with_unit_of(r.objective.interval.value, r.objective.line.metric); })
      .cell("interval", {'1', 'l'}, [](const KeptRow& r) { return interval_text(r.objective); })
      .cell("P(meets)", {'0'}, [](const KeptRow& r) { return r.meets ? probability_text(*r.meets) : "-"; })
      .entry(
          "p_meets", [](const KeptRow& r) { return r.meets ? std::optional(to_json(*r.meets)) : std::nullopt; },
          shape::ref("probability"));
}

DeclaredTable<OneKindOfGpu> alone_table() {
  return DeclaredTable<OneKindOfGpu>()
      .entry("gpu", &OneKindOfGpu::gpu)
      .entry("usd_per_hour", [](const OneKindOfGpu& g) { return g.usd_per_hour; });
}

std::string verdict_of(const Placement& p) {
  if (p.answer) return "found";
  return p.sure && !p.interrupted ? "none" : "not decided";
}

std::string answer_text(const Placement& p, const TextStyle& style) {
  if (p.interrupted) return "  interrupted before an answer\n";
  if (!p.answer) return fmt::format("  {}: {}\n", p.sure ? "none" : "not decided", p.why_none);
  const PlacementPlan& plan = p.tries[*p.answer].plan;
  std::string text = placed_table().table(placed_rows(p)).text(style, "  ");
  text += fmt::format("  ${} an hour{} for {} GPU{}{}\n", dollars(plan.cost),
                      p.example_prices ? " at the catalog's example prices" : "", plan.gpus, plan.gpus == 1 ? "" : "s",
                      p.sure ? "" : "; a cheaper placement is not decided");
  for (const OneKindOfGpu& g : p.alone) {
    text += g.usd_per_hour
                ? fmt::format("  all on {} by the capacities below: ${} an hour\n", g.gpu, dollars(*g.usd_per_hour))
                : fmt::format("  {} alone cannot carry all\n", g.gpu);
  }
  return text;
}

std::string set_text(const Placement& p) {
  std::string text;
  for (const std::string& set : p.set) text += fmt::format("{}--set '{}'", text.empty() ? "  " : " ", set);
  return text.empty() ? text : text + "\n";
}

std::string reasons_of(const Placement& p) {
  std::string text;
  for (const DemandOnKind& d : p.capacities) {
    if (!d.why_none.empty()) text += fmt::format("  {} on {}: {}\n", d.demand, d.pool, d.why_none);
  }
  return text;
}

std::string basis_of(const Placement& p) {
  return fmt::format(
      "  requests/s within the objectives, of one replica and of each of as many as are needed, and at which they "
      "miss; "
      "by the\n  latter loads that share replicas add up, and the cheapest whole numbers of replicas are {}; plans are "
      "then simulated with all\n  models behind their routers, the cheapest first, until one meets; {} requests in "
      "all\n",
      p.exact ? "found by branch and bound" : "the best of a search that was cut off", readable(p.requests));
}

}  // namespace

std::string to_text(const Placement& p, const TextStyle& style) {
  std::string out = heading(p.scenario, style) + section("Placement", answer_text(p, style), style);
  if (p.answer) {
    out += section("Objectives, all placed", kept_table().table(kept_rows(p)).text(style, "  "), style);
    out += section("To run it", set_text(p), style);
  }
  if (!p.tries.empty()) out += section("Plans simulated", tries_table().table(try_rows(p)).text(style, "  "), style);
  out +=
      section("Capacities, requests/s", capacity_table().table(p.capacities).text(style, "  ") + reasons_of(p), style);
  return within_width(out + section("What this rests on", basis_of(p), style), style);
}

shape::Keys placement_keys() {
  return {{"interrupted", shape::flag()},
          {"outcome", shape::text()},
          {"why_none?", shape::text()},
          {"exact", shape::flag()},
          {"sure", shape::flag()},
          {"example_prices", shape::flag()},
          {"usd_per_hour", shape::or_null(shape::figure())},
          {"placement", shape::list_of(placed_table().shape())},
          {"set", shape::list_of(shape::text())},
          {"objectives", shape::list_of(kept_table().shape())},
          {"p_meets_all?", shape::ref("probability")},
          {"tries", shape::list_of(tries_table().shape())},
          {"one_kind", shape::list_of(alone_table().shape())},
          {"capacities", shape::list_of(capacity_table().shape())},
          {"requests", shape::count()}};
}

Json to_json(const Placement& p) {
  Json json = document_head("foretoken.placement/1", p.scenario);
  json["interrupted"] = p.interrupted;
  json["outcome"] = verdict_of(p);
  if (!p.answer) json["why_none"] = p.why_none;
  json["exact"] = p.exact;
  json["sure"] = p.sure;
  json["example_prices"] = p.example_prices;
  json["usd_per_hour"] = p.answer ? Json(p.tries[*p.answer].plan.cost) : Json(nullptr);
  json["placement"] = placed_table().documents(placed_rows(p));
  Json set = Json::array();
  for (const std::string& one : p.set) set.push_back(one);
  json["set"] = std::move(set);
  json["objectives"] = kept_table().documents(kept_rows(p));
  if (p.uncertainty && p.uncertainty->meets_all) json["p_meets_all"] = to_json(*p.uncertainty->meets_all);
  json["tries"] = tries_table().documents(try_rows(p));
  json["one_kind"] = alone_table().documents(p.alone);
  json["capacities"] = capacity_table().documents(p.capacities);
  json["requests"] = p.requests;
  return json;
}

}  // namespace foretoken
