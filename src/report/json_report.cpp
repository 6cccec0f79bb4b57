// Result documents.
#include <fmt/format.h>

#include <cmath>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/experiment/version.hpp"
#include "foretoken/report/report.hpp"
#include "persistence/stored_result.hpp"
#include "report/common.hpp"
#include "report/fleet_report.hpp"
#include "report/json_parts.hpp"
#include "report/load_slots_report.hpp"

namespace foretoken {
namespace {

Json number(double value, bool integer) {
  if (integer && std::isfinite(value)) return Json(static_cast<std::int64_t>(value));
  return Json(value);
}

Json head(std::string_view schema, const Scenario& scenario) {
  Json json = document_head(schema, scenario);
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

// What the figures of energy stand on.
Json energy_basis(const Deployment& deployment) {
  Json json = Json::object();
  const std::optional<PowerFigures> power = power_of(deployment);
  json["available"] = power.has_value();
  if (!power) {
    json["reason"] = why_no_power(deployment);
    return json;
  }
  json["estimate"] =
      "a floor while steps run, more by the bandwidth and the FLOPs reached, up to 0.98 of the TDP or the cap; GPUs "
      "alone";
  json["tdp_w"] = power->tdp_watts;
  json["idle_w"] = power->idle_watts;
  json["idle_is_guess"] = power->idle_is_guess;
  return json;
}

Json parts_of(const Scenario& s, const double (&ms)[kAttributionParts]) {
  Json json = Json::object();
  for (int i = 0; i < kAttributionParts; ++i) {
    const auto part = static_cast<AttributionPart>(i);
    if (has_part(s, part)) json[to_string(part)] = ms[i];
  }
  return json;
}

// Of the first replication.
Json transfers_of(const RunResult& result) {
  const TransferTotals& t = result.replications.front().outcome.transfers;
  Json json = Json::object();
  json["semantics"] = result.scenario.hand_over.semantics;
  json["link"] = result.scenario.hand_over.link;
  json["requests"] = t.requests;
  json["parts"] = t.parts;
  json["bytes"] = t.bytes;
  json["failed"] = t.failed;
  json["expired"] = t.expired;
  return json;
}

// By name.
Json pools_of(const std::vector<PoolResult>& pools) {
  Json json = Json::object();
  for (const PoolResult& pool : pools) {
    Json& entry = json[pool.name];
    entry["role"] = to_string(pool.role);
    entry["replicas"] = pool.replicas;
    entry["gpus"] = pool.gpus;
    entry["summary"] = to_json(pool.summary);
    entry["bottleneck"] = bottlenecks_of(pool.prefill, pool.decode);
    if (pool.memory) entry["memory"] = to_json(*pool.memory);
  }
  return json;
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
  if (plan.adapters.value > 0) json["adapters_gib"] = plan.adapters.value / kGiB;
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

Json to_json(const ModelBand& band) {
  Json json = Json::object();
  json["prefill_pct"] = band.prefill * 100;
  json["decode_pct"] = band.decode * 100;
  json["confidence"] = 0.95;
  json["inside_calibrated_range"] = band.inside_range;
  json["outside"] = texts(band.outside);
  json["outside_share_pct"] = band.outside_share * 100;
  return json;
}

// Of all replications.
static SpeculationTotals drafts_of(const RunResult& result) {
  SpeculationTotals sum;
  for (const ReplicationResult& r : result.replications) sum.add(r.measures.engine.speculation);
  return sum;
}

Json to_json(const RunResult& result) {
  Json json = head(kResultSchema, result.scenario);
  json["conventions"] = conventions_of(result);
  json["feasible"] = result.feasible;
  json["memory"] = to_json(result.memory);
  if (!result.feasible) {
    json["warnings"] = texts(result.warnings);
    return json;
  }
  if (result.band) json["model_band"] = to_json(*result.band);
  if (const std::optional<HourlyPrice> price = price_per_hour(result.scenario)) json["price"] = price_of(*price);
  json["energy"] = energy_basis(result.scenario.deployment);
  json["summary"] = to_json(result.summary);
  json["steady_state"] = to_json(result.steady_state);
  if (SpeculationTotals drafts = drafts_of(result); drafts.drafts > 0) {
    Json rates = Json::array();
    for (const std::int64_t accepted : drafts.accepted_at)
      rates.push_back(static_cast<double>(accepted) / static_cast<double>(drafts.drafts));
    json["acceptance_rates"] = std::move(rates);
  }
  if (!result.classes.empty()) {
    Json classes = Json::object();
    for (const NamedSummary& c : result.classes) classes[c.name] = to_json(c.summary);
    json["classes"] = std::move(classes);
  }
  if (!result.adapters.empty()) {
    Json adapters = Json::object();
    for (const NamedSummary& a : result.adapters) adapters[a.name] = to_json(a.summary);
    json["adapters"] = std::move(adapters);
  }
  if (!result.pools.empty()) json["pools"] = pools_of(result.pools);
  if (!result.roles.empty()) json["roles"] = pools_of(result.roles);
  if (!result.scenario.hand_over.semantics.empty()) json["transfers"] = transfers_of(result);
  add_fleet(result, json);
  json["slo"] = slo_of(result.slo);
  if (!result.load_slots.slots.empty()) json["load_slots"] = to_json(result.load_slots);
  Json grades = Json::object();
  grades["ttft_p50"] = ttft_grade(result.summary["p50_ttft_ms"]);
  grades["ttft_p99"] = ttft_grade(result.summary["p99_ttft_ms"]);
  grades["tpot_p50"] = tpot_grade(result.summary["p50_tpot_ms"]);
  grades["tpot_p99"] = tpot_grade(result.summary["p99_tpot_ms"]);
  json["grades"] = std::move(grades);
  json["bottleneck"] = bottlenecks_of(result.prefill, result.decode);
  Json attribution = Json::object();
  attribution["ttft_ms"] = parts_of(result.scenario, result.attribution.ttft_ms);
  attribution["e2el_ms"] = parts_of(result.scenario, result.attribution.e2e_ms);
  json["attribution"] = std::move(attribution);
  if (!result.attribution_groups.empty()) {
    Json groups = Json::array();
    for (const AttributionGroup& g : result.attribution_groups) {
      Json group = Json::object();
      group["name"] = g.name;
      group["requests"] = g.requests;
      group["ttft_ms"] = parts_of(result.scenario, g.means.ttft_ms);
      group["e2el_ms"] = parts_of(result.scenario, g.means.e2e_ms);
      groups.push_back(std::move(group));
    }
    json["attribution_groups"] = std::move(groups);
  }
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

Json to_json(const RunResult& result, const Provenance& provenance) {
  Json json = to_json(result);
  Json source = Json::object();
  source["path"] = provenance.question.origin;
  source["text"] = provenance.question.text;
  source["set"] = texts(provenance.question.options.overrides);
  if (!provenance.question.options.catalog_dir.empty()) source["catalog"] = provenance.question.options.catalog_dir;
  json["source"] = std::move(source);
  Json inputs = Json::object();
  for (const InputHash& input : provenance.inputs) inputs[input.name] = input.sha256;
  json["inputs"] = std::move(inputs);
  return json;
}

}  // namespace foretoken
