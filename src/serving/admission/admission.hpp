// Whether a request is let in at all, before a router chooses for it (src/serving/README.md, "Admission").
#pragma once

#include <optional>
#include <vector>

#include "base/random.hpp"
#include "foretoken/serving/engine_config.hpp"
#include "foretoken/workload/request_source.hpp"
#include "serving/routing/cluster_view.hpp"

namespace foretoken {

// Tokens flow in at a rate, up to a most; who needs more than there are gets none.
class TokenBucket {
 public:
  // Full at first.
  TokenBucket(double rate, double most) : rate_(rate), most_(most), tokens_(most) {}
  [[nodiscard]] bool take(double tokens, TimePoint now);

 private:
  double rate_;  // a second
  double most_;
  double tokens_;
  TimePoint since_{};
};

class Admission {
 public:
  explicit Admission(const AdmissionConfig& config, std::uint64_t seed = 0)
      : config_(config), chance_(seed, "admission") {}

  // in_flight: requests in the system without this one.
  // decode: of the replicas where requests go on, if they are others.
  [[nodiscard]] bool admits(const Request& request, std::int64_t in_flight, const ClusterView& view,
                            const ClusterView* decode = nullptr);

  // llm-d: of each replica max(waiting / threshold, KV usage / threshold), the mean of those that take requests; 1
  // where none does. Replicas that prefill and that decode are endpoints alike.
  [[nodiscard]] double saturation(const ClusterView& view, const ClusterView* decode = nullptr);
  // Signals that counted as those of a full replica because they were too old; empty: however old they are they count.
  [[nodiscard]] std::optional<std::int64_t> stale_signals() const {
    return config_.stale_after > Duration{} ? std::optional(stale_signals_) : std::nullopt;
  }

 private:
  [[nodiscard]] bool sheds(double saturation);
  [[nodiscard]] double saturation_of(const ReplicaSignals& signals, TimePoint now);
  [[nodiscard]] TokenBucket& bucket_of(const Request& request);

  AdmissionConfig config_;
  RandomStream chance_;
  std::int64_t stale_signals_ = 0;
  std::vector<TokenBucket> buckets_;  // by class, made when needed
};

}  // namespace foretoken
