// The discrete-event simulation of a cluster of replicas serving a stream of requests.
//
// Example:
//   auto source = make_request_source(scenario->workload, 1);
//   auto cost = make_cost_model(scenario->deployment);
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/serving/engine_config.hpp"
#include "foretoken/serving/observer.hpp"
#include "foretoken/workload/request_source.hpp"

namespace foretoken {

struct SimulationConfig {
  EngineConfig engine;
  ClusterConfig cluster;
  // The oracle: one engine step at a time, summed one by one. Same answers, slower.
  bool step_by_step = false;
  // Give the observer every step as a span of its own.
  bool every_step = false;
  // A run that piles up more than this stops and says so (64 bytes each while they wait).
  std::int64_t max_requests_in_system = 20'000'000;
};

// What one replica, or one rank of a lock-step group, did over the run.
struct ReplicaTotals {
  std::int64_t steps = 0;
  // What the simulation did for them, which stretches make less: calls of the policy, and steps or stretches priced.
  std::int64_t schedule_calls = 0;
  std::int64_t spans = 0;
  std::int64_t prefill_steps = 0;   // steps with at least one prefill chunk
  std::int64_t prefill_tokens = 0;  // incl. recomputed ones
  std::int64_t decode_tokens = 0;
  std::int64_t preemptions = 0;
  std::int64_t prefix_cache_queries = 0;  // prompt tokens looked up on first admission; 0 without prefix caching
  std::int64_t prefix_cache_hits = 0;     // of these, found
  std::int64_t peak_running = 0;
  std::int64_t peak_kv_blocks = 0;
  std::int64_t kv_blocks_at_end = 0;                  // in use when the run ended
  FineTotal busy{};                                   // fine units
  FineTotal kv_block_time{};                          // sum of blocks in use x step time, fine units
  std::array<FineTotal, kTimeParts> prefill_parts{};  // mixed steps less their decode-only time
  std::array<FineTotal, kTimeParts> decode_parts{};
  FineTotal flops{};  // of one device
  FineTotal bytes{};
};

struct SimulationOutcome {
  std::vector<ReplicaTotals> replicas;  // rank k of replica r stands at r * data_parallel_size + k
  TimePoint end{};                      // last event
  std::int64_t arrived = 0;
  std::int64_t finished = 0;
  std::int64_t rejected = 0;
  std::int64_t timed_out = 0;
  std::int64_t unfinished = 0;      // in the system when the run was stopped
  std::int64_t peak_in_system = 0;  // most at once; who leaves goes before who arrives at the same instant
  bool interrupted = false;         // by `stop`
  std::string stop_reason;          // not empty: the run ended early, and why
};

// Runs until the source is dry and the system empty, or until `stop` (may be
// null) becomes true; what is then in flight is reported as unfinished.
[[nodiscard]] SimulationOutcome simulate(const SimulationConfig& config, RequestSource& source, const CostModel& cost,
                                         Observer& observer, const std::atomic<bool>* stop = nullptr);

}  // namespace foretoken
