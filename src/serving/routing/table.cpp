// The table of routing policies: one row each.
#include <array>

#include "foretoken/base/result.hpp"
#include "serving/policies.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

constexpr std::array kRoutingInfos{
    PolicyInfo{"round_robin", "replicas in turn"},
    PolicyInfo{"least_outstanding", "fewest requests in flight by the router's own count, lowest index among equals"},
};
using RoutingFactory = std::unique_ptr<RoutingPolicy> (*)(int replicas);
constexpr std::array<RoutingFactory, kRoutingInfos.size()> kRoutingFactories{make_round_robin, make_least_outstanding};

}  // namespace

std::span<const PolicyInfo> routing_policies() {
  return kRoutingInfos;
}

std::unique_ptr<RoutingPolicy> make_routing_policy(const ClusterConfig& config) {
  for (std::size_t i = 0; i < kRoutingInfos.size(); ++i) {
    if (kRoutingInfos[i].name == config.router) return kRoutingFactories[i](config.replicas);
  }
  throw InternalError("unknown routing policy: " + config.router);
}

}  // namespace foretoken
