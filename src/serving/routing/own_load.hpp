// What a router counts by itself: exact at once, but of its own requests only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "foretoken/workload/request_source.hpp"
#include "serving/routing/cluster_view.hpp"

namespace foretoken {

// Requests in flight, and their tokens: the prompt, and as many output tokens as it may have.
class OwnLoad {
 public:
  explicit OwnLoad(int replicas)
      : requests_(static_cast<std::size_t>(replicas), 0), tokens_(static_cast<std::size_t>(replicas), 0) {}

  void sent(int replica, const Request& request) { change(replica, +1, request); }
  void left(int replica, const Request& request) { change(replica, -1, request); }
  [[nodiscard]] std::int64_t requests(int replica) const { return requests_[static_cast<std::size_t>(replica)]; }
  [[nodiscard]] std::int64_t tokens(int replica) const { return tokens_[static_cast<std::size_t>(replica)]; }
  [[nodiscard]] const std::vector<std::int64_t>& all_requests() const { return requests_; }
  // Of the replicas [begin, end) the one with the fewest requests, the first among equals.
  [[nodiscard]] int emptiest(int begin, int end) const {
    return static_cast<int>(std::min_element(requests_.begin() + begin, requests_.begin() + end) - requests_.begin());
  }
  // Of all that take requests; in [begin, end) of those, or anywhere where none there does.
  [[nodiscard]] int emptiest(const ClusterView& view) const {
    return emptiest(view, 0, static_cast<int>(requests_.size()));
  }
  [[nodiscard]] int emptiest(const ClusterView& view, int begin, int end) const {
    if (view.all_take()) return emptiest(begin, end);
    int best = -1;
    for (int i = begin; i < end; ++i) {
      if (view.takes(i) && (best < 0 || requests(i) < requests(best))) best = i;
    }
    return best >= 0 ? best : emptiest(view);
  }
  // The fewest and the most requests of those that take them.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> spread(const ClusterView& view) const {
    std::int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < view.size(); ++i) {
      if (!view.takes(i)) continue;
      least = std::min(least, requests(i));
      most = std::max(most, requests(i));
    }
    return {least, most};
  }

 private:
  void change(int replica, std::int64_t by, const Request& request) {
    requests_[static_cast<std::size_t>(replica)] += by;
    tokens_[static_cast<std::size_t>(replica)] += by * (std::int64_t{request.prompt_tokens} + request.max_tokens);
  }

  std::vector<std::int64_t> requests_;
  std::vector<std::int64_t> tokens_;
};

}  // namespace foretoken
