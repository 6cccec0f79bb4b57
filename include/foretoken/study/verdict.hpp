// Does the deployment meet its objectives? Three answers, each with an interval:
// replications are added until the interval lies on one side of the limit or the budget ends.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/base/intervals.hpp"
#include "foretoken/study/run.hpp"

namespace foretoken {

enum class Decision { meets, misses, not_decided };
[[nodiscard]] std::string_view to_string(Decision decision);

// What the figures are of. A run with a steady state (arrivals of constant rate, or a closed loop) is judged
// without its warm-up, found by MSER-5 on the first replications, and without the requests that saw the
// arrivals end; anything else (a trace, a ramp, everything at once) as a whole.
struct SteadyState {
  bool exists = false;     // false: whole runs are judged
  bool settled = true;     // false: MSER-5 found no cut in the first half, the run may be too short
  double first_cut = 0;    // shares of the requests left out
  double last_cut = 0;
  bool overloaded = false;         // no steady state: the backlog grows without end
  Interval backlog_growth;         // requests per second; where arrivals do not wait for answers
  double arrival_rate = 0;
};

struct ObjectiveVerdict {
  SloLine line;
  Decision decision = Decision::not_decided;
  // Of the replications' figures. Its confidence holds over all looks at the data together, so
  // each look used a wider interval than one look would need.
  Interval interval;
  double margin = 0;        // as in SloVerdict
  bool steady_state = false;  // else of whole runs
  std::string reason;       // when the interval alone does not say why
};

struct PrecisionVerdict {
  PrecisionGoal goal;
  Interval interval;
  bool reached = false;
};

struct Verdict {
  Decision overall = Decision::not_decided;
  std::vector<ObjectiveVerdict> objectives;
  std::vector<PrecisionVerdict> precision;
  SteadyState steady;
  int replications = 0;
  std::int64_t requests = 0;   // simulated, the first replications for the warm-up not counted
  std::int64_t pilot_requests = 0;  // simulated in those
  std::int64_t peak_running = 0;    // the most of any replica in any of the runs, pilots included
  std::int64_t peak_kv_blocks = 0;
  std::int64_t budget_replications = 0;
  bool interrupted = false;
  // Figures of the replications, per objective: what paired comparisons need.
  std::vector<std::vector<double>> samples;
  std::vector<Interval> also;  // of the metrics asked for beside, which decide nothing
};

// Precondition: the model fits (RunResult::feasible). Errors: a workload that cannot be read. The result depends
// on the scenario alone, not on threads or the clock. `also`: keys of the summary to report beside.
[[nodiscard]] Result<Verdict> reach_verdict(const Scenario& scenario, const RunOptions& options = {},
                                            const std::vector<std::string>& also = {});

}  // namespace foretoken
