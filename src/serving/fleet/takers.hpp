// Which candidates of a router take requests: those of a fleet while they are ready, others always.
#pragma once

#include <cstdint>
#include <vector>

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
  [[nodiscard]] int count() const { return count_; }
  // By candidate; null: all take.
  [[nodiscard]] const std::vector<std::uint8_t>* absent() const {
    return count_ == static_cast<int>(takes_.size()) ? nullptr : &takes_;
  }

 private:
  std::vector<std::uint8_t> takes_;
  int count_ = 0;
};

}  // namespace foretoken
