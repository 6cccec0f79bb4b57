// A group of size s adds s to each of its s requests, so its next member adds 2 s + 1.
#include "experiment/steady/equal_outputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

// Below these nothing is said: groups of one replica's prefill step form and dissolve under any load.
constexpr double kGrowth = 1.15;
constexpr double kInOneWave = 2;

std::optional<std::int64_t> fixed_tokens(const LengthPairConfig& lengths) {
  if (lengths.paired) return std::nullopt;
  if (const auto* fixed = std::get_if<FixedLength>(&lengths.output)) return fixed->tokens;
  const auto* uniform = std::get_if<UniformLength>(&lengths.output);
  return uniform != nullptr && uniform->low == uniform->high ? std::optional(uniform->low) : std::nullopt;
}

std::optional<std::int64_t> equal_outputs(const WorkloadConfig& w) {
  if (std::holds_alternative<TraceConfig>(w.arrivals)) return std::nullopt;
  std::optional<std::int64_t> tokens =
      w.classes.empty() ? fixed_tokens(w.lengths) : fixed_tokens(w.classes.front().lengths);
  for (const RequestClass& c : w.classes) {
    if (fixed_tokens(c.lengths) != tokens) return std::nullopt;
  }
  return tokens && *tokens > 1 ? tokens : std::nullopt;
}

void spread(LengthConfig& length, double share) {
  const auto* fixed = std::get_if<FixedLength>(&length);
  if (fixed == nullptr || fixed->tokens < 2) return;
  const std::int64_t tokens = fixed->tokens;
  const auto most = static_cast<std::int64_t>(std::llround(share * static_cast<double>(tokens)));
  const std::int64_t by = std::clamp<std::int64_t>(most, 1, tokens - 1);
  length = UniformLength{tokens - by, tokens + by};
}

}  // namespace

std::optional<std::int64_t> outputs_that_finish_together(const Scenario& s) {
  const bool closed = s.workload.max_concurrency && *s.workload.max_concurrency > 1;
  const bool refilled = s.cluster.replicas > 1 && find_router(s.cluster.router).fills_the_emptiest;
  return closed || refilled ? equal_outputs(s.workload) : std::nullopt;
}

WorkloadConfig with_outputs_spread(const WorkloadConfig& workload, double share) {
  WorkloadConfig w = workload;
  spread(w.lengths.output, share);
  for (RequestClass& c : w.classes) spread(c.lengths.output, share);
  return w;
}

void FinishGroups::add(const RequestRecord& r) {
  if (r.outcome != Outcome::finished || r.request.index < first_ || r.request.index >= end_) return;
  if (r.replica != replica_ || r.finish != at_) {
    replica_ = r.replica;
    at_ = r.finish;
    size_ = 0;
    quarter_ = static_cast<std::size_t>((r.request.index - first_) * 4 / (end_ - first_));
  }
  ++quarters_[quarter_].requests;
  quarters_[quarter_].companions += 2 * size_ + 1;
  ++size_;
}

double FinishGroups::mean_size(std::size_t quarter) const {
  const Sums& q = quarters_[quarter];
  return q.requests == 0 ? 0 : static_cast<double>(q.companions) / static_cast<double>(q.requests);
}

double FinishGroups::mean_size() const {
  Sums all;
  for (const Sums& q : quarters_) {
    all.requests += q.requests;
    all.companions += q.companions;
  }
  return all.requests == 0 ? 0 : static_cast<double>(all.companions) / static_cast<double>(all.requests);
}

std::string warning_of(const Scenario& s, const FinishGroups& groups) {
  const std::optional<std::int64_t> tokens = outputs_that_finish_together(s);
  if (!tokens) return {};
  const double first = groups.mean_size(0), last = groups.mean_size(3);
  constexpr const char* kWay =
      "by their schedulers engines should do so under such a benchmark, not under traffic whose outputs differ: "
      "workload.random_range_ratio: 0.1 shows the difference";
  if (s.workload.max_concurrency) {
    if (last < kInOneWave) return {};
    return fmt::format(
        "every output has {} tokens, so clients that were served together come back together: they move in waves "
        "of {:.1f} requests that wait for each other's prefill; {}",
        *tokens, last, kWay);
  }
  if (!(last > kGrowth * first)) return {};
  return fmt::format(
      "every output has {} tokens, so requests admitted in one step finish in one step and the router fills their "
      "places with the next: such groups grew from {:.2f} requests in the first quarter of the run to {:.2f} in "
      "the last, and latencies grow with them for many thousand requests (check judges a load that goes on); {}",
      *tokens, first, last, kWay);
}

}  // namespace foretoken
