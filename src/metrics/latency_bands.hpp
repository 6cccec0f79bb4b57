// Where the time of the slowest requests went, gathered while they leave, in memory that does not grow with the run.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "foretoken/serving/observer.hpp"

namespace foretoken {

// Sums of parts by latency, in buckets of 1/64 octave (1.1 %).
class LatencyBands {
 public:
  struct Sums {
    std::int64_t requests = 0;
    std::array<std::int64_t, kAttributionParts> parts{};  // ns
    void add(const Sums& other);
    void add(const Attribution& of_one_request);
  };

  void add(Duration latency, const Attribution& parts);
  void merge(const LatencyBands& other);
  // Of the slowest requests: at least `share` of all, by whole buckets from the top.
  [[nodiscard]] Sums slowest(double share) const;

 private:
  std::vector<Sums> buckets_;  // grows to the slowest
  std::int64_t requests_ = 0;
};

}  // namespace foretoken
