// Limits from goodput or, where there is none, from the objectives.
#include "experiment/run/request_limits.hpp"

#include <algorithm>

#include "experiment/latency_key.hpp"

namespace foretoken {

std::optional<std::int64_t> tpot_of(const RequestRecord& r, TpotConvention convention) {
  const std::int64_t n = r.request.output_tokens;
  if (n < 2) return std::nullopt;
  return (r.finish - r.first_token).count() / (convention == TpotConvention::vllm ? n - 1 : n);
}

RequestLimits::RequestLimits(const Scenario& s) : scenario_(s) {
  for (const SloLine& line : s.slo) {
    const auto key = latency_key_parts(line.metric);
    if (!key || !is_upper_limit(line.comparison)) continue;
    const auto tighten = [&](std::optional<double>& limit) {
      limit = std::min(limit.value_or(line.limit), line.limit);
    };
    if (key->metric == "ttft") tighten(of_objectives_.ttft_ms);
    if (key->metric == "tpot") tighten(of_objectives_.tpot_ms);
    if (key->metric == "e2el") tighten(of_objectives_.e2el_ms);
  }
  const auto& classes = s.workload.classes;
  has_goodput_ = s.workload.goodput.any() ||
                 std::any_of(classes.begin(), classes.end(), [](const RequestClass& c) { return c.goodput.any(); });
}

std::string RequestLimits::text() const {
  return has_goodput_ ? "the goodput limits" : "the limits of the objectives, taken as limits of every request";
}

const GoodputLimits& RequestLimits::limits_of(const Request& request) const {
  if (!has_goodput_) return of_objectives_;
  const auto& classes = scenario_.workload.classes;
  const auto index = static_cast<std::size_t>(request.class_index);
  return index < classes.size() && classes[index].goodput.any() ? classes[index].goodput : scenario_.workload.goodput;
}

bool RequestLimits::misses(const RequestRecord& r) const {
  const GoodputLimits& limits = limits_of(r.request);
  const auto exceeds = [](const std::optional<double>& limit, std::int64_t ns) {
    return limit && static_cast<double>(ns) * 1e-6 > *limit;
  };
  const auto tpot = tpot_of(r, scenario_.tpot);
  return exceeds(limits.ttft_ms, (r.first_token - r.request.arrival).count()) ||
         exceeds(limits.e2el_ms, (r.finish - r.request.arrival).count()) || (tpot && exceeds(limits.tpot_ms, *tpot));
}

}  // namespace foretoken
