// The table of queueing policies: one row each.
#include <array>

#include "foretoken/base/result.hpp"
#include "serving/policies.hpp"
#include "serving/queueing/queueing_policy.hpp"

namespace foretoken {
namespace {

constexpr std::array kQueueingInfos{
    PolicyInfo{"fcfs", "first come, first served"},
    PolicyInfo{"priority", "smallest priority value first, then arrival; the largest is preempted first"},
    PolicyInfo{"vtc", "the class that was served the fewest tokens for its fair_share first (virtual token counters)"},
};
using QueueingFactory = std::unique_ptr<QueueingPolicy> (*)(const EngineConfig&);
constexpr std::array<QueueingFactory, kQueueingInfos.size()> kQueueingFactories{
    [](const EngineConfig&) { return make_fcfs(); }, [](const EngineConfig&) { return make_priority(); }, make_vtc};

}  // namespace

std::span<const PolicyInfo> queueing_policies() {
  return kQueueingInfos;
}

bool counts_service(const EngineConfig& config) {
  return config.scheduling_policy == "vtc";
}

std::unique_ptr<QueueingPolicy> make_queueing_policy(const EngineConfig& config) {
  for (std::size_t i = 0; i < kQueueingInfos.size(); ++i) {
    if (kQueueingInfos[i].name == config.scheduling_policy) return kQueueingFactories[i](config);
  }
  throw InternalError("unknown queueing policy: " + config.scheduling_policy);
}

}  // namespace foretoken
