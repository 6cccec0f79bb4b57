// The check as a document.
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/check.hpp"
#include "report/json_parts.hpp"
#include "report/load_slots_report.hpp"
#include "report/uncertainty_report.hpp"

namespace foretoken {
namespace {

Json steady_of(const SteadyState& s) {
  Json json = Json::object();
  json["exists"] = s.exists;
  json["settled"] = s.settled;
  json["overloaded"] = s.overloaded;
  if (s.measured > 0) {
    json["warmup_requests"] = s.warmup;
    json["measured_requests"] = s.measured;
    json["relaxation_requests"] = s.relaxation;
  }
  if (s.needed > 0) json["needed_requests"] = s.needed;
  if (s.arrival_rate > 0) json["arrival_rate"] = s.arrival_rate;
  if (s.stability_limit) json["stability_limit"] = to_json(*s.stability_limit);
  if (s.overloaded) json["backlog_growth"] = to_json(s.backlog_growth);
  return json;
}

Json objective_of(const ObjectiveVerdict& o) {
  Json json = Json::object();
  json["expr"] = o.line.expression;
  json["metric"] = o.line.metric;
  json["comparison"] = to_string(o.line.comparison);
  json["limit"] = o.line.limit;
  json["verdict"] = to_string(o.decision);
  json["interval"] = to_json(o.interval);
  json["margin"] = o.margin;
  json["of"] = o.steady_state ? "steady state" : "whole runs";
  if (!o.reason.empty()) json["reason"] = o.reason;
  return json;
}

Json verdict_of(const Verdict& v, const std::optional<ModelUncertainty>& u) {
  Json json = Json::object();
  json["replications"] = v.replications;
  json["requests"] = v.requests;
  json["pilot_requests"] = v.pilot_requests;
  json["budget_replications"] = v.budget_replications;
  json["steady_state"] = steady_of(v.steady);
  Json objectives = Json::array();
  for (std::size_t i = 0; i < v.objectives.size(); ++i) {
    Json objective = objective_of(v.objectives[i]);
    if (u && i < u->figures.size() && u->figures[i].meets) objective["p_meets"] = to_json(*u->figures[i].meets);
    objectives.push_back(std::move(objective));
  }
  json["objectives"] = std::move(objectives);
  Json precision = Json::array();
  for (const PrecisionVerdict& p : v.precision) {
    Json entry = Json::object();
    entry["expr"] = p.goal.expression;
    entry["metric"] = p.goal.metric;
    entry["share"] = p.goal.share;
    entry["reached"] = p.reached;
    entry["interval"] = to_json(p.interval);
    precision.push_back(std::move(entry));
  }
  json["precision"] = std::move(precision);
  return json;
}

Json equal_outputs_of(const SpreadOutputs& e) {
  Json json = Json::object();
  json["output_tokens"] = e.tokens;
  json["group_requests"] = e.group;
  json["spread_share"] = e.share;
  json["spread_group_requests"] = e.group_spread;
  Json figures = Json::array();
  for (const std::optional<Interval>& figure : e.figures) figures.push_back(figure ? to_json(*figure) : Json());
  json["spread_objectives"] = std::move(figures);
  return json;
}

Json fix_of(const CheckResult& r, const Fix& fix) {
  Json json = Json::object();
  json["change"] = fix.change;
  Json set = Json::array();
  for (const std::string& s : fix.set) set.push_back(s);
  json["set"] = std::move(set);
  json["status"] = to_string(fix.status);
  if (!fix.why_not.empty()) json["reason"] = fix.why_not;
  if (fix.status != PointStatus::ok) return json;
  json["simulated"] = fix.simulated;
  json["verdict"] = to_string(fix.decision);
  json["gpus_added"] = fix.cost.gpus_added;
  json["other_gpu"] = fix.cost.other_gpu;
  json["recovered"] = fix.recovered;
  if (fix.cost.usd_per_hour_added) {
    json["usd_per_hour_added"] = *fix.cost.usd_per_hour_added;
    json["example_price"] = fix.cost.example_price;
  }
  json[r.price ? "usd_per_hour_per_recovered" : "gpus_per_recovered"] = fix.cost_per_recovered;
  Json effects = Json::array();
  for (const FixEffect& e : fix.effects) {
    Json effect = Json::object();
    effect["expr"] = r.scenario.slo[e.objective].expression;
    effect["metric"] = r.scenario.slo[e.objective].metric;
    if (fix.simulated) {
      effect["before"] = e.before;
      effect["after"] = to_json(e.after);
      effect["verdict"] = to_string(e.decision);
      effect["difference"] = to_json(e.paired);
    } else {
      effect["bound"] = e.after.value;
      effect["impossible"] = e.decision == Decision::misses;
    }
    effects.push_back(std::move(effect));
  }
  json["effects"] = std::move(effects);
  return json;
}

}  // namespace

Json to_json(const Interval& interval) {
  Json json = Json::object();
  json["value"] = interval.value;
  json["low"] = interval.low;
  json["high"] = interval.high;
  json["confidence"] = interval.confidence;
  return json;
}

Json to_json(const PairedDifference& paired) {
  Json json = to_json(paired.difference);
  json["variance_reduction"] = paired.variance_reduction;
  return json;
}

Json to_json(const CheckResult& r) {
  Json json = document_head("foretoken.check/1", r.scenario);
  json["config"] = to_json(r.scenario);
  json["feasible"] = r.feasible;
  json["memory"] = to_json(r.memory);
  if (!r.feasible) return json;
  json["replicas_down"] = r.scenario.replicas_down;
  json["load_factor"] = r.scenario.load_factor;
  json["verdict"] = to_string(r.overall);
  json["impossible"] = r.impossible;
  json["interrupted"] = r.interrupted;
  json["model_band"] = to_json(r.band);
  if (r.price) json["price"] = price_of(*r.price);
  if (r.uncertainty) json["model_uncertainty"] = to_json(*r.uncertainty);
  Json bounds = Json::array();
  for (const Bound& b : r.bounds) {
    Json bound = Json::object();
    bound["expr"] = r.scenario.slo[b.objective].expression;
    bound["bound"] = b.value;
    bound["impossible"] = b.impossible;
    bound["text"] = b.text;
    bounds.push_back(std::move(bound));
  }
  json["bounds"] = std::move(bounds);
  if (r.verdict) json["study"] = verdict_of(*r.verdict, r.uncertainty);
  if (!r.load_slots.slots.empty()) json["load_slots"] = to_json(r.load_slots);
  if (r.spread_outputs) json["equal_outputs"] = equal_outputs_of(*r.spread_outputs);
  Json fixes = Json::array();
  for (const Fix& fix : r.fixes) fixes.push_back(fix_of(r, fix));
  json["fixes"] = std::move(fixes);
  return json;
}

}  // namespace foretoken
