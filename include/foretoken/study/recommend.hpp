// The cheapest deployment of a domain that meets the objectives at the offered load, and why no cheaper one does.
//
// Example:
//   Question asked{yaml, "chat.yaml"};
//   asked.options.recommend_over = {"replicas=1..8", "hardware.gpu=h100_sxm,l40s"};
//   const Result<RecommendResult> found = recommend({asked, *asked.scenario()});
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "foretoken/experiment/sweep.hpp"
#include "foretoken/experiment/uncertainty.hpp"
#include "foretoken/experiment/verdict.hpp"

namespace foretoken {

// What became of a candidate. The first three are known without simulating.
enum class Fate {
  invalid,       // no scenario
  does_not_fit,  // in memory
  impossible,    // a bound forbids an objective
  far_off,       // a short run's interval lies beyond an objective by a margin
  misses,        // by the verdict of `check`
  not_decided,   // within the budget of the verdict
  meets,
  no_better,  // not simulated: costs as much as what meets, and has no more room as far as bounds tell
  dearer,     // not simulated: costs more than enough that meet
  unpriced,   // does not compete: others have a price of the scenario's, this GPU has none
  skipped,    // interrupted before its turn
};
inline constexpr int kFates = 11;
[[nodiscard]] std::string_view to_string(Fate fate);

struct DeploymentCost {
  int gpus = 0;
  std::optional<double> usd_per_hour;  // empty: no price is known
  bool example_price = false;
  // What candidates are ordered by: money where all of them have a price, else GPUs.
  [[nodiscard]] double rank(bool by_money) const { return by_money ? usd_per_hour.value_or(0) : gpus; }
};

// Figures of a simulated candidate; NaN where there are none.
struct CandidateFigures {
  double tokens_per_s_per_gpu = 0;
  double tokens_per_s_per_user = 0;
  double output_throughput = 0;
  double p99_ttft_ms = 0;
  double mean_tpot_ms = 0;
  // Of the metrics cost_per_1m_output_tokens and full_cost_per_1m_output_tokens, before the price of a GPU-hour.
  double gpu_hours_per_1m_output_tokens = 0;
  double full_gpu_hours_per_1m_output_tokens = 0;
};

// A candidate that was simulated, or the best guess where none was.
struct Candidate {
  std::size_t index = 0;            // in the cross product of the domain, the last field fastest
  std::vector<std::string> values;  // one per field of the domain
  DeploymentCost cost;
  std::string gpu;
  Parallelism parallelism;
  int replicas = 1;
  std::string pools;  // of several their sizes, in words
  std::int64_t max_num_seqs = 0;
  std::int64_t token_budget = 0;
  Fate fate = Fate::skipped;
  bool short_run = false;  // the figures are of one
  std::string why;         // when it does not meet
  double room = 0;         // the least of its objectives', as a share of the limit
  std::vector<ObjectiveVerdict> objectives;
  std::optional<Probability> all_meet;  // with the model's error as measured; of those that are ranked
  CandidateFigures figures;
  std::vector<std::size_t> same;  // candidates whose runs are the same to the last bit
};

// The cheapest of one kind of GPU that meets.
struct BestOfKind {
  std::string gpu;
  bool competes = true;           // false: the user priced other GPUs and not this one
  std::optional<Candidate> best;  // when none was found: why
  std::string why;
  // Of a kind without a price: below so many USD per GPU and hour it would cost less than the winner.
  std::optional<double> break_even_usd_per_gpu;
};

// How many candidates had one fate for one reason.
struct FateCount {
  Fate fate = Fate::skipped;
  std::string reason;
  std::size_t count = 0;
  std::size_t cheaper = 0;  // of those, the ones that would cost less than the winner
  std::size_t example = 0;  // index of the first
  std::string example_why;
};

struct SearchEffort {
  std::size_t candidates = 0;
  std::size_t runnable = 0;  // valid and fit
  std::size_t bounded = 0;   // bounds computed
  std::size_t short_runs = 0;
  std::size_t verdicts = 0;
  std::size_t same = 0;                    // answered by a run that is the same
  std::int64_t requests = 0;               // simulated, pilots included
  std::int64_t requests_of_a_verdict = 0;  // the fewest one can take
  // What simulating every runnable candidate to a verdict takes at least.
  [[nodiscard]] double exhaustive_requests() const {
    return static_cast<double>(requests_of_a_verdict) * static_cast<double>(runnable);
  }
};

struct RecommendResult {
  Scenario base;
  std::vector<SweepAxis> domain;
  bool usual_domain = false;  // the scenario declared none; --over may have replaced single axes of it
  std::string widening;       // what became of the replicas that widen by themselves; empty: they did not
  bool by_money = false;      // else by the number of GPUs
  bool example_prices = false;
  Decision overall = Decision::not_decided;
  std::vector<Candidate> ranked;     // that meet, the cheapest first; the winner leads
  std::optional<Scenario> winner;    // its scenario
  std::vector<BestOfKind> kinds;     // of every GPU of the domain, the cheapest first, those without any last
  std::vector<Candidate> undecided;  // cheaper than the winner, or all that were not decided without one
  std::optional<Candidate> closest;  // when none meets
  // Not dominated among all simulated candidates: tokens/s per GPU against tokens/s of a user, and cost against
  // the objective `front_objective`, the one with the least room.
  std::vector<Candidate> throughput_front;
  std::vector<Candidate> cost_front;
  std::size_t front_objective = 0;
  std::vector<FateCount> fates;  // the proof, in the order of Fate, the most frequent reason first
  std::vector<Fate> fate_of;     // of every candidate, by index
  SearchEffort effort;
  bool interrupted = false;
};

struct RecommendQuestion {
  Question asked;
  Scenario base;  // what it resolves to
};

struct RecommendOptions {
  RunOptions run;
  std::size_t top = 5;  // so many that meet are wanted
};

// Errors: no objectives, objectives that contradict each other, too many candidates, none that is a valid scenario.
// The result depends on the question alone, not on threads.
[[nodiscard]] Result<RecommendResult> recommend(const RecommendQuestion& question,
                                                const RecommendOptions& options = {});

// The fields that the search goes over: those that the scenario declares, or the usual ones. What `recommend_over`
// names replaces its own axis of the usual ones and no other.
[[nodiscard]] std::vector<SweepAxis> recommend_domain(const RecommendQuestion& question);
// Nobody named the number of replicas, nor of GPUs: it goes on until something meets.
[[nodiscard]] bool replicas_may_widen(const RecommendQuestion& question);
[[nodiscard]] Result<Scenario> candidate_scenario(const RecommendQuestion& question,
                                                  const std::vector<SweepAxis>& domain, std::size_t index);
[[nodiscard]] Question candidate_question(const RecommendQuestion& question, const std::vector<SweepAxis>& domain,
                                          std::size_t index);
// What --set would take to make a candidate of the question.
[[nodiscard]] std::vector<std::string> candidate_overrides(const Scenario& base, const std::vector<SweepAxis>& domain,
                                                           const std::vector<std::string>& values);

}  // namespace foretoken
