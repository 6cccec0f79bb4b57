// The capacity as a document.
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/capacity.hpp"
#include "foretoken/study/check.hpp"
#include "report/json_parts.hpp"
#include "report/uncertainty_report.hpp"

namespace foretoken {
namespace {

Json look_of(const CapacityResult& r, const CapacityLook& look) {
  Json json = Json::object();
  json["load"] = look.load;
  json["verdict"] = to_string(look.decision);
  json["too_little"] = look.too_little;
  if (look.bound) {
    json["bound"] = r.scenario.slo[*look.bound].expression;
    json["reason"] = look.impossible;
  }
  if (!look.verdict) return json;
  const Verdict& v = *look.verdict;
  json["overloaded"] = v.steady.overloaded;
  json["replications"] = v.replications;
  json["requests"] = v.requests;
  Json objectives = Json::array();
  for (const ObjectiveVerdict& o : v.objectives) {
    Json entry = Json::object();
    entry["expr"] = o.line.expression;
    entry["metric"] = o.line.metric;
    entry["limit"] = o.line.limit;
    entry["verdict"] = to_string(o.decision);
    entry["interval"] = to_json(o.interval);
    entry["margin"] = o.margin;
    if (!o.reason.empty()) entry["reason"] = o.reason;
    objectives.push_back(std::move(entry));
  }
  json["objectives"] = std::move(objectives);
  for (std::size_t i = 0; i < v.also.size(); ++i) json[kLookMetrics[i]] = to_json(v.also[i]);
  return json;
}

}  // namespace

Json to_json(const CapacityResult& r) {
  Json json = document_head("foretoken.capacity/1", r.scenario);
  json["config"] = to_json(r.scenario);
  json["origins"] = origins_of(r.scenario);
  json["replicas_down"] = r.scenario.replicas_down;
  json["load_factor"] = r.scenario.load_factor;
  json["feasible"] = r.feasible;
  json["memory"] = to_json(r.memory);
  if (!r.feasible) return json;
  json["model_band"] = to_json(r.band);
  json["variable"] = to_string(r.variable);
  json["unit"] = r.unit;
  json["offered"] = r.offered;
  json["outcome"] = to_string(r.outcome);
  json["capacity"] = value_or_null(r.capacity);
  json["smallest_missed"] = value_or_null(r.missed);
  json["met_from"] = value_or_null(r.least);
  json["precise"] = r.precise;
  json["precision"] = r.scenario.capacity.precision;
  if (!r.reason.empty()) json["reason"] = r.reason;
  Json confidence = Json::array();
  for (const LoadConfidence& c : r.confidence) {
    Json entry = Json::object();
    entry["load"] = c.load;
    entry["p_meets_all"] = to_json(c.all_meet);
    confidence.push_back(std::move(entry));
  }
  json["confidence"] = std::move(confidence);
  Json promised = Json::array();
  for (const PromisedLoad& p : r.promised) {
    Json entry = Json::object();
    entry["probability"] = p.probability;
    entry["load"] = value_or_null(p.load);
    promised.push_back(std::move(entry));
  }
  json["promised"] = std::move(promised);
  if (!r.no_confidence.empty()) json["no_confidence"] = r.no_confidence;
  json["headroom"] = value_or_null(r.headroom);
  if (r.scenario.capacity.growth) {
    json["growth"] = r.scenario.capacity.growth->expression;
    json["days_until_full"] = value_or_null(r.days_until_full);
    json["days_until_missed"] = value_or_null(r.days_until_missed);
  }
  if (r.binding) json["binding"] = r.scenario.slo[*r.binding].expression;
  if (!r.binding_reason.empty()) json["binding_reason"] = r.binding_reason;
  json["bottleneck"] = texts(r.bottleneck);
  if (r.knee) json["knee"] = to_json(*r.knee);
  Json contradictions = Json::array();
  for (const NotMonotone& n : r.not_monotone) {
    Json entry = Json::object();
    entry["misses"] = n.misses;
    entry["meets"] = n.meets;
    contradictions.push_back(std::move(entry));
  }
  json["not_monotone"] = std::move(contradictions);
  Json looks = Json::array();
  for (const CapacityLook& look : r.looks) looks.push_back(look_of(r, look));
  json["looks"] = std::move(looks);
  json["set"] = texts(r.set);
  if (r.stability_limit) json["stability_limit"] = to_json(*r.stability_limit);
  json["requests"] = r.requests;
  json["interrupted"] = r.interrupted;
  return json;
}

}  // namespace foretoken
