// The deployment with one request in it at a time: what its latencies cannot fall below under any load.
#pragma once

#include <vector>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

class CostModelPool;

struct LoneRequest {
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  double ttft_ms = 0;
  double tpot_ms = 0;  // NaN with one output token
  double e2el_ms = 0;
  bool good = false;  // within the goodput limits of its class
  int request_class = 0;
};

// The first requests of the workload, each on an idle engine. Requests that can never be served are left out.
[[nodiscard]] Result<std::vector<LoneRequest>> lone_requests(const Scenario& scenario, std::int64_t most,
                                                             CostModelPool* models = nullptr);

}  // namespace foretoken
