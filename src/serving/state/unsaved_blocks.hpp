// Blocks that were let go before their copy to host memory has ended: who takes them again waits for it
// (src/serving/README.md, "KV tiers").
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "foretoken/base/units.hpp"

namespace foretoken {

// Blocks are taken from the head of the free queue, so those that were let go are reached when as many are taken as
// were free before them. What a prefix lookup takes from the middle is left out, and of those let go at once the first
// counts for all.
class UnsavedBlocks {
 public:
  // How many blocks are free, whenever that changes by others than the head.
  void free_is(std::int64_t free) { free_ = free; }
  // Some have been taken from the head since.
  void taken(std::int64_t free) {
    taken_ += free_ - free;
    free_ = free;
  }
  // Some come back behind those that are free now, and their copy ends at `end`.
  void let_go(TimePoint end) { blocks_.push_back({taken_ + free_, end}); }
  // Whoever was preempted is copied before the next step.
  void flush(TimePoint end) { flush_ = std::max(flush_, end); }

  // When a step can begin that takes `more` blocks besides those taken so far.
  [[nodiscard]] TimePoint begin(std::int64_t more, TimePoint now) {
    std::erase_if(blocks_, [&](const LetGo& b) { return b.end <= now; });
    TimePoint begin = std::max(now, flush_);
    for (const LetGo& b : blocks_) {
      if (b.position < taken_ + more) begin = std::max(begin, b.end);
    }
    return begin;
  }
  // Blocks that can be taken before one of them is reached.
  [[nodiscard]] std::int64_t room(std::int64_t free) const {
    for (const LetGo& b : blocks_) free = std::min(free, std::max<std::int64_t>(0, b.position - taken_));
    return free;
  }

 private:
  struct LetGo {
    std::int64_t position;  // blocks that are taken before its first
    TimePoint end;
  };
  std::int64_t free_ = 0, taken_ = 0;
  TimePoint flush_{};
  std::vector<LetGo> blocks_;
};

}  // namespace foretoken
