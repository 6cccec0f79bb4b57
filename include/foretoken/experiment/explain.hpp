// Why a prediction is what it is, without simulating: where memory goes, what bounds
// each operator, and what no engine could beat.
//
// Example:
//   const Result<Explanation> why = explain(*scenario);
//   if (why) std::cout << why->floors.ttft_ms;  // what no engine could beat
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "foretoken/workload/request_source.hpp"

namespace foretoken {

// A typical step, operator by operator.
struct StepExplanation {
  std::string title;  // decode step: 64 sequences at context 1,152
  std::int64_t prefill_tokens = 0;
  std::int64_t sequences = 0;
  std::int64_t context = 0;  // mean per decoding sequence
  StepBreakdown breakdown;
  double flops = 0;
  double bytes = 0;
  [[nodiscard]] double intensity() const { return bytes > 0 ? flops / bytes : 0; }
};

// A lone request of mean length on an idle engine.
struct Floors {
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  double ttft_ms = 0;
  double tpot_ms = 0;  // per output token
  double e2el_ms = 0;
  double datasheet_ttft_ms = 0;  // the same with peak FLOPs, peak bandwidth and no overhead
  double datasheet_tpot_ms = 0;
};

// Whether speculation pays at one batch: a decode step with its drafts against one without, at the same context.
struct SpeculationPoint {
  std::int64_t batch = 0;
  double base_ms = 0;               // a step without speculation: its time per token
  double step_ms = 0;               // with the drafts of the scenario
  double speed_up = 0;              // tokens/s with over without
  double length_to_break_even = 0;  // tokens a row would have to put out in the mean
  int best_tokens = 0;              // drafts with which it is fastest; 0: none
  double best_speed_up = 1;
};

struct SpeculationExplanation {
  std::string method;
  int tokens = 0;
  double mean_acceptance_length = 1;  // expected of the scenario's drafts, all classes together
  std::vector<double> rates;          // of each position
  std::vector<SpeculationPoint> points;
  std::int64_t largest_batch = 0;  // that was looked at
  std::int64_t pays_below = 0;     // from this batch on it no longer pays; 0: it does up to the largest
};

// One place of KV caches outside the GPU, of one rank.
struct KvTierExplanation {
  KvTier tier = KvTier::cpu;
  double bytes = 0;
  std::int64_t tokens = 0;     // that it holds
  double read_bandwidth = 0;   // byte/s towards the GPU, of all GPUs of the rank together
  double write_bandwidth = 0;  // byte/s away from it
  double load_ms = 0;          // a mean prompt from there into the GPU
};
struct KvTiersExplanation {
  KvOffload backend = KvOffload::none;
  std::int64_t prompt_tokens = 0;
  double recompute_ms = 0;       // of the same prompt
  std::int64_t swap_blocks = 0;  // vLLM V0: that preempted requests may have in host memory
  double swap_ms = 0;            // of a mean request, out or in
  std::vector<KvTierExplanation> tiers;
};

struct Explanation;
// The same of one pool, as if it were all of the scenario.
struct PoolExplanation;

struct Explanation {
  Scenario scenario;
  WorkloadSummary workload;
  MemoryPlan memory;
  bool feasible = true;
  double ridge_point = 0;              // FLOP per byte; 0 without hardware (affine)
  std::vector<StepExplanation> steps;  // typical prefill and decode; with pools, where each happens
  Floors floors;
  std::optional<SpeculationExplanation> speculation;
  std::optional<KvTiersExplanation> kv_tiers;
  std::vector<PoolExplanation> pools;  // of several
};

struct PoolExplanation {
  std::string name;
  PoolRole role = PoolRole::both;
  Explanation alone;
};

[[nodiscard]] Result<Explanation> explain(const Scenario& scenario);

// Tokens that a decoding row of the scenario puts out in a step, in the mean; 1 without speculation.
[[nodiscard]] double tokens_per_row(const Scenario& scenario);
// Of so many drafts that are accepted at these rates.
[[nodiscard]] double tokens_per_row(const Acceptance& acceptance, std::int64_t drafts);
// How speculation fares at batches up to `largest`, each sequence at this context. Precondition: it is on.
[[nodiscard]] SpeculationExplanation explain_speculation(const Scenario& scenario, std::int64_t context,
                                                         std::int64_t largest);

// How far the cost model itself may be off, whatever the number of simulated requests.

// Half-widths of 95 % bands on the time of a typical step, as shares of it. Each operator brings the error of its
// coefficient set on shapes held out from its fit, half as much again on a neighbouring GPU's set, twice as
// much outside the fitted range; errors of different operators are taken as independent.
struct ModelBand {
  double prefill = 0;
  double decode = 0;
  bool inside_range = true;          // all operators of both steps
  std::vector<std::string> outside;  // the others, by name
  double outside_share = 0;          // of the step where they take most of it
};

// Zero bands at the levels that are no prediction of hardware (datasheet: a bound; affine: the user's own).
[[nodiscard]] ModelBand model_band(const Explanation& explanation);

}  // namespace foretoken
