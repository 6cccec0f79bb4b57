// Where a request's time goes, in O(parts) per request: the rank keeps running
// totals, a request keeps what they were when it joined.
#pragma once

#include <algorithm>
#include <array>

#include "foretoken/base/units.hpp"
#include "foretoken/cost/step.hpp"
#include "foretoken/serving/observer.hpp"

namespace foretoken {

// Time since the run began that every decoding request of a rank has spent.
struct DecodeTotals {
  std::array<FineTotal, kTimeParts> parts{};
  FineTotal interference{};  // steps less the same steps without their prefill chunks

  DecodeTotals& operator+=(const DecodeTotals& o);
  DecodeTotals& operator-=(const DecodeTotals& o);
};

// How long the head of a rank's queue has lacked KV blocks, as of any instant.
class KvWaitClock {
 public:
  void set_blocked(bool blocked, TimePoint now) {
    if (blocked == blocked_) return;
    if (blocked_) sum_ += now - since_;
    blocked_ = blocked;
    since_ = now;
  }
  [[nodiscard]] Duration at(TimePoint now) const { return blocked_ ? sum_ + (now - since_) : sum_; }

 private:
  Duration sum_{};
  TimePoint since_{};
  bool blocked_ = false;
};

// One request's account. Its life is cut into waiting, prefill, decode and (after a
// preemption) recovery, and again waiting where it was handed over to; each cut settles what came before.
class Account {
 public:
  // Admitted, after so long in a queue.
  void scheduled(Duration waited, Duration waited_for_kv) {
    queue_ += waited - waited_for_kv;
    kv_wait_ += waited_for_kv;
  }
  // Of what it waited in a queue, for its KV cache to come nearer.
  void waited_for_copies(Duration copies) {
    const Duration queued = std::min(copies, queue_);
    queue_ -= queued;
    kv_wait_ -= copies - queued;
    transfer_ += copies;
  }
  void transferred(Duration transfer) { transfer_ += transfer; }
  // On the way from rank to rank, but for the transfer.
  void handed_over(Duration wait) { hand_over_ += wait; }
  // Its chunk was `tokens` of the `step_tokens` prefill tokens of a step.
  void prefilled(const StepTime& step, std::int64_t tokens, std::int64_t step_tokens);
  // In flight before its first token, but left out of a step.
  void left_out(FineDuration step) { prefill_interference_ += step.units; }
  // The same after the first token, where the request was handed over: it decodes, though as a chunk.
  void decoded_as_chunk(const StepTime& step, std::int64_t tokens, std::int64_t step_tokens);
  // `elapsed` since the arrival.
  void first_token(Duration elapsed);
  void joined_decode(const DecodeTotals& now) { decode_ -= now; }
  void left_decode(const DecodeTotals& now);
  // A decoding request left out of a step: nothing of `step` is its own.
  void sat_out(const DecodeTotals& step, FineDuration time);
  void recovered(Duration recovery) { recovery_ += recovery; }

  [[nodiscard]] const Attribution& ttft() const { return ttft_; }
  // Parts of `elapsed` since the arrival; call after left_decode.
  [[nodiscard]] Attribution total(Duration elapsed) const;

 private:
  std::array<FineTotal, kTimeParts> prefill_{};
  FineTotal prefill_interference_{};
  DecodeTotals decode_;  // of one that decodes, less the rank's totals when it joined
  Attribution ttft_{};
  // Since the arrival, or since the first token.
  Duration queue_{};
  Duration kv_wait_{};
  Duration transfer_{};
  Duration hand_over_{};
  Duration recovery_{};
};

}  // namespace foretoken
