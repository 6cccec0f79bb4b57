// A run, and what explains it.
#include "foretoken/experiment/explain.hpp"
#include "report/schema/documents.hpp"
#include "study/requests/slow_requests.hpp"

namespace foretoken::shape {
namespace {

Json conventions_shape() {
  return object({{"tpot", words_of({TpotConvention::per_output_token, TpotConvention::vllm})},
                 {"tpot_definition", text()},
                 {"percentiles", text()},
                 {"percentiles_from_sketch", list_of(text())},
                 {"sketch_relative_error", figure()},
                 {"steady_state", text()},
                 {"cost_level", text()}});
}

Json energy_shape() {
  return object({{"available", flag()},
                 {"reason?", text()},
                 {"estimate?", text()},
                 {"tdp_w?", figure()},
                 {"idle_w?", figure()},
                 {"idle_is_guess?", flag()}});
}

Keys parts_keys() {
  return {{"ttft_ms", attribution_shape(figure())}, {"e2el_ms", attribution_shape(figure())}};
}

Json groups_shape() {
  Keys keys{{"name", text()}, {"requests", count()}};
  for (Key& key : parts_keys()) keys.push_back(std::move(key));
  return list_of(object(keys));
}

Json step_shape() {
  const Json operator_shape = object({{"name", text()},
                                      {"count", figure()},
                                      {"flops", figure()},
                                      {"bytes", figure()},
                                      {"time_ms", figure()},
                                      {"datasheet_ms", figure()},
                                      {"bound", text()},
                                      {"served_by", text()},
                                      {"inside_range", flag()}});
  return object({{"title", text()},
                 {"prefill_tokens", count()},
                 {"sequences", count()},
                 {"context", figure()},
                 {"time_ms", figure()},
                 {"datasheet_ms", figure()},
                 {"flops", figure()},
                 {"bytes", figure()},
                 {"arithmetic_intensity", figure()},
                 {"clamped_operators", count()},
                 {"operators", list_of(operator_shape)}});
}

// What one pool did, or all pools of a role.
Keys role_keys() {
  return {{"role", words_of({PoolRole::both, PoolRole::prefill, PoolRole::decode, PoolRole::encoder})},
          {"replicas", count()},
          {"gpus", count()},
          {"summary", ref("pool_summary")},
          {"bottleneck", ref("bottleneck")}};
}

Json pool_shape() {
  Keys keys = role_keys();
  keys.push_back({"memory?", ref("memory_plan")});
  return object(keys);
}

Json transfers_shape() {
  return object({{"semantics", text()},
                 {"link", text()},
                 {"requests", count()},
                 {"parts", count()},
                 {"bytes", count()},
                 {"failed", count()},
                 {"expired", count()}});
}

Json explained_pool_shape() {
  return object({{"role", words_of({PoolRole::both, PoolRole::prefill, PoolRole::decode, PoolRole::encoder})},
                 {"memory", ref("memory_plan")},
                 {"feasible", flag()},
                 {"ridge_point", figure()},
                 {"steps", list_of(step_shape())}});
}

Json speculation_shape() {
  const Json point = object({{"batch", count()},
                             {"base_ms", figure()},
                             {"step_ms", figure()},
                             {"speed_up", figure()},
                             {"length_to_break_even", figure()},
                             {"best_tokens", count()},
                             {"best_speed_up", figure()}});
  return object({{"method", text()},
                 {"tokens", count()},
                 {"mean_acceptance_length", figure()},
                 {"acceptance_rates", list_of(figure())},
                 {"largest_batch", count()},
                 {"pays_below", figure()},
                 {"points", list_of(point)}});
}

Json kv_tiers_shape() {
  const Json tier = object({{"tier", words_of({KvTier::cpu, KvTier::disk, KvTier::remote})},
                            {"gb", figure()},
                            {"tokens", count()},
                            {"read_gb_per_s", figure()},
                            {"write_gb_per_s", figure()},
                            {"load_ms", figure()}});
  return object({{"backend", text()},
                 {"prompt_tokens", count()},
                 {"recompute_ms", figure()},
                 {"swap_blocks?", count()},
                 {"swap_ms?", figure()},
                 {"tiers", list_of(tier)}});
}

Json floors_shape() {
  return object({{"prompt_tokens", count()},
                 {"output_tokens", count()},
                 {"ttft_ms", figure()},
                 {"tpot_ms", figure()},
                 {"e2el_ms", figure()},
                 {"datasheet_ttft_ms", figure()},
                 {"datasheet_tpot_ms", figure()}});
}

Json causes_shape() {
  Json json = map_of(count());
  return described(std::move(json), "Nanoseconds by cause.");
}

Json time_shape() {
  return object({{"requests", count()},
                 {"value_ms", figure()},
                 {"divided_by", count()},
                 {"total_ns", count()},
                 {"parts_ns", attribution_shape(count(), true)},
                 {"causes_ns", causes_shape()},
                 {"preemptions", count()}});
}

Json record_shape() {
  return object({{"index", count()},
                 {"prompt_tokens", count()},
                 {"output_tokens", count()},
                 {"arrival_s", figure()},
                 {"ttft_ms", figure()},
                 {"e2el_ms", figure()},
                 {"replica", count()},
                 {"preemptions", count()}});
}

Json fleet_shape() {
  Keys hours;
  for (int i = 0; i < kReplicaStates; ++i)
    hours.push_back({std::string(to_string(static_cast<ReplicaState>(i))), figure()});
  const Keys of_one{{"places", count()},
                    {"end_s", figure()},
                    {"replica_hours", object(hours)},
                    {"replicas", list_of(object({{"at_s", figure()}, {"paid", count()}, {"ready", count()}}))},
                    {"decisions?", list_of(object({{"at_s", figure()}, {"metric", figure()}, {"wanted", count()}}))}};
  Keys whole = of_one;
  whole.push_back(
      {"objectives?", object({{"runs", count()}, {"held", count()}, {"low_95", figure()}, {"high_95", figure()}})});
  whole.push_back({"pools?", map_of(object(of_one))});
  return object(whole);
}

Json router_shape() {
  return object({{"pools", list_of(text())}, {"stale_choices?", count()}, {"rebinds?", count()}});
}

Json clients_shape() {
  const Json slot = object({{"offered", count()}, {"answered", count()}, {"served", count()}});
  return object({{"requests", count()},
                 {"attempts", count()},
                 {"unanswered", count()},
                 {"slot_s", figure()},
                 {"slots", list_of(slot)}});
}

}  // namespace

Json result_shape() {
  const Json replication = object({{"index", count()}, {"seed", count()}, {"completed", count()}});
  const Json grades = object({{"ttft_p50", text()}, {"ttft_p99", text()}, {"tpot_p50", text()}, {"tpot_p99", text()}});
  return object_when(
      with_head(
          "result",
          {{"config", ref("config")},
           {"origins", ref("origins")},
           {"conventions", conventions_shape()},
           {"feasible", flag()},
           {"memory", ref("memory_plan")},
           {"warnings", list_of(text())},
           {"source?", object({{"path", text()}, {"text", text()}, {"set", list_of(text())}, {"catalog?", text()}})},
           {"inputs?", map_of(text())},
           {"model_uncertainty?", ref("model_uncertainty")}}),
      "feasible",
      {{"model_band?", ref("model_band")},
       {"price?", ref("price")},
       {"energy", energy_shape()},
       {"summary", ref("summary")},
       {"steady_state", ref("summary")},
       {"acceptance_rates?", list_of(figure())},
       {"classes?", map_of(ref("summary"))},
       {"adapters?", map_of(ref("summary"))},
       {"pools?", map_of(pool_shape())},
       {"roles?", map_of(object(role_keys()))},
       {"transfers?", transfers_shape()},
       {"fleet?", fleet_shape()},
       {"routers?", list_of(router_shape())},
       {"clients?", clients_shape()},
       {"slo", ref("slo")},
       {"load_slots?", ref("load_slots")},
       {"grades", grades},
       {"bottleneck", ref("bottleneck")},
       {"attribution", object(parts_keys())},
       {"attribution_groups?", groups_shape()},
       {"half_widths_95?", ref("summary")},
       {"replications?", list_of(replication)},
       {"interrupted", flag()}});
}

Json explanation_shape() {
  const Json field = object({{"path", text()},
                             {"value", any()},
                             {"origin", text()},
                             {"file?", text()},
                             {"line?", count()},
                             {"reason?", text()}});
  return object(with_version("explanation", {{"scenario", text()},
                                             {"scenario_sha256", text()},
                                             {"fields", list_of(field)},
                                             {"memory", ref("memory_plan")},
                                             {"feasible", flag()},
                                             {"ridge_point", figure()},
                                             {"peak_tflops?", figure()},
                                             {"memory_bandwidth_gb_per_s?", figure()},
                                             {"steps", list_of(step_shape())},
                                             {"floors", floors_shape()},
                                             {"pools?", map_of(explained_pool_shape())},
                                             {"speculation?", speculation_shape()},
                                             {"kv_tiers?", kv_tiers_shape()}}));
}

Json request_explanation_shape() {
  const Json trial = object({{"change", text()},
                             {"set", list_of(text())},
                             {"before_ms", figure()},
                             {"after_ms", figure()},
                             {"gain", figure()},
                             {"helps", flag()}});
  const Json engine = object({{"seats_full", figure()},
                              {"max_kv_cache_usage_perc", figure()},
                              {"preemptions", count()},
                              {"arrival_rate", figure()},
                              {"backlog_growth", figure()},
                              {"overloaded", flag()}});
  Json json = object(with_head("request_explanation",
                               {{"feasible", flag()},
                                {"memory", ref("memory_plan")},
                                {"interrupted", flag()},
                                {"request?", text()},
                                {"metric?", words_of({RequestMetric::ttft, RequestMetric::tpot, RequestMetric::e2el})},
                                {"finished?", count()},
                                {"failed?", count()},
                                {"sentence?", text()},
                                {"cause?", text()},
                                {"knob?", text()},
                                {"advice?", text()},
                                {"tried?", list_of(trial)},
                                {"selected?", time_shape()},
                                {"median?", time_shape()},
                                {"selected_request?", record_shape()},
                                {"median_request?", record_shape()},
                                {"engine?", engine},
                                {"notes?", list_of(text())}}));
  return json;
}

}  // namespace foretoken::shape
