// What the documents of a run and of a sweep have in common.
#include "report/json_parts.hpp"

#include <fmt/format.h>

#include "foretoken/experiment/version.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

Json shares_of(const Bottleneck& b) {
  Json shares = Json::object();
  for (int i = 0; i < kTimeParts; ++i) shares[to_string(static_cast<TimePart>(i))] = b.share[i];
  return shares;
}

}  // namespace

Json document_head(std::string_view schema, const Scenario& scenario) {
  Json json = Json::object();
  json["schema"] = schema;
  json["foretoken_version"] = version();
  json["scenario"] = scenario.name;
  json["scenario_sha256"] = scenario_sha256(scenario);
  json["seed"] = scenario.seed;
  return json;
}

Json origins_of(const Scenario& scenario) {
  Json origins = Json::object();
  for (const ResolvedField& field : scenario.fields) {
    if (field.origin == Origin::default_value) continue;
    Json entry = Json::object();
    entry["origin"] = to_string(field.origin);
    if (field.where.line > 0) entry["where"] = fmt::format("{}:{}", field.where.file, field.where.line);
    if (!field.reason.empty()) entry["reason"] = field.reason;
    origins[field.path] = std::move(entry);
  }
  return origins;
}

Json slo_of(const std::vector<SloVerdict>& verdicts) {
  Json list = Json::array();
  for (const SloVerdict& v : verdicts) {
    Json line = Json::object();
    line["expr"] = v.line.expression;
    line["metric"] = v.line.metric;
    line["comparison"] = to_string(v.line.comparison);
    line["limit"] = v.line.limit;
    line["value"] = v.value;
    line["ok"] = v.ok;
    line["margin"] = v.margin;
    list.push_back(std::move(line));
  }
  return list;
}

Json bottlenecks_of(const Bottleneck& prefill, const Bottleneck& decode) {
  Json json = Json::object();
  json["prefill"] = prefill.bound;
  json["decode"] = decode.bound;
  json["prefill_shares"] = shares_of(prefill);
  json["decode_shares"] = shares_of(decode);
  return json;
}

Json price_of(const HourlyPrice& price) {
  Json json = Json::object();
  json["usd_per_hour"] = price.usd;
  json["usd_per_gpu_hour"] = price.usd_per_gpu;
  json["example"] = price.example;
  json["source"] = price.source;
  return json;
}

Json to_json(const Knee& knee) {
  Json json = Json::object();
  json["definition"] = "the load with the largest load / latency";
  json["metric"] = knee.metric;
  json["load"] = knee.load;
  json["low"] = knee.low;
  json["high"] = knee.high;
  json["value"] = knee.value;
  json["at_end"] = knee.at_end;
  return json;
}

Json value_or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

Json value_or_null(const std::optional<std::int64_t>& value) {
  return value ? Json(*value) : Json();
}

}  // namespace foretoken
