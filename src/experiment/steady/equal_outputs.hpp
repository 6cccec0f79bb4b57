// Requests whose outputs are equally long and that were admitted in one step finish in one step. Behind a router that
// counts requests, or in a closed loop, they come back together: src/experiment/statistics.md, "Equal outputs".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "foretoken/scenario/scenario.hpp"
#include "foretoken/serving/observer.hpp"

namespace foretoken {

// Tokens of every output where all are the same and more than one, and the places of those that finish are filled at
// once: by their successors in a closed loop, by a router that looks for the emptiest replica. Empty: groups do not
// last.
[[nodiscard]] std::optional<std::int64_t> outputs_that_finish_together(const Scenario& scenario);

// The same load with outputs that differ by up to `share` of their mean, and the same mean.
[[nodiscard]] WorkloadConfig with_outputs_spread(const WorkloadConfig& workload, double share);

// How many requests finish in the step that a request finishes in, by quarter of the run.
class FinishGroups {
 public:
  // Quarters of the requests [first, end) by index.
  FinishGroups(std::int64_t first, std::int64_t end) : first_(first), end_(end) {}
  // In the order in which they leave.
  void add(const RequestRecord& record);
  // As seen by a request; 0 = none has finished.
  [[nodiscard]] double mean_size(std::size_t quarter) const;
  [[nodiscard]] double mean_size() const;

 private:
  struct Sums {
    std::int64_t requests = 0;
    std::int64_t companions = 0;  // sum over groups of size squared
  };
  std::int64_t first_, end_;
  std::array<Sums, 4> quarters_{};
  std::int64_t size_ = 0;  // of the latest group so far
  std::size_t quarter_ = 0;
  int replica_ = -1;
  TimePoint at_{};
};

// What a user of a finite run should know; empty where groups neither grow nor last.
[[nodiscard]] std::string warning_of(const Scenario& scenario, const FinishGroups& groups);

}  // namespace foretoken
