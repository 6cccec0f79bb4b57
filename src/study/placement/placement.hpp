// Which model on which GPU, how many replicas, at least cost: over the classes of a workload, each a demand with its
// model, rate, lengths and objectives, and over pools, each a model on a kind of GPU.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/experiment/sweep.hpp"
#include "foretoken/experiment/uncertainty.hpp"
#include "foretoken/scenario/question.hpp"
#include "study/placement/cheapest.hpp"

namespace foretoken {

struct PlacementOptions {
  RunOptions run;
  double precision = 0.05;  // of the capacities
  int tries = 12;           // plans that are simulated at most
  bool model_error = true;
};

// A demand on a kind of replica.
struct DemandOnKind {
  std::string demand;  // a class, or `all`
  std::string pool;
  double rate = 0;   // requests/s that are wanted
  double alone = 0;  // requests/s that one replica carries by itself
  double each = 0;   // ... of as many as the demand needs: more share a queue
  double most = 0;   // ... and where it misses: plans are made by this, and then simulated
  int together = 1;  // so many
  std::string why_none;
};

// A plan, simulated.
struct PlacementTry {
  PlacementPlan plan;
  Decision decision = Decision::not_decided;
  std::vector<std::string> missed;  // objectives
};

struct PlacedPool {
  std::string name;
  std::string model;  // served name
  std::string gpu;
  int gpus_per_replica = 1;
  double usd_per_hour = 0;  // of one replica
};

// What the same would cost, by its capacities, on one kind of GPU alone.
struct OneKindOfGpu {
  std::string gpu;
  std::optional<double> usd_per_hour;  // empty: it cannot carry all
};

struct Placement {
  Scenario scenario;  // as asked: all pools are possible
  std::vector<std::string> demands;
  std::vector<PlacedPool> pools;
  bool example_prices = false;
  std::vector<DemandOnKind> capacities;
  std::vector<PlacementTry> tries;    // in the order in which they were simulated
  std::optional<std::size_t> answer;  // of the tries: the cheapest that meets
  bool sure = true;                   // no cheaper one is undecided
  bool exact = true;                  // see CheapestPlans
  std::string why_none;
  std::vector<OneKindOfGpu> alone;
  std::vector<std::string> set;  // the answer, as --set takes it
  std::optional<Verdict> verdict;
  std::optional<ModelUncertainty> uncertainty;
  std::int64_t requests = 0;  // simulated
  bool interrupted = false;
};

// Errors: no pools, no objectives, a GPU without a price, a load that is no constant rate.
[[nodiscard]] Result<Placement> find_placement(const Question& question, const Scenario& scenario,
                                               const PlacementOptions& options = {});

// How the scenario is placed so, as --set takes it.
[[nodiscard]] std::vector<std::string> placement_settings(const Scenario& scenario, const PlacementPlan& plan);

}  // namespace foretoken
