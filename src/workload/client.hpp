// The client side of a closed loop: seats of max_concurrency, and conversations.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "base/random.hpp"
#include "foretoken/base/units.hpp"
#include "workload/lengths/lengths.hpp"

namespace foretoken {

// The FIFO semaphore of `vllm bench serve --max-concurrency`: a send takes a seat, a finish
// gives it back (after think time and delay). Memory follows the seats in use, not the limit.
class Seats {
 public:
  explicit Seats(std::optional<std::int64_t> limit) : unlimited_(!limit), unused_(limit.value_or(0)) {}

  // When the next send may go; kNever while all seats are taken.
  [[nodiscard]] TimePoint available() const {
    if (unlimited_ || unused_ > 0) return TimePoint::min();
    return freed_.empty() ? kNever : freed_.top();
  }
  // Precondition: available() is not kNever.
  void take() {
    if (unlimited_) return;
    if (unused_ > 0) {
      --unused_;
    } else {
      freed_.pop();
    }
  }
  void give_back(TimePoint at) {
    if (!unlimited_) freed_.push(at);
  }

 private:
  bool unlimited_;
  std::int64_t unused_;
  std::priority_queue<TimePoint, std::vector<TimePoint>, std::greater<>> freed_;
};

// One conversation. Everything random about it comes from a stream of its own, so that what
// is said does not depend on when other conversations' answers arrive.
struct Conversation {
  RandomStream stream;
  std::int64_t said = 0;        // tokens so far, answers included
  std::int64_t turns_left = 0;  // after the one under way
  std::int16_t class_index = 0;
  std::int16_t adapter = -1;  // of all its turns
  std::int32_t number = 0;    // in order of opening
};

// Conversations under way. A turn's prompt is everything said so far plus the new input.
class Conversations {
 public:
  Conversations(const SessionConfig& config, std::uint64_t seed) : config_(config), turns_(config.turns), seed_(seed) {}

  // A new conversation; the first turn is to be sent.
  [[nodiscard]] Conversation open(std::int16_t class_index);
  // Request `index` is a turn of `conversation`.
  void sent(std::int64_t index, Conversation conversation);
  // Request `index` of `tokens` (prompt and output) left the system. True when the
  // conversation goes on: its next turn waits in the queue.
  [[nodiscard]] bool finished(std::int64_t index, std::int64_t tokens, TimePoint now, Duration delay);

  [[nodiscard]] TimePoint next_turn() const { return queue_.empty() ? kNever : queue_.top().at; }
  [[nodiscard]] Conversation take_turn();

 private:
  struct Turn {
    TimePoint at{};
    std::int64_t after = 0;  // index of the request before: ties go to the older
    Conversation conversation;
    bool operator>(const Turn& o) const { return at != o.at ? at > o.at : after > o.after; }
  };

  SessionConfig config_;
  LengthSampler turns_;
  std::uint64_t seed_;
  std::uint64_t opened_ = 0;
  std::unordered_map<std::int64_t, Conversation> in_flight_;  // by request index; never iterated
  std::priority_queue<Turn, std::vector<Turn>, std::greater<>> queue_;
};

}  // namespace foretoken
