// How many requests to serve at once: latency, throughput and KV cache of every batch size, what bounds it,
// and the largest throughput that keeps the objectives.
//
// Example:
//   const Result<BatchStudy> study = study_batch(asked, *asked.scenario(), {{}, "1,2,4..64"});
//   if (study && study->best) std::cout << study->sizes[*study->best].size;
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "foretoken/base/intervals.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/experiment/verdict.hpp"

namespace foretoken {

// In closed form: one batch of B mean requests starts together, prefills, decodes at its mean context, and ends
// together.
struct StaticBatch {
  double ttft_ms = 0;  // of the last prompt, when all prefill in turn under the token budget
  double tpot_ms = 0;  // NaN with one output token
  double e2el_ms = 0;
  double tps = 0;  // of all replicas
  double mfu = 0;  // of the whole batch, prefill included, as the next
  double mbu = 0;
  double decode_step_ms = 0;
  double decode_intensity = 0;  // FLOP per byte of a decode step
  // The bound on which most of a decode step's time is spent, as the cost model prices it.
  TimePart bound = TimePart::memory;
  double bound_share = 0;
};

// Simulated: B requests in flight all the time (per replica and rank), the next sent when one is answered; without
// warm-up and end.
struct ContinuousBatch {
  Interval ttft_ms;  // means
  Interval tpot_ms;
  Interval p99_ttft_ms;
  Interval p99_tpot_ms;
  Interval tps;
  double interactivity = 0;  // tokens per second of one user
  double tps_per_gpu = 0;
  double mfu = 0;  // of whole runs, as the next
  double mbu = 0;
  double kv_usage = 0;     // peak share of the usable blocks
  double preemptions = 0;  // per run
  std::vector<Interval> objectives;
  // Nothing in this load is random, so the replications are one run over again: its figures are exact for the model,
  // and their intervals, which have no width, say nothing.
  bool identical_runs = false;
  bool settled = true;                        // false: the figures still move with the length of the run
  Decision decision = Decision::not_decided;  // of all objectives
};

struct BatchSize {
  std::int64_t size = 0;  // seats of one rank
  bool refined = false;   // not asked for: found between two sizes, where the objectives begin to be missed
  PointStatus status = PointStatus::ok;
  std::string reason;  // when not ok
  std::int64_t token_budget = 0;
  bool budget_raised = false;  // engines want the budget at least as large as the batch
  MemoryPlan memory;           // with max_num_seqs = size
  double kv_needed = 0;        // bytes of one GPU for the batch at the full length of the mean request
  double kv_available = 0;     // 0 = unknown (affine)
  bool kv_fits = true;
  std::optional<StaticBatch> in_closed_form;
  std::optional<ContinuousBatch> simulated;  // empty: skipped, and why_not_simulated says why
  std::string why_not_simulated;
  bool on_frontier = false;  // no other size has less TPOT and more TPS
};

// From which batch on a decode operator is bound by compute; empty = at no batch up to RidgeStudy::searched.
struct RidgeOperator {
  std::string name;
  double share = 0;  // of the decode step at the largest size of the study
  std::optional<std::int64_t> by_datasheet;
  std::optional<std::int64_t> as_priced;
  double intensity_at_one = 0;   // FLOP per byte
  double intensity_at_most = 0;  // at the largest size of the study
};
struct RidgeStudy {
  double ridge_point = 0;  // FLOP per byte; 0 = the level has no roofline
  std::int64_t searched = 0;
  std::optional<std::int64_t> step_by_datasheet;  // intensity of the whole step beyond the ridge point
  std::optional<std::int64_t> step_as_priced;     // compute-bound operators take more of it than memory-bound ones
  std::vector<RidgeOperator> operators;           // that have FLOPs, the longest first
};

// What a larger token budget costs and gives.
struct BudgetRow {
  std::int64_t tokens = 0;
  bool current = false;
  bool fits = true;
  double activations = 0;  // bytes
  std::int64_t kv_tokens = 0;
  std::int64_t sequences = 0;  // of the mean request's full length
  double step_ms = 0;          // of a full prefill step: how long decodes that share it wait for their token
  double prefill_tokens_per_s = 0;
};

struct BatchStudy {
  Scenario scenario;  // objectives included, the default one too
  bool default_objective = false;
  bool feasible = true;
  MemoryPlan memory;
  std::int64_t prompt_tokens = 0;  // means
  std::int64_t output_tokens = 0;
  std::vector<BatchSize> sizes;  // rising
  RidgeStudy ridge;
  std::vector<BudgetRow> budgets;           // empty without a memory plan
  std::optional<std::int64_t> kv_limit;     // largest batch of full-length mean requests that the KV cache holds
  std::optional<std::size_t> best;          // largest throughput that keeps the objectives
  std::optional<std::size_t> first_missed;  // the smallest larger size that does not
  int replications = 0;
  std::vector<std::string> notes;
  bool interrupted = false;
};

struct BatchOptions {
  RunOptions run;
  std::string sizes = "1,2,4..512";  // values as of a sweep's axis
};

// Errors: sizes that are no numbers of seats, a workload that cannot be read. Order of the sizes does not matter.
[[nodiscard]] Result<BatchStudy> study_batch(const Question& question, const Scenario& scenario,
                                             const BatchOptions& options = {});

}  // namespace foretoken
