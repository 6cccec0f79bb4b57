// Where requests wait before there is a replica for them (llm-d's flow control, Knative's activator).
#pragma once

#include <algorithm>
#include <deque>
#include <optional>

#include "foretoken/workload/request_source.hpp"

namespace foretoken {

class Lobby {
 public:
  struct Held {
    Request request;
    TimePoint since;
  };
  // So many at most, each so long.
  Lobby(std::int64_t most, Duration longest) : most_(most), longest_(longest) {}

  // False: it is full, or there is none.
  [[nodiscard]] bool hold(const Request& request, TimePoint now) {
    if (static_cast<std::int64_t>(waiting_.size()) >= most_) return false;
    waiting_.push_back({request, now});
    ++held_;
    return true;
  }
  // When the first that waits has waited too long.
  [[nodiscard]] TimePoint next_timeout() const { return waiting_.empty() ? kNever : waiting_.front().since + longest_; }
  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(waiting_.size()); }
  Held take() {
    const Held held = waiting_.front();
    waiting_.pop_front();
    return held;
  }
  // The request of this index goes; empty when it does not wait here.
  std::optional<Held> remove(std::int64_t index) {
    const auto place =
        std::find_if(waiting_.begin(), waiting_.end(), [&](const Held& h) { return h.request.index == index; });
    if (place == waiting_.end()) return std::nullopt;
    const Held held = *place;
    waiting_.erase(place);
    return held;
  }
  [[nodiscard]] std::int64_t held() const { return held_; }

 private:
  std::int64_t most_;
  Duration longest_;
  std::deque<Held> waiting_;  // all wait equally long: in the order of leaving
  std::int64_t held_ = 0;     // so far
};

}  // namespace foretoken
