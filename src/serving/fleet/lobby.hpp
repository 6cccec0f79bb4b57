// Where requests wait before there is a replica for them (llm-d's flow control, Knative's activator).
#pragma once

#include <algorithm>
#include <deque>
#include <optional>

#include "foretoken/workload/request_source.hpp"

namespace foretoken {

class Lobby {
 public:
  // So many at most, each so long.
  Lobby(std::int64_t most, Duration longest) : most_(most), longest_(longest) {}

  // False: it is full, or there is none.
  [[nodiscard]] bool hold(const Request& request, TimePoint now) {
    if (static_cast<std::int64_t>(waiting_.size()) >= most_) return false;
    waiting_.push_back({request, now + longest_});
    ++held_;
    return true;
  }
  // When the first that waits has waited too long.
  [[nodiscard]] TimePoint next_timeout() const { return waiting_.empty() ? kNever : waiting_.front().until; }
  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(waiting_.size()); }
  Request take() {
    const Request request = waiting_.front().request;
    waiting_.pop_front();
    return request;
  }
  // The request of this index goes; empty when it does not wait here.
  std::optional<Request> remove(std::int64_t index) {
    const auto place =
        std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) { return w.request.index == index; });
    if (place == waiting_.end()) return std::nullopt;
    const Request request = place->request;
    waiting_.erase(place);
    return request;
  }
  [[nodiscard]] std::int64_t held() const { return held_; }

 private:
  struct Waiting {
    Request request;
    TimePoint until;
  };
  std::int64_t most_;
  Duration longest_;
  std::deque<Waiting> waiting_;  // all wait equally long: in the order of leaving
  std::int64_t held_ = 0;        // so far
};

}  // namespace foretoken
