// The tables of policies: from a row come parsing, "did you mean", help, the
// schema and the contract tests.
#pragma once

#include <span>
#include <string_view>

namespace foretoken {

struct PolicyInfo {
  std::string_view name;
  std::string_view summary;
};

[[nodiscard]] std::span<const PolicyInfo> batching_policies();  // engine.name
[[nodiscard]] std::span<const PolicyInfo> queueing_policies();  // engine.scheduling_policy
[[nodiscard]] std::span<const PolicyInfo> routing_policies();   // router

}  // namespace foretoken
