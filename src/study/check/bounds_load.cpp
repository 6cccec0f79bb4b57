// Bounds from the load: nobody completes more than is offered, and no engine more than its roofline lets through.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/figures.hpp"
#include "experiment/latency_key.hpp"
#include "experiment/steady/sampler.hpp"
#include "foretoken/cost/cost_model.hpp"
#include "study/check/bounds.hpp"

namespace foretoken {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();
// Offered figures are means; a run of a thousand Poisson arrivals is off by up to 10 %.
double sampling_slack(const std::optional<std::int64_t>& requests) {
  return 4 / std::sqrt(static_cast<double>(std::max<std::int64_t>(1, requests.value_or(1))));
}

double highest_peak(const Deployment& d) {
  double peak = d.gpu.peak_bf16.value;
  const bool narrow = d.dense_format != WeightFormat::bf16 || d.expert_format != WeightFormat::bf16;
  for (const auto& other : {d.gpu.peak_fp8, d.gpu.peak_int8, d.gpu.peak_fp4}) {
    if (narrow && other) peak = std::max(peak, other->value);
  }
  return peak;
}

}  // namespace

// A request takes its FLOPs at the peak, or its share of the bytes of a full decode batch at the peak bandwidth,
// whichever is longer. Prefill and decode may share a step and its weights, so the two are not added, and the bytes of
// prefills are left out. Prompts at their mean: attention's FLOPs are convex in the prompt. With speculation as if
// every draft came for nothing and were accepted.
RooflineCapacity roofline_capacity(const Scenario& s, const WorkloadSummary& w) {
  Deployment d = s.deployment;
  d.draft = {};
  const double bandwidth = d.gpu.memory_bandwidth.value_or(Bandwidth{}).value;
  if (d.level == CostLevel::affine || !(bandwidth > 0) || !s.pools.empty()) return {};
  const std::unique_ptr<CostModel> cost = make_cost_model(d);
  const auto prompt = std::max<std::int64_t>(1, std::llround(w.mean_prompt_tokens));
  const std::int64_t held = prompt * s.engine.kv_layout.full;  // by layers that keep everything
  const std::int64_t seats = std::max<std::int64_t>(
      1, held == 0 ? s.engine.max_num_seqs
                   : std::min(s.engine.max_num_seqs, s.engine.usable_blocks() * s.engine.block_size / held));
  const std::int64_t window = cost->sliding_window();
  const DecodeShape full{seats, seats * prompt, window > 0 ? std::min(window, prompt) * seats : 0};
  double decode_flops = 0, decode_bytes = 0, prefill_flops = 0;
  for (const OperatorCost& op : cost->breakdown({{}, full}).operators)
    decode_flops += op.flops, decode_bytes += op.bytes;
  if (!may_find_prefixes(s)) {  // a cached prompt costs nothing
    const PrefillChunk chunk{prompt, 0, true};
    for (const OperatorCost& op : cost->breakdown({std::span(&chunk, 1), {}}).operators) prefill_flops += op.flops;
  }
  const double per_seat = std::max(0.0, w.mean_output_tokens - 1) / static_cast<double>(seats);
  const double compute = (prefill_flops + per_seat * decode_flops) / highest_peak(d);
  const double memory = per_seat * decode_bytes / bandwidth / static_cast<double>(1 + s.engine.speculation.tokens);
  const double replicas = s.cluster.replicas * d.parallelism.data;
  if (compute >= memory) {
    return {replicas / compute,
            fmt::format("{:.3g} TFLOPs a request at the peak rate", (prefill_flops + per_seat * decode_flops) * 1e-12)};
  }
  return {replicas / memory, fmt::format("weights and KV streamed for each decode step of {} sequences", seats)};
}

namespace {

// Tokens (or requests) of a rate that one request brings; 0 = not such a rate.
double per_request(const Scenario& s, std::string_view metric, const WorkloadSummary& w) {
  if (metric == "request_throughput" || metric == "request_goodput") return 1;
  if (metric == "output_throughput" || metric == "goodput_output_throughput") return w.mean_output_tokens;
  if (metric == "total_token_throughput") return w.mean_output_tokens + w.mean_prompt_tokens;
  if (metric == "tokens_per_s_per_gpu") return w.mean_output_tokens / s.num_gpus;
  return 0;
}

std::optional<Bound> throughput_bound(const Scenario& s, std::size_t objective, const WorkloadSummary& w) {
  const SloLine& line = s.slo[objective];
  const double each = per_request(s, line.metric, w);
  if (!(each > 0) || is_upper_limit(line.comparison)) return std::nullopt;
  const RooflineCapacity capacity = roofline_capacity(s, w);
  const bool open = has_steady_state(s) && !s.workload.max_concurrency && w.offered_rate > 0;
  const double offered = open ? w.offered_rate * each : kUnbounded;
  const double through = capacity.requests_per_second * each;
  if (std::isinf(offered) && std::isinf(through)) return std::nullopt;
  const std::string_view unit = metric_unit(line.metric);
  Bound bound{objective, std::min(offered, through), false, {}};
  const bool by_load = offered <= through;
  bound.impossible = !judge(line, bound.value * (1 + (by_load ? sampling_slack(w.requests) : kBoundSlack))).ok;
  bound.text =
      by_load ? fmt::format("only {} {} are offered ({} requests/s)", plain_figure(offered), unit,
                            plain_figure(w.offered_rate))
              : fmt::format("the hardware lets through at most {} {}: {}", plain_figure(through), unit, capacity.binds);
  if (bound.impossible)
    bound.text +=
        fmt::format("; the objective is {} {} {}", to_string(line.comparison), plain_figure(line.limit, 6), unit);
  return bound;
}

std::optional<Bound> duration_bound(const Scenario& s, std::size_t objective, const WorkloadSummary& w) {
  const SloLine& line = s.slo[objective];
  if (line.metric != "duration" || !is_upper_limit(line.comparison) || !w.requests) return std::nullopt;
  const auto requests = static_cast<double>(*w.requests);
  const RooflineCapacity capacity = roofline_capacity(s, w);
  const double sending = w.offered_rate > 0 ? (requests - 1) / w.offered_rate : 0;
  const double serving = requests / capacity.requests_per_second;
  if (!(std::max(sending, serving) > 0)) return std::nullopt;
  const bool by_load = sending >= serving;
  Bound bound{objective, std::max(sending, serving), false, {}};
  bound.impossible = !judge(line, bound.value * (1 - (by_load ? sampling_slack(w.requests) : kBoundSlack))).ok;
  bound.text = by_load ? fmt::format("the last request is sent after {} s", plain_figure(sending))
                       : fmt::format("the hardware needs at least {} s for {} requests: {}", plain_figure(serving),
                                     *w.requests, capacity.binds);
  if (bound.impossible)
    bound.text += fmt::format("; the objective is {} {} s", to_string(line.comparison), plain_figure(line.limit, 6));
  return bound;
}

// More is offered than the roofline lets through: latencies grow without end.
std::optional<Bound> overload_bound(const Scenario& s, std::size_t objective, const WorkloadSummary& w) {
  const SloLine& line = s.slo[objective];
  const auto key = latency_key_parts(line.metric);
  if (!key || !is_upper_limit(line.comparison) || key->metric == "tpot" || key->metric == "itl") return std::nullopt;
  if (!depends_on_backlog(s, line)) return std::nullopt;
  const bool limited = s.engine.max_waiting_requests > 0 || s.engine.queue_timeout > Duration{};
  if (!has_steady_state(s) || s.workload.max_concurrency || limited) return std::nullopt;
  const RooflineCapacity capacity = roofline_capacity(s, w);
  if (w.offered_rate * (1 - kBoundSlack) <= capacity.requests_per_second) return std::nullopt;
  return Bound{objective, kUnbounded, true,
               fmt::format("no steady state: {} requests/s are offered and the hardware lets through at most {} ({}); "
                           "the backlog grows by at least {} requests/s",
                           plain_figure(w.offered_rate), plain_figure(capacity.requests_per_second), capacity.binds,
                           plain_figure(w.offered_rate - capacity.requests_per_second, 3))};
}

}  // namespace

std::optional<Bound> load_bound(const Scenario& s, std::size_t objective, const WorkloadSummary& w) {
  if (auto bound = overload_bound(s, objective, w)) return bound;
  if (auto bound = duration_bound(s, objective, w)) return bound;
  return throughput_bound(s, objective, w);
}

Result<std::vector<Bound>> objective_bounds(const Scenario& s) {
  const Result<std::vector<LoneRequest>> lone = lone_requests(s, lone_requests_of(s));
  return lone ? bounds_with(s, *lone) : lone.error();
}

Result<std::vector<Bound>> bounds_with(const Scenario& s, const std::vector<LoneRequest>& lone) {
  const Result<WorkloadSummary> workload = workload_summary(s);
  if (!workload) return workload.error();
  Diagnostics problems;
  std::vector<Bound> bounds;
  for (std::size_t i = 0; i < s.slo.size(); ++i) {
    const auto key = latency_key_parts(s.slo[i].metric);
    const bool needs_gaps = key && (key->metric == "tpot" || key->metric == "itl");
    if (needs_gaps && !lone.empty() &&
        std::all_of(lone.begin(), lone.end(), [](const LoneRequest& r) { return r.output_tokens < 2; })) {
      problems.error({s.name, 0, 0},
                     fmt::format("'{}' can never be judged: with one output token there is no {}", s.slo[i].expression,
                                 key->metric),
                     "leave the objective out, or lengthen the outputs");
      continue;
    }
    if (auto bound = load_bound(s, i, *workload)) {
      bounds.push_back(std::move(*bound));
      if (bounds.back().impossible) continue;
    }
    // A prefix found in the cache makes a request shorter than alone on a cold one.
    const bool cold = key && key->metric != "tpot" && may_find_prefixes(s);
    if (cold) continue;
    if (auto bound = latency_bound(s, i, lone)) bounds.push_back(std::move(*bound));
    if (auto bound = attainment_bound(s, i, lone); bound && !may_find_prefixes(s)) bounds.push_back(std::move(*bound));
  }
  if (problems.has_errors()) return problems;
  return bounds;
}

}  // namespace foretoken
