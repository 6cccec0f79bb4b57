// The table of routing policies: one row each.
#include <array>

#include "foretoken/base/result.hpp"
#include "foretoken/serving/policies.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {
namespace {

constexpr std::array kInfos{
    PolicyInfo{"round_robin", "replicas in turn"},
    PolicyInfo{"least_outstanding", "fewest requests in flight by the router's own count, lowest index among equals"},
};
using Factory = std::unique_ptr<RoutingPolicy> (*)(int replicas);
constexpr std::array<Factory, kInfos.size()> kFactories{make_round_robin, make_least_outstanding};

}  // namespace

std::span<const PolicyInfo> routing_policies() { return kInfos; }

std::unique_ptr<RoutingPolicy> make_routing_policy(const ClusterConfig& config) {
  for (std::size_t i = 0; i < kInfos.size(); ++i) {
    if (kInfos[i].name == config.router) return kFactories[i](config.replicas);
  }
  throw InternalError("unknown routing policy: " + config.router);
}

}  // namespace foretoken
