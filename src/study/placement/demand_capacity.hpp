// How much of one demand a kind of replica carries within its objectives.
#pragma once

#include <string>

#include "experiment/cost_models.hpp"
#include "foretoken/experiment/run.hpp"

namespace foretoken {

// The pool as if it were all there is, with the requests of one class (`request_class` below the number of classes; a
// workload without classes is one demand), this rate and so many replicas. Objectives of other classes are left out.
[[nodiscard]] Scenario alone_on(const Scenario& scenario, const PoolPlan& pool, std::size_t request_class, double rate,
                                int replicas);

struct DemandCapacity {
  double requests_per_second = 0;  // of all the replicas, confirmed to meet; 0 = not even a request alone
  double missed = 0;               // the smallest rate that is known to miss; 0 = none
  std::string why_none;
  std::int64_t requests = 0;  // simulated
  bool interrupted = false;
};

// The largest rate that is confirmed to meet. `near`: where to begin; 0 = what the cost model estimates. Errors: a
// workload that cannot be read.
[[nodiscard]] Result<DemandCapacity> demand_capacity(const Scenario& scenario, const PoolPlan& pool,
                                                     std::size_t request_class, int replicas, double near,
                                                     double precision, const RunOptions& run);

}  // namespace foretoken
