// The batch study as a document.
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/batch.hpp"
#include "foretoken/study/check.hpp"
#include "report/batch_tables.hpp"
#include "report/json_parts.hpp"

namespace foretoken {
namespace {

Json static_of(const StaticBatch& b) {
  Json json = Json::object();
  json["ttft_ms"] = b.ttft_ms;
  json["tpot_ms"] = b.tpot_ms;
  json["e2el_ms"] = b.e2el_ms;
  json["output_throughput"] = b.tps;
  json["mfu"] = b.mfu;
  json["mbu"] = b.mbu;
  json["decode_step_ms"] = b.decode_step_ms;
  json["decode_intensity"] = b.decode_intensity;
  json["decode_bound"] = to_string(b.bound);
  json["decode_bound_share"] = b.bound_share;
  return json;
}

Json continuous_of(const BatchStudy& study, const ContinuousBatch& b) {
  // Identical runs have no interval.
  const auto figure = [&](const Interval& interval) {
    Json json = to_json(interval);
    if (b.identical_runs) json["low"] = Json(), json["high"] = Json();
    return json;
  };
  Json json = Json::object();
  json["mean_ttft_ms"] = figure(b.ttft_ms);
  json["mean_tpot_ms"] = figure(b.tpot_ms);
  json["p99_ttft_ms"] = figure(b.p99_ttft_ms);
  json["p99_tpot_ms"] = figure(b.p99_tpot_ms);
  json["output_throughput"] = figure(b.tps);
  json["interactivity_tok_s"] = b.interactivity;
  json["tokens_per_s_per_gpu"] = b.tps_per_gpu;
  json["mfu"] = b.mfu;
  json["mbu"] = b.mbu;
  json["max_kv_cache_usage_perc"] = b.kv_usage;
  json["preemptions"] = b.preemptions;
  Json objectives = Json::array();
  for (std::size_t i = 0; i < b.objectives.size(); ++i) {
    Json line = Json::object();
    line["expr"] = study.scenario.slo[i].expression;
    line["interval"] = figure(b.objectives[i]);
    objectives.push_back(std::move(line));
  }
  json["objectives"] = std::move(objectives);
  json["identical_runs"] = b.identical_runs;
  json["settled"] = b.settled;
  json["verdict"] = to_string(b.decision);
  return json;
}

Json size_of(const BatchStudy& study, const BatchSize& b) {
  Json json = Json::object();
  json["batch"] = b.size;
  json["refined"] = b.refined;
  json["status"] = to_string(b.status);
  if (!b.reason.empty()) json["reason"] = b.reason;
  if (b.status != PointStatus::ok) return json;
  json["max_num_batched_tokens"] = b.token_budget;
  json["kv_needed_gib"] = b.kv_needed / kGiB;
  json["kv_available_gib"] = b.kv_available / kGiB;
  json["kv_fits"] = b.kv_fits;
  json["static"] = static_of(*b.in_closed_form);
  json["on_frontier"] = b.on_frontier;
  if (b.simulated)
    json["continuous"] = continuous_of(study, *b.simulated);
  else
    json["not_simulated"] = b.why_not_simulated;
  return json;
}

Json ridge_of(const RidgeStudy& ridge) {
  Json json = Json::object();
  json["ridge_point"] = ridge.ridge_point;
  json["searched_to"] = ridge.searched;
  json["step_compute_bound_from_datasheet"] = value_or_null(ridge.step_by_datasheet);
  json["step_compute_bound_from_priced"] = value_or_null(ridge.step_as_priced);
  json["operators"] = ridge_table().documents(ridge.operators);
  return json;
}

}  // namespace

Json to_json(const BatchStudy& study) {
  Json json = document_head("foretoken.batch/1", study.scenario);
  json["config"] = to_json(study.scenario);
  json["feasible"] = study.feasible;
  json["memory"] = to_json(study.memory);
  if (!study.feasible) return json;
  json["interrupted"] = study.interrupted;
  json["mean_prompt_tokens"] = study.prompt_tokens;
  json["mean_output_tokens"] = study.output_tokens;
  json["replications"] = study.replications;
  Json objectives = Json::array();
  for (const SloLine& line : study.scenario.slo) objectives.push_back(line.expression);
  json["objectives"] = std::move(objectives);
  json["default_objective"] = study.default_objective;
  json["best_batch"] = study.best ? Json(study.sizes[*study.best].size) : Json();
  json["first_missed_batch"] = study.first_missed ? Json(study.sizes[*study.first_missed].size) : Json();
  json["kv_limited_batch"] = value_or_null(study.kv_limit);
  Json sizes = Json::array();
  for (const BatchSize& b : study.sizes) sizes.push_back(size_of(study, b));
  json["sizes"] = std::move(sizes);
  json["ridge"] = ridge_of(study.ridge);
  json["token_budgets"] = budget_table().documents(study.budgets);
  json["notes"] = texts(study.notes);
  return json;
}

}  // namespace foretoken
