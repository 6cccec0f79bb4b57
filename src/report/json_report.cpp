// Result documents.
#include "foretoken/report/json_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "foretoken/study/version.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

Json number(double value, bool integer) {
  if (integer && std::isfinite(value)) return Json(static_cast<std::int64_t>(value));
  return Json(value);
}

Json origins_of(const Scenario& scenario) {
  Json origins = Json::object();
  for (const ResolvedField& field : scenario.fields) {
    if (field.origin == Origin::default_value) continue;
    Json entry = Json::object();
    entry["origin"] = to_string(field.origin);
    if (field.where.line > 0) entry["where"] = fmt::format("{}:{}", field.where.file, field.where.line);
    if (!field.reason.empty()) entry["reason"] = field.reason;
    origins[field.path] = std::move(entry);
  }
  return origins;
}

Json head(std::string_view schema, const Scenario& scenario) {
  Json json = Json::object();
  json["schema"] = schema;
  json["foretoken_version"] = version();
  json["scenario"] = scenario.name;
  json["scenario_sha256"] = scenario_sha256(scenario);
  json["seed"] = scenario.seed;
  json["config"] = to_json(scenario);
  json["origins"] = origins_of(scenario);
  return json;
}

Json conventions_of(const RunResult& result) {
  Json json = Json::object();
  json["tpot"] = to_string(result.scenario.tpot);
  json["tpot_definition"] = tpot_definition(result.scenario.tpot);
  json["percentiles"] =
      "linear interpolation over completed requests; offered_* and slo count failed requests as infinite";
  Json sketched = Json::array();
  for (const std::string_view metric : result.sketched) sketched.push_back(Json(metric));
  json["percentiles_from_sketch"] = std::move(sketched);
  json["sketch_relative_error"] = Distribution::kRelativeError;
  json["steady_state"] = fmt::format("without the first and last {} of the requests", result.scenario.warmup_fraction);
  json["cost_level"] = to_string(result.scenario.deployment.level);
  return json;
}

Json slo_of(const std::vector<SloVerdict>& verdicts) {
  Json list = Json::array();
  for (const SloVerdict& v : verdicts) {
    Json line = Json::object();
    line["expr"] = v.line.expression;
    line["metric"] = v.line.metric;
    line["comparison"] = to_string(v.line.comparison);
    line["limit"] = v.line.limit;
    line["value"] = v.value;
    line["ok"] = v.ok;
    line["margin"] = v.margin;
    list.push_back(std::move(line));
  }
  return list;
}

Json shares_of(const Bottleneck& b) {
  Json shares = Json::object();
  for (int i = 0; i < kTimeParts; ++i) shares[to_string(static_cast<TimePart>(i))] = b.share[i];
  return shares;
}

Json bottlenecks_of(const RunResult& result) {
  Json json = Json::object();
  json["prefill"] = result.prefill.bound;
  json["decode"] = result.decode.bound;
  json["prefill_shares"] = shares_of(result.prefill);
  json["decode_shares"] = shares_of(result.decode);
  return json;
}

Json parts_of(const double (&ms)[kAttributionParts]) {
  Json json = Json::object();
  for (int i = 0; i < kAttributionParts; ++i) json[to_string(static_cast<AttributionPart>(i))] = ms[i];
  return json;
}

Json texts(const std::vector<std::string>& lines) {
  Json list = Json::array();
  for (const std::string& line : lines) list.push_back(line);
  return list;
}

}  // namespace

Json to_json(const Summary& summary) {
  Json json = Json::object();
  for (const SummaryEntry& e : summary.entries) json[e.key] = number(e.value, e.integer);
  return json;
}

Json to_json(const MemoryPlan& plan) {
  Json json = Json::object();
  json["fits"] = plan.fits;
  if (!plan.verdict.empty()) json["verdict"] = plan.verdict;
  json["capacity_gib"] = plan.capacity.value / kGiB;
  json["budget_gib"] = plan.budget.value / kGiB;
  json["weights_gib"] = plan.weights.value / kGiB;
  json["activations_gib"] = plan.activations.value / kGiB;
  json["cuda_graphs_gib"] = plan.cuda_graphs.value / kGiB;
  json["non_torch_gib"] = plan.non_torch.value / kGiB;
  json["kv_cache_gib"] = plan.kv_cache.value / kGiB;
  json["kv_bytes_per_token"] = plan.kv_bytes_per_token;
  json["num_gpu_blocks"] = plan.num_gpu_blocks;
  json["kv_cache_size_tokens"] = plan.kv_cache_size_tokens;
  json["kv_cache_max_concurrency"] = plan.kv_cache_max_concurrency;
  return json;
}

Json to_json(const RunResult& result) {
  Json json = head("foretoken.result/1", result.scenario);
  json["conventions"] = conventions_of(result);
  json["feasible"] = result.feasible;
  json["memory"] = to_json(result.memory);
  if (!result.feasible) {
    json["warnings"] = texts(result.warnings);
    return json;
  }
  json["summary"] = to_json(result.summary);
  json["steady_state"] = to_json(result.steady_state);
  if (!result.classes.empty()) {
    Json classes = Json::object();
    for (const NamedSummary& c : result.classes) classes[c.name] = to_json(c.summary);
    json["classes"] = std::move(classes);
  }
  json["slo"] = slo_of(result.slo);
  Json grades = Json::object();
  grades["ttft_p50"] = ttft_grade(result.summary["p50_ttft_ms"]);
  grades["ttft_p99"] = ttft_grade(result.summary["p99_ttft_ms"]);
  grades["tpot_p50"] = tpot_grade(result.summary["p50_tpot_ms"]);
  grades["tpot_p99"] = tpot_grade(result.summary["p99_tpot_ms"]);
  json["grades"] = std::move(grades);
  json["bottleneck"] = bottlenecks_of(result);
  Json attribution = Json::object();
  attribution["ttft_ms"] = parts_of(result.attribution.ttft_ms);
  attribution["e2el_ms"] = parts_of(result.attribution.e2e_ms);
  json["attribution"] = std::move(attribution);
  if (result.replications.size() > 1) {
    json["half_widths_95"] = to_json(result.half_widths);
    Json replications = Json::array();
    for (const ReplicationResult& r : result.replications) {
      Json entry = Json::object();
      entry["index"] = r.index;
      entry["seed"] = r.seed;
      entry["completed"] = r.measures.all.completed;
      replications.push_back(std::move(entry));
    }
    json["replications"] = std::move(replications);
  }
  json["interrupted"] = result.interrupted;
  json["warnings"] = texts(result.warnings);
  return json;
}

Json to_json(const SweepResult& sweep) {
  Json json = head("foretoken.sweep/1", sweep.base);
  Json axes = Json::array();
  for (const SweepAxis& axis : sweep.axes) {
    Json entry = Json::object();
    entry["path"] = axis.path;
    entry["values"] = texts(axis.values);
    axes.push_back(std::move(entry));
  }
  json["axes"] = std::move(axes);
  Json points = Json::array();
  for (const SweepPoint& point : sweep.points) {
    Json entry = Json::object();
    Json at = Json::object();
    for (std::size_t i = 0; i < sweep.axes.size(); ++i) at[sweep.axes[i].path] = point.values[i];
    entry["at"] = std::move(at);
    entry["status"] = to_string(point.status);
    if (!point.reason.empty()) entry["reason"] = point.reason;
    if (point.status == PointStatus::ok) {
      entry["scenario_sha256"] = scenario_sha256(point.result.scenario);
      entry["summary"] = to_json(point.result.summary);
      entry["slo"] = slo_of(point.result.slo);
      entry["bottleneck"] = bottlenecks_of(point.result);
    }
    points.push_back(std::move(entry));
  }
  json["points"] = std::move(points);
  Json frontiers = Json::array();
  for (const SweepFrontier& f : sweep.frontiers) {
    Json entry = Json::object();
    Json at = Json::object();
    for (std::size_t i = 0; i < f.values.size(); ++i) at[sweep.axes[i].path] = f.values[i];
    entry["at"] = std::move(at);
    entry["axis"] = sweep.axes.back().path;
    entry["largest"] = f.largest.empty() ? Json() : Json(f.largest);
    frontiers.push_back(std::move(entry));
  }
  json["frontiers"] = std::move(frontiers);
  json["interrupted"] = sweep.interrupted;
  return json;
}

}  // namespace foretoken
