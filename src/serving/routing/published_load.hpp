// Requests that replicas have by their publications.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "foretoken/serving/engine_config.hpp"
#include "serving/routing/cluster_view.hpp"

namespace foretoken {

// Waiting and running, and where the router counts its own, what it has sent since the publication.
class PublishedLoad {
 public:
  PublishedLoad(const RoutingConfig& config, int replicas)
      : counts_own_(config.count_own_dispatches), sent_(static_cast<std::size_t>(replicas)) {}

  [[nodiscard]] std::int64_t requests(const ClusterView& view, int replica) {
    const ReplicaSignals s = view.signals(replica);
    return s.waiting + s.running + sent_since(replica, s.as_of);
  }
  void sent(int replica, TimePoint now) {
    if (counts_own_) sent_[static_cast<std::size_t>(replica)].push_back(now);
  }

 private:
  std::int64_t sent_since(int replica, TimePoint as_of) {
    std::deque<TimePoint>& sent = sent_[static_cast<std::size_t>(replica)];
    while (!sent.empty() && sent.front() <= as_of) sent.pop_front();
    return static_cast<std::int64_t>(sent.size());
  }

  bool counts_own_;
  std::vector<std::deque<TimePoint>> sent_;  // and not in the signals yet
};

}  // namespace foretoken
