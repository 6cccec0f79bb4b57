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

namespace {

void tighten(GoodputLimits& limits, std::string_view metric, double to) {
  const auto at_most = [to](std::optional<double>& limit) { limit = std::min(limit.value_or(to), to); };
  if (metric == "ttft") at_most(limits.ttft_ms);
  if (metric == "tpot") at_most(limits.tpot_ms);
  if (metric == "e2el") at_most(limits.e2el_ms);
}

}  // namespace

RequestLimits::RequestLimits(const Scenario& s)
    : scenario_(s), of_objectives_(std::max<std::size_t>(1, s.workload.classes.size())) {
  const auto& classes = s.workload.classes;
  for (const SloLine& line : s.slo) {
    const auto key = latency_key_parts(line.metric);
    if (!key || !is_upper_limit(line.comparison)) continue;
    const std::string_view of = split_metric(line.metric).request_class;
    for (std::size_t c = 0; c < of_objectives_.size(); ++c) {
      if (of.empty() || (c < classes.size() && classes[c].name == of))
        tighten(of_objectives_[c], key->metric, line.limit);
    }
  }
  has_goodput_ = s.workload.goodput.any() ||
                 std::any_of(classes.begin(), classes.end(), [](const RequestClass& c) { return c.goodput.any(); });
  any_ = has_goodput_ || std::any_of(of_objectives_.begin(), of_objectives_.end(),
                                     [](const GoodputLimits& limits) { return limits.any(); });
}

std::string RequestLimits::text() const {
  return has_goodput_ ? "the goodput limits" : "the limits of the objectives, taken as limits of every request";
}

const GoodputLimits& RequestLimits::limits_of(const Request& request) const {
  const auto& classes = scenario_.workload.classes;
  const auto index = static_cast<std::size_t>(request.class_index);
  if (!has_goodput_) return of_objectives_[index];
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
