// The admitted requests in the order in which an engine walks them: that of admission.
#pragma once

#include <algorithm>
#include <vector>

#include "serving/requests/in_flight.hpp"

namespace foretoken {

// A list through InFlight::previous and next.
class RunningList {
 public:
  explicit RunningList(InFlightTable& table) : table_(table) {}

  [[nodiscard]] RequestId first() const { return first_; }
  [[nodiscard]] RequestId last() const { return last_; }
  [[nodiscard]] std::int64_t size() const { return size_; }
  // Those that prefill, in the list's order.
  [[nodiscard]] const std::vector<RequestId>& prefilling() const { return prefilling_; }
  // True when some decoding request may stand behind a prefilling one.
  [[nodiscard]] bool prefill_before_decode() const {
    return !prefilling_.empty() && table_[prefilling_.front()].admission < youngest_decode_;
  }

  // At the tail, prefilling.
  void add(RequestId id) {
    link(id);
    prefilling_.push_back(id);
  }
  void remove(RequestId id) { unlink(id); }
  void move_to_tail(RequestId id) {
    unlink(id);
    link(id);
    if (table_[id].phase == Phase::decoding) {
      youngest_decode_ = table_[id].admission;
    } else {
      prefilled(id);
      prefilling_.push_back(id);
    }
  }
  void prefilled(RequestId id) { std::erase(prefilling_, id); }
  void decodes(RequestId id) { youngest_decode_ = std::max(youngest_decode_, table_[id].admission); }

 private:
  void link(RequestId id) {
    InFlight& r = table_[id];
    r.admission = admissions_++;
    r.previous = last_;
    r.next = kNoRequest;
    (last_ == kNoRequest ? first_ : table_[last_].next) = id;
    last_ = id;
    ++size_;
  }
  void unlink(RequestId id) {
    const InFlight& r = table_[id];
    (r.previous == kNoRequest ? first_ : table_[r.previous].next) = r.next;
    (r.next == kNoRequest ? last_ : table_[r.next].previous) = r.previous;
    --size_;
  }

  InFlightTable& table_;
  std::vector<RequestId> prefilling_;
  RequestId first_ = kNoRequest;
  RequestId last_ = kNoRequest;
  std::int64_t size_ = 0;
  std::int64_t admissions_ = 0;
  std::int64_t youngest_decode_ = -1;  // highest admission number that ever decoded
};

}  // namespace foretoken
