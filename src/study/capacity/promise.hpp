// What can be promised: for which prompt and output lengths the objectives hold up to which load, and the longest
// context that fits.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/study/capacity.hpp"

namespace foretoken {

// Requests of one prompt length and one output length, all alike.
struct PromiseCell {
  std::int64_t prompt = 0;
  std::int64_t output = 0;
  bool skipped = false;  // longer than max_model_len, or an interrupt came first
  CapacityOutcome outcome = CapacityOutcome::not_decided;
  std::optional<double> capacity;      // the largest load known to meet
  std::optional<double> missed;        // the smallest known to miss
  std::string reason;                  // when there is no capacity
  std::optional<std::size_t> binding;  // index into scenario.slo
  std::int64_t requests = 0;
};

// The KV cache shared out evenly, in closed form.
struct ContextByMemory {
  std::int64_t concurrency = 0;
  std::int64_t tokens = 0;    // prompt and output of each; 0 = so many do not run at once
  bool by_model_len = false;  // engine.max_model_len ends it, not memory
};

// The longest prompt that meets the objectives at the scenario's own load, with outputs of its mean length.
struct ContextBySlo {
  CapacityOutcome outcome = CapacityOutcome::not_decided;
  std::int64_t output = 0;
  std::optional<std::int64_t> prompt;  // the longest that meets
  std::optional<std::int64_t> missed;  // the shortest that misses
  double load = 0;
  std::string reason;
};

struct PromiseResult {
  Scenario scenario;
  MemoryPlan memory;
  bool feasible = true;
  ModelBand band;
  LoadVariable variable = LoadVariable::request_rate;
  std::string unit;
  std::vector<std::int64_t> prompts;
  std::vector<std::int64_t> outputs;
  std::vector<PromiseCell> cells;  // prompts by outputs, outputs fastest
  std::vector<ContextByMemory> by_memory;
  ContextBySlo by_slo;
  std::int64_t requests = 0;
  bool interrupted = false;
};

// Errors: as find_capacity(), and a workload that brings its own lengths (a trace).
[[nodiscard]] Result<PromiseResult> find_promises(const Question& question, const Scenario& scenario,
                                                  const RunOptions& options = {});

// Lengths to look at when the scenario names none: fourfold steps up to the longest context.
[[nodiscard]] std::vector<std::int64_t> default_lengths(std::int64_t least, std::int64_t most);
[[nodiscard]] std::vector<ContextByMemory> contexts_by_memory(const Scenario& scenario);

}  // namespace foretoken
