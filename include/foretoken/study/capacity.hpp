// How much load can the deployment take: the largest at which the objectives are met, what binds there, and how
// long until the load gets there.
//
// Example:
//   const Result<CapacityResult> found = find_capacity(asked, *asked.scenario());
//   if (found && found->capacity) std::cout << *found->capacity << ' ' << found->unit;  // 14.2 requests/s
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/experiment/sweep.hpp"
#include "foretoken/experiment/uncertainty.hpp"
#include "foretoken/experiment/verdict.hpp"

namespace foretoken {

// The verdict at one load.
struct CapacityLook {
  double load = 0;
  Decision decision = Decision::not_decided;
  bool too_little = false;           // misses nothing but floors that more load may reach
  std::string impossible;            // refused by a bound, nothing was simulated
  std::optional<std::size_t> bound;  // the objective of `impossible`
  std::optional<Verdict> verdict;    // its `also` by kLookMetrics
};
inline constexpr const char* kLookMetrics[] = {"output_throughput", "mean_tpot_ms", "mean_e2el_ms",
                                               "request_throughput"};

// A load that misses although a higher one meets.
struct NotMonotone {
  double misses = 0;
  double meets = 0;
};

// The chance that all objectives hold at a load, the model's error counted as measured.
struct LoadConfidence {
  double load = 0;
  Probability all_meet;
};
// The largest load at which it is at least so likely; empty where no load is.
struct PromisedLoad {
  double probability = 0;
  std::optional<double> load;
};
inline constexpr double kPromises[] = {0.8, 0.9};

enum class CapacityOutcome {
  found,             // meets at one load, misses at a higher one
  everything_meets,  // up to the largest load looked at
  nothing_meets,     // not even a request alone
  not_decided,       // within the budget of the study
};
[[nodiscard]] std::string_view to_string(CapacityOutcome outcome);

// Where a latency's curve bends: the load with the largest ratio of load to latency (Kleinrock's power). Below it one
// percent more load costs less than one percent of latency, beyond it more: the tangent through the origin touches the
// curve there. Unlike the largest distance from a chord it does not depend on how far the curve was drawn, nor on
// units.
struct Knee {
  std::string metric;
  double load = 0;  // of the looks
  double low = 0;   // the looks beside it, between which the knee lies
  double high = 0;
  double value = 0;     // of the metric
  bool at_end = false;  // the ratio still grows at the largest load with a figure: the knee is not below it
};

struct CapacityResult {
  Scenario scenario;
  MemoryPlan memory;
  bool feasible = true;  // false: does not fit, nothing else is filled
  ModelBand band;
  LoadVariable variable = LoadVariable::request_rate;
  std::string unit;    // requests/s ...
  double offered = 0;  // the scenario's own load
  CapacityOutcome outcome = CapacityOutcome::not_decided;
  std::optional<double> capacity;   // the largest load that meets, with all looked at below it
  std::optional<double> missed;     // the smallest that misses
  std::optional<double> least;      // objectives with a floor are missed below it
  bool precise = false;             // the two are as close as asked for
  std::string reason;               // why the answer is no number, or a wide interval
  std::vector<CapacityLook> looks;  // by load
  std::vector<NotMonotone> not_monotone;
  // Requests per second that saturated replicas let through, with its interval: no capacity lies above. Of open loads.
  std::optional<Interval> stability_limit;
  std::optional<std::size_t> binding;   // index into scenario.slo
  std::string binding_reason;           // in words
  std::vector<std::string> bottleneck;  // sentences about the slow requests at the capacity
  std::optional<Knee> knee;
  std::vector<LoadConfidence> confidence;  // by load, up to the capacity
  std::vector<PromisedLoad> promised;      // by kPromises
  std::string no_confidence;               // why there are none
  std::optional<double> headroom;          // (capacity - offered) / offered
  // Days until `capacity` and until `missed` with the growth asked for; infinite when the load does not grow.
  std::optional<double> days_until_full;
  std::optional<double> days_until_missed;
  std::vector<std::string> set;  // the scenario at the capacity, as --set takes it
  std::int64_t requests = 0;     // simulated, the first replications for the warm-up not counted
  bool interrupted = false;
};

// Errors: no objectives or contradictory ones, a workload without the variable asked for or that cannot be read.
[[nodiscard]] Result<CapacityResult> find_capacity(const Question& question, const Scenario& scenario,
                                                   const RunOptions& options = {});

}  // namespace foretoken
