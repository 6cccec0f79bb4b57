// The memory study as a document.
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/memory.hpp"
#include "report/common.hpp"
#include "report/json_parts.hpp"

namespace foretoken {
namespace {

Json entry_of(const MemoryCandidate& c) {
  Json json = Json::object();
  json["gpu"] = c.gpu;
  json["quantization"] = c.quantization;
  json["kv_cache_dtype"] = c.kv_cache_dtype;
  json["context"] = c.context;
  json["status"] = to_string(c.status);
  if (!c.reason.empty()) json["reason"] = c.reason;
  if (!c.remedy.empty()) json["remedy"] = c.remedy;
  if (!c.note.empty()) json["note"] = c.note;
  if (c.status == MemoryStatus::invalid || c.status == MemoryStatus::not_available) return json;
  json["weights_bytes"] = c.memory.weights.value;
  json["kv_bytes_per_token"] = c.memory.kv_bytes_per_token;
  json["kv_bytes_per_request"] = c.kv_bytes_per_request;
  json["missing_bytes"] = c.missing;
  json["requests"] = c.requests;
  json["memory"] = to_json(c.memory);
  if (c.status != MemoryStatus::fits) return json;
  json["batch"] = c.batch;
  json["batch_ended_by"] = c.by_seats ? "max_num_seqs" : "memory";
  json["tpot_alone_ms"] = c.tpot_alone_ms;
  json["tpot_full_ms"] = c.tpot_full_ms;
  json["decode_tokens_per_s"] = c.tokens_per_s;
  return json;
}

}  // namespace

Json to_json(const MemoryStudy& s) {
  Json json = document_head("foretoken.memory/1", s.scenario);
  json["config"] = to_json(s.scenario);
  json["origins"] = origins_of(s.scenario);
  json["cost_level"] = to_string(s.scenario.deployment.level);
  json["gpus"] = texts(s.gpus);
  json["quantizations"] = texts(s.quantizations);
  json["kv_cache_dtypes"] = texts(s.kv_cache_dtypes);
  Json contexts = Json::array();
  for (const std::int64_t context : s.contexts) contexts.push_back(context);
  json["contexts"] = std::move(contexts);
  Json candidates = Json::array();
  for (const MemoryCandidate& c : s.candidates) candidates.push_back(entry_of(c));
  json["candidates"] = std::move(candidates);
  json["notes"] = texts(s.notes);
  return json;
}

}  // namespace foretoken
