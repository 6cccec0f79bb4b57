// Tokens per expert as measured tables lay them out, and for imbalance studies.
#pragma once

#include <vector>

namespace foretoken {

struct RoutingShape {
  double tokens = 0;  // of the whole expert-parallel group
  int experts = 0;
  double active = 0;  // per token
  int expert_parallel = 1;
};

// As even as whole tokens allow on one rank: the rank's active experts, equally loaded.
[[nodiscard]] std::vector<double> balanced_loads(const RoutingShape& shape);
// Popularity by a power law of exponent alpha > 0, as ai-dynamo/aiconfigurator's collector has it since February 2026
// (collector/helper.py, _generate_power_law_distribution): what rounding leaves over goes to the least loaded experts.
// The experts with tokens of the most loaded rank, largest first.
[[nodiscard]] std::vector<double> power_law_loads(const RoutingShape& shape, double alpha);
// The share of tokens that visit each expert of the busiest rank, largest first, where popularities follow a power law
// of exponent alpha between one and `spread` times the least; `shape.tokens` does not count.
[[nodiscard]] std::vector<double> expert_popularity(const RoutingShape& shape, double alpha, double spread);

}  // namespace foretoken
