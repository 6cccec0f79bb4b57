// Which candidates of a router take requests: those of a fleet while they are ready, others always.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "serving/fleet/slow_start.hpp"

namespace foretoken {

class Takers {
 public:
  // So many more candidates.
  void add(int candidates, bool take) {
    takes_.insert(takes_.end(), static_cast<std::size_t>(candidates), take ? 1 : 0);
    count_ += take ? candidates : 0;
  }
  void set(int candidate, bool takes) {
    std::uint8_t& now = takes_[static_cast<std::size_t>(candidate)];
    count_ += static_cast<int>(takes) - now;
    now = takes ? 1 : 0;
  }
  // New ones get their shares little by little from now on.
  void start_slowly(SlowStart slow_start) { slow_start_ = std::move(slow_start); }
  void begins(int candidate, TimePoint now) {
    if (slow_start_) slow_start_->begins(candidate, now);
  }
  [[nodiscard]] int count() const { return count_; }
  // By candidate; null: all take.
  [[nodiscard]] const std::vector<std::uint8_t>* absent() const {
    return count_ == static_cast<int>(takes_.size()) ? nullptr : &takes_;
  }
  // The same for one request, which is sent to one of them then.
  [[nodiscard]] const std::vector<std::uint8_t>* for_next(TimePoint now) {
    return slow_start_ && count_ > 0 && slow_start_->is_on(now) ? &slow_start_->among(takes_, now) : absent();
  }
  void sent(int candidate) {
    if (slow_start_) slow_start_->sent(candidate);
  }

 private:
  std::vector<std::uint8_t> takes_;
  int count_ = 0;
  std::optional<SlowStart> slow_start_;
};

}  // namespace foretoken
