// Requests and answers by time, in slots that double their width as a run goes on.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "foretoken/workload/client_config.hpp"

namespace foretoken {

class AnswerSlots {
 public:
  [[nodiscard]] ClientTotals::Slot& at(TimePoint time) {
    while (time.time_since_epoch() / width_ >= kMost) double_width();
    const auto slot = static_cast<std::size_t>(time.time_since_epoch() / width_);
    if (slot >= slots_.size()) slots_.resize(slot + 1);
    return slots_[slot];
  }
  [[nodiscard]] Duration width() const { return width_; }
  [[nodiscard]] std::vector<ClientTotals::Slot> take() { return std::move(slots_); }

 private:
  static constexpr std::int64_t kMost = 256;

  void double_width() {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const ClientTotals::Slot slot = std::exchange(slots_[i], {});
      ClientTotals::Slot& into = slots_[i / 2];
      into.offered += slot.offered;
      into.answered += slot.answered;
      into.served += slot.served;
    }
    slots_.resize((slots_.size() + 1) / 2);
    width_ *= 2;
  }

  Duration width_{std::chrono::milliseconds{100}};
  std::vector<ClientTotals::Slot> slots_;
};

}  // namespace foretoken
