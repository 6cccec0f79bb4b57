// The verdict at one load, and on which side of the capacity it lies.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiment/cost_models.hpp"
#include "foretoken/experiment/uncertainty.hpp"
#include "foretoken/study/capacity.hpp"
#include "study/capacity/load_search.hpp"

namespace foretoken {

// One load that is too close to call only widens the answer: others are looked at for the price.
inline constexpr std::int64_t kMostRequestsOfLook = 1'500'000;
// Where no objective sees a backlog, an overload is no answer, and its service must settle.
inline constexpr std::int64_t kMostRequestsOfService = 4'000'000;

class LoadJudge {
 public:
  // `replications`: most of one look.
  LoadJudge(const Question& question, const RunOptions& run, std::int64_t replications);

  // The scenario with `set` on top. Interrupted: no verdict and nothing impossible.
  [[nodiscard]] Result<CapacityLook> operator()(double load, const std::vector<std::string>& set,
                                                std::int64_t most_requests = kMostRequestsOfLook);
  [[nodiscard]] Result<Scenario> scenario_with(const std::vector<std::string>& set) const;
  [[nodiscard]] std::int64_t requests() const { return requests_; }
  // The load is a length of the requests: nothing that is known of one is true of another.
  void loads_differ_in_kind() { one_kind_ = false; }
  // Found at the first load that came near it; every load shares it.
  [[nodiscard]] const std::optional<Interval>& stability_limit() const { return stability_limit_; }
  [[nodiscard]] Result<ModelUncertainty> uncertainty(const Scenario& scenario, const Verdict& verdict);
  // Looks for it at this load where none has come near.
  [[nodiscard]] Diagnostics find_stability_limit(const Scenario& scenario);

 private:
  [[nodiscard]] std::int64_t likely_length(double load) const;
  [[nodiscard]] std::optional<SteadyState> cannot_settle(const Scenario& scenario, double load, double rate) const;
  [[nodiscard]] bool is_far_beyond_known_lengths(double load, double rate, std::int64_t longest) const;
  void learn(const Scenario& scenario, double load, const Verdict& verdict);

  Question question_;  // of no sweep
  RunOptions run_;
  std::int64_t replications_;
  CostModelPool models_;
  std::int64_t requests_ = 0;
  std::optional<Interval> stability_limit_;
  double largest_met_ = 0;
  bool one_kind_ = true;                    // of requests, whatever the load
  std::map<double, std::int64_t> lengths_;  // requests of a replication, by load
  // The smallest load that did not settle within its budget, and how long it was measured.
  struct Unsettled {
    double load = 0;
    std::int64_t budget = 0;
    SteadyState steady;
  };
  std::optional<Unsettled> unsettled_;
};

// A limit that is missed while there is too little load, and perhaps reached with more of it.
[[nodiscard]] bool needs_load(const SloLine& line);
[[nodiscard]] LoadSide side_of(const CapacityLook& look);

}  // namespace foretoken
