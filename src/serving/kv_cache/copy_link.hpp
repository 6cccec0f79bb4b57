// A way between two memories, in both directions: in each one copy at a time, in the order in which they are asked for
// (vLLM's offloading worker has a stream per direction; src/serving/README.md, "KV tiers").
#pragma once

#include <array>
#include <cstdint>
#include <deque>

#include "foretoken/base/units.hpp"

namespace foretoken {

// When a copy ends is known when it is asked for: who comes while the other direction is busy gets what that leaves of
// both directions' bandwidth, and slows nobody who was there before.
class CopyLink {
 public:
  enum Direction : std::size_t { kRead, kWrite };

  // Bytes per second. Preconditions: read and write are above 0; `shared` is 0 (each direction has its own) or above
  // both.
  CopyLink(std::int64_t read, std::int64_t write, std::int64_t shared, Duration latency)
      : rates_{read, write}, shared_(shared), latency_(latency) {}

  struct Copy {
    TimePoint begin{}, end{};
  };
  // So many bytes, from `at` on, in `least` at the least.
  Copy copy(Direction direction, std::int64_t bytes, Duration least, TimePoint at);
  // Nothing will be asked for that begins before `known`.
  void forget_before(TimePoint known);
  [[nodiscard]] TimePoint free_at(Direction direction) const { return free_at_[direction]; }

 private:
  struct Busy {
    TimePoint begin{}, end{};
    std::int64_t rate = 0;
  };
  struct Progress {
    TimePoint at{};
    FineTotal left = 0;  // bytes x 1e9
  };
  void go_on(Direction direction, std::int64_t rate, TimePoint until, Progress& progress);

  std::array<std::int64_t, 2> rates_;
  std::int64_t shared_;
  Duration latency_;
  std::array<TimePoint, 2> free_at_{};
  std::array<std::deque<Busy>, 2> busy_;  // where they share, in the order of time
};

}  // namespace foretoken
