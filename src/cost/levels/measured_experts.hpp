// Times of expert kernels at the shapes that were timed, beside the formulas of their sets.
#pragma once

#include <string_view>
#include <vector>

#include "cost/operators/operator.hpp"
#include "foretoken/cost/deployment.hpp"

namespace foretoken {

// How often the formula's time that set's kernel took at the deployment's shape of experts, by tokens of the group;
// empty where it was not timed. `set`: what a served set was timed as. `even`: tokens choose all experts alike; the
// other kind of routing serves where only that was timed.
[[nodiscard]] std::vector<MeasuredPoint> measured_experts(std::string_view set, const Deployment& deployment,
                                                          bool even);

}  // namespace foretoken
