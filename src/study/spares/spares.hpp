// How many replicas more than the load needs keep the objectives although replicas die, with a given probability.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiment/run/objectives_held.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/experiment/verdict.hpp"
#include "foretoken/scenario/question.hpp"

namespace foretoken {

struct SparesOptions {
  RunOptions run;
  std::string pool;      // whose replicas are spared; empty: there is one kind
  double target = 0.95;  // of the runs, in which all objectives hold
  int runs = 200;        // of each number of spares
  int most = 8;          // spares
};

struct SparesStep {
  int spares = 0;
  int replicas = 0;
  int gpus = 0;
  ObjectivesHeld held;
  Decision decision = Decision::not_decided;  // whether the share is at least the target, as far as its interval says
  double failures = 0;                        // per run
  double lost = 0;                            // requests per run, those included that were sent to the dead
  std::optional<double> usd_per_hour;
};

struct Spares {
  Scenario scenario;
  double target = 0;
  int runs = 0;
  std::vector<SparesStep> steps;  // from none on, until one meets or the most is reached
  std::optional<int> answer;      // the fewest that meet; empty: none does
  bool sure = true;               // no smaller number is undecided
  bool interrupted = false;
};

// Errors: no objectives, nothing that dies, a number of replicas that a schedule or an autoscaler decides.
[[nodiscard]] Result<Spares> find_spares(const Question& question, const Scenario& scenario,
                                         const SparesOptions& options = {});

}  // namespace foretoken
