// Series as part of a document.
#include <algorithm>

#include "foretoken/base/intervals.hpp"
#include "foretoken/report/report.hpp"
#include "report/result_series.hpp"

namespace foretoken {
namespace {

// Every percent, and the tail closer.
std::vector<double> shares() {
  std::vector<double> all;
  for (int i = 0; i <= 99; ++i) all.push_back(i / 100.0);
  all.insert(all.end(), {0.995, 0.999, 1});
  return all;
}

Json curve_of(const RunResult& run, const LatencyMetric& metric) {
  Json ms = Json::array(), low = Json::array(), high = Json::array();
  for (const double share : shares()) {
    std::vector<double> values;
    for (const ReplicationResult& r : run.replications) {
      const MeasureView view{r.measures, r.measures.all, Scope::run, run.scenario.tpot, run.device};
      const Distribution* d = metric.of(view);
      if (d != nullptr && d->count() > 0) values.push_back(d->percentile(share) * 1e-6);
    }
    if (values.empty()) return {};
    const Interval interval = mean_interval(values, 0.95);
    ms.push_back(interval.value);
    if (values.size() < 2) continue;
    low.push_back(std::max(0.0, interval.low));
    high.push_back(interval.high);
  }
  Json json = Json::object();
  json["metric"] = metric.name;
  json["title"] = metric.title;
  json["ms"] = std::move(ms);
  if (!low.if_array()->empty()) {
    json["low"] = std::move(low);
    json["high"] = std::move(high);
  }
  return json;
}

Json curves_of(const RunResult& run) {
  Json json = Json::object();
  json["replications"] = static_cast<std::int64_t>(run.replications.size());
  Json list = Json::array();
  for (const double share : shares()) list.push_back(share);
  json["shares"] = std::move(list);
  Json metrics = Json::array();
  for (const LatencyMetric& metric : latency_metrics()) {
    Json curve = curve_of(run, metric);
    if (!curve.is_null()) metrics.push_back(std::move(curve));
  }
  json["metrics"] = std::move(metrics);
  return json;
}

Json timeseries_of(const RunSeries& series) {
  const auto width = static_cast<double>(series.width().count());
  const auto blocks = static_cast<double>(series.kv_blocks());  // 0: there is none
  Json json = Json::object();
  json["replication"] = 0;
  json["bucket_s"] = to_seconds(series.width());
  const char* const keys[] = {"time_s",
                              "num_requests_running",
                              "num_requests_waiting",
                              "most_waiting",
                              "kv_cache_usage_perc",
                              "most_kv_cache_usage_perc",
                              "prefill_tokens_per_step",
                              "decode_tokens_per_step",
                              "num_preemptions"};
  for (const char* key : keys) json[key] = Json::array();
  double at = 0;
  for (const SeriesBucket& b : series.buckets()) {
    json["time_s"].push_back(at);
    at += to_seconds(series.width());
    json["num_requests_running"].push_back(b.running / width);
    json["num_requests_waiting"].push_back(b.waiting / width);
    json["most_waiting"].push_back(b.most_waiting);
    json["kv_cache_usage_perc"].push_back(blocks > 0 ? Json(b.kv_blocks / width / blocks) : Json());
    json["most_kv_cache_usage_perc"].push_back(blocks > 0 ? Json(b.most_kv_usage) : Json());
    json["prefill_tokens_per_step"].push_back(b.steps > 0 ? b.prefill_tokens / b.steps : 0.0);
    json["decode_tokens_per_step"].push_back(b.steps > 0 ? b.decode_tokens / b.steps : 0.0);
    json["num_preemptions"].push_back(b.preemptions);
  }
  return json;
}

Json requests_of(const std::vector<RequestRecord>& records) {
  Json list = Json::array();
  for (const RequestRecord& r : records) {
    Json entry = Json::object();
    entry["index"] = r.request.index;
    entry["outcome"] = to_string(r.outcome);
    entry["prompt_tokens"] = static_cast<std::int64_t>(r.request.prompt_tokens);
    entry["output_tokens"] = static_cast<std::int64_t>(r.request.output_tokens);
    entry["cached_tokens"] = static_cast<std::int64_t>(r.cached_tokens);
    entry["preemptions"] = static_cast<std::int64_t>(r.preemptions);
    entry["arrival_s"] = to_seconds(r.request.arrival);
    // A request that was never served has no such times.
    if (r.outcome == Outcome::finished) {
      entry["scheduled_s"] = to_seconds(r.scheduled);
      entry["first_token_s"] = to_seconds(r.first_token);
    }
    entry["finish_s"] = to_seconds(r.finish);
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

void add_series(Json& document, const RunResult& run, const RunSeries& series) {
  if (run.replications.empty()) return;
  document["curves"] = curves_of(run);
  document["timeseries"] = timeseries_of(series);
  Json requests = Json::object();
  requests["neighbours"] = requests_of(series.neighbours());
  requests["slowest"] = requests_of(series.slowest());
  document["requests"] = std::move(requests);
  if (!document["summary"].is_null() || run.scenario.sweep.size() > 0) return;
  const Json figures = to_json(run);
  document["one_run"] = true;
  for (const char* key : {"conventions", "summary", "steady_state", "classes", "half_widths_95", "bottleneck",
                          "attribution", "attribution_groups", "load_slots"})
    if (!figures[key].is_null()) document[key] = figures[key];
}

void add_explanation(Json& document, const Explanation& explanation) {
  Json json = to_json(explanation);
  json["fields"] = Json();
  document["explanation"] = std::move(json);
}

}  // namespace foretoken
