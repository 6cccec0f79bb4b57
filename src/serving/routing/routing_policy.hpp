// Which replica gets a request.
#pragma once

#include <memory>

#include "foretoken/serving/engine_config.hpp"
#include "foretoken/workload/request_source.hpp"
#include "serving/routing/cluster_view.hpp"

namespace foretoken {

// Contract: choose() answers an index in [0, view.size()); left() follows once for every request chosen for a
// replica, when it leaves the system or goes on in another pool.
class RoutingPolicy {
 public:
  virtual ~RoutingPolicy() = default;
  [[nodiscard]] virtual int choose(const Request& request, const ClusterView& view) = 0;
  virtual void left(int replica) = 0;
};

// Precondition: config.router is in the table; an unknown name is an InternalError.
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_routing_policy(const ClusterConfig& config);

[[nodiscard]] std::unique_ptr<RoutingPolicy> make_round_robin(int replicas);
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_least_outstanding(int replicas);

}  // namespace foretoken
