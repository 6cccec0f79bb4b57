// One question answered: a scenario simulated once or several times, and summarised.
//
// Example:
//   const Result<RunResult> run = run_scenario(*scenario);
//   if (run && run->feasible) std::cout << run->summary["p99_ttft_ms"];  // ms; NaN where there is no such figure
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "foretoken/base/units.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/metrics/summary.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "foretoken/workload/request_source.hpp"

namespace foretoken {

// Of the requests that arrive in the slot, whenever they leave. Percentiles count requests that failed as never served
// (infinite). NaN: no such figure.
struct SlotFigures {
  double arrivals = 0;  // mean over the replications
  double failed = 0;
  double p50_ttft_ms = 0, p99_ttft_ms = 0;
  double mean_tpot_ms = 0, p99_tpot_ms = 0;
  double p99_e2el_ms = 0;
  double waiting = 0;     // requests in the queue, time average: arrivals per second times mean wait
  double attainment = 0;  // share within the limits of goodput
};

struct LoadSlot {
  Duration begin{};
  Duration width{};         // the last slot may see arrivals for a part of it only
  double offered_rate = 0;  // requests/s: of a rate_profile as it says, else as they arrived
  SlotFigures all;
  std::vector<SlotFigures> classes;  // in the order of the workload's; empty: no classes, or too many of them
  // Of the objectives that single slots have: latencies per request and slo_attainment.
  std::vector<SloVerdict> slo;

  [[nodiscard]] bool keeps_slo() const;
};

struct LoadSlots {
  std::vector<LoadSlot> slots;  // empty: the load does not change with time
  std::vector<std::string> classes;
  std::vector<std::string> only_whole;  // objectives that single slots do not have
  int replications = 0;

  [[nodiscard]] std::size_t missing() const;  // slots that miss an objective
  // The slot with the least room in an objective, else with the largest p99 TTFT; empty when nothing was served.
  [[nodiscard]] std::optional<std::size_t> worst() const;
};

// 14:00, day 2 14:00; of shorter slots 1:30 (min:s).
[[nodiscard]] std::string slot_name(const LoadSlot& slot);

// One question answered: a scenario simulated once or several times, and summarised.

class CostModelPool;

struct Progress {
  std::int64_t requests = 0;             // left the system so far, all replications
  std::optional<std::int64_t> expected;  // in all
};

struct RunOptions {
  int threads = 0;                          // 0 = one per core; the result does not depend on it
  const std::atomic<bool>* stop = nullptr;  // becomes true: keep what is finished
  bool step_by_step = false;                // the oracle instead of stretches
  bool attribution_groups = false;          // also say where the time of the slowest requests went
  bool load_slots = false;                  // also cut a load that changes with time into hours
  bool model_band = false;                  // also say how far the cost model may be off
  CostModelPool* cost_models = nullptr;     // shared by the points of a study; the result does not depend on it
  // Called now and then, from any thread, one call at a time.
  std::function<void(const Progress&)> progress;
  // Every request of every replication as it leaves; replications then run one after another.
  std::function<void(int replication, const RequestRecord&)> on_request;
  // Also see all of the first replication, and of no other.
  std::vector<Observer*> watchers;
};

struct ReplicationResult {
  int index = 0;
  std::uint64_t seed = 0;
  RunMeasures measures;
  SimulationOutcome outcome;
};

struct NamedSummary {
  std::string name;
  Summary summary;
};

// Mean time per completed request by what it was spent on.
struct AttributionMeans {
  double ttft_ms[kAttributionParts] = {};
  double e2e_ms[kAttributionParts] = {};
};

// The same of some of the requests.
struct AttributionGroup {
  std::string name;
  std::int64_t requests = 0;
  AttributionMeans means;
};

// One pool of several, or all pools of one role.
struct PoolResult {
  std::string name;
  PoolRole role = PoolRole::both;
  int replicas = 0;
  int gpus = 0;
  Summary summary;  // means over the replications, of the keys of the whole that are of engines and devices
  Bottleneck prefill;
  Bottleneck decode;
  std::optional<MemoryPlan> memory;  // of one GPU; of one pool
};

struct RunResult {
  Scenario scenario;
  std::optional<ModelBand> band;  // when asked for
  MemoryPlan memory;              // with pools: of the first that does not fit, else of main_pool()
  bool feasible = true;           // false: the model does not fit, nothing was simulated
  DeviceFigures device;
  // Means over the replications, key by key.
  Summary summary;
  Summary steady_state;
  std::vector<NamedSummary> classes;
  std::vector<NamedSummary> adapters;  // by LoRA adapter, the base model last
  std::vector<PoolResult> pools;       // of several
  std::vector<PoolResult> roles;       // of several pools of one role together; empty where no role has more than one
  Summary half_widths;                 // 95 % confidence intervals of `summary`; empty with one replication
  std::vector<SloVerdict> slo;
  LoadSlots load_slots;  // when asked for
  Bottleneck prefill;
  Bottleneck decode;
  AttributionMeans attribution;
  // When asked for: the slowest 1 % (by TTFT for its parts, by end-to-end latency for those of E2E), and those that
  // missed a limit of goodput or, without any, of the objectives.
  std::vector<AttributionGroup> attribution_groups;
  // Latency metrics (ttft, itl ...) whose percentiles come from a sketch: some replication had more
  // values than Distribution::kExactLimit.
  std::vector<std::string_view> sketched;
  std::string overload;  // in words, when more comes than goes; also the first warning
  std::vector<std::string> warnings;
  bool interrupted = false;
  std::vector<ReplicationResult> replications;
};

// Errors: trace or length files that cannot be read.
[[nodiscard]] Result<RunResult> run_scenario(const Scenario& scenario, const RunOptions& options = {});

// What the summary relates the measures to.
[[nodiscard]] DeviceFigures device_figures(const Scenario& scenario);

}  // namespace foretoken
