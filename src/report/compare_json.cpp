// The comparison as a document.
#include "foretoken/experiment/version.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/check.hpp"
#include "foretoken/study/compare.hpp"
#include "report/json_parts.hpp"

namespace foretoken {
namespace {

Json side_of(const std::string& name, const std::string& sha256) {
  Json json = Json::object();
  json["scenario"] = name;
  json["scenario_sha256"] = sha256;
  return json;
}

Json change_of(const MetricChange& m) {
  Json json = Json::object();
  json["before"] = m.before;
  json["after"] = m.after;
  json["ratio"] = m.ratio();
  json["difference"] = to_json(m.change);
  json["sure"] = m.is_sure();
  return json;
}

Json changes_of(const std::vector<MetricChange>& metrics) {
  Json json = Json::object();
  for (const MetricChange& m : metrics) json[m.metric] = change_of(m);
  return json;
}

Json field_of(const ChangedField& f) {
  Json json = Json::object();
  json["path"] = f.path;
  json["before"] = f.before;
  json["after"] = f.after;
  json["given"] = f.given;
  json["simulated"] = f.simulated;
  return json;
}

Json parts_of(const std::vector<PartChange>& parts) {
  Json json = Json::object();
  for (const PartChange& p : parts) {
    Json& entry = json[to_string(p.part)];
    entry["before"] = p.before_ms;
    entry["after"] = p.after_ms;
  }
  return json;
}

}  // namespace

Json to_json(const CompareResult& r) {
  Json json = Json::object();
  json["schema"] = "foretoken.compare/1";
  json["foretoken_version"] = version();
  json["before"] = side_of(r.before_name, r.before_sha256);
  json["after"] = side_of(r.after_name, r.after_sha256);
  Json fields = Json::array();
  for (const ChangedField& f : r.fields) fields.push_back(field_of(f));
  json["fields"] = std::move(fields);
  json["does_not_fit"] = texts(r.does_not_fit);
  if (!r.does_not_fit.empty()) return json;
  json["pairing"] = to_string(r.pairing);
  json["confidence"] = r.confidence;
  json["replications"] = r.replications;
  json["requests"] = r.requests;
  Json objectives = Json::array();
  for (const ObjectiveChange& o : r.objectives) {
    Json entry = change_of(o.change);
    entry["expr"] = o.line.expression;
    entry["metric"] = o.line.metric;
    entry["met_before"] = o.met_before;
    entry["met_after"] = o.met_after;
    objectives.push_back(std::move(entry));
  }
  json["objectives"] = std::move(objectives);
  json["metrics"] = changes_of(r.metrics);
  if (r.why) {
    json["why"]["sentences"] = texts(r.why->sentences);
    json["why"]["ttft_ms"] = parts_of(r.why->ttft);
    json["why"]["ms_per_token"] = parts_of(r.why->per_token);
  }
  Json alone = Json::array();
  for (const ChangeAlone& a : r.alone) {
    Json entry = Json::object();
    entry["field"] = r.fields[a.field].path;
    entry["set"] = texts(a.set);
    entry["status"] = to_string(a.status);
    if (!a.why_not.empty()) entry["reason"] = a.why_not;
    entry["metrics"] = changes_of(a.metrics);
    alone.push_back(std::move(entry));
  }
  json["alone"] = std::move(alone);
  Json warnings = Json::array();
  for (const std::string& warning : r.warnings) warnings.push_back(warning);
  json["warnings"] = std::move(warnings);
  json["interrupted"] = r.interrupted;
  return json;
}

}  // namespace foretoken
