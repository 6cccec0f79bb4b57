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
};
using QueueingFactory = std::unique_ptr<QueueingPolicy> (*)();
constexpr std::array<QueueingFactory, kQueueingInfos.size()> kQueueingFactories{make_fcfs, make_priority};

}  // namespace

std::span<const PolicyInfo> queueing_policies() {
  return kQueueingInfos;
}

std::unique_ptr<QueueingPolicy> make_queueing_policy(const EngineConfig& config) {
  for (std::size_t i = 0; i < kQueueingInfos.size(); ++i) {
    if (kQueueingInfos[i].name == config.scheduling_policy) return kQueueingFactories[i]();
  }
  throw InternalError("unknown queueing policy: " + config.scheduling_policy);
}

}  // namespace foretoken
