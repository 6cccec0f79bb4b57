// The explanation as a document.
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/experiment/version.hpp"
#include "foretoken/report/report.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

Json step_of(const StepExplanation& step) {
  Json json = Json::object();
  json["title"] = step.title;
  json["prefill_tokens"] = step.prefill_tokens;
  json["sequences"] = step.sequences;
  json["context"] = step.context;
  json["time_ms"] = step.breakdown.seconds * 1e3;
  json["datasheet_ms"] = step.breakdown.datasheet_seconds * 1e3;
  json["flops"] = step.flops;
  json["bytes"] = step.bytes;
  json["arithmetic_intensity"] = step.intensity();
  json["clamped_operators"] = step.breakdown.clamped;
  Json operators = Json::array();
  for (const OperatorCost& op : step.breakdown.operators) {
    Json line = Json::object();
    line["name"] = op.name;
    line["count"] = op.count;
    line["flops"] = op.flops;
    line["bytes"] = op.bytes;
    line["time_ms"] = op.seconds * 1e3;
    line["datasheet_ms"] = op.datasheet_seconds * 1e3;
    line["bound"] = to_string(op.bound);
    line["served_by"] = op.served_by;
    line["inside_range"] = op.inside_range;
    operators.push_back(std::move(line));
  }
  json["operators"] = std::move(operators);
  return json;
}

Json speculation_of(const SpeculationExplanation& s) {
  Json json = Json::object();
  json["method"] = s.method;
  json["tokens"] = s.tokens;
  json["mean_acceptance_length"] = s.mean_acceptance_length;
  Json rates = Json::array();
  for (const double rate : s.rates) rates.push_back(rate);
  json["acceptance_rates"] = std::move(rates);
  json["largest_batch"] = s.largest_batch;
  json["pays_below"] = s.pays_below > 0 ? Json(s.pays_below) : Json();
  Json points = Json::array();
  for (const SpeculationPoint& p : s.points) {
    Json line = Json::object();
    line["batch"] = p.batch;
    line["base_ms"] = p.base_ms;
    line["step_ms"] = p.step_ms;
    line["speed_up"] = p.speed_up;
    line["length_to_break_even"] = p.length_to_break_even;
    line["best_tokens"] = p.best_tokens;
    line["best_speed_up"] = p.best_speed_up;
    points.push_back(std::move(line));
  }
  json["points"] = std::move(points);
  return json;
}

Json kv_tiers_of(const KvTiersExplanation& k) {
  Json json = Json::object();
  json["backend"] = to_string(k.backend);
  json["prompt_tokens"] = k.prompt_tokens;
  json["recompute_ms"] = k.recompute_ms;
  if (k.swap_blocks > 0) {
    json["swap_blocks"] = k.swap_blocks;
    json["swap_ms"] = k.swap_ms;
  }
  Json tiers = Json::array();
  for (const KvTierExplanation& t : k.tiers) {
    Json line = Json::object();
    line["tier"] = to_string(t.tier);
    line["gb"] = t.bytes * 1e-9;
    line["tokens"] = t.tokens;
    line["read_gb_per_s"] = t.read_bandwidth * 1e-9;
    line["write_gb_per_s"] = t.write_bandwidth * 1e-9;
    line["load_ms"] = t.load_ms;
    tiers.push_back(std::move(line));
  }
  json["tiers"] = std::move(tiers);
  return json;
}

}  // namespace

Json to_json(const Explanation& e) {
  Json json = Json::object();
  json["schema"] = "foretoken.explanation/1";
  json["foretoken_version"] = version();
  json["scenario"] = e.scenario.name;
  json["scenario_sha256"] = scenario_sha256(e.scenario);
  Json fields = Json::array();
  for (const ResolvedField& field : e.scenario.fields) {
    Json line = Json::object();
    line["path"] = field.path;
    line["value"] = field.value;
    line["origin"] = to_string(field.origin);
    if (field.where.line > 0) {
      line["file"] = field.where.file;
      line["line"] = field.where.line;
    }
    if (!field.reason.empty()) line["reason"] = field.reason;
    fields.push_back(std::move(line));
  }
  json["fields"] = std::move(fields);
  json["memory"] = to_json(e.memory);
  json["feasible"] = e.feasible;
  json["ridge_point"] = e.ridge_point;
  if (const DeviceFigures device = device_figures(e.scenario); device.peak_flops > 0 && device.memory_bandwidth > 0) {
    json["peak_tflops"] = device.peak_flops * 1e-12;
    json["memory_bandwidth_gb_per_s"] = device.memory_bandwidth * 1e-9;
  }
  Json steps = Json::array();
  for (const StepExplanation& step : e.steps) steps.push_back(step_of(step));
  json["steps"] = std::move(steps);
  Json floors = Json::object();
  floors["prompt_tokens"] = e.floors.prompt_tokens;
  floors["output_tokens"] = e.floors.output_tokens;
  floors["ttft_ms"] = e.floors.ttft_ms;
  floors["tpot_ms"] = e.floors.tpot_ms;
  floors["e2el_ms"] = e.floors.e2el_ms;
  floors["datasheet_ttft_ms"] = e.floors.datasheet_ttft_ms;
  floors["datasheet_tpot_ms"] = e.floors.datasheet_tpot_ms;
  json["floors"] = std::move(floors);
  if (e.speculation) json["speculation"] = speculation_of(*e.speculation);
  if (e.kv_tiers) json["kv_tiers"] = kv_tiers_of(*e.kv_tiers);
  for (const PoolExplanation& pool : e.pools) {
    Json& entry = json["pools"][pool.name];
    entry["role"] = to_string(pool.role);
    entry["memory"] = to_json(pool.alone.memory);
    entry["feasible"] = pool.alone.feasible;
    entry["ridge_point"] = pool.alone.ridge_point;
    Json steps_of_pool = Json::array();
    for (const StepExplanation& step : pool.alone.steps) steps_of_pool.push_back(step_of(step));
    entry["steps"] = std::move(steps_of_pool);
  }
  return json;
}

}  // namespace foretoken
