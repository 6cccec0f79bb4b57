// Where a request's time goes, in O(parts) per request: the replica keeps running
// totals, a request keeps what they were when it joined.
#pragma once

#include <array>

#include "foretoken/base/units.hpp"
#include "foretoken/cost/step.hpp"
#include "foretoken/serving/observer.hpp"

namespace foretoken {

// Time since the run began that every decoding request of a replica has spent.
struct DecodeTotals {
  std::array<FineTotal, kTimeParts> parts{};
  FineTotal interference{};  // steps less the same steps without their prefill chunks

  DecodeTotals& operator+=(const DecodeTotals& o);
  DecodeTotals& operator-=(const DecodeTotals& o);
};

// How long the head of a replica's queue has lacked KV blocks, as of any instant.
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
// preemption) recovery; each cut settles what came before.
class Account {
 public:
  void scheduled(Duration waited, Duration waited_for_kv);
  // Its chunk was `tokens` of the `step_tokens` prefill tokens of a step.
  void prefilled(const StepTime& step, std::int64_t tokens, std::int64_t step_tokens);
  // In flight before its first token, but left out of a step.
  void left_out(FineDuration step) { prefill_interference_ += step.units; }
  // First token: `elapsed` since the arrival. Recovery counts when it was preempted before.
  void first_token(Duration elapsed, Duration recovery);
  void joined_decode(const DecodeTotals& now) { mark_ = now; }
  void left_decode(const DecodeTotals& now);
  // A decoding request left out of a step: nothing of `step` is its own.
  void skipped(const DecodeTotals& step, FineDuration time);
  void recovered(Duration recovery) { recovery_ += recovery; }

  [[nodiscard]] const Attribution& ttft() const { return ttft_; }
  // Parts of `elapsed` since the arrival; call after left_decode.
  [[nodiscard]] Attribution total(Duration elapsed) const;

 private:
  std::array<FineTotal, kTimeParts> prefill_{};
  FineTotal prefill_interference_{};
  DecodeTotals decode_;  // settled
  DecodeTotals mark_;
  Attribution ttft_{};
  Duration queue_{};
  Duration kv_wait_{};
  Duration recovery_{};  // after the first token
};

}  // namespace foretoken
