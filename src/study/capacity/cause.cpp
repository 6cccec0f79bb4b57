// What the requests that decide the objective waited for, at the capacity.
#include <fmt/format.h>

#include "experiment/latency_key.hpp"
#include "study/capacity/answer.hpp"
#include "study/requests/slow_requests.hpp"

namespace foretoken {
namespace {

RequestMetric metric_of(const std::optional<LatencyKeyParts>& key) {
  if (!key) return RequestMetric::e2el;
  if (key->metric == "ttft" || key->metric == "queue_time") return RequestMetric::ttft;
  return key->metric == "tpot" || key->metric == "itl" ? RequestMetric::tpot : RequestMetric::e2el;
}

// A mean is moved by all requests, an attainment by the slow ones.
std::string selector_of(const std::optional<LatencyKeyParts>& key) {
  if (!key) return "p99";
  return key->quantile ? fmt::format("p{:g}", *key->quantile * 100) : "median";
}

}  // namespace

void describe_bottleneck(CapacityResult& r, const Question& question, const Scenario& there,
                         const RunOptions& options) {
  const std::string& metric = r.scenario.slo[r.binding.value_or(0)].metric;
  // Of one class a bottleneck is not told: the others' requests are in the same steps.
  if (!split_metric(metric).request_class.empty()) return;
  const auto key = latency_key_parts(metric);
  const Result<RequestSelector> selector = parse_request_selector(selector_of(key));
  if (!selector) return;
  RunOptions quiet = options;
  quiet.progress = nullptr;
  const Result<RequestExplanation> e = explain_requests(question, there, *selector, metric_of(key), quiet);
  if (!e || e->interrupted || !e->feasible) return;
  if (!e->sentence.empty()) r.bottleneck.push_back(e->sentence);
  if (!e->advice.empty()) r.bottleneck.push_back(fmt::format("to change first: {}", e->advice));
  r.bottleneck.push_back(
      fmt::format("all seats are taken {:.0f} % of the time, the KV cache is {:.0f} % full at its peak",
                  100 * e->seats_full, 100 * e->kv_peak));
}

}  // namespace foretoken
