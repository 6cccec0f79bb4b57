// The parts of the search behind recommend(): what is known of a candidate, and how it is judged.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "experiment/cost_models.hpp"
#include "foretoken/study/recommend.hpp"
#include "study/check/bounds.hpp"

namespace foretoken {

[[nodiscard]] DeploymentCost cost_of_deployment(const Scenario& scenario);

// A candidate before anything is simulated.
struct Screened {
  Fate fate = Fate::skipped;  // skipped = nothing speaks against it yet
  std::string why;
  DeploymentCost cost;
  std::string gpu;
  bool own_price = false;  // the scenario's price, or its leave to take the catalog's example
  bool never = false;      // impossible, however many replicas share the load
  int replicas = 1;
  // The least room of an objective as far as the bounds tell: nothing simulated can have more, but for their slack.
  double room = 0;
  std::int64_t max_num_seqs = 0;
  // All of the scenario but for max_num_seqs and what the memory plan makes of it: candidates with one key may be
  // the same run. Empty where that cannot be told.
  std::string twin_key;
};

class CandidateSource {
 public:
  CandidateSource(const RecommendQuestion& question, const std::vector<SweepAxis>& domain, CostModelPool& models);
  [[nodiscard]] Result<Scenario> scenario(std::size_t index) const;
  // Is it a scenario that fits?
  [[nodiscard]] Screened screen(std::size_t index) const;
  // The bounds of its objectives; thread-safe, lone requests are shared by candidates that differ in the cluster only.
  void bound(std::size_t index, Screened& screened);
  [[nodiscard]] Candidate describe(std::size_t index, const Scenario& scenario) const;

 private:
  [[nodiscard]] Result<std::vector<LoneRequest>> lone(const Scenario& scenario);
  const RecommendQuestion& question_;
  const std::vector<SweepAxis>& domain_;
  CostModelPool& models_;
  std::mutex mutex_;
  std::map<std::string, std::vector<LoneRequest>> lone_;
};

// Replicas of the usual domain, once more as many: all whole numbers.
void widen_replicas(std::vector<SweepAxis>& domain);
// The place of a candidate in a domain whose replicas were widened since.
[[nodiscard]] std::size_t index_in(const std::vector<SweepAxis>& wider, const std::vector<SweepAxis>& narrow,
                                   std::size_t index);
struct AddedCandidate {
  std::size_t index = 0;
  std::size_t widest_before = 0;  // the one that differs in the replicas alone, and had the most of them
  int replicas = 1;
};
[[nodiscard]] std::vector<AddedCandidate> added_candidates(const std::vector<SweepAxis>& wider,
                                                           const std::vector<SweepAxis>& narrow);
struct WideningSoFar {
  bool by_money = false;
  bool own_prices = false;  // those without one do not compete
  double cheapest = 0;      // that meets; infinite: none does
  double room_gained = 0;   // by the last doubling, of the best candidate; not finite where nothing was simulated
  std::optional<std::int64_t> concurrency;  // requests at a time, of a closed loop
};
// Empty: twice the replicas are worth a look. Else the words that follow "replicas went".
[[nodiscard]] std::string why_no_wider(const std::vector<Screened>& screened, const WideningSoFar& so_far);
// The search takes no more; what a scenario declares may not have more either.
inline constexpr std::size_t kMostCandidates = 100'000;
// May more replicas make of it one that meets?
[[nodiscard]] bool may_be_helped(const Screened& screened);
// As hopeless, and of its own cost.
[[nodiscard]] Screened with_replicas(const Screened& screened, int replicas);

// One simulated verdict, and what of it tells whether another candidate's run is the same.
struct Trial {
  Candidate candidate;
  std::string twin_key;  // empty: a limit may have bound
  std::int64_t max_num_seqs = 0;
  std::int64_t peak_running = 0;
  std::int64_t blocks_needed = 0;  // so many keep any request from waiting for KV blocks
  std::int64_t requests = 0;
  double share_paid = 1;  // of a fleet: of the price of all its places, all the time
  bool interrupted = false;
};

// A run in which never more than p requests ran on a replica, and none could wait for KV blocks, does not change with
// max_num_seqs > p: no call of the scheduler ever came to the limit, so every step is the same. Shown for vllm-v1
// with everything else equal, CUDA graph sizes included.
[[nodiscard]] bool is_same_run(const Trial& trial, const Screened& other, const Scenario& other_scenario);
[[nodiscard]] std::string twin_key_of(const Scenario& scenario);

// Of a short form (experiment/steady/short_runs.hpp): far_off, or skipped (not far enough to say so).
[[nodiscard]] Trial try_briefly(const Scenario& brief, Candidate candidate, const RunOptions& options);
// meets, misses, not_decided, or skipped when interrupted.
[[nodiscard]] Trial try_fully(const Scenario& scenario, Candidate candidate, const RunOptions& options);

// Of replicas that come and go: every candidate that fits is simulated to a verdict, since what it costs is only known
// from its run. Errors: nothing to search over, too many candidates, none that is a scenario.
[[nodiscard]] Diagnostics search_fleets(const RecommendQuestion& question, const RecommendOptions& options,
                                        RecommendResult& result);

// Ranks, and says what is left to say, once all candidates have their fates.
void conclude_search(RecommendResult& result, const std::vector<Screened>& screened, const std::vector<bool>& competing,
                     const std::vector<Trial>& trials, const CandidateSource& source);

// Not dominated: the most tokens/s per GPU for a user's tokens/s; the least cost for a figure of the objective.
[[nodiscard]] std::vector<Candidate> throughput_front(std::vector<Candidate> simulated);
[[nodiscard]] std::vector<Candidate> cost_front(std::vector<Candidate> simulated, std::size_t objective,
                                                bool smaller_is_better, bool by_money);

}  // namespace foretoken
