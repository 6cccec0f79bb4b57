// Who waits for admission: the queue that policies look at, and before it the inbox of those who came while
// a call was due that cannot know them (async_window.hpp).
#pragma once

#include <deque>
#include <memory>

#include "foretoken/serving/engine_config.hpp"
#include "serving/queueing/queueing_policy.hpp"

namespace foretoken {

class WaitingRoom {
 public:
  explicit WaitingRoom(const EngineConfig& engine)
      : queue_(make_queueing_policy(engine)), timeout_(engine.queue_timeout) {}

  [[nodiscard]] const QueueingPolicy& queue() const { return *queue_; }
  [[nodiscard]] QueueingPolicy& queue() { return *queue_; }
  [[nodiscard]] const Waiting* head() const { return queue_->head(); }
  [[nodiscard]] bool inbox_is_empty() const { return inbox_.empty(); }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(queue_->size() + inbox_.size()); }

  void to_inbox(const Waiting& waiting) { inbox_.push_back(waiting); }
  // Into the queue; true when it becomes its head.
  bool push(const Waiting& waiting) {
    queue_->push(waiting);
    return queue_->head()->request.index == waiting.request.index;
  }
  // Those who came by `until` go from the inbox into the queue; true when one of them becomes its head.
  bool deliver(TimePoint until) {
    bool new_head = false;
    while (!inbox_.empty() && inbox_.front().request.arrival <= until) {
      new_head = push(inbox_.front()) || new_head;
      inbox_.pop_front();
    }
    return new_head;
  }

  // ---- queue_timeout ----
  [[nodiscard]] TimePoint next_timeout() const {
    if (timeout_ <= Duration{}) return kNever;
    const Waiting* oldest = longest_waiting();
    return oldest == nullptr ? kNever : oldest->request.arrival + timeout_;
  }
  // Who was never admitted and has waited the longest. Null: nobody.
  [[nodiscard]] const Waiting* longest_waiting() const {
    const Waiting* in_queue = queue_->oldest();
    return in_queue != nullptr || inbox_.empty() ? in_queue : &inbox_.front();
  }
  // It goes; true when it was the queue's head.
  bool pop_longest_waiting() {
    const Waiting* oldest = queue_->oldest();
    if (oldest == nullptr) {
      inbox_.pop_front();
      return false;
    }
    const bool was_head = queue_->head()->request.index == oldest->request.index;
    queue_->pop_oldest();
    return was_head;
  }

 private:
  std::unique_ptr<QueueingPolicy> queue_;
  std::deque<Waiting> inbox_;  // in order of arrival
  Duration timeout_;
};

}  // namespace foretoken
