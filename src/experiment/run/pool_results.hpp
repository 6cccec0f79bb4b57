// What each pool of several did.
#pragma once

#include <span>
#include <string_view>

#include "foretoken/experiment/run.hpp"

namespace foretoken {

// Mean and 95 % half width of each key over the summaries that have it. `half_widths` may be null.
void average(const std::vector<Summary>& summaries, Summary& means, Summary* half_widths);

// Columns of the whole that a pool has too; beside them prefill_throughput, decode_throughput and preemption_count.
[[nodiscard]] std::span<const std::string_view> columns_of_pools();

// Fills `pools` and `roles` of a result whose replications are done.
void summarise_pools(RunResult& result);

// The run as the classes that ask for one model of several see it: with its pools, what these cost, and the tokens of
// all these classes.
struct ModelShare {
  RunMeasures run;
  DeviceFigures device;
};
[[nodiscard]] ModelShare share_of_model(const Scenario& scenario, const DeviceFigures& device, const RunMeasures& whole,
                                        const std::string& model);

}  // namespace foretoken
