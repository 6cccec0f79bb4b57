// Who waits for admission: the queue that policies look at, and before it the inbox of those who came while
// a call was due that cannot know them (async_window.hpp).
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>

#include "foretoken/serving/engine_config.hpp"
#include "serving/queueing/queueing_policy.hpp"

namespace foretoken {

class WaitingRoom {
 public:
  explicit WaitingRoom(const EngineConfig& engine)
      : queue_(make_queueing_policy(engine)),
        counts_service_(foretoken::counts_service(engine)),
        timeout_(engine.queue_timeout),
        all_matter_(engine.lora.on()) {}

  [[nodiscard]] const QueueingPolicy& queue() const { return *queue_; }
  [[nodiscard]] QueueingPolicy& queue() { return *queue_; }
  [[nodiscard]] const Waiting* head() const { return queue_->head(); }
  [[nodiscard]] bool counts_service() const { return counts_service_; }  // the queue is told what is served
  [[nodiscard]] bool inbox_is_empty() const { return inbox_.empty(); }
  [[nodiscard]] std::int64_t size() const {
    const std::size_t in_inbox = inbox_.empty() ? 0 : inbox_.size();  // which a deque has to work out
    return static_cast<std::int64_t>(queue_->size() + in_inbox);
  }

  [[nodiscard]] std::int64_t prompt_tokens() const {
    std::int64_t tokens = queue_->prompt_tokens();
    for (const Inbound& in : inbox_) tokens += in.waiting.request.prompt_tokens;
    return tokens;
  }

  void to_inbox(const Waiting& waiting, TimePoint now) { inbox_.push_back({waiting, now}); }
  // Into the queue; true when it becomes its head, or those behind the head may enter too (LoRA: the head may be passed
  // over for its adapter).
  bool push(const Waiting& waiting) {
    queue_->push(waiting);
    return queue_->head()->request.index == waiting.request.index || all_matter_;
  }
  // Those who came by `until` go from the inbox into the queue; true when that is so of one of them.
  bool deliver(TimePoint until) {
    bool new_head = false;
    while (!inbox_.empty() && inbox_.front().since <= until) {
      new_head = push(inbox_.front().waiting) || new_head;
      inbox_.pop_front();
    }
    return new_head;
  }

  // The request of this index goes; empty when it does not wait.
  std::optional<Waiting> remove(std::int64_t index) {
    const auto in =
        std::find_if(inbox_.begin(), inbox_.end(), [&](const Inbound& i) { return i.waiting.request.index == index; });
    if (in == inbox_.end()) return queue_->remove(index);
    const Waiting waiting = in->waiting;
    inbox_.erase(in);
    return waiting;
  }

  // ---- queue_timeout ----
  [[nodiscard]] TimePoint next_timeout() const {
    if (timeout_ <= Duration{}) return kNever;
    const Waiting* oldest = longest_waiting();
    return oldest == nullptr ? kNever : oldest->request.known_at() + timeout_;
  }
  // Who was never admitted and has waited the longest. Null: nobody.
  [[nodiscard]] const Waiting* longest_waiting() const {
    const Waiting* in_queue = queue_->oldest();
    if (in_queue != nullptr) return in_queue;
    const auto fresh = oldest_in_inbox();
    return fresh == inbox_.end() ? nullptr : &fresh->waiting;
  }
  // It goes; true when it was the queue's head.
  bool pop_longest_waiting() {
    const Waiting* oldest = queue_->oldest();
    if (oldest == nullptr) {
      inbox_.erase(oldest_in_inbox());
      return false;
    }
    const bool was_head = queue_->head()->request.index == oldest->request.index;
    queue_->pop_oldest();
    return was_head;
  }

 private:
  struct Inbound {
    Waiting waiting;
    TimePoint since;  // it is here
  };
  [[nodiscard]] std::deque<Inbound>::const_iterator oldest_in_inbox() const {
    return std::find_if(inbox_.begin(), inbox_.end(),
                        [](const Inbound& in) { return in.waiting.resumed == kNoRequest; });
  }

  std::unique_ptr<QueueingPolicy> queue_;
  const bool counts_service_;
  std::deque<Inbound> inbox_;  // in the order in which they came
  Duration timeout_;
  bool all_matter_;  // not only who becomes the head
};

}  // namespace foretoken
