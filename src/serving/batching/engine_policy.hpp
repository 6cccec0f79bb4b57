// An engine's batching policy, and what a rank has to know of it.
#pragma once

#include <functional>
#include <memory>

#include "serving/batching/batching_policy.hpp"

namespace foretoken {

struct EnginePolicy {
  std::unique_ptr<BatchingPolicy> batching;
  KvRules kv = {};
  LastRow last_row = LastRow::wasted;
};

// By the engine's name, as its profile says.
[[nodiscard]] EnginePolicy make_engine_policy(const EngineConfig& engine);
// That, or what a test has in its place.
using EnginePolicyMaker = std::function<EnginePolicy(const EngineConfig& engine)>;

}  // namespace foretoken
