// KV blocks that decoding takes in every group of layers, less what leaves a window.
#pragma once

#include <algorithm>
#include <cstdint>

#include "serving/state/block_growth.hpp"

namespace foretoken {

// Blocks taken from the pool, and given back to it before that.
struct BlockFlow {
  std::int64_t taken = 0;
  std::int64_t given = 0;
  [[nodiscard]] std::int64_t net() const { return taken - given; }
  BlockFlow& operator-=(const BlockFlow& o) {
    taken -= o.taken;
    given -= o.given;
    return *this;
  }
};

// Members are known by key, as in BlockGrowth. Who has left the window gives a block back whenever the oldest token in
// it is a block's first, in every windowed group; all blocks of a step are given back before any is taken.
class KvGrowth {
 public:
  KvGrowth(std::int64_t block_size, const KvLayout& layout)
      : takes_(block_size),
        gives_(layout.windowed > 0 ? block_size : 0),
        groups_(layout.groups()),
        windowed_(layout.windowed),
        reach_(layout.window - 1) {}

  void add(std::int64_t key) { takes_.add(key); }
  void remove(std::int64_t key) { takes_.remove(key); }
  // It is a member, and its context has reached the window.
  void add_beyond_window(std::int64_t key) { gives_.add(key - reach_); }
  void remove_beyond_window(std::int64_t key) { gives_.remove(key - reach_); }

  // In the coming step, or in one member of it; in so many steps.
  [[nodiscard]] BlockFlow of_step(const TokenClock& clock) const {
    return {groups_ * takes_.at(clock), windowed_ == 0 ? 0 : windowed_ * gives_.at(clock)};
  }
  [[nodiscard]] BlockFlow of_member(std::int64_t key, bool beyond_window, const TokenClock& clock) const {
    return {groups_ * takes_.of_member(key, clock),
            windowed_ == 0 || !beyond_window ? 0 : windowed_ * gives_.of_member(key - reach_, clock)};
  }
  [[nodiscard]] BlockFlow over(const TokenClock& clock, std::int64_t steps) const {
    return {groups_ * takes_.over(clock, steps), windowed_ == 0 ? 0 : windowed_ * gives_.over(clock, steps)};
  }
  // Net, by the step that follows `steps` others.
  [[nodiscard]] std::int64_t at(const TokenClock& clock, std::int64_t steps) const {
    const std::int64_t taken = groups_ * takes_.at(clock, steps);
    return windowed_ == 0 ? taken : taken - windowed_ * gives_.at(clock, steps);
  }
  // The most that so many steps hold more than there was, at the end of any of them.
  [[nodiscard]] std::int64_t most_over(const TokenClock& clock, std::int64_t steps) const {
    if (windowed_ == 0) return groups_ * takes_.over(clock, steps);
    // What a period takes is not negative: the most comes in the last one.
    const std::int64_t before = std::max<std::int64_t>(0, steps - period(clock));
    std::int64_t sum = over(clock, before).net(), most = before > 0 ? sum : INT64_MIN;
    for (std::int64_t step = before; step < steps; ++step) most = std::max(most, sum += at(clock, step));
    return most;
  }
  // The most steps, up to `limit`, that at no time take more than `free` blocks, even if nothing were given back in a
  // step before all of it is taken: engines walk from request to request.
  [[nodiscard]] std::int64_t steps_within(const TokenClock& clock, std::int64_t free, std::int64_t limit) const {
    if (windowed_ == 0) return takes_.steps_within(clock, free / groups_, limit);
    if (takes_.count() == 0) return limit;
    std::int64_t most = 0, sum = 0;
    for (std::int64_t step = 0; step < period(clock); ++step) {
      most = std::max(most, sum + groups_ * takes_.at(clock, step));
      sum += at(clock, step);
    }
    std::int64_t steps = 0;
    if (free >= most) {
      if (sum <= 0) return limit;
      const std::int64_t periods = (free - most) / sum + 1;
      if (periods >= limit / period(clock) + 1) return limit;
      steps = periods * period(clock);
      free -= periods * sum;
    }
    for (; steps < limit && groups_ * takes_.at(clock, steps) <= free; ++steps) free -= at(clock, steps);
    return std::min(steps, limit);
  }
  // Steps until a call may find more free blocks beside its step's than the last one did, `limit` at most: windows give
  // back more than is taken. What a period takes is not negative, so it is in the first one or never.
  [[nodiscard]] std::int64_t steps_until_more(const TokenClock& clock, std::int64_t limit) const {
    if (windowed_ == 0 || gives_.count() == 0) return limit;
    std::int64_t sum = 0;
    for (std::int64_t step = 1; step <= std::min(period(clock), limit); ++step) {
      if ((sum += at(clock, step)) < 0) return step;
    }
    return limit;
  }
  [[nodiscard]] std::int64_t period(const TokenClock& clock) const { return takes_.period(clock); }
  // Net, in a period.
  [[nodiscard]] std::int64_t per_period(const TokenClock& clock) const {
    const std::int64_t taken = groups_ * takes_.per_period(clock);
    return windowed_ == 0 ? taken : taken - windowed_ * gives_.per_period(clock);
  }
  [[nodiscard]] std::int64_t count() const { return takes_.count(); }
  [[nodiscard]] bool grows() const { return takes_.grows(); }

 private:
  BlockGrowth takes_, gives_;
  std::int64_t groups_, windowed_;
  std::int64_t reach_;  // tokens before the newest that windowed layers still read
};

}  // namespace foretoken
