// async_scheduling: what a call may know that was due before the result of the running step.
// The step after next is planned when a step begins, before its result is known
// (vLLM from 0.14, engine/core.py step_with_batch_queue; SGLang's and TensorRT-LLM's overlap scheduler;
// src/serving/README.md, "Async window".) The simulation plans a step when the one before it ends, with what
// was known when that one began:
//   - arrivals since then wait in the inbox (WaitingRoom), so that an arrival cuts a stretch one boundary later;
//   - requests that finish with it do so unseen by this one call (RankState::finish_unseen): they keep their seat and
//     blocks, and have a row whose token is dropped, unless the engine foresaw the end (LastRow);
//   - what it computes counts as computed, as engines count it on planning; but an engine that stores whole contexts
//     (TensorRT-LLM, _process_previous_batch) stores those that it completes after the call.
// A plan so made that is empty is made again at once, as an engine with nothing to run waits for the
// result. Left out: a request that gives up its wait leaves the step planned with it; a token in flight when
// SGLang retracts its request is kept.
#pragma once

#include <utility>

#include "foretoken/base/units.hpp"

namespace foretoken {

class AsyncWindow {
 public:
  explicit AsyncWindow(bool enabled) : enabled_(enabled) {}
  [[nodiscard]] bool enabled() const { return enabled_; }

  // Steps have ended: the next call was due when the last of them began, and knows what was known then.
  void open(TimePoint last_began) {
    call_is_due_ = enabled_;
    known_until_ = last_began;
  }
  // Until when the coming call knows of arrivals.
  [[nodiscard]] TimePoint known_until(TimePoint now) const { return call_is_due_ ? known_until_ : now; }
  // The call is made. False: nothing was running, and it knows all.
  [[nodiscard]] bool take_due_call() { return std::exchange(call_is_due_, false); }

 private:
  bool enabled_;
  bool call_is_due_ = false;
  TimePoint known_until_{};
};

}  // namespace foretoken
