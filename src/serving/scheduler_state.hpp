// What a batching policy sees of its replica, and the moves it can make.
#pragma once

#include <memory>
#include <vector>

#include "foretoken/serving/engine_config.hpp"
#include "serving/decode_group.hpp"
#include "serving/in_flight.hpp"
#include "serving/queueing/queueing_policy.hpp"

namespace foretoken {

// How a policy takes KV blocks for a decoding request.
enum class BlockPolicy {
  grow,     // one more whenever a block is full
  reserve,  // all of max_model_len on admission
};

// What a step planned before a request's last token was out still holds of that request (async_scheduling).
enum class LastRow {
  wasted,    // one more row, whose token is dropped
  foreseen,  // the same, unless the request ended by its max_tokens
};

// Where a preempted request waits.
enum class Requeue { first, last };

class SchedulerState {
 public:
  SchedulerState(const EngineConfig& config, BlockPolicy blocks, std::int64_t sliding_window);
  SchedulerState(const SchedulerState&) = delete;
  SchedulerState& operator=(const SchedulerState&) = delete;

  const EngineConfig config;
  const bool by_priority;  // scheduling_policy

  [[nodiscard]] std::int64_t free_blocks() const { return config.usable_blocks() - used_blocks_; }
  [[nodiscard]] std::int64_t used_blocks() const { return used_blocks_; }
  // What a request, or all running ones together, would hold after max_tokens tokens.
  [[nodiscard]] std::int64_t committed_blocks(const Request& request) const {
    return blocks_for(std::int64_t{request.prompt_tokens} + request.max_tokens, config.block_size);
  }
  [[nodiscard]] std::int64_t committed_blocks() const { return committed_blocks_; }
  // Blocks the decoding requests take in the coming step, not yet counted as used.
  [[nodiscard]] std::int64_t decode_blocks_needed() const { return decodes_.growth().at(decodes_.clock()); }
  // More blocks `r` needs to have `tokens` tokens cached.
  [[nodiscard]] std::int64_t blocks_needed(const InFlight& r, std::int64_t tokens) const;

  [[nodiscard]] const QueueingPolicy& waiting() const { return *waiting_; }
  [[nodiscard]] const InFlight& operator[](RequestId id) const { return table_[id]; }
  [[nodiscard]] const DecodeGroup& decodes() const { return decodes_; }
  // In the running list's order, which is the order of admission.
  [[nodiscard]] const std::vector<RequestId>& prefilling() const { return prefilling_; }
  [[nodiscard]] RequestId first_running() const { return first_; }
  [[nodiscard]] RequestId last_running() const { return last_; }
  [[nodiscard]] std::int64_t running() const { return running_; }
  // True when some decoding request may stand behind a prefilling one in the running list.
  [[nodiscard]] bool prefill_before_decode() const {
    return !prefilling_.empty() && table_[prefilling_.front()].admission < youngest_decode_;
  }

  // The head of the queue goes to the tail of the running list. It holds no blocks yet
  // (all of max_model_len under BlockPolicy::reserve).
  RequestId admit(TimePoint now, const KvWaitClock& kv_wait);
  // A running request becomes the last of the running list.
  void to_tail(RequestId id);
  // Blocks until `tokens` tokens of `id` are cached. Precondition: they are free.
  void take_blocks(RequestId id, std::int64_t tokens);
  // Frees its blocks and puts it back into the queue; its output so far stays known. A request that
  // has finished is let go.
  void preempt(RequestId id, TimePoint now, const DecodeTotals& totals, Requeue where);

 private:
  friend class Replica;

  // Decoding requests that a step of prefill only left out, by the time of their last token.
  struct Held {
    TimePoint last_token;
    std::int64_t rows;
  };

  // Its last token is out, but the call for the next step shall not know: it keeps its seat and blocks,
  // and with `row` it decodes.
  void linger(RequestId id, bool row);
  void let_go(RequestId id);
  void let_all_go();
  void hold_decodes(TimePoint since);
  [[nodiscard]] std::int64_t held_rows() const;
  void link(RequestId id);  // at the running list's tail
  void unlink(RequestId id);
  void tell(LifecycleEdge edge, RequestId id, TimePoint now) const;
  void settle_blocks(InFlight& r) const;
  void release(RequestId id);  // its blocks; a decoding request must have left the group

  BlockPolicy block_policy_;
  InFlightTable table_;
  DecodeGroup decodes_;
  std::unique_ptr<QueueingPolicy> waiting_;
  std::vector<RequestId> prefilling_;
  std::vector<RequestId> lagging_;  // decoding, but sat out the last step
  std::vector<Held> held_;          // all of them left out of the last step; else empty
  std::vector<RequestId> lingering_;
  TimePoint last_decode_end_{};     // end of the last step the decoding requests took part in
  RequestId first_ = kNoRequest;
  RequestId last_ = kNoRequest;
  std::int64_t running_ = 0;
  std::int64_t used_blocks_ = 0;
  std::int64_t committed_blocks_ = 0;
  std::int64_t admissions_ = 0;
  std::int64_t youngest_decode_ = -1;  // highest admission number that ever decoded
  std::int64_t preemptions_ = 0;
  std::int64_t evictions_ = 0;         // preemptions, and those let go when they were to be preempted
  Observer* lifecycle_ = nullptr;      // null: nobody wants to know
  int replica_ = 0;                    // for its events
};

}  // namespace foretoken
