// Why a prediction is what it is, without simulating: where memory goes, what bounds
// each operator, and what no engine could beat.
//
// Example:
//   const Result<Explanation> why = explain(*scenario);
//   if (why) std::cout << why->floors.ttft_ms;  // what no engine could beat
#pragma once

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
  std::vector<PoolExplanation> pools;  // of several
};

struct PoolExplanation {
  std::string name;
  PoolRole role = PoolRole::both;
  Explanation alone;
};

[[nodiscard]] Result<Explanation> explain(const Scenario& scenario);

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
