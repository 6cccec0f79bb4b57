// Does the deployment meet its objectives? Three answers, each with an interval:
// replications are added until the interval lies on one side of the limit or the budget ends.
//
// Example:
//   const Result<Verdict> verdict = reach_verdict(*scenario);  // needs objectives: `slo`
//   if (verdict && verdict->overall == Decision::meets) ...
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/base/intervals.hpp"
#include "foretoken/experiment/run.hpp"

namespace foretoken {

enum class Decision { meets, misses, not_decided };
[[nodiscard]] std::string_view to_string(Decision decision);

// What the figures are of. A load with a steady state (arrivals of constant rate, or a closed loop) is watched for as
// long as its figures need, whatever num_prompts says: see src/experiment/statistics.md. Anything else (a trace, a
// ramp, everything at once) is judged as a whole.
struct SteadyState {
  bool exists = false;        // false: whole runs are judged
  bool settled = true;        // false: within the budget the figures still moved with the length of the run
  std::int64_t warmup = 0;    // requests of a replication that are left out
  std::int64_t measured = 0;  // and those that count; arrivals go on behind them
  bool improving = false;     // not settled, and latencies fell as the runs went on: a cache that fills, say
  double relaxation = 0;      // requests after which the system has forgotten: the longest correlation length found
  bool overloaded = false;    // no steady state: the backlog grows without end
  Interval backlog_growth;    // requests per second, where overloaded
  double arrival_rate = 0;    // where arrivals do not wait for answers
  // Requests per second that saturated replicas let through, where the load came near enough to ask.
  std::optional<Interval> stability_limit;
  std::int64_t needed = 0;  // about so many requests would settle it, where they have not
};

// Of a load beyond the stability limit this grows (or, for goodput, falls) with the length of the run, without end.
[[nodiscard]] bool depends_on_backlog(const Scenario& scenario, const SloLine& line);

struct ObjectiveVerdict {
  SloLine line;
  Decision decision = Decision::not_decided;
  // Of the replications' figures. Its confidence holds over all looks at the data together, so
  // each look used a wider interval than one look would need.
  Interval interval;
  double margin = 0;          // as in SloVerdict
  bool steady_state = false;  // else of whole runs
  std::string reason;         // when the interval alone does not say why
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
  std::int64_t requests = 0;        // simulated, the pilot's not counted
  std::int64_t pilot_requests = 0;  // simulated in those
  std::int64_t peak_running = 0;    // the most of any replica in any of the runs, pilots included
  std::int64_t peak_kv_blocks = 0;
  std::int64_t budget_replications = 0;
  bool interrupted = false;
  // Independent estimates of each objective's figure, by part of the replications: what paired comparisons need.
  std::vector<std::vector<double>> samples;
  std::vector<Interval> also;  // of the metrics asked for beside, which decide nothing
};

// What a study of many alternatives knows already, and wants.
struct VerdictHints {
  std::optional<Interval> stability_limit;  // of this deployment and kind of request
  std::optional<SteadyState> steady;        // measure for so long instead of finding out how long
  std::int64_t likely_length = 0;           // requests of a replication that a similar load needed; 0 = unknown
  // Only the decision counts: what is clear is decided at a glance, and where the backlog grows nothing else is asked.
  bool decision_only = false;
  // The same of what misses; what meets has the figures that it has without the hint.
  bool misses_at_a_glance = false;
};
// Precondition: the model fits (RunResult::feasible). Errors: a workload that cannot be read. The result depends
// on the scenario alone, not on threads or the clock. `also`: keys of the summary to report beside.
[[nodiscard]] Result<Verdict> reach_verdict(const Scenario& scenario, const RunOptions& options = {},
                                            const std::vector<std::string>& also = {}, const VerdictHints& hints = {});

}  // namespace foretoken
