// Simulations for the page: what `foretoken run` and `foretoken compare` would answer, told while it is made.
#pragma once

#include <string>
#include <vector>

#include "studio/configurations.hpp"
#include "studio/exchange.hpp"

namespace foretoken {

// Events, in this order: of each configuration `progress` and then `result` or `failed`; of each but the first
// `progress` and then `compared`, with the first, on the same random numbers; at last `done`. Ends early when nobody
// listens.
void simulate_for(Exchange& exchange, const std::vector<Configuration>& configurations, int threads);

// A page of one configuration's run, or of the comparison of two. Errors: what is wrong with a configuration; empty
// text when nobody waits for it any more.
[[nodiscard]] Result<std::string> report_of(const std::vector<Configuration>& configurations, int threads,
                                            const std::atomic<bool>& stop);

}  // namespace foretoken
