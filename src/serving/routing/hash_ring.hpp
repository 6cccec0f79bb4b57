// Replicas on a ring of hashes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "serving/kv_cache/key_chain.hpp"

namespace foretoken {

// Each has 256 points on it (KubeAI's number): a replica that comes or goes moves only the keys next to its points.
class HashRing {
 public:
  explicit HashRing(int replicas) {
    constexpr std::uint64_t kReplicas = 6;
    for (int i = 0; i < replicas; ++i) {
      const std::uint64_t own = mix_keys(kReplicas, static_cast<std::uint64_t>(i));
      for (std::uint64_t k = 0; k < kPoints; ++k) points_.emplace_back(mix_keys(own, k), i);
    }
    std::sort(points_.begin(), points_.end());
  }

  // The first replica at or behind the key that is accepted; -1: none is.
  template <class Accept>
  [[nodiscard]] int first(std::uint64_t key, Accept accept) const {
    const auto from = std::lower_bound(points_.begin(), points_.end(), std::pair(key, 0));
    for (auto point = from; point != points_.end(); ++point)
      if (accept(point->second)) return point->second;
    for (auto point = points_.begin(); point != from; ++point)
      if (accept(point->second)) return point->second;
    return -1;
  }

 private:
  static constexpr std::uint64_t kPoints = 256;
  std::vector<std::pair<std::uint64_t, int>> points_;  // in order
};

}  // namespace foretoken
