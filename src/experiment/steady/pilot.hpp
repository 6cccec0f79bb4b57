// How long a load must be watched before its figures mean anything, found by watching it for a while.
#pragma once

#include <mutex>

#include "foretoken/experiment/verdict.hpp"

namespace foretoken {

// What a pilot found, and what it cost.
struct PilotResult {
  SteadyState steady;
  std::int64_t requests = 0;
  std::int64_t peak_running = 0;  // the most of one replica
  std::int64_t peak_kv_blocks = 0;
  bool interrupted = false;
};

struct PilotHints {
  std::optional<Interval> stability_limit;  // where the caller knows it, else it is looked for when it is in doubt
  std::int64_t likely_length = 0;           // requests of a replication to begin with; 0 = short
  bool overload_ends_it = false;            // nothing else is asked of a load beyond the stability limit
};

// Replications of an open loop that last `length` requests, the warm-up among them.
void set_length(SteadyState& steady, std::int64_t length);
// How long those may be that a pilot can afford: half of study.max_requests, in eight replications.
[[nodiscard]] std::int64_t longest_pilot(const Scenario& scenario);

// Replications from an empty system, each longer than the last, until a warm-up and a measured part are long against
// the time in which the system forgets (src/experiment/statistics.md), the load turns out to be beyond what the system
// lets through, or half of study.max_requests is spent. Precondition: has_steady_state. Errors: a workload that cannot
// be read.
[[nodiscard]] Result<PilotResult> fly_pilot(const Scenario& scenario, const RunOptions& options,
                                            const PilotHints& hints);

}  // namespace foretoken
