// Documents that judge objectives.
#include "foretoken/study/capacity.hpp"
#include "report/schema/documents.hpp"

namespace foretoken::shape {
namespace {

Json steady_shape() {
  return object({{"exists", flag()},
                 {"settled", flag()},
                 {"overloaded", flag()},
                 {"warmup_requests?", count()},
                 {"measured_requests?", count()},
                 {"relaxation_requests?", figure()},
                 {"needed_requests?", count()},
                 {"arrival_rate?", figure()},
                 {"stability_limit?", ref("interval")},
                 {"backlog_growth?", ref("interval")}});
}

Json study_shape() {
  const Json objective = object({{"expr", text()},
                                 {"metric", text()},
                                 {"comparison", text()},
                                 {"limit", figure()},
                                 {"verdict", ref("decision")},
                                 {"interval", ref("interval")},
                                 {"margin", figure()},
                                 {"of", one_of({"steady state", "whole runs"})},
                                 {"reason?", text()},
                                 {"p_meets?", ref("probability")}});
  const Json precision = object(
      {{"expr", text()}, {"metric", text()}, {"share", figure()}, {"reached", flag()}, {"interval", ref("interval")}});
  return object({{"replications", count()},
                 {"requests", count()},
                 {"pilot_requests", count()},
                 {"budget_replications", count()},
                 {"steady_state", steady_shape()},
                 {"objectives", list_of(objective)},
                 {"precision", list_of(precision)}});
}

Json fix_shape() {
  const Json effect = object({{"expr", text()},
                              {"metric", text()},
                              {"before?", figure()},
                              {"after?", ref("interval")},
                              {"verdict?", ref("decision")},
                              {"difference?", ref("paired_difference")},
                              {"bound?", figure()},
                              {"impossible?", flag()}});
  return object({{"change", text()},
                 {"set", list_of(text())},
                 {"status", text()},
                 {"reason?", text()},
                 {"simulated?", flag()},
                 {"verdict?", ref("decision")},
                 {"gpus_added?", count()},
                 {"other_gpu?", flag()},
                 {"recovered?", figure()},
                 {"usd_per_hour_added?", figure()},
                 {"example_price?", flag()},
                 {"usd_per_hour_per_recovered?", figure()},
                 {"gpus_per_recovered?", figure()},
                 {"effects?", list_of(effect)}});
}

Json look_shape() {
  const Json objective = object({{"expr", text()},
                                 {"metric", text()},
                                 {"limit", figure()},
                                 {"verdict", ref("decision")},
                                 {"interval", ref("interval")},
                                 {"margin", figure()},
                                 {"reason?", text()}});
  Keys keys{{"load", figure()},         {"verdict", ref("decision")}, {"too_little", flag()},
            {"bound?", text()},         {"reason?", text()},          {"overloaded?", flag()},
            {"replications?", count()}, {"requests?", count()},       {"objectives?", list_of(objective)}};
  for (const std::string_view metric : kLookMetrics) keys.push_back({std::string(metric) + "?", ref("interval")});
  return object(keys);
}

Json outcome_shape() {
  using O = CapacityOutcome;
  return words_of({O::found, O::everything_meets, O::nothing_meets, O::not_decided});
}

}  // namespace

Json check_shape() {
  const Json bound = object({{"expr", text()}, {"bound", figure()}, {"impossible", flag()}, {"text", text()}});
  const Json equal_outputs = object({{"output_tokens", count()},
                                     {"group_requests", figure()},
                                     {"spread_share", figure()},
                                     {"spread_group_requests", figure()},
                                     {"spread_objectives", list_of(or_null(ref("interval")))}});
  return object_when(
      with_head("check", {{"config", ref("config")}, {"feasible", flag()}, {"memory", ref("memory_plan")}}), "feasible",
      {{"replicas_down", count()},
       {"load_factor", figure()},
       {"verdict", ref("decision")},
       {"impossible", flag()},
       {"interrupted", flag()},
       {"model_band", ref("model_band")},
       {"price?", ref("price")},
       {"model_uncertainty?", ref("model_uncertainty")},
       {"bounds", list_of(bound)},
       {"study?", study_shape()},
       {"load_slots?", ref("load_slots")},
       {"equal_outputs?", equal_outputs},
       {"fixes", list_of(fix_shape())}});
}

Json assert_shape() {
  const Json verdict = one_of({"holds", "fails", "not decided"});
  const Json assertion = object({{"name", text()},
                                 {"expr", text()},
                                 {"metric", text()},
                                 {"comparison", text()},
                                 {"limit", figure()},
                                 {"verdict", verdict},
                                 {"interval", ref("interval")},
                                 {"p_meets?", ref("probability")},
                                 {"reason?", text()}});
  return object_when(with_head("assert", {{"feasible", flag()}, {"reason?", text()}}), "feasible",
                     {{"price?", ref("price")},
                      {"verdict", verdict},
                      {"interrupted", flag()},
                      {"replications", count()},
                      {"requests", count()},
                      {"assertions", list_of(assertion)}});
}

Json capacity_shape() {
  const Json confidence = object({{"load", figure()}, {"p_meets_all", ref("probability")}});
  const Json promised = object({{"probability", figure()}, {"load", figure()}});
  const Json contradiction = object({{"misses", figure()}, {"meets", figure()}});
  return object_when(with_head("capacity", {{"config", ref("config")},
                                            {"origins", ref("origins")},
                                            {"replicas_down", count()},
                                            {"load_factor", figure()},
                                            {"feasible", flag()},
                                            {"memory", ref("memory_plan")}}),
                     "feasible",
                     {{"model_band", ref("model_band")},
                      {"variable", text()},
                      {"unit", text()},
                      {"offered", figure()},
                      {"outcome", outcome_shape()},
                      {"capacity", figure()},
                      {"smallest_missed", figure()},
                      {"met_from", figure()},
                      {"precise", flag()},
                      {"precision", figure()},
                      {"reason?", text()},
                      {"confidence", list_of(confidence)},
                      {"promised", list_of(promised)},
                      {"no_confidence?", text()},
                      {"headroom", figure()},
                      {"growth?", text()},
                      {"days_until_full?", figure()},
                      {"days_until_missed?", figure()},
                      {"binding?", text()},
                      {"binding_reason?", text()},
                      {"bottleneck", list_of(text())},
                      {"knee?", ref("knee")},
                      {"not_monotone", list_of(contradiction)},
                      {"looks", list_of(look_shape())},
                      {"set", list_of(text())},
                      {"stability_limit?", ref("interval")},
                      {"requests", count()},
                      {"interrupted", flag()}});
}

Json promise_shape() {
  const Json cell = object({{"input_len", count()},
                            {"output_len", count()},
                            {"outcome", either({outcome_shape(), constant("skipped")})},
                            {"capacity", figure()},
                            {"smallest_missed", figure()},
                            {"reason?", text()},
                            {"binding?", text()},
                            {"requests", count()}});
  const Json by_memory = object({{"concurrency", count()}, {"tokens_each", count()}, {"by_max_model_len", flag()}});
  const Json by_slo = object({{"outcome", text()},
                              {"load", figure()},
                              {"output_len", count()},
                              {"input_len", figure()},
                              {"smallest_missed", figure()},
                              {"reason?", text()}});
  return object_when(with_head("promise", {{"config", ref("config")},
                                           {"origins", ref("origins")},
                                           {"feasible", flag()},
                                           {"memory", ref("memory_plan")}}),
                     "feasible",
                     {{"model_band", ref("model_band")},
                      {"variable", text()},
                      {"unit", text()},
                      {"input_lens", list_of(count())},
                      {"output_lens", list_of(count())},
                      {"cells", list_of(cell)},
                      {"longest_context_by_memory", list_of(by_memory)},
                      {"longest_prompt_by_slo", by_slo},
                      {"requests", count()},
                      {"interrupted", flag()}});
}

}  // namespace foretoken::shape
