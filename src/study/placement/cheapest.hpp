// Which demand on which kind of replica, and how many of each: the cheapest that carries all, exactly.
#pragma once

#include <vector>

namespace foretoken {

// A load of one kind of request for one model.
struct PlacedDemand {
  double rate = 0;  // requests/s
  int model = 0;
};

// A kind of replica: one model on one kind of GPU.
struct ReplicaKind {
  int model = 0;
  double cost = 0;  // of one, USD/h
  int gpus = 1;     // of one
  int gpu_kind = 0;
};

struct PlacementProblem {
  std::vector<PlacedDemand> demands;
  std::vector<ReplicaKind> kinds;
  std::vector<std::vector<double>> capacity;  // [demand][kind]: requests/s of one replica; 0 = it cannot serve them
  std::vector<int> available;                 // [gpu kind]: GPUs; -1 = as many as are wanted
  int slices = 4;  // into so many equal parts a demand may be divided over kinds (Griggs et al. 2024, Mélange)
};

struct PlacementPlan {
  std::vector<int> replicas;               // [kind]
  std::vector<std::vector<double>> share;  // [demand][kind]: of the demand
  double cost = 0;
  int gpus = 0;
  int parts = 0;  // pairs of demand and kind: with each demand on one kind, the demands
};

struct CheapestPlans {
  std::vector<PlacementPlan> plans;  // of different replicas; cheapest first, then fewest GPUs, then fewest parts
  bool exact = true;                 // false: the search was cut off, and something cheaper may exist
};

// Kinds and demands that have to do with each other, by kind: those of one number share a router, which may send any of
// their requests to any of their replicas; -1 = no replica.
[[nodiscard]] std::vector<int> routers_of(const std::vector<std::vector<double>>& share, std::size_t kinds);

// Loads of demands that share a kind add up: its replicas are the sum of rate / capacity, rounded up; every kind of a
// router can serve every demand of it. Branch and bound over the demands; empty where nothing carries all within what
// is available.
[[nodiscard]] CheapestPlans cheapest_plans(const PlacementProblem& problem, std::size_t how_many = 1);

}  // namespace foretoken
