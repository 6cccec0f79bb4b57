// Documents that put deployments or loads side by side.
#include "foretoken/experiment/sweep.hpp"
#include "report/batch_tables.hpp"
#include "report/bill_report.hpp"
#include "report/placement_report.hpp"
#include "report/schema/documents.hpp"
#include "report/spares_report.hpp"

namespace foretoken::shape {
namespace {

Json status_shape() {
  return words_of({PointStatus::ok, PointStatus::does_not_fit, PointStatus::invalid, PointStatus::skipped});
}

Json at_shape() {
  return described(map_of(text()), "The value of each axis, by the axis' path.");
}

Json front_shape() {
  const Json figure_shape = object({{"metric", text()}, {"better", one_of({"smaller", "larger"})}});
  return object({{"x", figure_shape}, {"y", figure_shape}, {"compared", count()}, {"points", list_of(count())}});
}

Json effort_shape() {
  return object({{"candidates", count()},
                 {"runnable", count()},
                 {"bounded", count()},
                 {"short_runs", count()},
                 {"verdicts", count()},
                 {"same_as_another", count()},
                 {"requests", count()},
                 {"requests_of_a_verdict", count()},
                 {"exhaustive_requests", count()}});
}

Json continuous_shape() {
  const Json objective = object({{"expr", text()}, {"interval", ref("interval")}});
  return object({{"mean_ttft_ms", ref("interval")},
                 {"mean_tpot_ms", ref("interval")},
                 {"p99_ttft_ms", ref("interval")},
                 {"p99_tpot_ms", ref("interval")},
                 {"output_throughput", ref("interval")},
                 {"interactivity_tok_s", figure()},
                 {"tokens_per_s_per_gpu", figure()},
                 {"mfu", figure()},
                 {"mbu", figure()},
                 {"max_kv_cache_usage_perc", figure()},
                 {"preemptions", figure()},
                 {"objectives", list_of(objective)},
                 {"identical_runs", flag()},
                 {"settled", flag()},
                 {"verdict", ref("decision")}});
}

Json batch_size_shape() {
  const Json static_batch = object({{"ttft_ms", figure()},
                                    {"tpot_ms", figure()},
                                    {"e2el_ms", figure()},
                                    {"output_throughput", figure()},
                                    {"mfu", figure()},
                                    {"mbu", figure()},
                                    {"decode_step_ms", figure()},
                                    {"decode_intensity", figure()},
                                    {"decode_bound", text()},
                                    {"decode_bound_share", figure()}});
  return object({{"batch", count()},
                 {"refined", flag()},
                 {"status", status_shape()},
                 {"reason?", text()},
                 {"max_num_batched_tokens?", count()},
                 {"kv_needed_gib?", figure()},
                 {"kv_available_gib?", figure()},
                 {"kv_fits?", flag()},
                 {"static?", static_batch},
                 {"on_frontier?", flag()},
                 {"continuous?", continuous_shape()},
                 {"not_simulated?", text()}});
}

Json change_shape(Keys more = {}) {
  Keys keys{{"before", figure()},
            {"after", figure()},
            {"ratio", figure()},
            {"difference", ref("paired_difference")},
            {"sure", flag()}};
  for (Key& key : more) keys.push_back(std::move(key));
  return object(keys);
}

}  // namespace

Json candidate_shape() {
  const Json objective = object({{"expr", text()},
                                 {"metric", text()},
                                 {"verdict", ref("decision")},
                                 {"interval", ref("interval")},
                                 {"margin", figure()}});
  return object({{"candidate", count()},
                 {"values", at_shape()},
                 {"set", list_of(text())},
                 {"gpus", count()},
                 {"gpu", text()},
                 {"tensor_parallel_size", count()},
                 {"pipeline_parallel_size", count()},
                 {"data_parallel_size", count()},
                 {"replicas", count()},
                 {"max_num_seqs", count()},
                 {"token_budget", count()},
                 {"usd_per_hour?", figure()},
                 {"verdict", text()},
                 {"short_run", flag()},
                 {"reason?", text()},
                 {"room", figure()},
                 {"p_meets_all?", ref("probability")},
                 {"tokens_per_s_per_gpu?", figure()},
                 {"interactivity_tok_s?", figure()},
                 {"output_throughput?", figure()},
                 {"p99_ttft_ms?", figure()},
                 {"mean_tpot_ms?", figure()},
                 {"cost_per_1m_output_tokens?", figure()},
                 {"full_cost_per_1m_output_tokens?", figure()},
                 {"gpu_hours_per_1m_output_tokens?", figure()},
                 {"full_gpu_hours_per_1m_output_tokens?", figure()},
                 {"objectives", list_of(objective)},
                 {"same_run", list_of(at_shape())}});
}

Json sweep_shape() {
  const Json point = object({{"at", at_shape()},
                             {"status", status_shape()},
                             {"reason?", text()},
                             {"scenario_sha256?", text()},
                             {"summary?", ref("summary")},
                             {"half_widths_95?", ref("summary")},
                             {"slo?", ref("slo")},
                             {"bottleneck?", ref("bottleneck")}});
  const Json frontier = object({{"at", at_shape()}, {"axis", text()}, {"largest", or_null(text())}});
  const Json curve = object({{"at", at_shape()},
                             {"axis", text()},
                             {"points", list_of(count())},
                             {"last_met", or_null(text())},
                             {"first_missed", or_null(text())},
                             {"knee?", ref("knee")}});
  return object(with_head("sweep", {{"config", ref("config")},
                                    {"origins", ref("origins")},
                                    {"axes", list_of(object({{"path", text()}, {"values", list_of(text())}}))},
                                    {"points", list_of(point)},
                                    {"frontiers", list_of(frontier)},
                                    {"interrupted", flag()},
                                    {"load_curves?", list_of(curve)},
                                    {"front?", front_shape()}}));
}

Json sweep_plan_shape() {
  const Json point = object({{"point", count()}, {"at", at_shape()}, {"status", text()}, {"reason?", text()}});
  return object(
      with_version("sweep_plan", {{"scenario", text()}, {"scenario_sha256", text()}, {"points", list_of(point)}}));
}

Json compare_shape() {
  const Json side = object({{"scenario", text()}, {"scenario_sha256", text()}});
  const Json field =
      object({{"path", text()}, {"before", any()}, {"after", any()}, {"given", flag()}, {"simulated", flag()}});
  const Json objective =
      change_shape({{"expr", text()}, {"metric", text()}, {"met_before", flag()}, {"met_after", flag()}});
  const Json alone = object({{"field", text()},
                             {"set", list_of(text())},
                             {"status", status_shape()},
                             {"reason?", text()},
                             {"metrics", map_of(change_shape())}});
  const Json parts = map_of(object({{"before", figure()}, {"after", figure()}}));
  const Json why = object({{"sentences", list_of(text())}, {"ttft_ms", parts}, {"ms_per_token", parts}});
  return object(with_version("compare", {{"before", side},
                                         {"after", side},
                                         {"fields", list_of(field)},
                                         {"does_not_fit", list_of(text())},
                                         {"pairing?", text()},
                                         {"confidence?", figure()},
                                         {"replications?", count()},
                                         {"requests?", count()},
                                         {"objectives?", list_of(objective)},
                                         {"metrics?", map_of(change_shape())},
                                         {"why?", why},
                                         {"alone?", list_of(alone)},
                                         {"warnings?", list_of(text())},
                                         {"interrupted?", flag()}}));
}

Json recommend_shape() {
  const Json candidates = list_of(ref("candidate"));
  const Json kind = object({{"gpu", text()},
                            {"competes", flag()},
                            {"best?", ref("candidate")},
                            {"reason?", text()},
                            {"break_even_usd_per_gpu_hour?", figure()}});
  const Json fate = object({{"fate", text()},
                            {"reason?", text()},
                            {"candidates", count()},
                            {"cheaper_than_winner", count()},
                            {"example", at_shape()},
                            {"example_reason?", text()}});
  return object(with_head("recommend", {{"config", ref("config")},
                                        {"domain", map_of(list_of(text()))},
                                        {"usual_domain", flag()},
                                        {"replicas_widened?", text()},
                                        {"cost", one_of({"usd_per_hour", "gpus"})},
                                        {"example_prices", flag()},
                                        {"verdict", ref("decision")},
                                        {"interrupted", flag()},
                                        {"ranked", candidates},
                                        {"best_of_each_gpu", list_of(kind)},
                                        {"cheaper_but_undecided", candidates},
                                        {"closest?", ref("candidate")},
                                        {"serve?", text()},
                                        {"bench?", text()},
                                        {"launch_differences?", list_of(text())},
                                        {"throughput_front", candidates},
                                        {"cost_front", candidates},
                                        {"cost_front_objective", text()},
                                        {"fates", list_of(fate)},
                                        {"effort", effort_shape()}}));
}

Json batch_shape() {
  const Json ridge = object({{"ridge_point", figure()},
                             {"searched_to", count()},
                             {"step_compute_bound_from_datasheet", or_null(count())},
                             {"step_compute_bound_from_priced", or_null(count())},
                             {"operators", list_of(ridge_table().shape())}});
  return object_when(
      with_head("batch", {{"config", ref("config")}, {"feasible", flag()}, {"memory", ref("memory_plan")}}), "feasible",
      {{"interrupted", flag()},
       {"mean_prompt_tokens", figure()},
       {"mean_output_tokens", figure()},
       {"replications", count()},
       {"objectives", list_of(text())},
       {"default_objective", flag()},
       {"best_batch", or_null(count())},
       {"first_missed_batch", or_null(count())},
       {"kv_limited_batch", or_null(count())},
       {"sizes", list_of(batch_size_shape())},
       {"ridge", ridge},
       {"token_budgets", list_of(budget_table().shape())},
       {"notes", list_of(text())}});
}

Json memory_study_shape() {
  const Json candidate = object({{"gpu", text()},
                                 {"quantization", text()},
                                 {"kv_cache_dtype", text()},
                                 {"context", count()},
                                 {"status", text()},
                                 {"reason?", text()},
                                 {"remedy?", text()},
                                 {"note?", text()},
                                 {"weights_bytes?", figure()},
                                 {"kv_bytes_per_token?", figure()},
                                 {"kv_bytes_per_request?", figure()},
                                 {"missing_bytes?", figure()},
                                 {"requests?", figure()},
                                 {"memory?", ref("memory_plan")},
                                 {"batch?", count()},
                                 {"batch_ended_by?", one_of({"max_num_seqs", "memory"})},
                                 {"tpot_alone_ms?", figure()},
                                 {"tpot_full_ms?", figure()},
                                 {"decode_tokens_per_s?", figure()}});
  return object(with_head("memory", {{"config", ref("config")},
                                     {"origins", ref("origins")},
                                     {"cost_level", text()},
                                     {"gpus", list_of(text())},
                                     {"quantizations", list_of(text())},
                                     {"kv_cache_dtypes", list_of(text())},
                                     {"contexts", list_of(count())},
                                     {"candidates", list_of(candidate)},
                                     {"notes", list_of(text())}}));
}

Json sensitivity_shape() {
  const Json step = object_when({{"possible", flag()}, {"reason?", text()}}, "possible",
                                {{"factor", figure()}, {"after", figure()}, {"difference", ref("paired_difference")}});
  const Json lever = object({{"name", text()},
                             {"group", text()},
                             {"now", figure()},
                             {"unit", text()},
                             {"elasticity", figure()},
                             {"effect", figure()},
                             {"certain", flag()},
                             {"down", step},
                             {"up", step}});
  return object_when(with_head("sensitivity", {{"feasible", flag()}, {"memory", ref("memory_plan")}}), "feasible",
                     {{"interrupted", flag()},
                      {"metric", text()},
                      {"metric_reason", text()},
                      {"smaller_is_better", flag()},
                      {"by", figure()},
                      {"replications", count()},
                      {"base", ref("interval")},
                      {"worth", text()},
                      {"levers", list_of(lever)}});
}

Json bill_shape() {
  return object(with_version("bill", {{"scenario", text()},
                                      {"scenario_sha256", text()},
                                      {"price", ref("price")},
                                      {"capacity_per_replica", figure()},
                                      {"capacity_source", text()},
                                      {"offered_rate", figure()},
                                      {"mean_rate", figure()},
                                      {"peak_rate", figure()},
                                      {"tokens_per_request", figure()},
                                      {"as_given", fleet_bill_shape()},
                                      {"fixed", fleet_bill_shape()},
                                      {"resized", fleet_bill_shape()},
                                      {"replicas_by_hour", list_of(count())}}));
}

Json spares_shape() {
  return object(with_head("spares", {{"interrupted", flag()},
                                     {"target", figure()},
                                     {"runs", count()},
                                     {"outcome", text()},
                                     {"spares", or_null(count())},
                                     {"steps", list_of(spares_step_shape())}}));
}

Json placement_shape() {
  return object(with_head("placement", placement_keys()));
}

}  // namespace foretoken::shape
