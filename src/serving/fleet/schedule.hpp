// How many replicas a schedule wants when.
#pragma once

#include <algorithm>

#include "foretoken/serving/fleet_config.hpp"

namespace foretoken {

// Entries in order of time; with a period (longer than the last entry's time) they come again and again.
class FleetSchedule {
 public:
  explicit FleetSchedule(const FleetConfig& config) : entries_(config.schedule), period_(config.period) {}

  [[nodiscard]] TimePoint next() const { return next_ < entries_.size() ? begin_ + entries_[next_].at : kNever; }
  // Precondition: next() is not kNever.
  int take() {
    const int replicas = entries_[next_].replicas;
    if (++next_ == entries_.size() && period_ > Duration{}) {
      next_ = 0;
      begin_ += period_;
    }
    return replicas;
  }

 private:
  std::vector<WantedReplicas> entries_;
  Duration period_;
  TimePoint begin_{};  // of this period
  std::size_t next_ = 0;
};

}  // namespace foretoken
