// From the cost model and lone requests, without simulating a load.
#include "study/capacity/range.hpp"

#include <algorithm>
#include <cmath>

#include "study/capacity/look.hpp"

namespace foretoken {
namespace {

// So many times what the engines are estimated to let through: more load only lengthens the queue.
constexpr double kMostLoad = 16;
// Share of the time that requests alone keep a replica busy: nearly each has it to itself.
constexpr double kAlone = 0.02;

// Pools do their parts beside each other: the slower one is the limit.
LoadEstimate estimate_of_pools(const Scenario& s, const Explanation& e) {
  LoadEstimate estimate;
  estimate.alone_seconds = std::max(1e-9, e.floors.e2el_ms * 1e-3);
  double prefills = 0, decodes = 0;  // requests/s
  bool hands_over = false;
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    const Explanation& alone = e.pools[i].alone;
    const double ranks = s.pools[i].cluster.replicas * std::max(1, s.pools[i].engine.data_parallel_size);
    const StepExplanation& decode = alone.steps.back();
    const auto sequences = static_cast<double>(std::max<std::int64_t>(1, decode.sequences));
    const double prefill = alone.floors.ttft_ms * 1e-3;
    const double rest = static_cast<double>(alone.floors.output_tokens - 1) * decode.breakdown.seconds / sequences;
    switch (s.pools[i].role) {
      case PoolRole::prefill:
        prefills += ranks / std::max(1e-9, prefill);
        hands_over = true;
        break;
      case PoolRole::decode:
        decodes += ranks / std::max(1e-9, rest);
        estimate.seats += ranks * sequences;
        break;
      case PoolRole::encoder:  // how many items a request has is the workload's
        break;
      case PoolRole::both:
        estimate.requests_per_second += ranks / std::max(1e-9, prefill + rest);
        estimate.seats += ranks * sequences;
        break;
    }
  }
  if (hands_over) estimate.requests_per_second += std::min(prefills, decodes);
  return estimate;
}

}  // namespace

// One prefill, and its share of the decode steps of a full batch, one after the other.
LoadEstimate estimate_of(const Scenario& s, const Explanation& e) {
  if (!e.pools.empty()) return estimate_of_pools(s, e);
  LoadEstimate estimate;
  estimate.alone_seconds = std::max(1e-9, e.floors.e2el_ms * 1e-3);
  const StepExplanation& decode = e.steps.back();
  const auto sequences = static_cast<double>(std::max<std::int64_t>(1, decode.sequences));
  const double ranks = s.cluster.replicas * std::max(1, s.engine.data_parallel_size);
  const double output = static_cast<double>(e.floors.output_tokens);
  const double each = e.floors.ttft_ms * 1e-3 + (output - 1) * decode.breakdown.seconds / sequences;
  estimate.requests_per_second = ranks / std::max(1e-9, each);
  estimate.seats = ranks * sequences;
  return estimate;
}

SearchRange range_of(const Scenario& s, const LoadKnob& knob, const LoadEstimate& e) {
  SearchRange range;
  range.precision = s.capacity.precision;
  range.whole = knob.whole;
  range.also = knob.offered;
  double likely = e.seats;
  if (knob.variable == LoadVariable::request_rate) {
    likely = e.requests_per_second;
    range.least = std::min(knob.offered, kAlone / e.alone_seconds);
  } else {
    // Of clients that pause, only some are in service at once.
    const double pause = to_seconds(s.workload.think_time.mean + s.workload.client_delay) +
                         (s.workload.sessions ? to_seconds(s.workload.sessions->think_time.mean) : 0);
    likely *= 1 + pause / e.alone_seconds;
    range.least = 1;
  }
  range.least = std::max(knob.least, range.least);
  range.most = std::min(knob.most, kMostLoad * std::max(likely, knob.offered));
  if (knob.whole) range.most = std::floor(std::max(range.most, range.least));
  const bool near = knob.offered > likely / 8 && knob.offered < likely * 2;
  range.start = near ? knob.offered : 0.6 * likely;
  return range;
}

Diagnostics capacity_problems(const Question& question, const Scenario& s) {
  if (!s.slo.empty()) return contradictions(s);
  Diagnostics problems;
  problems.error(question.whole(), "capacity is the load up to which objectives are met, and 'slo' is empty",
                 "write what is wanted, such as slo: [p99_ttft <= 500 ms]");
  return problems;
}

Result<std::optional<Bound>> impossible_alone(const Scenario& alone) {
  const Result<std::vector<Bound>> bounds = objective_bounds(alone);
  if (!bounds) return bounds.error();
  for (const Bound& b : *bounds) {
    if (b.impossible && !needs_load(alone.slo[b.objective])) return std::optional(b);
  }
  return std::optional<Bound>{};
}

}  // namespace foretoken
