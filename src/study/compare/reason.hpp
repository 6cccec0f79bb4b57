// Why pools pay or do not: which part of a request's time changes, and which pool is the busiest.
#pragma once

#include "foretoken/study/compare.hpp"

namespace foretoken {

// Of a run of each; empty where neither has pools, or a run was stopped.
[[nodiscard]] std::optional<PoolsReason> reason_of_pools(const Scenario& before, const Scenario& after,
                                                         const RunOptions& options);

}  // namespace foretoken
