// The recommendation as a document.
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/check.hpp"
#include "foretoken/study/recommend.hpp"
#include "report/json_parts.hpp"
#include "report/launch_lines.hpp"
#include "report/uncertainty_report.hpp"

namespace foretoken {
namespace {

Json values_of(const RecommendResult& r, const std::vector<std::string>& values) {
  Json json = Json::object();
  for (std::size_t i = 0; i < r.domain.size(); ++i) json[r.domain[i].path] = values[i];
  return json;
}

Json candidate_of(const RecommendResult& r, const Candidate& c) {
  Json json = Json::object();
  json["candidate"] = static_cast<std::int64_t>(c.index);
  json["values"] = values_of(r, c.values);
  Json set = Json::array();
  for (const std::string& s : candidate_overrides(r.base, r.domain, c.values)) set.push_back(s);
  json["set"] = std::move(set);
  json["gpus"] = c.cost.gpus;
  json["gpu"] = c.gpu;
  json["tensor_parallel_size"] = c.parallelism.tensor;
  json["pipeline_parallel_size"] = c.parallelism.pipeline;
  json["data_parallel_size"] = c.parallelism.data;
  json["replicas"] = c.replicas;
  json["max_num_seqs"] = c.max_num_seqs;
  json["token_budget"] = c.token_budget;
  if (c.cost.usd_per_hour) json["usd_per_hour"] = *c.cost.usd_per_hour;
  json["verdict"] = to_string(c.fate);
  json["short_run"] = c.short_run;
  if (!c.why.empty()) json["reason"] = c.why;
  json["room"] = c.room;
  if (c.all_meet) json["p_meets_all"] = to_json(*c.all_meet);
  if (!c.objectives.empty()) {
    json["tokens_per_s_per_gpu"] = c.figures.tokens_per_s_per_gpu;
    json["interactivity_tok_s"] = c.figures.tokens_per_s_per_user;
    json["output_throughput"] = c.figures.output_throughput;
    json["p99_ttft_ms"] = c.figures.p99_ttft_ms;
    json["mean_tpot_ms"] = c.figures.mean_tpot_ms;
    if (c.cost.usd_per_hour) {
      const double usd_per_gpu = *c.cost.usd_per_hour / c.cost.gpus;
      json["cost_per_1m_output_tokens"] = c.figures.gpu_hours_per_1m_output_tokens * usd_per_gpu;
      json["full_cost_per_1m_output_tokens"] = c.figures.full_gpu_hours_per_1m_output_tokens * usd_per_gpu;
    }
    json["gpu_hours_per_1m_output_tokens"] = c.figures.gpu_hours_per_1m_output_tokens;
    json["full_gpu_hours_per_1m_output_tokens"] = c.figures.full_gpu_hours_per_1m_output_tokens;
  }
  Json objectives = Json::array();
  for (const ObjectiveVerdict& o : c.objectives) {
    Json objective = Json::object();
    objective["expr"] = o.line.expression;
    objective["metric"] = o.line.metric;
    objective["verdict"] = to_string(o.decision);
    objective["interval"] = to_json(o.interval);
    objective["margin"] = o.margin;
    objectives.push_back(std::move(objective));
  }
  json["objectives"] = std::move(objectives);
  Json same = Json::array();
  for (const std::size_t i : c.same) same.push_back(values_of(r, point_values(r.domain, i)));
  json["same_run"] = std::move(same);
  return json;
}

Json list_of(const RecommendResult& r, const std::vector<Candidate>& candidates) {
  Json json = Json::array();
  for (const Candidate& c : candidates) json.push_back(candidate_of(r, c));
  return json;
}

Json kinds_of(const RecommendResult& r) {
  Json json = Json::array();
  for (const BestOfKind& kind : r.kinds) {
    Json entry = Json::object();
    entry["gpu"] = kind.gpu;
    entry["competes"] = kind.competes;
    if (kind.best)
      entry["best"] = candidate_of(r, *kind.best);
    else
      entry["reason"] = kind.why;
    if (kind.break_even_usd_per_gpu) entry["break_even_usd_per_gpu_hour"] = *kind.break_even_usd_per_gpu;
    json.push_back(std::move(entry));
  }
  return json;
}

Json fates_of(const RecommendResult& r) {
  Json json = Json::array();
  for (const FateCount& c : r.fates) {
    Json entry = Json::object();
    entry["fate"] = to_string(c.fate);
    if (!c.reason.empty()) entry["reason"] = c.reason;
    entry["candidates"] = static_cast<std::int64_t>(c.count);
    entry["cheaper_than_winner"] = static_cast<std::int64_t>(c.cheaper);
    entry["example"] = values_of(r, point_values(r.domain, c.example));
    if (!c.example_why.empty()) entry["example_reason"] = c.example_why;
    json.push_back(std::move(entry));
  }
  return json;
}

Json effort_of(const SearchEffort& e) {
  Json json = Json::object();
  json["candidates"] = static_cast<std::int64_t>(e.candidates);
  json["runnable"] = static_cast<std::int64_t>(e.runnable);
  json["bounded"] = static_cast<std::int64_t>(e.bounded);
  json["short_runs"] = static_cast<std::int64_t>(e.short_runs);
  json["verdicts"] = static_cast<std::int64_t>(e.verdicts);
  json["same_as_another"] = static_cast<std::int64_t>(e.same);
  json["requests"] = e.requests;
  json["requests_of_a_verdict"] = e.requests_of_a_verdict;
  json["exhaustive_requests"] = e.exhaustive_requests();
  return json;
}

}  // namespace

Json to_json(const RecommendResult& r) {
  Json json = document_head("foretoken.recommend/1", r.base);
  json["config"] = to_json(r.base);
  Json domain = Json::object();
  for (const SweepAxis& axis : r.domain) {
    Json values = Json::array();
    for (const std::string& v : axis.values) values.push_back(v);
    domain[axis.path] = std::move(values);
  }
  json["domain"] = std::move(domain);
  json["usual_domain"] = r.usual_domain;
  if (!r.widening.empty()) json["replicas_widened"] = r.widening;
  json["cost"] = r.by_money ? "usd_per_hour" : "gpus";
  json["example_prices"] = r.example_prices;
  json["verdict"] = to_string(r.overall);
  json["interrupted"] = r.interrupted;
  json["ranked"] = list_of(r, r.ranked);
  json["best_of_each_gpu"] = kinds_of(r);
  json["cheaper_but_undecided"] = list_of(r, r.undecided);
  if (r.closest) json["closest"] = candidate_of(r, *r.closest);
  if (r.winner) {
    json["serve"] = serve_line(*r.winner);
    json["bench"] = bench_line(*r.winner);
    Json differences = Json::array();
    for (std::string& difference : launch_differences(*r.winner)) differences.push_back(std::move(difference));
    json["launch_differences"] = std::move(differences);
  }
  json["throughput_front"] = list_of(r, r.throughput_front);
  json["cost_front"] = list_of(r, r.cost_front);
  json["cost_front_objective"] = r.base.slo[r.front_objective].expression;
  json["fates"] = fates_of(r);
  json["effort"] = effort_of(r.effort);
  return json;
}

}  // namespace foretoken
