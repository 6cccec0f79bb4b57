// Bounds on latencies and on attainment, from requests that have the deployment to themselves.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/figures.hpp"
#include "experiment/latency_key.hpp"
#include "foretoken/cost/cost_model.hpp"
#include "study/check/bounds.hpp"

namespace foretoken {
namespace {

// The safe end of an estimate from a sample errs once in a thousand.
constexpr double kSafe = 0.998;

double LoneRequest::*figure_of(std::string_view metric) {
  if (metric == "ttft") return &LoneRequest::ttft_ms;
  if (metric == "tpot") return &LoneRequest::tpot_ms;
  return metric == "e2el" ? &LoneRequest::e2el_ms : nullptr;
}

struct Floor {
  double value = 0;
  LoneRequest at;  // a request with about this figure
};

std::optional<Floor> floor_of(const LatencyKeyParts& key, std::vector<LoneRequest> requests) {
  double LoneRequest::*figure = figure_of(key.metric);
  std::erase_if(requests, [&](const LoneRequest& r) { return std::isnan(r.*figure); });
  if (requests.empty()) return std::nullopt;
  std::sort(requests.begin(), requests.end(),
            [&](const LoneRequest& a, const LoneRequest& b) { return a.*figure < b.*figure; });
  std::vector<double> values;
  for (const LoneRequest& r : requests) values.push_back(r.*figure);
  Floor floor;
  if (key.statistic == "mean") {
    floor.value = mean_interval(values, kSafe).low;
  } else if (key.quantile) {
    // The largest of a run is above any percentile of the workload.
    floor.value = quantile_interval(values, std::min(*key.quantile, 0.99), kSafe).low;
  } else {
    return std::nullopt;
  }
  const auto at = std::lower_bound(values.begin(), values.end(), floor.value);
  floor.at = requests[std::min<std::size_t>(static_cast<std::size_t>(at - values.begin()), values.size() - 1)];
  return floor;
}

// Those that the objective is about.
std::vector<LoneRequest> requests_of(const Scenario& s, const SloLine& line, std::vector<LoneRequest> requests) {
  const std::string_view of = split_metric(line.metric).request_class;
  if (of.empty()) return requests;
  const auto& classes = s.workload.classes;
  std::erase_if(requests, [&](const LoneRequest& r) {
    const auto index = static_cast<std::size_t>(r.request_class);
    return index >= classes.size() || classes[index].name != of;
  });
  return requests;
}

std::string binding_part(const StepBreakdown& step) {
  double seconds[kTimeParts] = {};
  double operators = 0;
  for (const OperatorCost& op : step.operators) {
    seconds[static_cast<std::size_t>(op.bound)] += op.seconds;
    operators += op.seconds;
  }
  seconds[static_cast<std::size_t>(TimePart::overhead)] += std::max(0.0, step.seconds - operators);
  const auto most = std::max_element(std::begin(seconds), std::end(seconds)) - std::begin(seconds);
  return fmt::format("bound by {}; the datasheet allows no less than {:.3g} ms", to_string(static_cast<TimePart>(most)),
                     step.datasheet_seconds * 1e3);
}

// Where such a request enters.
const PoolPlan& pool_of(const Scenario& s, const LoneRequest& r) {
  const auto index = static_cast<std::size_t>(r.request_class);
  for (const PoolPlan& pool : s.pools) {
    if (has_several_models(s) && index < s.workload.classes.size() &&
        pool.served_model_name == s.workload.classes[index].model)
      return pool;
  }
  return entry_pool(s.pools);
}

std::string work_of(const Scenario& s, std::string_view metric, const LoneRequest& r) {
  // What a prompt takes where requests enter; of several models each pool does all.
  if (!s.pools.empty() && (metric != "tpot" || has_several_models(s)))
    return work_of(only_pool(s, pool_of(s, r)), metric, r);
  const std::unique_ptr<CostModel> cost = make_cost_model(s.deployment);
  if (metric != "tpot") {
    const PrefillChunk chunk{r.prompt_tokens, 0, true};
    const std::string prefill = fmt::format("the prefill of {} prompt tokens ({})", r.prompt_tokens,
                                            binding_part(cost->breakdown({std::span(&chunk, 1), {}})));
    return metric == "ttft" ? prefill : fmt::format("{} and {} decode steps", prefill, r.output_tokens - 1);
  }
  const std::int64_t context = r.prompt_tokens + r.output_tokens / 2;
  const std::int64_t window = cost->sliding_window();
  const std::int64_t drafts = s.engine.speculation.tokens;
  const DecodeShape one{1, context, window > 0 ? std::min(window, context) : 0, drafts};
  const std::string with = drafts > 0 ? fmt::format(" with {} draft{}", drafts, drafts == 1 ? "" : "s") : std::string();
  return fmt::format("{} decode step{} of one sequence{} at context {} ({}{})", drafts > 0 ? "its share of" : "a",
                     drafts > 0 ? "s" : "", with, context, drafts > 0 ? "a step is " : "",
                     binding_part(cost->breakdown({{}, one})));
}

std::string deployment_of(const Scenario& s) {
  if (!s.pools.empty()) return "a lone request in idle pools";
  if (s.deployment.level == CostLevel::affine) return "an idle engine";
  const int gpus = s.deployment.parallelism.gpus();
  return gpus == 1 ? fmt::format("an idle {}", s.deployment.gpu.id)
                   : fmt::format("an idle replica of {} x {}", gpus, s.deployment.gpu.id);
}

}  // namespace

std::optional<Bound> latency_bound(const Scenario& s, std::size_t objective, const std::vector<LoneRequest>& requests) {
  const SloLine& line = s.slo[objective];
  const auto key = latency_key_parts(line.metric);
  if (!key || !is_upper_limit(line.comparison) || figure_of(key->metric) == nullptr) return std::nullopt;
  const std::optional<Floor> floor = floor_of(*key, requests_of(s, line, requests));
  if (!floor || !std::isfinite(floor->value)) return std::nullopt;
  Bound bound{objective, floor->value, !judge(line, floor->value * (1 - kBoundSlack)).ok, {}};
  bound.text = fmt::format("even {} needs {} ms ({}) for {}", deployment_of(s), plain_figure(floor->value), line.metric,
                           work_of(s, key->metric, floor->at));
  if (bound.impossible)
    bound.text += fmt::format("; the objective is {} {} ms", to_string(line.comparison), plain_figure(line.limit, 6));
  return bound;
}

std::optional<Bound> attainment_bound(const Scenario& s, std::size_t objective, const std::vector<LoneRequest>& all) {
  const SloLine& line = s.slo[objective];
  if (split_metric(line.metric).key != "slo_attainment" || is_upper_limit(line.comparison)) return std::nullopt;
  const std::vector<LoneRequest> requests = requests_of(s, line, all);
  if (requests.empty()) return std::nullopt;
  std::vector<double> good;
  for (const LoneRequest& r : requests) good.push_back(r.good ? 1 : 0);
  const double most = std::min(1.0, mean_interval(good, kSafe).high);
  Bound bound{objective, most, !judge(line, most).ok, {}};
  bound.text = fmt::format("even {} with one request at a time keeps every goodput limit for at most {:.4g} % of them",
                           deployment_of(s), most * 100);
  if (bound.impossible)
    bound.text += fmt::format("; the objective is {} {:g} %", to_string(line.comparison), line.limit * 100);
  return bound;
}

}  // namespace foretoken
