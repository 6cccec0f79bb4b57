// The decoding requests of a rank as one aggregate: a step costs O(1) whatever
// their number, a join or a leave O(log n).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "foretoken/cost/step.hpp"
#include "foretoken/cost/token_clock.hpp"
#include "serving/requests/in_flight.hpp"
#include "serving/state/kv_growth.hpp"

namespace foretoken {

// The clock counts the tokens of a row; a member's context is its key + the clock. A row's last step may compute
// more tokens than it still had to emit: they are dropped, but had their place in the KV cache.
// Where rows put out different numbers of tokens (accepted drafts), the clock counts steps only, keys are contexts and
// advance_row() moves them; finishes and crossings are then for the caller to see, and blocks are the members' own.
class DecodeGroup {
 public:
  // growth_block_size: see BlockGrowth. sliding_window: 0 = none. tokens_per_row: of a step; 0: each row its own.
  // layout: where it has a window, it is sliding_window.
  DecodeGroup(InFlightTable& table, std::int64_t growth_block_size, std::int64_t sliding_window,
              std::int64_t tokens_per_row = 1, const KvLayout& layout = {})
      : table_(table),
        block_size_(tokens_per_row > 0 ? growth_block_size : 0),
        layout_(layout),
        growth_(block_size_, layout),
        window_(sliding_window),
        clock_(tokens_per_row) {}

  void join(RequestId id);
  void leave(RequestId id);
  // All members take so many steps.
  void advance(std::int64_t steps) {
    clock_.advance(steps);
    settle_window();
  }
  // `id` did not take part in the step just counted.
  void hold_back(RequestId id);
  // Where rows have their own numbers: so many tokens of `id` came out, no more than it had left.
  void advance_row(RequestId id, std::int64_t tokens);
  // Members whose last token is out, in no order that means anything; they have left the group.
  void take_finished(std::vector<RequestId>& out);

  [[nodiscard]] std::int64_t size() const { return size_; }
  // Rows have their own numbers of tokens.
  [[nodiscard]] bool by_row() const { return clock_.per_row() == 0; }
  [[nodiscard]] const TokenClock& clock() const { return clock_; }
  [[nodiscard]] std::int64_t context_of(const InFlight& r) const { return r.decode_key + clock_.now(); }
  [[nodiscard]] std::int64_t tokens_left(const InFlight& r) const {
    return std::max<std::int64_t>(0, r.finish_clock - clock_.now());
  }
  [[nodiscard]] DecodeShape shape() const { return {size_, context(), window_ == 0 ? 0 : windowed_sum()}; }
  [[nodiscard]] std::int64_t context() const { return key_sum_ + size_ * clock_.now(); }  // of all members
  [[nodiscard]] DecodeShape shape_without(const std::vector<RequestId>& skipped) const;
  // By which a step lets the context grow, and the windowed context until a member crosses the window.
  [[nodiscard]] TokenRate rate() const { return {size_, clock_.per_row()}; }
  [[nodiscard]] TokenRate rate_in_window() const { return {below_window_, clock_.per_row()}; }
  // Steps until the next member finishes or crosses the window. Precondition: not empty.
  [[nodiscard]] std::int64_t steps_until_change();
  // Blocks that all members, or one of them, take in the coming step.
  [[nodiscard]] BlockFlow flow_of_step() const { return growth_.of_step(clock_); }
  [[nodiscard]] BlockFlow flow_of_step(const InFlight& r) const {
    return growth_.of_member(r.decode_key, context_of(r) >= window_, clock_);
  }
  // The same less what leaves a window.
  [[nodiscard]] std::int64_t blocks_of_step() const { return flow_of_step().net(); }
  [[nodiscard]] std::int64_t blocks_of_step(const InFlight& r) const { return flow_of_step(r).net(); }
  // By all in so many steps.
  [[nodiscard]] BlockFlow flow_over(std::int64_t steps) const { return growth_.over(clock_, steps); }
  [[nodiscard]] std::int64_t blocks_over(std::int64_t steps) const { return flow_over(steps).net(); }
  [[nodiscard]] const KvGrowth& growth() const { return growth_; }

 private:
  struct Entry {
    std::int64_t clock;
    RequestId id;
    std::uint32_t stamp;
  };
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const { return a.clock > b.clock; }
  };
  [[nodiscard]] bool is_stale(const Entry& entry) const { return table_[entry.id].decode_stamp != entry.stamp; }
  void push(std::vector<Entry>& heap, Entry entry);
  void drop_stale(std::vector<Entry>& heap);
  void pop(std::vector<Entry>& heap);
  void enter(RequestId id);
  void withdraw(RequestId id);
  void settle_window();
  [[nodiscard]] std::int64_t windowed_sum() const {
    if (by_row()) return rows_windowed_;
    return below_key_sum_ + below_window_ * clock_.now() + (size_ - below_window_) * window_;
  }

  InFlightTable& table_;
  std::int64_t block_size_;
  KvLayout layout_;
  KvGrowth growth_;
  std::int64_t window_;
  TokenClock clock_;
  std::int64_t size_ = 0;
  std::int64_t key_sum_ = 0;
  std::int64_t below_window_ = 0;  // members whose context is below the window
  std::int64_t below_key_sum_ = 0;
  std::int64_t rows_windowed_ = 0;  // the windowed context, where rows have their own numbers
  std::vector<Entry> finishes_;     // heaps, earliest first; entries of members that left go stale
  std::vector<Entry> crossings_;
};

}  // namespace foretoken
