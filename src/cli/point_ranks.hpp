// Processes that compute points of one sweep together.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace foretoken {

// The line that stores a point; empty = it was interrupted.
using PointLine = std::function<std::string(std::size_t index)>;

// Contract: every process makes one of these and calls either hand_out() (the first) or compute()
// (the others), at most once. A process that ends without having called it does not keep the others waiting.
class PointRanks {
 public:
  virtual ~PointRanks() = default;
  [[nodiscard]] virtual bool is_first() const = 0;
  // Every point goes to whoever is free next; a process alone computes by itself. `on_line` is
  // called on this thread. Returns early when `stop` becomes true.
  virtual void hand_out(const std::vector<std::size_t>& wanted, const PointLine& line_of,
                        const std::function<void(std::size_t index, const std::string& line)>& on_line,
                        const std::atomic<bool>* stop) = 0;
  // Until nothing is left.
  virtual void compute(const PointLine& line_of) = 0;
};

}  // namespace foretoken
