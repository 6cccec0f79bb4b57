// How many requests wait and are in the system as time goes by: what tells a queue that
// is in balance from one that grows.
#pragma once

#include <cstdint>
#include <vector>

#include "foretoken/serving/observer.hpp"

namespace foretoken {

// How fast requests pile up while they still arrive, in requests per second.
struct BacklogGrowth {
  double waiting = 0;    // arrived and not yet scheduled, over the second half of the arrivals
  double in_system = 0;  // arrived and not yet gone, after the first requests have had time to leave
  bool filled = false;   // false: the arrivals end too early for in_system to mean anything
  double arrival_rate = 0;
  double window = 0;            // seconds over which in_system was looked at
  double in_system_at_end = 0;  // before the last arrivals
  double waiting_window = 0;    // the same of waiting
  double waiting_at_end = 0;
};

// Counts on the clock, in buckets that double their width when a run outgrows kBuckets.
class BacklogSeries {
 public:
  BacklogSeries() : buckets_(kBuckets) {}
  void add(const RequestRecord& record);
  // `residence`: what a request usually spends in the system, say its p95.
  [[nodiscard]] BacklogGrowth growth(Duration residence) const;
  // Mean time in the system of those that arrived in the first sixteenth, while there was little backlog.
  [[nodiscard]] Duration early_residence() const;

 private:
  static constexpr std::size_t kBuckets = 8192;
  struct Bucket {
    std::int64_t arrived = 0;
    std::int64_t scheduled = 0;  // for the first time, or gone without
    std::int64_t left = 0;
    // Of those that arrived in it: how many finished, and their nanoseconds in all.
    std::int64_t finished = 0, residence = 0;
  };
  [[nodiscard]] Bucket& at(TimePoint time);
  [[nodiscard]] std::size_t index_of(TimePoint time) const {
    return static_cast<std::size_t>(time.time_since_epoch() / width_);
  }
  void double_width();

  std::vector<Bucket> buckets_;
  Duration width_{std::chrono::milliseconds{1}};
  TimePoint last_arrival_{};
};

}  // namespace foretoken
