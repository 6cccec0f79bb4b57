// Parts that several documents share.
#include <fmt/format.h>

#include "experiment/run/pool_results.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/verdict.hpp"
#include "foretoken/metrics/summary.hpp"
#include "report/common.hpp"
#include "report/load_slots_report.hpp"
#include "report/schema/documents.hpp"
#include "report/uncertainty_report.hpp"
#include "scenario/field_table.hpp"

namespace foretoken::shape {
namespace {

// From the columns and the families of latencies.
Json summary_shape() {
  Keys keys;
  for (const Column& column : columns()) {
    const std::string unit = column.unit.empty() ? "" : fmt::format(" [{}]", column.unit);
    keys.push_back({fmt::format("{}?", column.key), described(figure(), std::string(column.meaning) + unit)});
  }
  for (const LatencyMetric& metric : latency_metrics()) {
    const std::string meaning = fmt::format("{}: {} [ms]", metric.title, metric.meaning);
    const auto add = [&](std::string_view statistic, std::string_view of) {
      keys.push_back(
          {fmt::format("{}_{}_ms?", statistic, metric.name), described(figure(), std::string(of) + meaning)});
    };
    for (const char* statistic : {"mean", "median", "std", "min", "max"}) add(statistic, "");
    for (const double percent : kSummaryPercentiles) {
      add(fmt::format("p{}", percent), "");
      if (metric.per_request) add(fmt::format("offered_p{}", percent), "failed requests count as infinite; ");
    }
  }
  return object(keys);
}

// Of a pool, of what its engines do.
Json pool_summary_shape() {
  const Json whole = summary_shape();
  Json json = object({{"prefill_throughput?", described(figure(), "Prompt tokens computed [tok/s]")},
                      {"decode_throughput?", described(figure(), "Output tokens of decode steps [tok/s]")},
                      {"preemption_count", whole["properties"]["preemption_count"]}});
  for (const std::string_view key : columns_of_pools()) json["properties"][key] = whole["properties"][key];
  return json;
}

Json value_shape(const Field& field) {
  switch (field.kind) {
    case FieldKind::flag:
      return or_null(flag());
    case FieldKind::choice:
    case FieldKind::text:
      return or_null(text());
    case FieldKind::integer:
      return either({or_null(count()), text()});
    case FieldKind::number:
      return either({figure(), text()});
    default:
      return any();  // a number, text with a unit, a list or a map, as the scenario would spell it
  }
}

// A pool has what the deployment has, but for what is of all of it.
void add_keys_of_pools(Json& root) {
  const Json whole = root["properties"];
  Json& pool = root["properties"]["pools"]["items"]["properties"];
  for (const std::string_view map : kPoolMaps) pool[map]["properties"] = whole[map]["properties"];
  pool["routing"] = whole["routing"];
}

// From the field table: every value that a scenario resolves to.
Json config_shape() {
  Json root = object({});
  for (const Field& field : scenario_fields()) {
    Json* at = &root;
    std::string_view rest = field.path;
    bool inside = true;
    for (auto dot = rest.find('.'); dot != std::string_view::npos && inside; dot = rest.find('.')) {
      std::string step(rest.substr(0, dot));
      const bool list = step.ends_with("[]");
      if (list) step.resize(step.size() - 2);
      rest.remove_prefix(dot + 1);
      Json& child = (*at)["properties"][step];
      Json& place = list ? child["items"] : child;
      // Below what is any value nothing need be said.
      inside = place.if_object() != nullptr && !std::as_const(place)["properties"].is_null();
      at = &place;
    }
    if (!inside) continue;
    Json shape = field.kind == FieldKind::map            ? or_null(object({}))
                 : field.kind == FieldKind::list_of_maps ? list_of(object({}))
                                                         : value_shape(field);
    (*at)["properties"][rest] = described(std::move(shape), field.meaning);
  }
  add_keys_of_pools(root);
  return root;
}

Json objective_shape() {
  return object({{"expr", text()},
                 {"metric", text()},
                 {"comparison", one_of({"<=", "<", ">=", ">"})},
                 {"limit", figure()},
                 {"value", figure()},
                 {"ok", flag()},
                 {"margin", figure()}});
}

Json bottleneck_shape() {
  Keys shares;
  for (int i = 0; i < kTimeParts; ++i) shares.push_back({std::string(to_string(static_cast<TimePart>(i))), figure()});
  return object(
      {{"prefill", text()}, {"decode", text()}, {"prefill_shares", object(shares)}, {"decode_shares", object(shares)}});
}

Json slots_shape() {
  Keys keys{{"name", text()}, {"begin_s", figure()}, {"width_s", figure()}, {"offered_request_rate", figure()}};
  const Keys figures{{"arrivals", figure()},      {"failed", figure()},
                     {"p50_ttft_ms", figure()},   {"p99_ttft_ms", figure()},
                     {"mean_tpot_ms", figure()},  {"p99_tpot_ms", figure()},
                     {"p99_e2el_ms", figure()},   {"mean_num_requests_waiting", figure()},
                     {"slo_attainment", figure()}};
  keys.insert(keys.end(), figures.begin(), figures.end());
  keys.push_back({"slo", ref("slo")});
  keys.push_back({"classes?", map_of(object(figures))});
  return object({{"replications", count()},
                 {"missing", count()},
                 {"worst", or_null(count())},
                 {"only_whole", list_of(text())},
                 {"slots", list_of(object(keys))}});
}

Json memory_shape() {
  return object({{"fits", flag()},
                 {"verdict?", text()},
                 {"capacity_gib", figure()},
                 {"budget_gib", figure()},
                 {"weights_gib", figure()},
                 {"adapters_gib?", figure()},
                 {"activations_gib", figure()},
                 {"cuda_graphs_gib", figure()},
                 {"non_torch_gib", figure()},
                 {"kv_cache_gib", figure()},
                 {"kv_bytes_per_token", figure()},
                 {"num_gpu_blocks", count()},
                 {"kv_cache_size_tokens", count()},
                 {"kv_cache_max_concurrency", figure()}});
}

Keys interval_keys() {
  return {{"value", figure()}, {"low", figure()}, {"high", figure()}, {"confidence", figure()}};
}

}  // namespace

void add_common_shapes(Json& d) {
  d["config"] = config_shape();
  d["origins"] = map_of(object({{"origin", text()}, {"where?", text()}, {"reason?", text()}}));
  d["summary"] = summary_shape();
  d["pool_summary"] = pool_summary_shape();
  d["slo"] = list_of(objective_shape());
  d["bottleneck"] = bottleneck_shape();
  d["memory_plan"] = memory_shape();
  d["model_band"] = object({{"prefill_pct", figure()},
                            {"decode_pct", figure()},
                            {"confidence", figure()},
                            {"inside_calibrated_range", flag()},
                            {"outside", list_of(text())},
                            {"outside_share_pct", figure()}});
  d["price"] =
      object({{"usd_per_hour", figure()}, {"usd_per_gpu_hour", figure()}, {"example", flag()}, {"source", text()}});
  d["interval"] = object(interval_keys());
  Keys paired = interval_keys();
  paired.push_back({"variance_reduction", figure()});
  d["paired_difference"] = object(paired);
  d["probability"] = object({{"value", figure()}, {"bound?", one_of({"at least", "at most"})}});
  d["model_uncertainty"] = either({object({{"why_not", text()}}), object({{"runs_at_other_step_times", count()},
                                                                          {"figures", list_of(figure_band_shape())},
                                                                          {"p_meets_all?", ref("probability")}})});
  d["knee"] = object({{"definition", text()},
                      {"metric", text()},
                      {"load", figure()},
                      {"low", figure()},
                      {"high", figure()},
                      {"value", figure()},
                      {"at_end", flag()}});
  d["load_slots"] = slots_shape();
  d["candidate"] = candidate_shape();
  d["decision"] = words_of({Decision::meets, Decision::misses, Decision::not_decided});
}

Keys with_version(std::string_view name, const Keys& keys) {
  Keys all{{"schema", constant(fmt::format("foretoken.{}/1", name))}, {"foretoken_version", text()}};
  all.insert(all.end(), keys.begin(), keys.end());
  return all;
}

Keys with_head(std::string_view name, const Keys& keys) {
  Keys all = with_version(name, {{"scenario", text()}, {"scenario_sha256", text()}, {"seed", count()}});
  all.insert(all.end(), keys.begin(), keys.end());
  return all;
}

Json attribution_shape(const Json& value, bool of_pools) {
  Keys keys;
  for (int i = 0; i < (of_pools ? kAttributionParts : kPartsOfOnePool); ++i)
    keys.push_back({std::string(to_string(static_cast<AttributionPart>(i))) + (i < kPartsOfOnePool ? "" : "?"), value});
  return object(keys);
}

}  // namespace foretoken::shape
