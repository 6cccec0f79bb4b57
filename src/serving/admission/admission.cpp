// Limits on requests in flight, shedding by saturation, and rates of tokens.
#include "serving/admission/admission.hpp"

#include <algorithm>

namespace foretoken {

bool TokenBucket::take(double tokens, TimePoint now) {
  tokens_ = std::min(most_, tokens_ + rate_ * to_seconds(now - since_));
  since_ = now;
  if (tokens > tokens_) return false;
  tokens_ -= tokens;
  return true;
}

bool Admission::admits(const Request& request, std::int64_t in_flight, const ClusterView& view,
                       const ClusterView* decode) {
  if (config_.max_in_flight > 0 && in_flight >= config_.max_in_flight) return false;
  if (config_.sheds && request.priority >= config_.shed_priority && sheds(saturation(view, decode))) return false;
  if (config_.tokens_per_second <= 0) return true;
  const double tokens = static_cast<double>(request.prompt_tokens) + (config_.counts_outputs ? request.max_tokens : 0);
  return bucket_of(request).take(tokens, view.now());
}

// llm-d's probabilistic admitter sheds a share of 300 s^5 at saturation s: a tenth of them from 0.2, all from 0.32.
bool Admission::sheds(double s) {
  if (!config_.sheds_by_chance) return s >= 1;
  return chance_.uniform() < 300 * s * s * s * s * s;
}

// A replica that has not been heard of for too long counts as full.
double Admission::saturation_of(const ReplicaSignals& s, TimePoint now) {
  if (config_.stale_after > Duration{} && now - s.as_of > config_.stale_after) {
    ++stale_signals_;
    return 1;
  }
  const double kv = static_cast<double>(s.kv_blocks_used) / static_cast<double>(std::max<std::int64_t>(1, s.kv_blocks));
  return std::max(static_cast<double>(s.waiting) / config_.queue_threshold, kv / config_.kv_threshold);
}

double Admission::saturation(const ClusterView& view, const ClusterView* decode) {
  double sum = 0;
  int replicas = 0;
  for (const ClusterView* side : {&view, decode}) {
    for (int i = 0; side != nullptr && i < side->size(); ++i) {
      if (!side->takes(i)) continue;
      sum += saturation_of(side->signals(i), side->now());
      ++replicas;
    }
  }
  return replicas == 0 ? 1 : sum / replicas;
}

TokenBucket& Admission::bucket_of(const Request& request) {
  const auto of = static_cast<std::size_t>(config_.per_class ? request.class_index : 0);
  if (of >= buckets_.size()) buckets_.resize(of + 1, TokenBucket(config_.tokens_per_second, config_.burst_tokens));
  return buckets_[of];
}

}  // namespace foretoken
