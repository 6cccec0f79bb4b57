// The promises as a document.
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "report/json_parts.hpp"
#include "report/promise_report.hpp"

namespace foretoken {
namespace {

Json cell_of(const PromiseResult& r, const PromiseCell& cell) {
  Json json = Json::object();
  json["input_len"] = cell.prompt;
  json["output_len"] = cell.output;
  json["outcome"] = cell.skipped ? std::string_view("skipped") : to_string(cell.outcome);
  json["capacity"] = value_or_null(cell.capacity);
  json["smallest_missed"] = value_or_null(cell.missed);
  if (!cell.reason.empty()) json["reason"] = cell.reason;
  if (cell.binding) json["binding"] = r.scenario.slo[*cell.binding].expression;
  json["requests"] = cell.requests;
  return json;
}

Json lengths(const std::vector<std::int64_t>& tokens) {
  Json list = Json::array();
  for (const std::int64_t t : tokens) list.push_back(t);
  return list;
}

}  // namespace

Json to_json(const PromiseResult& r) {
  Json json = document_head("foretoken.promise/1", r.scenario);
  json["config"] = to_json(r.scenario);
  json["origins"] = origins_of(r.scenario);
  json["feasible"] = r.feasible;
  json["memory"] = to_json(r.memory);
  if (!r.feasible) return json;
  json["model_band"] = to_json(r.band);
  json["variable"] = to_string(r.variable);
  json["unit"] = r.unit;
  json["input_lens"] = lengths(r.prompts);
  json["output_lens"] = lengths(r.outputs);
  Json cells = Json::array();
  for (const PromiseCell& cell : r.cells) cells.push_back(cell_of(r, cell));
  json["cells"] = std::move(cells);
  Json by_memory = Json::array();
  for (const ContextByMemory& c : r.by_memory) {
    Json entry = Json::object();
    entry["concurrency"] = c.concurrency;
    entry["tokens_each"] = c.tokens;
    entry["by_max_model_len"] = c.by_model_len;
    by_memory.push_back(std::move(entry));
  }
  json["longest_context_by_memory"] = std::move(by_memory);
  Json by_slo = Json::object();
  by_slo["outcome"] = to_string(r.by_slo.outcome);
  by_slo["load"] = r.by_slo.load;
  by_slo["output_len"] = r.by_slo.output;
  by_slo["input_len"] = value_or_null(r.by_slo.prompt);
  by_slo["smallest_missed"] = value_or_null(r.by_slo.missed);
  if (!r.by_slo.reason.empty()) by_slo["reason"] = r.by_slo.reason;
  json["longest_prompt_by_slo"] = std::move(by_slo);
  json["requests"] = r.requests;
  json["interrupted"] = r.interrupted;
  return json;
}

}  // namespace foretoken
