// async_scheduling: the step after next is planned when a step begins, before its result is known.
// (vLLM from 0.14, engine/core.py step_with_batch_queue; SGLang's and TensorRT-LLM's overlap scheduler;
// engines.md 2.5, 4.6, 5.) The simulation plans a step when the one before it ends, with what
// was known when that one began:
//   - arrivals since then wait in the inbox, so that an arrival cuts a stretch one boundary later;
//   - requests that finish with it do so unseen by this one call: they keep their seat and blocks, and
//     have a row whose token is dropped, unless the engine foresaw the end (LastRow);
//   - what it computes counts as computed, as engines count it on planning; but an engine that stores whole contexts
//     (TensorRT-LLM, _process_previous_batch) stores those that it completes after the call.
// A plan so made that is empty is made again at once, as an engine with nothing to run waits for the
// result. Left out: a request that gives up its wait leaves the step planned with it; a token in flight when
// SGLang retracts its request is kept.
#include <algorithm>

#include "serving/engine_rank.hpp"

namespace foretoken {

// When the last of the running steps began.
TimePoint EngineRank::begin_of_last_step() const {
  return steps_ == 1 ? begin_ : boundary_after(run_.elapsed(steps_ - 1));
}

// Into the queue with those who came by `until`; true when one of them is its head.
bool EngineRank::deliver(TimePoint until) {
  bool new_head = false;
  while (!inbox_.empty() && inbox_.front().request.arrival <= until) {
    const std::int64_t index = inbox_.front().request.index;
    state_.waiting_->push(inbox_.front());
    inbox_.pop_front();
    new_head = new_head || state_.waiting_->head()->request.index == index;
  }
  return new_head;
}

// The call is over, and what it could not know comes to light. True when the next call may plan otherwise.
bool EngineRank::reveal(TimePoint now) {
  bool changes = !state_.unpublished_.empty() && state_.waiting_->head() != nullptr;
  state_.publish_all();
  if (!state_.unseen_finishes_.empty()) {
    const std::int64_t rows = state_.decodes_.size();
    const DecodeGroup& decodes = state_.decodes_;
    for (const RequestId id : state_.unseen_finishes_) {
      if (state_[id].phase == Phase::decoding && !plan_.hold_decodes && std::erase(plan_.skipped, id) == 0) {
        --decode_rows_;
        if (decodes.growth().needs_block(state_[id].decode_key, decodes.clock())) state_.block_goes_round();
      }
      state_.remove(id);
    }
    state_.unseen_finishes_.clear();
    changes = changes || state_.decodes_.size() < rows || state_.waiting_->head() != nullptr || !inbox_.empty();
  }
  const bool new_head = deliver(now);
  return changes || (new_head && policy_->may_change_plan(state_));
}

}  // namespace foretoken
