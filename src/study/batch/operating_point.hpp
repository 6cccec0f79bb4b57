// Where a load leaves the engine on average, in closed form: how many requests run at once and what that does to them.
// For a first answer while somebody moves a control; the spread of arrivals and lengths, and with it every percentile,
// is what a simulation is for.
#pragma once

#include <optional>
#include <string>

#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

// Requests of mean length on one rank, x of them a second. A step takes t = d(b) + x t p: its b decodes, and the
// prefills of those that arrive meanwhile, p each on top; so t = d(b) / (1 - x p). A request waits for the end of the
// running step, is computed in one, and has n - 1 more: E = t / 2 + t + p + (n - 1) t. Little's law: x E are there.
// The batch that one of them sees is itself and as many others as there are on average (Poisson arrivals), or
// everybody where the number of clients is fixed.
struct OperatingPoint {
  double running = 0;  // requests of one rank, mean
  double ttft_ms = 0;  // means
  double tpot_ms = 0;  // NaN with one output token
  double e2el_ms = 0;
  double request_throughput = 0;  // of all replicas, as the next
  double output_throughput = 0;
  double most_requests_per_second = 0;  // with every seat that the KV cache has room for taken
  bool overloaded = false;              // more is offered: figures are of full seats, and the queue grows
  bool prefixes_ignored = false;        // some prompts are cached, which makes prefill cheaper than this says
};

// Empty where it says nothing: a model that does not fit, batches that nobody joins while they run.
[[nodiscard]] std::optional<OperatingPoint> operating_point(const Scenario& scenario, const WorkloadSummary& workload);

}  // namespace foretoken
