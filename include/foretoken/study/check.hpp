// Are the objectives feasible, are they met, and if not, what is the cheapest change that would do?
//
// Example:
//   const Question asked{yaml, "chat.yaml"};
//   const Result<CheckResult> checked = check(asked, *asked.scenario());
//   if (checked && !checked->fixes.empty()) std::cout << checked->fixes.front().set.front();  // replicas=2
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/experiment/uncertainty.hpp"
#include "foretoken/experiment/verdict.hpp"

namespace foretoken {

// What no load and no scheduler can beat, for one objective: the deployment with one request in it at a time,
// what is offered, or the roofline of the whole load.
struct Bound {
  std::size_t objective = 0;  // index into scenario.slo
  double value = 0;           // in the metric's unit; the safe end where it comes from a sample
  bool impossible = false;    // the objective lies beyond it
  std::string text;           // the sentence with the numbers and what binds
};

// What a fix costs: money where prices are known, else GPUs more than now.
struct FixCost {
  int gpus_added = 0;
  bool other_gpu = false;                    // another kind: without prices nobody knows what it costs
  std::optional<double> usd_per_hour_added;  // empty: the price of the deployment before or after is not known
  bool example_price = false;
  bool operator==(const FixCost&) const = default;
};

// One missed objective before and after.
struct FixEffect {
  std::size_t objective = 0;
  double before = 0;  // NaN: never simulated, it was impossible
  Interval after;
  Decision decision = Decision::not_decided;
  // On the same random numbers; from as many replications as both have.
  PairedDifference paired;
};

struct Fix {
  std::string change;            // max_num_seqs 256 -> 128
  std::vector<std::string> set;  // as --set takes them
  PointStatus status = PointStatus::ok;
  std::string why_not;                        // when status is not ok
  bool simulated = false;                     // false: only its bounds are known
  Decision decision = Decision::not_decided;  // of all objectives
  FixCost cost;
  std::vector<FixEffect> effects;  // the worst missed objective first
  // Gain in the worst missed objective, in its unit, positive = better; NaN when not known.
  double recovered = 0;
  // GPUs added, or USD per hour where prices are known, per unit recovered; 0 for a change of settings, NaN
  // when it has no gain or no price.
  double cost_per_recovered = 0;
};

// All outputs are equally long, which makes requests move in groups; the same load with outputs that differ does not.
struct SpreadOutputs {
  std::int64_t tokens = 0;  // of every output
  double share = 0;         // by which outputs differ in the other load, either way
  double group = 0;         // requests that finish in the step in which a request finishes
  double group_spread = 0;
  std::vector<std::optional<Interval>> figures;  // of each objective with spread outputs; empty: of whole runs
};

struct CheckResult {
  Scenario scenario;
  MemoryPlan memory;
  bool feasible = true;  // false: does not fit, nothing else is filled
  std::vector<Bound> bounds;
  bool impossible = false;  // by a bound: nothing was simulated
  ModelBand band;           // of the prediction itself, which no number of replications narrows
  std::optional<Verdict> verdict;
  LoadSlots load_slots;                         // of a load that changes with time
  std::optional<SpreadOutputs> spread_outputs;  // where the verdict hangs on equal outputs
  std::optional<ModelUncertainty> uncertainty;  // with the verdict
  Decision overall = Decision::not_decided;
  std::optional<HourlyPrice> price;  // of the deployment: with one, fixes are ranked by money
  // Ranked: those that meet everything first, then by cost per recovered unit. Empty when all is met.
  std::vector<Fix> fixes;
  bool interrupted = false;
};

struct CheckOptions {
  RunOptions run;
  bool fixes = true;
  bool model_error = true;  // also say how likely the objectives hold when the model errs as measured
};

// Errors: no objectives, objectives that contradict each other or have no value in this workload, a workload that
// cannot be read.
[[nodiscard]] Result<CheckResult> check(const Question& question, const Scenario& scenario,
                                        const CheckOptions& options = {});

// Objectives that no run can meet together (p99_ttft <= 100 ms and p50_ttft >= 200 ms), whatever the deployment.
[[nodiscard]] Diagnostics contradictions(const Scenario& scenario);

// Bounds of the objectives, in closed form or from lone requests: milliseconds of work.
[[nodiscard]] Result<std::vector<Bound>> objective_bounds(const Scenario& scenario);

}  // namespace foretoken
