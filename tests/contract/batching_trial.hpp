// One rank under a batching policy, watched at every schedule call: the checker of the
// policies' contract. Takes any policy, so that faulty ones can be shown to be caught.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "serving/batching/batching_policy.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {

struct PolicyUnderTest {
  std::string name;
  KvRules kv = {};
  bool keeps_token_budget = true;
  std::function<std::unique_ptr<BatchingPolicy>()> make;
  LastRow last_row = LastRow::wasted;
};

struct Trial {
  EngineConfig engine;
  StubTerms cost;
  std::vector<Request> requests;  // numbered in order of arrival
};

enum class Boundaries {
  every_step,     // the policy is asked before every step
  policy_says,    // runs of decode steps, cut by arrivals for which may_change_plan() is true
  every_arrival,  // the same, cut by every arrival at the head of the queue
};

struct TrialReport {
  std::vector<std::string> violations;
  std::vector<std::string> plans;       // of every schedule call
  std::size_t plans_before_finish = 0;  // made before anybody's output ended
  std::string result;                   // what a user could see, as text
  std::int64_t preemptions = 0;
};

[[nodiscard]] TrialReport run_trial(const PolicyUnderTest& policy, const Trial& trial,
                                    Boundaries boundaries = Boundaries::every_step);

// The whole contract on one trial: the plans, two runs alike, the three kinds of boundaries
// alike, and no plan that depends on output lengths nobody can know.
[[nodiscard]] TrialReport check_contract(const PolicyUnderTest& policy, const Trial& trial);

}  // namespace foretoken::test
