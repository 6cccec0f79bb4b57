// Tokens to the ranks of their experts and back, with DeepEP's kernels (src/cost/README.md, "Exchange of experts").
#pragma once

#include "cost/operators/communication.hpp"
#include "foretoken/cost/deployment.hpp"

namespace foretoken {

struct ExpertExchangeShape {
  double tokens = 0;  // of one rank
  double hidden = 0;
  double experts_per_token = 1;
};

// Dispatch (8 bits and a scale per 128) and combine (16 bits) together.
[[nodiscard]] Estimate expert_exchange_estimate(const ExpertExchangeShape& shape, const LinkGroup& group,
                                                ExpertExchange kernels);
// One of the two: what is sent of each token and expert, and where it goes.
[[nodiscard]] double dispatch_seconds(const ExpertExchangeShape& shape, const LinkGroup& group, ExpertExchange kernels);
[[nodiscard]] double combine_seconds(const ExpertExchangeShape& shape, const LinkGroup& group, ExpertExchange kernels);
// What the slower of the links cannot do faster.
[[nodiscard]] double expert_exchange_datasheet(const ExpertExchangeShape& shape, const LinkGroup& group);

}  // namespace foretoken
