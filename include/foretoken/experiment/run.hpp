// One question answered: a scenario simulated once or several times, and summarised.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "foretoken/experiment/load_slots.hpp"
#include "foretoken/experiment/model_band.hpp"
#include "foretoken/metrics/summary.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "foretoken/workload/request_source.hpp"

namespace foretoken {

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

struct RunResult {
  Scenario scenario;
  std::optional<ModelBand> band;  // when asked for
  MemoryPlan memory;
  bool feasible = true;  // false: the model does not fit, nothing was simulated
  DeviceFigures device;
  // Means over the replications, key by key.
  Summary summary;
  Summary steady_state;
  std::vector<NamedSummary> classes;
  Summary half_widths;  // 95 % confidence intervals of `summary`; empty with one replication
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
