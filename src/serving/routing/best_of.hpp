// The best of several replicas.
#pragma once

#include <vector>

#include "base/random.hpp"
#include "serving/routing/cluster_view.hpp"

namespace foretoken {

// The replica in [0, replicas) of least `cost(replica)`, the lowest index among equals.
template <class Cost>
[[nodiscard]] int least_of(int replicas, Cost cost) {
  int best = 0;
  auto least = cost(0);
  for (int i = 1; i < replicas; ++i) {
    const auto here = cost(i);
    if (!(here < least)) continue;
    least = here;
    best = i;
  }
  return best;
}

// Of those that take requests.
template <class Cost>
[[nodiscard]] int least_of(const ClusterView& view, Cost cost) {
  if (view.all_take()) return least_of(view.size(), cost);
  int first = 0;
  while (!view.takes(first)) ++first;
  int best = first;
  auto least = cost(first);
  for (int i = first + 1; i < view.size(); ++i) {
    if (!view.takes(i)) continue;
    const auto here = cost(i);
    if (!(here < least)) continue;
    least = here;
    best = i;
  }
  return best;
}

// The replicas that take requests, in order.
[[nodiscard]] inline std::vector<int> takers(const ClusterView& view) {
  std::vector<int> all;
  for (int i = 0; i < view.size(); ++i) {
    if (view.takes(i)) all.push_back(i);
  }
  return all;
}

// One of those of least cost, each with the same chance.
[[nodiscard]] inline int random_least_of(const std::vector<double>& costs, RandomStream& random) {
  std::vector<int> equals;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    if (!equals.empty() && costs[i] > costs[static_cast<std::size_t>(equals.front())]) continue;
    if (!equals.empty() && costs[i] < costs[static_cast<std::size_t>(equals.front())]) equals.clear();
    equals.push_back(static_cast<int>(i));
  }
  if (equals.size() == 1) return equals.front();
  return equals[static_cast<std::size_t>(random.uniform_int(0, static_cast<std::int64_t>(equals.size()) - 1))];
}

}  // namespace foretoken
