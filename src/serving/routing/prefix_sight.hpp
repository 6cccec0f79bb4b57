// How much of a prompt replicas have cached, as a router knows it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/recent_keys.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {

// Either from the engines (KV events), or from the router's own record of what it has sent where: blocks of 16 tokens,
// the least recently used forgotten first, written at dispatch. The record is wrong after evictions and knows no
// outputs (llm-d's approximate prefix cache, SGLang's tree; src/serving/README.md, "Queues and routers").
class PrefixSight {
 public:
  explicit PrefixSight(const RoutingPlace& place);

  // Tokens of the prompt's start.
  [[nodiscard]] std::int64_t cached_tokens(const ClusterView& view, int replica, const Request& request) const;
  // The same as a share of the prompt.
  [[nodiscard]] double share(const ClusterView& view, int replica, const Request& request) const {
    return static_cast<double>(cached_tokens(view, replica, request)) / request.prompt_tokens;
  }
  void sent(int replica, const Request& request);

 private:
  const PrefixTable* prefixes_;
  std::vector<RecentKeys> records_;  // by replica; empty: the engines tell
};

}  // namespace foretoken
