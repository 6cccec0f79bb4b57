// The client side of a closed loop: seats of max_concurrency, and conversations.
#pragma once

#include <cstdint>
#include <queue>
#include <unordered_map>
#include <vector>

#include "foretoken/base/random.hpp"
#include "foretoken/workload/request.hpp"
#include "workload/lengths.hpp"

namespace foretoken {

// The FIFO semaphore of `vllm bench serve --max-concurrency`: a send takes a seat, a
// finish gives it back (after think time and delay).
class Seats {
 public:
  explicit Seats(std::optional<std::int64_t> limit) : unlimited_(!limit), unused_(limit.value_or(0)) {}

  // When the next send may go; kNever while all seats are taken.
  [[nodiscard]] TimePoint available() const {
    if (unlimited_ || unused_ > 0) return TimePoint::min();
    return freed_.empty() ? kNever : freed_.top();
  }
  void take() {
    if (unlimited_) return;
    if (unused_ > 0) --unused_;
    else freed_.pop();
  }
  void give_back(TimePoint at) {
    if (!unlimited_) freed_.push(at);
  }

 private:
  bool unlimited_;
  std::int64_t unused_;
  std::priority_queue<TimePoint, std::vector<TimePoint>, std::greater<>> freed_;
};

// A pause between a finish and the next send.
class Pause {
 public:
  Pause(const PauseConfig& config, std::uint64_t seed, std::string_view purpose) : config_(config), random_(seed, purpose) {}
  [[nodiscard]] Duration sample();

 private:
  PauseConfig config_;
  RandomStream random_;
};

// Conversations under way. A turn's prompt is everything said so far plus the new input.
class Conversations {
 public:
  Conversations(const std::optional<SessionConfig>& config, std::uint64_t seed);

  struct Turn {
    TimePoint at{};
    std::int64_t order = 0;  // ties go by the age of the turn before
    std::int64_t said = 0;   // tokens of the conversation so far
    std::int64_t turns_left = 0;
    std::int16_t class_index = 0;
    bool operator>(const Turn& o) const { return at != o.at ? at > o.at : order > o.order; }
  };

  // Request `index` opens a conversation, or is the turn `turn` of one.
  void opened(std::int64_t index);
  void continued(std::int64_t index, const Turn& turn);
  // True when the conversation goes on: its next turn waits in the queue.
  bool finished(const Request& request, TimePoint now, Duration delay);

  [[nodiscard]] TimePoint next() const { return turns_.empty() ? kNever : turns_.top().at; }
  [[nodiscard]] Turn take();
  [[nodiscard]] std::int64_t waiting() const { return static_cast<std::int64_t>(turns_.size()); }
  [[nodiscard]] bool enabled() const { return lengths_ != nullptr; }

 private:
  std::unique_ptr<LengthSampler> lengths_;
  RandomStream random_;
  Pause pause_;
  std::unordered_map<std::int64_t, std::int64_t> turns_left_;  // by the index of the request in flight
  std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns_;
};

}  // namespace foretoken
