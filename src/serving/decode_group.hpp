// The decoding requests of a rank as one aggregate: a step costs O(1) whatever
// their number, a join or a leave O(log n).
#pragma once

#include <cstdint>
#include <vector>

#include "foretoken/cost/step.hpp"
#include "serving/block_growth.hpp"
#include "serving/in_flight.hpp"

namespace foretoken {

// The clock counts decode steps; a member's context is its key + the clock.
class DecodeGroup {
 public:
  // growth_block_size: see BlockGrowth. sliding_window: 0 = none.
  DecodeGroup(InFlightTable& table, std::int64_t growth_block_size, std::int64_t sliding_window)
      : table_(table), growth_(growth_block_size), window_(sliding_window) {}

  void join(RequestId id);
  void leave(RequestId id);
  // All members emit `steps` tokens.
  void advance(std::int64_t steps) {
    clock_ += steps;
    settle_window();
  }
  // `id` did not take part in the step just counted.
  void hold_back(RequestId id);
  // Members whose last token is out, in no order that means anything; they have left the group.
  void take_finished(std::vector<RequestId>& out);

  [[nodiscard]] std::int64_t size() const { return size_; }
  [[nodiscard]] std::int64_t clock() const { return clock_; }
  [[nodiscard]] std::int64_t context_of(const InFlight& r) const { return r.decode_key + clock_; }
  [[nodiscard]] std::int64_t steps_left(const InFlight& r) const { return r.finish_clock - clock_; }
  [[nodiscard]] DecodeShape shape() const {
    return {size_, key_sum_ + size_ * clock_, window_ == 0 ? 0 : windowed_sum()};
  }
  [[nodiscard]] DecodeShape shape_without(const std::vector<RequestId>& skipped) const;
  // Rows whose windowed context still grows by one a step.
  [[nodiscard]] std::int64_t growing_in_window() const { return below_window_; }
  // Steps until the next member finishes or crosses the window. Precondition: not empty.
  [[nodiscard]] std::int64_t steps_until_change();
  [[nodiscard]] const BlockGrowth& growth() const { return growth_; }

 private:
  struct Entry {
    std::int64_t clock;
    RequestId id;
    std::uint32_t stamp;
  };
  static bool later(const Entry& a, const Entry& b) { return a.clock > b.clock; }
  [[nodiscard]] bool is_stale(const Entry& entry) const { return table_[entry.id].decode_stamp != entry.stamp; }
  void push(std::vector<Entry>& heap, Entry entry);
  void drop_stale(std::vector<Entry>& heap);
  void pop(std::vector<Entry>& heap);
  void enter(RequestId id);
  void withdraw(RequestId id);
  void settle_window();
  [[nodiscard]] std::int64_t windowed_sum() const {
    return below_key_sum_ + below_window_ * clock_ + (size_ - below_window_) * window_;
  }

  InFlightTable& table_;
  BlockGrowth growth_;
  std::int64_t window_;
  std::int64_t clock_ = 0;
  std::int64_t size_ = 0;
  std::int64_t key_sum_ = 0;
  std::int64_t below_window_ = 0;  // members whose context is below the window
  std::int64_t below_key_sum_ = 0;
  std::vector<Entry> finishes_;  // heaps, earliest first; entries of members that left go stale
  std::vector<Entry> crossings_;
};

}  // namespace foretoken
