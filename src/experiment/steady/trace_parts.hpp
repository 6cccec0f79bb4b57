// A trace is one run, the same every time: how sure its figures are, its own parts say.
#pragma once

#include "foretoken/base/intervals.hpp"
#include "foretoken/experiment/run.hpp"

namespace foretoken {

struct TraceRun {
  RunMeasures whole;
  std::vector<RunMeasures> parts;  // of consecutive requests, about equally many each; measured as `steady`
  SimulationOutcome outcome;
};

// Errors: a trace that cannot be read. `requests`: in all.
[[nodiscard]] Result<TraceRun> run_trace(const Scenario& scenario, std::int64_t requests, const RunOptions& options);

// The figure of the run, and what the differences between its parts say of such traffic: parts that are long against
// the time in which the system forgets are as good as independent. A count has no error: it is this trace's.
[[nodiscard]] Interval interval_of(const TraceRun& run, const Scenario& scenario, const DeviceFigures& device,
                                   const std::string& metric, double confidence);

}  // namespace foretoken
